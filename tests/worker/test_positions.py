"""The changelog's positions, and what may contradict them."""

import json
from dataclasses import replace

import pytest

from slotkeeper import Change
from slotkeeper.streams import LockedError, Message, StoppedForOperatorError, WrongUseError
from slotkeeper.streams.memory import MemoryStreams
from slotkeeper.streams.memory.ownership import MemoryOwnership, MemoryPartition
from slotkeeper.worker import acknowledge, examine
from slotkeeper.worker.positions import KEY, Evidence, Positions, beginning, objections
from slotkeeper.worker.recovery import newest

from .conftest import Bench, decoded, everything
from .fake_engine import AUDIT, CHANGELOG, REQUESTS
from .test_returning import rolled_back

LOOKS = 2
"""At a partition, in an acknowledgement, before it is written."""

TRUTH = Positions(sequence=7, partitions=4, incarnation="a", inputs={"x": 10, "y": 0})
SOUND = Evidence(
    partitions=4,
    incarnation="a",
    changelog_records=3,
    offsets={"x": 10},
    starts={"x": 0, "y": 0},
    ends={"x": 12, "y": 0},
)


PINNED = replace(
    TRUTH,
    ids={"x": "id"},
    begins=3,
    compacts=False,
    application="keeper",
    again={"x": 12},
    stored=(3, 0xFFEE),
    rollbacks=2,
)


COUNTED = replace(PINNED, stored=(3, 0xFFEE, 2, 0xAB))
"""With parked records."""


@pytest.mark.parametrize("positions", [TRUTH, PINNED, COUNTED])
def test_positions_come_back_as_they_were_written(positions: Positions) -> None:
    assert Positions.decode(positions.encode()) == positions


@pytest.mark.parametrize(
    ("positions", "version"),
    [(TRUTH, 1)]
    + [
        (replace(TRUTH, **{name: getattr(PINNED, name)}), 2)
        for name in ("ids", "begins", "compacts", "application", "again")
    ]
    + [(replace(TRUTH, **{name: getattr(PINNED, name)}), 3) for name in ("stored", "rollbacks")],
)
def test_d09_a_program_of_an_earlier_form_stops_where_it_would_miss_something(
    positions: Positions, version: int
) -> None:
    assert json.loads(positions.encode())["version"] == version


@pytest.mark.parametrize(
    "value",
    [None, b"", b"[]", b"{}", TRUTH.encode()[:-3], b"\xff", b"[" * 100_000]
    + [TRUTH.encode().replace(b'"sequence":7', b'"sequence":1e999')]
    + [
        replace(PINNED, **beyond).encode()
        for beyond in (
            {"rollbacks": 1 << 32},
            {"rollbacks": -1},
            {"stored": (1 << 64, 0)},
            {"stored": (0, 1 << 64)},
            {"stored": (0, 0, 1 << 64, 0)},
            {"stored": (0, 0, 0, 1 << 64)},
        )
    ],
)
def test_damaged_positions_are_refused(value: bytes | None) -> None:
    with pytest.raises(StoppedForOperatorError, match=r"damaged.*counters rebuild"):
        Positions.decode(value)


def test_d09_positions_without_parked_records_are_read_and_say_nothing_of_them() -> None:
    written = json.loads(COUNTED.encode())
    del written["parked"], written["parked_fingerprint"]
    assert Positions.decode(json.dumps(written).encode()) == PINNED
    assert PINNED.advanced({}).stored == PINNED.stored
    assert PINNED.advanced({}, COUNTED.stored).stored == COUNTED.stored


def test_d09_positions_of_a_newer_form_are_refused() -> None:
    with pytest.raises(StoppedForOperatorError, match="newer"):
        Positions.decode(TRUTH.encode().replace(b'"version":1', b'"version":4'))


def test_the_highest_sequence_holds_in_any_order() -> None:
    found = newest(None, [Change(KEY, replace(TRUTH, sequence=n).encode()) for n in (3, 9, 5)])
    assert found is not None
    assert found.sequence == 9


def test_each_commit_has_the_next_sequence() -> None:
    advanced = TRUTH.advanced({"y": 4})
    assert (advanced.sequence, advanced.inputs) == (8, {"x": 10, "y": 4})


def test_a_sound_store_raises_no_objection() -> None:
    assert objections(TRUTH, SOUND) == []
    assert beginning(TRUTH, SOUND).inputs == {"x": 10, "y": 0}


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (replace(SOUND, offsets={"x": 11}), "lost its end"),
        (replace(SOUND, starts={"x": 11, "y": 0}), "deleted before they were read"),
        (replace(SOUND, ends={"x": 9, "y": 0}), "made anew"),
        (replace(SOUND, incarnation="b"), "incarnation"),
        (replace(SOUND, partitions=5), "partitions"),
    ],
)
def test_what_contradicts_the_changelog_is_named(evidence: Evidence, words: str) -> None:
    (objection,) = objections(TRUTH, evidence)
    assert words in objection


def test_offsets_may_be_missing_or_behind() -> None:
    assert objections(TRUTH, replace(SOUND, offsets={})) == []
    assert objections(TRUTH, replace(SOUND, offsets={"x": 9})) == []


def test_an_empty_changelog_is_only_a_beginning_where_nothing_was_committed() -> None:
    empty = replace(SOUND, changelog_records=0, offsets={})
    assert objections(None, empty) == []
    assert beginning(None, replace(empty, starts={"x": 4, "y": 0})).inputs == {"x": 4, "y": 0}
    assert "it was lost" in objections(None, replace(empty, offsets={"x": 1}))[0]
    assert "no positions" in objections(None, replace(empty, changelog_records=1))[0]


async def test_a_worker_refuses_a_store_whose_unread_records_were_deleted(bench: Bench) -> None:
    await bench.publish(REQUESTS, b"", b"", b"")
    await bench.run()
    await bench.publish(REQUESTS, b"", b"")
    bench.streams.log(REQUESTS, 1).drop_before(4)
    with pytest.raises(StoppedForOperatorError, match="deleted before") as refusal:
        await bench.run()
    assert refusal.value.partition == 1


async def test_an_acknowledged_partition_goes_on_with_what_is_left(bench: Bench) -> None:
    await bench.publish(REQUESTS, b"")
    await bench.run()
    await bench.publish(REQUESTS, b"", b"")
    bench.streams.log(REQUESTS, 1).drop_before(2)
    assert "deleted before" in (await examine(bench.streams, 1))[0]
    with pytest.raises(WrongUseError, match="--from-start"):
        await acknowledge(bench.streams, 1, reason="known loss", by="ops")
    assert len(await examine(bench.streams, 1)) == 1
    accepted = await acknowledge(
        bench.streams, 1, reason="known loss", by="ops", from_start=[REQUESTS]
    )
    assert len(accepted) == 1
    await bench.run()
    decided = decoded(await everything(bench.streams, AUDIT))
    assert [entry.get("offset") for entry in decided] == [0, None, 2]
    assert decided[1]["reason"] == "known loss"
    assert decided[1]["moved"] == {REQUESTS: {"from": 1, "to": 2, "skipped": 1}}
    assert decided[2]["disposition"] == "ISSUED"


@pytest.mark.parametrize("reissue", [False, True])
async def test_d05_requests_of_commits_that_the_changelog_lost_are_repeats(
    bench: Bench, *, reissue: bool
) -> None:
    """Their commands may have been read, and a hint above the margin would give their numbers."""
    await bench.publish(REQUESTS, b"")
    await bench.run()
    put_back = rolled_back(bench.streams, only=CHANGELOG)
    await bench.publish(REQUESTS, b"", b"")
    await bench.run()
    put_back()
    (objection,) = await examine(bench.streams, 1)
    assert "the changelog lost its end" in objection
    await acknowledge(bench.streams, 1, reason="r", by="b", reissue=reissue)
    await bench.publish(REQUESTS, b"")
    await bench.run()
    entries = decoded(await everything(bench.streams, AUDIT))
    decided = [(one["offset"], one["disposition"]) for one in entries if "disposition" in one]
    again = "ISSUED" if reissue else "DUPLICATE"
    assert sorted(decided[3:]) == [(1, again), (2, again), (3, "ISSUED")]


async def test_acknowledging_a_sound_partition_changes_nothing_for_its_worker() -> None:
    bench = Bench(MemoryStreams())
    await bench.publish(REQUESTS, b"")
    await bench.run()
    assert await examine(bench.streams, 1) == []
    assert await acknowledge(bench.streams, 1, reason="to be sure", by="ops") == []
    assert (await bench.run()).records == 0


async def test_a_foreign_changelog_is_refused(bench: Bench) -> None:
    bench.streams.log(CHANGELOG, 2).append(b"key", b"1", [], 0)
    with pytest.raises(StoppedForOperatorError, match="no positions") as refusal:
        await bench.run()
    assert refusal.value.partition == 2


async def test_the_store_is_never_read_past_its_publisher(bench: Bench) -> None:
    await bench.streams.publish([Message(REQUESTS, b"d", b"", partition=1)])
    await bench.run()
    truth = newest(None, [r for r in await bench.read(CHANGELOG) if r.partition == 1])
    assert truth is not None
    assert truth.inputs[REQUESTS] == 1


async def test_an_acknowledgement_is_of_what_was_looked_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker of another host, which nothing stops, may have come and gone meanwhile."""
    await bench.publish(REQUESTS, b"")
    await bench.run()
    real, opened = MemoryOwnership.open, list[int]()

    async def open_(ownership: MemoryOwnership, partition: int) -> MemoryPartition:
        opened.append(partition)
        if len(opened) == LOOKS + 1:
            bench.streams.log(CHANGELOG, 1).append(b"d", b"7", [], 0)
        return await real(ownership, partition)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryOwnership, "open", open_)
        with pytest.raises(LockedError, match="since it was looked at"):
            await acknowledge(bench.streams, 1, reason="r", by="b")
    assert [one["disposition"] for one in await bench.decisions()] == ["ISSUED"]
    await acknowledge(bench.streams, 1, reason="r", by="b")
