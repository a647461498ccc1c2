"""A record over which the engine fails costs itself and nothing else."""

import json
import sys

import pytest

from slotkeeper._core import EngineFaultError
from slotkeeper.streams.memory import Fault, MemoryStreams
from slotkeeper.worker import backoff

from .conftest import Bench
from .fake_engine import COMMANDS, DEAD, REQUESTS, TABLE, FakeEngine, FakeStaged

RESPONSES = "srv-6.15.1-responses"
POISON = b"666"


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE_S", 0.0)


@pytest.fixture
def poisoned(bench: Bench) -> Bench:
    def make(partition: int, partitions: int) -> FakeEngine:
        engine = FakeEngine(partition, partitions)
        engine.poison = POISON
        bench.engines.append(engine)
        return engine

    bench.make = make  # type: ignore[method-assign]
    return bench


async def test_the_records_around_a_poisonous_one_are_decided(poisoned: Bench) -> None:
    await poisoned.publish(RESPONSES, b"1", POISON, b"3", POISON, b"5")
    await poisoned.publish(REQUESTS, b"")
    summary = await poisoned.run()
    assert summary.quarantined == 2
    decisions = await poisoned.decisions()
    assert [(d["offset"], d["disposition"]) for d in decisions if d["stream"] == RESPONSES] == [
        (0, "RECORDED"),
        (1, "DEAD_LETTER"),
        (2, "RECORDED"),
        (3, "DEAD_LETTER"),
        (4, "RECORDED"),
    ]
    assert summary.dispositions == {"RECORDED": 3, "DEAD_LETTER": 2, "ISSUED": 1}


async def test_its_octets_are_kept_and_named(poisoned: Bench) -> None:
    await poisoned.publish(RESPONSES, POISON)
    await poisoned.run()
    (letter,) = await poisoned.read(DEAD)
    assert (letter.key, letter.value) == (b"d", POISON)
    headers = dict(letter.headers)
    assert (headers["stream"], headers["partition"], headers["offset"], headers["fault"]) == (
        RESPONSES.encode(),
        b"1",
        b"0",
        b"ENGINE_FAULT",
    )
    (decision,) = await poisoned.decisions()
    assert (decision["reason"], decision["kind"]) == ("ENGINE_FAULT", "decision")
    json.dumps(decision)


@pytest.mark.parametrize("aborted", range(4))
async def test_an_aborted_commit_of_its_dead_letter_ends_nobody(
    poisoned: Bench, monkeypatch: pytest.MonkeyPatch, aborted: int
) -> None:
    """It is tried again, as an ordinary batch is."""

    def faults(partition: int, number: int) -> Fault:
        return Fault.ABORT if (partition, number) == (1, aborted) else Fault.NONE

    monkeypatch.setattr(poisoned, "streams", MemoryStreams(faults=faults))
    await poisoned.publish(RESPONSES, POISON, b"3")
    await poisoned.run()
    assert len(await poisoned.read(DEAD)) == 1
    decided = [decision["offset"] for decision in await poisoned.decisions()]
    assert sorted(decided) == [0, 1]


async def test_of_a_huge_one_as_much_is_kept_as_the_engine_says(
    poisoned: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = POISON * 1_000
    monkeypatch.setattr(sys.modules[__name__], "POISON", huge)
    await poisoned.publish(RESPONSES, huge)
    await poisoned.run()
    (letter,) = await poisoned.read(DEAD)
    assert letter.value is not None
    assert len(letter.value) < FakeEngine.dead_letter_bytes
    assert dict(letter.headers)["octets"] == b"3000"


async def test_a_poisonous_table_record_leaves_the_last_good_one(poisoned: Bench) -> None:
    await poisoned.publish(TABLE, b"good", POISON)
    await poisoned.run()
    assert [record.value for record in await poisoned.read(TABLE)] == [b"good"]
    assert await poisoned.decisions() == []


async def test_an_engine_that_fails_over_nothing_at_all_ends_the_worker(bench: Bench) -> None:
    def fail() -> None:
        raise EngineFaultError("broken")

    def make(partition: int, partitions: int) -> FakeEngine:
        engine = FakeEngine(partition, partitions)
        engine.on_stage = fail
        return engine

    bench.make = make  # type: ignore[method-assign]
    with pytest.raises(EngineFaultError):
        await bench.run()


async def test_afterwards_batches_are_decided_together_again(poisoned: Bench) -> None:
    await poisoned.publish(RESPONSES, b"1", POISON)
    await poisoned.run()
    await poisoned.publish(RESPONSES, *[b"2"] * 10)
    before = len(poisoned.engines)
    await poisoned.run()
    (engine,) = [engine for engine in poisoned.engines[before:] if engine.partition == 1]
    assert [len(call) for call in engine.calls] == [0, 10]


async def test_what_is_committed_is_no_poison(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine fails when it is told of the commit: the record is decided, once."""
    real, failing = FakeStaged.fold, [True]

    def fold(staged: FakeStaged) -> dict[str, int]:
        if failing and bench.streams.log(COMMANDS, 1).end:
            failing.pop()
            raise EngineFaultError("as asked")
        return real(staged)

    await bench.publish(REQUESTS, b"")
    monkeypatch.setattr(FakeStaged, "fold", fold)
    summary = await bench.run()
    assert (summary.quarantined, await bench.read(DEAD)) == (0, [])
    (decision,) = await bench.decisions()
    assert decision["disposition"] == "ISSUED"
    assert len(bench.engines) > len({engine.partition for engine in bench.engines})
