"""What an owner relies on: fencing, restoring, fetching and committing."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from slotkeeper.streams import (
    Entry,
    FencedError,
    FetchedRecord,
    LockedError,
    Message,
    Output,
    OwnedPartition,
    Ownership,
    Streams,
)

from .conftest import Opener

RESPONSES = "srv-6.15.1-responses"
REQUESTS = "srv-6.21-requests"
INVENTORY = "smart-metering-inventory"
CHANGELOG = "originator-counters"
AUDIT = "audit-trail"

SOON_S = 60.0
"""For what is there and may take a moment to arrive; nothing waits so long that is in order."""


async def gathered(
    batches: AsyncIterator[Sequence[Entry]],
) -> list[tuple[bytes | None, bytes | None]]:
    return [(record.key, record.value) async for batch in batches for record in batch]


def table(key: bytes, value: bytes | None) -> Message:
    return Message(INVENTORY, key, value, partition=1)


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
async def test_only_one_worker_at_a_time(opener: Opener) -> None:
    async with opener() as first, opener() as second:
        async with first.own() as owned:
            assert await owned.assignment() == {0, 1, 2, 3}
            with pytest.raises(LockedError) as refusal:
                async with second.own():
                    pass
            assert refusal.value.holder
        async with second.own() as owned:
            assert await owned.assignment() == {0, 1, 2, 3}


async def test_a_later_owner_fences_the_earlier(streams: Streams, ownership: Ownership) -> None:
    earlier = await ownership.open(1)
    later = await ownership.open(1)
    with pytest.raises(FencedError):
        await earlier.commit([(AUDIT, 1, b"k", b"zombie", [])], {RESPONSES: 7})
    await later.commit([(AUDIT, 1, b"k", b"heir", [])], {})
    assert await gathered(streams.read(AUDIT)) == [(b"k", b"heir")]
    assert await later.offsets() == {}


async def test_fencing_one_partition_leaves_the_others(ownership: Ownership) -> None:
    zero = await ownership.open(0)
    await ownership.open(1)
    await zero.commit([], {RESPONSES: 0})


async def test_fetch_reads_on_from_its_position(streams: Streams, owned: OwnedPartition) -> None:
    await streams.publish([Message(RESPONSES, b"k", b"%d" % n, partition=1) for n in range(5)])
    await streams.publish([Message(RESPONSES, b"k", b"elsewhere", partition=0)])
    first = await owned.fetch({RESPONSES: 0, REQUESTS: 0}, limit=3, wait_s=SOON_S)
    assert set(first) == {RESPONSES}
    assert [record.value for record in first[RESPONSES].records] == [b"0", b"1", b"2"]
    second = await owned.fetch({RESPONSES: first[RESPONSES].position}, limit=3, wait_s=SOON_S)
    assert [record.offset for record in second[RESPONSES].records] == [3, 4]
    assert await owned.fetch({RESPONSES: second[RESPONSES].position}, limit=3) == {}


async def test_a_waiting_fetch_wakes_when_something_comes(
    streams: Streams, owned: OwnedPartition
) -> None:
    waiting = asyncio.ensure_future(owned.fetch({RESPONSES: 0}, limit=10, wait_s=SOON_S))
    await asyncio.sleep(0)
    await streams.publish([Message(RESPONSES, b"k", b"v", partition=1)])
    assert [record.value for record in (await waiting)[RESPONSES].records] == [b"v"]


async def test_ends_are_above_all_that_was_published(
    streams: Streams, owned: OwnedPartition
) -> None:
    assert set(await owned.ends()) == set(streams.layout.inputs)
    assert set((await owned.ends()).values()) == {0}
    await streams.publish([Message(RESPONSES, b"k", b"v", partition=1)] * 3)
    await streams.publish([table(b"k", b"v")])
    ends = await owned.ends()
    assert (ends[RESPONSES], ends[INVENTORY], ends[REQUESTS]) == (3, 1, 0)


async def test_positions_can_reach_every_end(streams: Streams, owned: OwnedPartition) -> None:
    await streams.publish([table(b"k", b"%d" % n) for n in range(3)])
    await owned.commit([], {INVENTORY: 3}, void=[2])
    ends = await owned.ends()
    fetched = await owned.fetch({INVENTORY: 0}, limit=10, wait_s=SOON_S)
    assert fetched[INVENTORY].position == ends[INVENTORY] == 3


async def test_a_commit_shows_outputs_and_offsets_together(
    streams: Streams, owned: OwnedPartition
) -> None:
    header = [("fault", b"MALFORMED")]
    await owned.commit(
        [(AUDIT, 1, b"k", b"1", header), (AUDIT, 1, b"k", b"2", [])], {RESPONSES: 2, REQUESTS: 1}
    )
    found = [record async for batch in streams.read(AUDIT) for record in batch]
    assert [(record.value, list(record.headers)) for record in found] == [
        (b"1", header),
        (b"2", []),
    ]
    assert await owned.offsets() == {RESPONSES: 2, REQUESTS: 1}


async def test_the_successor_finds_changelog_and_offsets(opener: Opener) -> None:
    async with opener() as streams, streams.own() as ownership:
        owned = await ownership.open(1)
        await owned.commit([(CHANGELOG, 1, b"a", b"1", [])], {RESPONSES: 9})
        incarnation = owned.incarnation
        await owned.close()
    async with opener() as streams, streams.own() as ownership:
        owned = await ownership.open(1)
        assert await gathered(owned.changelog()) == [(b"a", b"1")]
        assert await owned.offsets() == {RESPONSES: 9}
        assert owned.incarnation == incarnation


async def test_of_the_changelog_the_newest_of_each_key_is_enough(owned: OwnedPartition) -> None:
    for number in range(4):
        await owned.commit(
            [(CHANGELOG, 1, b"a", b"%d" % number, []), (CHANGELOG, 1, b"b%d" % number, b"", [])],
            {},
        )
    restored = await gathered(owned.changelog())
    assert dict(restored) == {b"a": b"3", b"b0": b"", b"b1": b"", b"b2": b"", b"b3": b""}
    assert restored[-1] == (b"b3", b"")


async def test_offsets_keep_rising_over_compaction(streams: Streams, owned: OwnedPartition) -> None:
    seen = []
    for number in range(3):
        await owned.commit([(CHANGELOG, 1, b"a", b"%d" % number, [])], {})
        kept = [record async for batch in streams.read(CHANGELOG) for record in batch]
        seen.append([record.offset for record in kept if record.key == b"a"][-1])
    assert seen == sorted(set(seen))


async def test_a_large_changelog_is_restored_in_order(owned: OwnedPartition) -> None:
    outputs: list[Output] = [(CHANGELOG, 1, b"%05d" % n, b"v", []) for n in range(4_500)]
    await owned.commit(outputs, {})
    assert [key for key, _ in await gathered(owned.changelog())] == [
        key for _, _, key, _, _ in outputs
    ]


async def test_the_table_is_whole_below_a_position(streams: Streams, owned: OwnedPartition) -> None:
    await streams.publish([table(b"a", b"1"), table(b"b", b"1"), table(b"a", b"2")])
    await owned.commit([], {INVENTORY: 2})
    assert dict(await gathered(owned.table(2))) == {b"a": b"1", b"b": b"1"}
    await owned.commit([], {INVENTORY: 3})
    assert dict(await gathered(owned.table(3))) == {b"a": b"2", b"b": b"1"}


async def test_a_tombstone_stays_in_the_table(streams: Streams, owned: OwnedPartition) -> None:
    await streams.publish([table(b"a", b"1"), table(b"a", None)])
    await owned.commit([], {INVENTORY: 2})
    assert (await gathered(owned.table(2)))[-1] == (b"a", None)


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
async def test_a_void_table_record_replaces_nothing(
    streams: Streams, owned: OwnedPartition
) -> None:
    await streams.publish([table(b"a", b"good"), table(b"a", b"malformed")])
    await owned.commit([], {INVENTORY: 2}, void=[1])
    assert dict(await gathered(owned.table(2))) == {b"a": b"good"}


async def test_table_records_are_not_lost_before_they_were_passed(
    streams: Streams, owned: OwnedPartition
) -> None:
    await streams.publish([table(b"a", b"%d" % n) for n in range(4)])
    await owned.commit([], {RESPONSES: 0})
    fetched = await owned.fetch({INVENTORY: 0}, limit=10, wait_s=SOON_S)
    assert [record.value for record in fetched[INVENTORY].records] == [b"0", b"1", b"2", b"3"]


async def test_a_rerouted_record_arrives_in_the_other_partition(ownership: Ownership) -> None:
    owned, other = await ownership.open(1), await ownership.open(2)
    await owned.commit([(RESPONSES, 2, b"k", b"v", [("rerouted-from", b"1/0")])], {RESPONSES: 1})
    fetched = await other.fetch({RESPONSES: 0}, limit=10, wait_s=SOON_S)
    assert [(record.key, list(record.headers)) for record in fetched[RESPONSES].records] == [
        (b"k", [("rerouted-from", b"1/0")])
    ]


async def test_starts_of_events_whose_oldest_are_kept(
    streams: Streams, owned: OwnedPartition
) -> None:
    await streams.publish([Message(RESPONSES, b"k", b"v", partition=1)] * 3)
    starts = await owned.starts()
    assert set(starts) == set(streams.layout.inputs)
    assert starts[RESPONSES] == 0


async def test_logs_are_the_same_as_long_as_nobody_makes_them_anew(
    streams: Streams, owned: OwnedPartition
) -> None:
    await owned.commit([(CHANGELOG, 1, b"k", b"v", [])], {RESPONSES: 0})
    logs = await owned.logs(now=True)
    assert logs == await owned.logs()
    assert set(logs.ids) in (set(), {*streams.layout.inputs, CHANGELOG})
    assert set(logs.partitions.values()) <= {streams.partitions}
    assert (logs.begins, logs.compacts) == (0, True)


async def test_outputs_hold_what_was_committed(owned: OwnedPartition) -> None:
    assert await owned.written() == []
    await owned.commit([(AUDIT, 1, b"k", b"v", [])], {})
    assert await owned.written() == [AUDIT]


async def test_the_newest_record_of_an_output_is_found(owned: OwnedPartition) -> None:
    assert await owned.last(AUDIT) is None
    for number in range(40):
        await owned.commit([(AUDIT, 1, b"k", b"%d" % number, [])], {})
    for _ in range(40):
        await owned.commit([(CHANGELOG, 1, b"k", b"v", [])], {RESPONSES: 0})
    found = await owned.last(AUDIT)
    assert found is not None
    assert found.value == b"39"


async def test_what_is_left_is_counted_over_all_partitions(
    streams: Streams, ownership: Ownership
) -> None:
    await streams.publish([Message(REQUESTS, b"k", b"v", partition=number) for number in (0, 1, 1)])
    assert await ownership.undecided() == 3
    owned = await ownership.open(1)
    await owned.commit([], {REQUESTS: 2})
    async with asyncio.timeout(SOON_S):
        while await ownership.undecided() != 1:  # noqa: ASYNC110  # remote
            await asyncio.sleep(0)


async def test_acknowledging_begins_another_incarnation(ownership: Ownership) -> None:
    before = await ownership.open(1)
    other = (await ownership.open(2)).incarnation
    assert (await ownership.acknowledge(1)).objection == ""
    assert (await ownership.open(1)).incarnation != before.incarnation
    assert (await ownership.open(2)).incarnation == other
    with pytest.raises(FencedError):
        await before.commit([], {RESPONSES: 0})


async def test_tools_and_owners_are_told_the_name_of_the_store_and_its_earlier_ones(
    streams: Streams, ownership: Ownership
) -> None:
    first = await ownership.open(1)
    assert not first.ended
    await first.commit([(CHANGELOG, 1, b"k", b"v", [])], {})
    assert await streams.incarnation(1) == first.incarnation
    assert not await streams.ended(1)
    await ownership.acknowledge(1)
    second = await ownership.open(1)
    assert first.incarnation in second.ended
    assert second.incarnation not in second.ended
    await second.commit([(CHANGELOG, 1, b"k", b"w", [])], {})
    assert await streams.incarnation(1) == second.incarnation
    assert first.incarnation in await streams.ended(1)
    await ownership.acknowledge(1)
    third = await ownership.open(1)
    assert {first.incarnation, second.incarnation} <= set(third.ended)


async def test_publishers_beside_a_committing_owner_lose_nothing(opener: Opener) -> None:
    async with opener() as streams, opener() as tools, streams.own() as ownership:
        owned = await ownership.open(1)

        async def publish() -> None:
            for number in range(50):
                await tools.publish([Message(RESPONSES, b"k", b"%d" % number, partition=1)])

        async def commit() -> None:
            for number in range(50):
                await owned.commit([(RESPONSES, 1, b"r", b"%d" % number, [])], {})

        await asyncio.gather(publish(), commit())
        records: list[FetchedRecord] = []
        position = 0
        while len(records) < 100:
            found = await owned.fetch({RESPONSES: position}, limit=1_000, wait_s=SOON_S)
            records += found[RESPONSES].records
            position = found[RESPONSES].position
        offsets = [record.offset for record in records]
        assert offsets == sorted(set(offsets))
        for key in (b"k", b"r"):
            values = [int(record.value or b"") for record in records if record.key == key]
            assert values == list(range(50))
