"""What a host may do wrong with the steps, and what its events may be: nothing is lost by it."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import pytest

from slotkeeper import Change, Engine, Event, Staged, errors
from slotkeeper.errors import BatchEndedError, BatchOpenError, NotSealedError, RestoreError

from .host import Host

DEVICE = "00-DB-12-34-56-78-90-A3"


@pytest.fixture(name="host")
def fixture_host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def issuing(engine: Engine, host: Host) -> Staged:
    """Stage commands of slots that were handed back."""
    engine.stage(host.hand_backs).fold()
    return engine.stage(host.requests)


def test_a_batch_with_unsealed_commands_is_not_folded(host: Host) -> None:
    staged = issuing(host.engine(), host)
    with pytest.raises(NotSealedError):
        staged.fold()
    # It is still open: sealed and committed it is folded after all.
    assert len(staged.seal_now()) == len(host.requests)
    staged.fold()


@pytest.mark.parametrize("end", [Staged.discard, Staged.in_doubt, Staged.fold])
def test_a_batch_that_has_ended_is_not_sealed(host: Host, end: Callable[[Staged], None]) -> None:
    staged = issuing(host.engine(), host)
    if end is Staged.fold:
        staged.seal_now()
    end(staged)
    with pytest.raises(BatchEndedError):
        staged.seal_now()
    with pytest.raises(BatchEndedError):
        end(staged)


def test_a_closed_engine_ends_its_batch(host: Host) -> None:
    engine = host.engine()
    staged = issuing(engine, host)
    engine.close()
    with pytest.raises(BatchEndedError):
        staged.seal_now()


def test_a_batch_that_nobody_holds_is_abandoned(host: Host) -> None:
    engine = host.engine()
    lost = issuing(engine, host)
    burned = {c.device_id: c.originator_counter for c in lost.seal_now()}
    with pytest.raises(BatchOpenError):
        engine.stage(host.requests)
    assert engine.abandon()
    assert not engine.abandon()
    with pytest.raises(BatchEndedError):
        lost.fold()
    again = engine.stage(host.requests)
    for command in again.seal_now():
        assert command.originator_counter > burned[command.device_id]
    again.fold()


def test_abandoning_opens_no_closed_engine(host: Host) -> None:
    engine = host.closed_engine()
    assert not engine.abandon()
    with pytest.raises(errors.NotRestoredError):
        engine.stage([])


def test_abandoning_waits_for_events_that_are_being_read(host: Host) -> None:
    engine = host.engine()
    abandoned: list[bool] = []
    others: list[threading.Thread] = []

    def events() -> Iterator[Event]:
        yield host.hand_backs[0]
        others.append(threading.Thread(target=lambda: abandoned.append(engine.abandon())))
        others[0].start()
        yield host.hand_backs[1]

    staged = engine.stage(events())
    others[0].join()
    assert abandoned == [True]
    with pytest.raises(BatchEndedError):
        staged.fold()


def test_a_second_restore_does_not_come_between(host: Host) -> None:
    engine = host.engine()
    recorded = engine.stage(host.hand_backs)
    changes = list(recorded.changes)
    recorded.fold()
    engine.close()
    refused: list[RestoreError] = []

    def restore_nothing() -> None:
        try:
            engine.restore([])
        except RestoreError as error:
            refused.append(error)

    second = threading.Thread(target=restore_nothing)

    def kept() -> Iterator[Change]:
        second.start()
        # One that comes between is through long before this; one that waits, waits longer.
        second.join(0.5)
        yield from changes

    assert engine.restore(kept(), inventory=host.inventory) == len(changes)
    second.join()
    assert "the engine is open" in str(refused[0])
    assert all(engine.device(str(event.key)) for event in host.hand_backs)


def test_other_threads_run_while_one_waits_to_look(tmp_path: Path) -> None:
    host = Host(tmp_path, devices=400)
    engine = host.engine(threads=1)
    staged = issuing(engine, host)
    turning, sealed = threading.Event(), threading.Event()
    turns = 0

    def seal() -> None:
        turning.wait()
        staged.seal_now()
        sealed.set()

    def turn() -> None:
        nonlocal turns
        turning.set()
        while not sealed.is_set():
            turns += 1
            time.sleep(0)

    threads = [threading.Thread(target=target) for target in (seal, turn)]
    for thread in threads:
        thread.start()
    turning.wait()
    while not sealed.is_set():
        assert len(staged.changes) == len(host.requests)
    for thread in threads:
        thread.join()
    staged.fold()
    # As for sealing itself: a look that keeps the GIL lets nobody turn until all is sealed.
    assert turns > 20


DEEP: dict[str, Any] = {}
for _ in range(100_000):
    DEEP = {"a": DEEP}
LOOP: dict[str, Any] = {}
LOOP["a"] = LOOP


@pytest.mark.parametrize(
    ("wrong", "decided"),
    [
        ({"key": "00-DB-12-34-56-78-90-\ud800"}, "BAD_KEY"),
        ({"key": 1234567890123456}, "BAD_KEY"),
        ({"key": object()}, "BAD_KEY"),
        ({"key": None}, "BAD_KEY"),
        ({"value": '{"gbcs_payload":"\udfff"}'}, "MALFORMED"),
        ({"value": {"gbcs_payload": "\ud800"}}, "MALFORMED"),
        ({"value": {"gbcs_payload": 2**70}}, "MALFORMED"),
        ({"value": {"gbcs_payload": 10**5000}}, "MALFORMED"),
        ({"value": {("a", "b"): 1}}, "MALFORMED"),
        ({"value": {"gbcs_payload": object()}}, "MALFORMED"),
        ({"value": DEEP}, "MALFORMED"),
        ({"value": LOOP}, "MALFORMED"),
        ({"value": 17}, "MALFORMED"),
        ({"value": object()}, "MALFORMED"),
        ({"value": float("nan")}, "MALFORMED"),
        ({"offset": 2**64}, "MALFORMED"),
        ({"offset": -1}, "MALFORMED"),
        ({"offset": None}, "MALFORMED"),
        ({"offset": "7"}, "MALFORMED"),
        ({"offset": 7.0}, "MALFORMED"),
        ({"form": None}, "MALFORMED"),
        ({"form": "xml"}, "MALFORMED"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_bad_event_is_its_own_decision(host: Host, wrong: dict[str, Any], decided: str) -> None:
    first, second, third = host.hand_backs[:3]
    staged = host.engine().stage([first, replace(second, **wrong), third])
    assert [f"{d['disposition']} {d['reason']}" for d in staged.decisions] == [
        "RECORDED ACB_IN_SLOT",
        f"DEAD_LETTER {decided}",
        "RECORDED ACB_IN_SLOT",
    ]
    staged.discard()


def test_what_an_event_held_is_in_the_dead_letter_of_a_bad_offset(host: Host) -> None:
    event = host.hand_backs[0]
    staged = host.engine().stage([replace(event, offset=2**64)])
    letters = [record for record in staged.records if record.stream == "dead-letters"]
    assert isinstance(event.value, bytes)
    assert [letter.value for letter in letters] == [
        b"an offset is 0 to 2^64-1, this one is not: " + event.value
    ]


def test_a_lone_surrogate_beside_a_payload_costs_nothing(host: Host) -> None:
    event = host.hand_backs[0]
    assert isinstance(event.value, bytes)
    value = orjson.loads(event.value) | {"note": "\ud800", "large": 2**70}
    staged = host.engine().stage(
        [replace(event, value=value), replace(host.hand_backs[1], value=MappingProxyType(value))]
    )
    assert staged.decisions[0]["disposition"] == "RECORDED"
    assert staged.decisions[1]["reason"] != "MALFORMED"


@pytest.mark.parametrize("stream", [None, 7, "\ud800"])
def test_a_stream_that_is_no_name_is_a_fault_of_the_host(host: Host, stream: str) -> None:
    with pytest.raises(errors.ConfigurationError):
        host.engine().stage([replace(host.hand_backs[0], stream=stream)])


@pytest.mark.parametrize("element", [None, 7, {"stream": "srv-6.21-requests"}, ("a",), b"", Event])
def test_an_element_that_is_no_event_is_a_fault_of_the_host(host: Host, element: object) -> None:
    engine = host.engine()
    with pytest.raises(errors.ConfigurationError, match="is no Event"):
        engine.stage([host.hand_backs[0], element])  # type: ignore[list-item]
    # Nothing is staged.
    engine.stage(host.hand_backs).discard()


def broken_text(octets: list[bytes]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Make a column of text that is not UTF-8 everywhere."""
    pyarrow = pytest.importorskip("pyarrow")
    column = pyarrow.array(octets, pyarrow.binary())
    return pyarrow.Array.from_buffers(pyarrow.string(), len(octets), column.buffers())


@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "dictionary"])
def test_names_of_an_arrow_table_that_are_no_text(host: Host, encoded: bool) -> None:  # noqa: FBT001
    pyarrow = pytest.importorskip("pyarrow")
    events = host.hand_backs[:2]
    stream = events[0].stream.encode()

    def table(streams: list[bytes], forms: list[bytes]) -> Any:  # noqa: ANN401
        names = {"stream": broken_text(streams), "form": broken_text(forms)}
        columns = {name: one.dictionary_encode() if encoded else one for name, one in names.items()}
        keys = [str(event.key) for event in events]
        return pyarrow.table({**columns, "key": keys, "value": [event.value for event in events]})

    engine = host.engine()
    staged = engine.stage(table([stream] * 2, [b"record", b"rec\xff"]))
    assert [d["reason"] for d in staged.decisions] == ["ACB_IN_SLOT", "MALFORMED"]
    staged.discard()
    # As any other name that no stream has.
    with pytest.raises(errors.ConfigurationError, match="is not a stream"):
        engine.stage(table([stream, b"srv\xff"], [b"record"] * 2))


def test_arrow_nulls_and_octets_that_are_no_text_are_decisions(host: Host) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    events = host.hand_backs[:4]
    keys = [str(event.key).encode() for event in events]
    keys[1] = b"\xff\xfe"
    values = [event.value for event in events if isinstance(event.value, bytes)]
    values[2] = b"\xff"

    table = pyarrow.table(
        {
            "stream": [event.stream for event in events],
            "key": broken_text(keys),
            "value": broken_text(values),
            "offset": pyarrow.array([1, 2, 3, None], pyarrow.int64()),
        }
    )
    staged = host.engine().stage(table)
    assert [d["reason"] for d in staged.decisions] == [
        "ACB_IN_SLOT",
        "BAD_KEY",
        "MALFORMED",
        "MALFORMED",
    ]
