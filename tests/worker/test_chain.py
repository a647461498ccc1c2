"""The chain of audit records, whatever a worker writes and whatever befalls it."""

import json

import pytest
from tests.laws import Findings, check_chain

from slotkeeper.streams import Record, Streams
from slotkeeper.streams.memory import Fault
from slotkeeper.worker import acknowledge, backoff, run
from slotkeeper.worker.audit import head_of

from .conftest import Bench
from .fake_engine import AUDIT, REQUESTS, TABLE, FakeEngine

RESPONSES = "srv-6.15.1-responses"
POISON = b"666"


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE_S", 0.0)


async def unbroken(streams: Streams) -> None:
    findings = Findings()
    await check_chain(streams, findings)
    assert findings.broken == []


def failing(bench: Bench, *faults: Fault) -> None:
    """Let the next commits go wrong like this."""
    left = list(faults)
    bench.streams.faults = lambda _partition, _number: left.pop(0) if left else Fault.NONE


@pytest.mark.parametrize("fault", [Fault.ABORT, Fault.DOUBT_LOST, Fault.DOUBT_WRITTEN])
async def test_a_failed_commit_leaves_no_gap_and_no_fork(bench: Bench, fault: Fault) -> None:
    await bench.publish(RESPONSES, b"1", b"2")
    await bench.run()
    failing(bench, fault, fault)
    await bench.publish(RESPONSES, b"3", b"4")
    await bench.publish(REQUESTS, b"")
    await bench.run()
    assert [d["number"] for d in await bench.decisions()] == [1, 2, 3, 4, 5]
    await unbroken(bench.streams)


async def test_another_worker_goes_on_with_the_chain(bench: Bench) -> None:
    for value in (b"1", b"2", b"3"):
        await bench.publish(RESPONSES, value)
        await bench.run()
    assert [d["number"] for d in await bench.decisions()] == [1, 2, 3]
    await unbroken(bench.streams)


async def test_what_the_worker_writes_over_a_fault_is_in_the_chain(bench: Bench) -> None:
    def make(partition: int, partitions: int) -> FakeEngine:
        engine = FakeEngine(partition, partitions)
        engine.poison = POISON
        return engine

    await bench.publish(RESPONSES, b"1", POISON, b"3")
    await bench.publish(TABLE, POISON)
    await run(bench.streams, make, until_idle=True)
    decisions = await bench.decisions()
    assert [d["disposition"] for d in decisions] == ["RECORDED", "DEAD_LETTER", "RECORDED"]
    await unbroken(bench.streams)


async def test_an_acknowledgement_is_in_the_chain_and_names_both_heads(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"1", b"2")
    await bench.run()
    head = head_of((await bench.read(AUDIT))[-1])
    await acknowledge(bench.streams, 1, reason="because", by="me")
    await bench.publish(RESPONSES, b"3")
    await bench.run()
    entry = (await bench.decisions())[2]
    assert (entry["kind"], entry["number"]) == ("acknowledgement", 3)
    assert head is not None
    named = {"number": 2, "sha256": head[1].hex()}
    assert entry["heads"] == {"changelog": named, "audit_trail": named, "witness": None}
    await unbroken(bench.streams)


async def test_the_chain_goes_on_from_the_trail_where_the_changelog_lost_its_end(
    bench: Bench,
) -> None:
    await bench.publish(RESPONSES, b"1")
    await bench.run()
    log = bench.streams.log("originator-counters", 1)
    older = list(log.fetch(0, limit=100).records)
    await bench.publish(RESPONSES, b"2", b"3")
    await bench.run()
    for offset in range(log.start, log.end):
        log.drop(offset)
    for record in older:
        log.append(record.key, record.value, record.headers, record.timestamp_ms)
    await acknowledge(bench.streams, 1, reason="because", by="me")
    decisions = await bench.decisions()
    assert [d["number"] for d in decisions] == [1, 2, 3, 4]
    heads = decisions[3]["heads"]
    assert (heads["changelog"]["number"], heads["audit_trail"]["number"]) == (1, 3)
    await unbroken(bench.streams)


@pytest.mark.parametrize(
    "value",
    [None, b"", b"[]", b"5", b"{}", b'{"number":true}', b'{"number":0}', b'{"number":"1"}']
    + [b'{"number":%d}' % number for number in (-1, 2**64 - 1, 2**64)],
)
def test_only_a_record_of_a_chain_is_its_head(value: bytes | None) -> None:
    assert head_of(Record(AUDIT, 0, 0, None, value, [], 0)) is None


async def test_a_trail_of_a_version_without_chain_gets_one(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"1")
    await bench.run()
    trail, changelog = bench.streams.log(AUDIT, 1), bench.streams.log("originator-counters", 1)
    trail.drop(0)
    trail.append(None, b'{"kind":"decision"}', (), 0)
    (*_, positions) = changelog.fetch(0, limit=100).records
    changelog.drop(positions.offset)
    without = {**json.loads(positions.value or b""), "version": 1}
    del without["audit"]
    changelog.append(positions.key, json.dumps(without).encode(), (), 0)
    await bench.publish(RESPONSES, b"2", b"3")
    await bench.run()
    links = [(d["previous"], d["number"]) for d in (await bench.decisions())[1:]]
    assert [number for _, number in links] == [1, 2]
    assert links[0][0] is None
    await unbroken(bench.streams)
