"""A record whose outputs the streams do not take costs itself and nothing else."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import pytest

from slotkeeper.cli.dead_letters.letter import Letter
from slotkeeper.errors import FaultFoundError
from slotkeeper.streams import Output, OutputBatch, OutputTooLargeError, WrongUseError
from slotkeeper.streams.memory.ownership import MemoryPartition
from slotkeeper.worker.quarantine import Quarantine, Reason

from .conftest import Bench
from .fake_engine import AUDIT, COMMANDS, DEAD, REQUESTS, SWOLLEN, TABLE, FakeEngine

RESPONSES = "srv-6.15.1-responses"


class Limits:
    """What each stream takes of a record; and an owner is past use after a refusal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of = {COMMANDS: 1 << 20}
        self.commits: list[list[Output]] = []
        plain = MemoryPartition.commit
        past_use: list[MemoryPartition] = []

        async def commit(
            partition: MemoryPartition,
            outputs: Sequence[Output],
            positions: Mapping[str, int],
            *,
            finished: OutputBatch | None = None,
            **void: Any,  # noqa: ANN401
        ) -> int:
            assert not any(one is partition for one in past_use)
            records = [*(() if finished is None else finished.records()), *outputs]
            for stream, number, key, value, _ in records:
                octets = len(key or b"") + len(value or b"")
                if octets > self.of.get(stream, 1 << 20):
                    past_use.append(partition)
                    raise OutputTooLargeError(
                        f"{stream} takes no {octets}",
                        stream=stream,
                        partition=number,
                        octets=octets,
                    )
            self.commits.append(records)
            return await plain(partition, outputs, positions, finished=finished, **void)

        monkeypatch.setattr(MemoryPartition, "commit", commit)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    return Limits(monkeypatch)


async def decided(bench: Bench, stream: str = RESPONSES) -> list[tuple[int, str, str | None]]:
    return [
        (each["offset"], each["disposition"], each.get("reason"))
        for each in await bench.decisions()
        if each["stream"] == stream
    ]


async def test_the_records_around_it_are_decided(bench: Bench, limits: Limits) -> None:
    del limits
    await bench.publish(RESPONSES, b"1", SWOLLEN, b"3", SWOLLEN, b"5")
    await bench.publish(REQUESTS, b"")
    summary = await bench.run()
    assert await decided(bench) == [
        (0, "RECORDED", None),
        (1, "DEAD_LETTER", "TOO_LARGE"),
        (2, "RECORDED", None),
        (3, "DEAD_LETTER", "TOO_LARGE"),
        (4, "RECORDED", None),
    ]
    assert summary.dispositions == {"RECORDED": 3, "DEAD_LETTER": 2, "ISSUED": 1}
    # No defect of the engine, which the alert is about.
    assert summary.quarantined == 0
    letters = await bench.read(DEAD)
    assert [letter.value for letter in letters] == [SWOLLEN, SWOLLEN]
    headers = dict(letters[0].headers)
    assert headers["fault"] == b"TOO_LARGE"
    assert headers["detail"].startswith(b"cs02b-commands takes no ")


async def test_a_stream_that_takes_no_honest_decision_costs_no_message(
    bench: Bench, limits: Limits
) -> None:
    """A hand-back that is passed by is a number that is not recorded."""
    limits.of[AUDIT] = 10
    await bench.publish(RESPONSES, b"1", b"2")
    with pytest.raises(WrongUseError, match="audit-trail has to take records of 4096 octets"):
        await bench.run()
    assert await bench.decisions() == []
    limits.of[AUDIT] = 4_096
    await bench.run()
    assert await decided(bench) == [(0, "RECORDED", None), (1, "RECORDED", None)]


async def test_afterwards_batches_are_decided_together_again(bench: Bench, limits: Limits) -> None:
    del limits
    await bench.publish(RESPONSES, b"1", SWOLLEN)
    await bench.run()
    before = len(bench.engines)
    await bench.publish(RESPONSES, *[b"2"] * 10)
    await bench.run()
    (engine,) = [each for each in bench.engines[before:] if each.partition == 1]
    assert [len(call) for call in engine.calls] == [0, 10]


async def test_a_dead_letter_that_does_not_fit_goes_without_octets(
    bench: Bench, limits: Limits
) -> None:
    limits.of[DEAD] = 4
    await bench.publish(RESPONSES, b"1", SWOLLEN, b"3")
    await bench.run()
    assert [at for at, *_ in await decided(bench)] == [0, 1, 2]
    (letter,) = await bench.read(DEAD)
    assert (letter.key, letter.value) == (b"d", None)
    headers = {name: value.decode() for name, value in letter.headers}
    detail = headers["detail"]
    assert f"7 octets with SHA-256 {sha256(SWOLLEN).hexdigest()}" in detail
    assert (headers["octets"], headers["sha256"]) == ("7", sha256(SWOLLEN).hexdigest())
    # Sent again it would be a tombstone, and of the inventory the end of its device.
    with pytest.raises(FaultFoundError, match="is cut"):
        Letter(letter).again(bench.streams)
    (decision,) = [each for each in await bench.decisions() if each["offset"] == 1]
    assert decision["detail"] == detail


def test_of_a_batch_that_was_set_aside_the_offsets_are_told() -> None:
    """What is kept of it is no whole value, of which length and digest would say something."""
    found = Quarantine(
        (RESPONSES, 3),
        Reason.TOO_LARGE,
        "inflates too far",
        without_octets=True,
        set_aside=[("set-aside", b"1 to 3")],
    )
    assert found.of((RESPONSES, 3, b"k", b"part")).headers == [("set-aside", b"1 to 3")]


async def test_where_no_dead_letter_fits_a_person_is_told(bench: Bench, limits: Limits) -> None:
    limits.of[DEAD] = 0
    await bench.publish(RESPONSES, b"1", SWOLLEN, b"3")
    with pytest.raises(WrongUseError, match="no dead letter can be written: dead-letters takes no"):
        await bench.run()


async def test_the_dead_letter_of_a_fault_may_not_fit_either(bench: Bench, limits: Limits) -> None:
    limits.of[DEAD] = 4
    make = bench.make

    def poisoned(partition: int, partitions: int) -> FakeEngine:
        engine = make(partition, partitions)
        engine.poison = b"666666"
        return engine

    bench.make = poisoned  # type: ignore[method-assign]
    await bench.publish(RESPONSES, b"1", b"666666", b"3")
    summary = await bench.run()
    assert await decided(bench) == [
        (0, "RECORDED", None),
        (1, "DEAD_LETTER", "ENGINE_FAULT"),
        (2, "RECORDED", None),
    ]
    assert summary.quarantined == 1
    (letter,) = await bench.read(DEAD)
    assert letter.value is None


async def test_a_batch_that_is_too_large_as_a_whole_is_written_in_parts(
    bench: Bench, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transport takes fewer records at once than the worker decides together."""
    plain = MemoryPartition.commit

    async def commit(partition: MemoryPartition, outputs: Any, *args: Any, **more: Any) -> int:  # noqa: ANN401
        finished = more.get("finished")
        if finished is not None and len(finished) > 4:
            raise OutputTooLargeError("all at once", stream=DEAD, partition=1, octets=1)
        return await plain(partition, outputs, *args, **more)

    monkeypatch.setattr(MemoryPartition, "commit", commit)
    del limits
    await bench.publish(RESPONSES, *[b"%d" % n for n in range(9)])
    await bench.run()
    assert await decided(bench) == [(n, "RECORDED", None) for n in range(9)]
    assert await bench.read(DEAD) == []


async def test_a_record_of_the_table_leaves_the_last_good_one(bench: Bench, limits: Limits) -> None:
    """What is parked may be judged anew because of it, and become too much."""
    limits.of[DEAD] = 1 << 10
    await bench.publish(TABLE, b"good", b"malformed")
    await bench.publish(RESPONSES, b"1")
    limits.of[DEAD] = 2
    await bench.run()
    (letter,) = await bench.read(DEAD)
    assert letter.value is None
    assert [record.value for record in await bench.read(TABLE)] == [b"good"]
    assert await decided(bench) == [(0, "RECORDED", None)]
