"""What whoever knows a part already asks of a kind: to go on from there."""

from collections.abc import AsyncIterator, Sequence

import pytest

from slotkeeper.streams import Entry, Message, OwnedPartition, Streams

from .conftest import Opener

CHANGELOG = "originator-counters"
INVENTORY = "smart-metering-inventory"
RESPONSES = "srv-6.15.1-responses"


async def gathered(batches: AsyncIterator[Sequence[Entry]]) -> list[tuple[int, bytes | None]]:
    return [(entry.offset, entry.value) async for batch in batches for entry in batch]


async def changed(owned: OwnedPartition, key: bytes, value: bytes | None) -> int:
    return await owned.commit([(CHANGELOG, owned.number, key, value, [])], {})


async def test_a_commit_says_from_where_to_read_on(owned: OwnedPartition) -> None:
    ends = [await changed(owned, b"k%d" % number, b"%d" % number) for number in range(3)]
    for number, end in enumerate(ends):
        values = [value for _, value in await gathered(owned.changelog(end))]
        assert values == [b"%d" % later for later in range(number + 1, 3)]
    assert ends == sorted(set(ends))


async def test_a_commit_without_changes_says_so_as_well(owned: OwnedPartition) -> None:
    first = await changed(owned, b"k", b"1")
    second = await owned.commit([], {RESPONSES: 0})
    assert second >= first
    await changed(owned, b"l", b"2")
    assert [value for _, value in await gathered(owned.changelog(second))] == [b"2"]


async def test_the_changelogs_end_is_above_it_and_never_falls(opener: Opener) -> None:
    async with opener() as streams, streams.own() as ownership:
        owned = await ownership.open(1)
        assert await owned.changelog_end() == 0
        end = await changed(owned, b"k", b"1")
        assert await owned.changelog_end() >= end
        await owned.close()
    async with opener() as streams, streams.own() as ownership:
        heir = await ownership.open(1)
        ends = [await heir.changelog_end()]
        assert ends[0] >= end
        await changed(heir, b"k", b"2")
        ends.append(await heir.changelog_end())
        assert ends == sorted(set(ends))
        assert await gathered(heir.changelog(ends[1])) == []


async def test_replaced_records_leave_holes_and_no_stop(owned: OwnedPartition) -> None:
    """Reading on from a record that is gone begins with the first that is left."""
    first = await changed(owned, b"other", b"0")
    for number in range(3):
        await changed(owned, b"k", b"%d" % number)
    found = await gathered(owned.changelog(first + 1))
    assert found[-1][1] == b"2"
    assert all(offset > first for offset, _ in found)


async def test_a_tombstone_is_read_by_who_knew_the_key(owned: OwnedPartition) -> None:
    known = await changed(owned, b"k", b"1")
    await changed(owned, b"k", None)
    assert [value for _, value in await gathered(owned.changelog(known))] == [None]


async def test_the_table_goes_on_from_an_offset(streams: Streams, owned: OwnedPartition) -> None:
    keys = (b"a", b"b", b"a", b"c")
    await streams.publish(
        [Message(INVENTORY, key, b"%d" % n, partition=1) for n, key in enumerate(keys)]
    )
    await owned.commit([], {INVENTORY: 4})
    assert await gathered(owned.table(4, 2)) == [(2, b"2"), (3, b"3")]
    assert await gathered(owned.table(3, 2)) == [(2, b"2")]
    assert await gathered(owned.table(2, 2)) == []


@pytest.mark.parametrize(
    ("kind", "kept_ms"), [("memory", None), ("sqlite", None), ("kafka", 604_800_000)]
)
async def test_how_long_a_removed_key_is_told_of(
    owned: OwnedPartition, kept_ms: int | None
) -> None:
    assert await owned.tombstones_ms() == kept_ms
