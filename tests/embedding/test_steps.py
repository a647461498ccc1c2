"""The four steps of the embedding, and what happens to those who leave their order."""

import asyncio
import base64
import threading
import time
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

from slotkeeper import Event, StoreNotReadyError
from slotkeeper.errors import BatchEndedError, BatchOpenError, ConfigurationError, RestoreError

from .host import Host


@pytest.fixture(name="host")
def fixture_host(tmp_path: Path) -> Host:
    return Host(tmp_path)


async def test_the_four_steps(host: Host) -> None:
    engine = host.engine()
    recorded = engine.stage(host.hand_backs)
    assert await recorded.seal() == []
    changes = {change.key: change for change in recorded.changes}
    assert recorded.summary() == {"RECORDED ACB_IN_SLOT": len(host.hand_backs)}
    recorded.fold()

    handed_on = engine.stage(host.requests)
    commands = await handed_on.seal()
    changes |= {change.key: change for change in handed_on.changes}
    handed_on.fold()
    assert len(commands) == len(host.requests)
    for command in commands:
        device = engine.device(command.device_id)
        assert device is not None
        marks = device["roles"]["NetworkOperator"]
        assert command.originator_counter > int(marks["recorded"])
        assert host.fleet.deliver(command.message).outcome is not None

    other = host.engine(list(changes.values()))
    assert all(other.device(c.device_id) == engine.device(c.device_id) for c in commands)


def test_s10_a_closed_engine_says_so(host: Host) -> None:
    with pytest.raises(StoreNotReadyError) as caught:
        host.closed_engine().stage(host.requests)
    assert (caught.value.reason, caught.value.retryable) == ("STORE_NOT_READY", True)


def test_one_batch_at_a_time(host: Host) -> None:
    engine = host.engine()
    staged = engine.stage(host.hand_backs)
    with pytest.raises(BatchOpenError):
        engine.stage(host.requests)
    staged.fold()
    with pytest.raises(BatchEndedError):
        staged.fold()
    engine.stage(host.requests).discard()


def test_nothing_staged_is_visible(host: Host) -> None:
    engine = host.engine()
    device = str(host.hand_backs[0].key)
    before = engine.device(device)
    staged = engine.stage(host.hand_backs)
    assert engine.device(device) == before
    staged.discard()
    assert engine.device(device) == before


def test_d03_a_discarded_number_stays_burned(host: Host) -> None:
    engine = host.engine()
    engine.stage(host.hand_backs).fold()
    first = engine.stage(host.requests)
    burned = {c.device_id: c.originator_counter for c in first.seal_now()}
    first.discard()
    again = engine.stage(host.requests)
    for command in again.seal_now():
        assert command.originator_counter > burned[command.device_id]
    again.fold()


def test_after_doubt_the_engine_is_closed_until_restored(host: Host) -> None:
    engine = host.engine()
    engine.stage(host.hand_backs).fold()
    doubtful = engine.stage(host.requests)
    numbers = {c.device_id: c.originator_counter for c in doubtful.seal_now()}
    changes = doubtful.changes
    doubtful.in_doubt()
    with pytest.raises(StoreNotReadyError):
        engine.stage(host.requests)
    # The host finds out that it had been committed after all.
    engine.restore(changes, inventory=host.inventory)
    repeated = engine.stage(host.requests)
    assert repeated.seal_now() == []
    assert repeated.summary() == {"DUPLICATE SAME_REQUEST": len(host.requests)}
    named = {d["device_id"]: int(d["originator_counter"]) for d in repeated.decisions}
    assert named == numbers


def test_restoring_something_else_is_refused(host: Host) -> None:
    with pytest.raises(RestoreError, match="no key of an originator-counters changelog"):
        host.closed_engine().restore([(b"orders/17", b"{}")])


def test_an_unknown_stream_is_named(host: Host) -> None:
    with pytest.raises(ConfigurationError, match=r"srv-6\.21-wishes"):
        host.engine().stage([Event("srv-6.21-wishes", "00-DB-12-34-56-78-90-A3", b"{}")])


def test_events_come_as_octets_text_mappings_and_bare_messages(host: Host) -> None:
    engine = host.engine()
    octets, text, mapping, bare = host.hand_backs[:4]
    record = bare.value
    assert isinstance(record, bytes)
    events = [
        octets,
        Event(text.stream, text.key, _octets(text).decode()),
        Event(mapping.stream, mapping.key, _loads(mapping)),
        Event(bare.stream, bare.key, _message(bare), form="gbcs"),
    ]
    staged = engine.stage(events)
    assert staged.summary() == {"RECORDED ACB_IN_SLOT": 4}
    staged.discard()


def test_events_come_as_an_arrow_table(host: Host) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(
        {
            "stream": [e.stream for e in host.hand_backs],
            "key": [e.key for e in host.hand_backs],
            "value": [e.value for e in host.hand_backs],
            "offset": list(range(100, 100 + len(host.hand_backs))),
        }
    )
    staged = host.engine().stage(table)
    assert [d["offset"] for d in staged.decisions] == list(range(100, 100 + len(host.hand_backs)))
    staged.discard()


def test_other_threads_run_while_commands_are_sealed(tmp_path: Path) -> None:
    host = Host(tmp_path, devices=400)
    engine = host.engine(threads=1)
    engine.stage(host.hand_backs).fold()
    staged = engine.stage(host.requests)
    sealing, sealed = threading.Event(), threading.Event()

    def seal() -> None:
        sealing.set()
        staged.seal_now()
        sealed.set()

    worker = threading.Thread(target=seal)
    worker.start()
    sealing.wait()
    turns = 0
    while not sealed.is_set():
        turns += 1
        time.sleep(0)
    worker.join()
    staged.fold()
    # With the GIL held through the seal this thread would wait it out and find it done, after a
    # few turns at most. Without it turns are thousands, and dozens on a machine that is overloaded.
    assert turns > 20


async def test_the_event_loop_turns_while_commands_are_sealed(host: Host) -> None:
    engine = host.engine()
    engine.stage(host.hand_backs).fold()
    staged = engine.stage(host.requests)
    sealing = asyncio.ensure_future(staged.seal())
    turns = 0
    while not sealing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 1
    assert len(sealing.result()) == len(host.requests)
    staged.fold()


def _octets(event: Event) -> bytes:
    assert isinstance(event.value, bytes)
    return event.value


def _loads(event: Event) -> dict[str, object]:
    loaded: dict[str, object] = orjson.loads(_octets(event))
    return loaded


def _message(event: Event) -> bytes:
    return base64.b64decode(str(_loads(event)["gbcs_payload"]))


async def test_d06_a_store_that_lost_changes_is_refused(host: Host) -> None:
    engine = host.engine()
    recorded = engine.stage(host.hand_backs)
    await recorded.seal()
    changes, stored = list(recorded.changes), recorded.stored
    recorded.fold()
    host.closed_engine().restore(changes, stored=stored)
    with pytest.raises(RestoreError, match="10 device records were committed and 9 are there"):
        host.closed_engine().restore(changes[1:], stored=stored)


async def test_d05_after_a_rollback_numbers_are_given_above_the_margin(host: Host) -> None:
    engine = host.closed_engine()
    engine.restore([], inventory=host.inventory, rollbacks=3)
    engine.stage(host.hand_backs).fold()
    commands = await engine.stage(host.requests).seal()
    assert all(command.originator_counter > 3 * 2**20 for command in commands)


async def test_audit_records_follow_each_other_over_batches_and_restores(host: Host) -> None:
    engine = host.engine()
    written: list[bytes] = []
    dropped = engine.stage(host.hand_backs[:3])
    dropped.discard()
    for part in (host.hand_backs[:4], host.hand_backs[4:]):
        staged = engine.stage(part)
        written += [r.value or b"" for r in staged.records if r.stream == "audit-trail"]
        changes = list(staged.changes)
        staged.fold()
    other = host.closed_engine()
    other.restore(changes, inventory=host.inventory, audit_head=staged.audit_head)
    refused = other.stage(host.requests[:1])
    await refused.seal()
    written += [r.value or b"" for r in refused.records if r.stream == "audit-trail"]
    entries = [orjson.loads(value) for value in written]
    assert [entry["number"] for entry in entries] == list(range(1, len(written) + 1))
    digests = [None, *(sha256(value).hexdigest() for value in written)]
    assert [entry["previous"] for entry in entries] == digests[:-1]
    assert refused.audit_head == (len(written), sha256(written[-1]).digest())
