"""What tools rely on: publish and read."""

import asyncio

import pytest

from slotkeeper.streams import Message, Record, Streams, WrongUseError

from .conftest import Opener

RESPONSES = "srv-6.15.1-responses"
REQUESTS = "srv-6.21-requests"


async def everything(streams: Streams, stream: str) -> list[Record]:
    return [record async for batch in streams.read(stream) for record in batch]


async def test_a_record_comes_back_as_it_was_written(streams: Streams) -> None:
    headers = [("a", b"\x00\xff"), ("a", b""), ("größe", b"x" * 70_000)]
    await streams.publish(
        [
            Message(RESPONSES, b"\xff\x00", b"{}", headers, partition=3),
            Message(RESPONSES, None, None, partition=3),
            Message(RESPONSES, b"", b"", partition=3),
        ]
    )
    found = await everything(streams, RESPONSES)
    assert [(r.stream, r.partition, r.offset, r.key, r.value, list(r.headers)) for r in found] == [
        (RESPONSES, 3, 0, b"\xff\x00", b"{}", headers),
        (RESPONSES, 3, 1, None, None, []),
        (RESPONSES, 3, 2, b"", b"", []),
    ]
    assert all(record.timestamp_ms > 1_700_000_000_000 for record in found)


async def test_each_partition_of_each_stream_counts_its_own_offsets(streams: Streams) -> None:
    for stream in (RESPONSES, REQUESTS):
        for partition in (0, 1, 0):
            await streams.publish([Message(stream, b"k", b"v", partition=partition)])
    found = await everything(streams, REQUESTS)
    assert sorted((r.partition, r.offset) for r in found) == [(0, 0), (0, 1), (1, 0)]


async def test_the_key_decides_the_partition_in_any_spelling(streams: Streams) -> None:
    spellings = [b"00-DB-12-34-56-78-90-A3", b"00db1234567890a3", b"00-db-12-34-56-78-90-a3"]
    await streams.publish([Message(RESPONSES, key, b"v") for key in spellings])
    found = await everything(streams, RESPONSES)
    assert len({record.partition for record in found}) == 1
    assert [record.key for record in found] == spellings


async def test_keys_are_placed_as_kafka_places_them(streams: Streams) -> None:
    # toPositive(murmur2(key)) % 4 of Kafka's own test vectors.
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    await streams.publish([Message(RESPONSES, key, b"v") for key in hashes])
    found = await everything(streams, RESPONSES)
    assert {record.key: record.partition for record in found} == {
        key: (value & 0x7FFFFFFF) % 4 for key, value in hashes.items()
    }


async def test_an_absent_key_stands_in_partition_0(streams: Streams) -> None:
    await streams.publish([Message(RESPONSES, None, b"v")])
    assert [record.partition for record in await everything(streams, RESPONSES)] == [0]


@pytest.mark.parametrize(
    "wrong",
    [
        Message("no-such-stream", b"k", b"v"),
        Message("originator-counters", b"k", b"v", partition=0),
        Message("audit-trail", b"k", b"v", partition=0),
        Message(RESPONSES, b"k", b"v", partition=4),
        Message(RESPONSES, b"k", b"v", partition=-1),
    ],
    ids=["unknown stream", "changelog", "output", "partition too high", "negative partition"],
)
async def test_a_wrong_message_is_refused_with_its_whole_batch(
    streams: Streams, wrong: Message
) -> None:
    with pytest.raises(WrongUseError):
        await streams.publish([Message(RESPONSES, b"k", b"v", partition=0), wrong])
    assert await everything(streams, RESPONSES) == []


async def test_reading_an_unknown_stream_is_refused(streams: Streams) -> None:
    with pytest.raises(WrongUseError, match=r"srv-6\.21-requests"):
        await everything(streams, "srv-6.21-request")


async def test_a_long_stream_is_read_whole_in_several_batches(streams: Streams) -> None:
    await streams.publish(
        [Message(RESPONSES, b"k", b"%d" % n, partition=n % 2) for n in range(5_001)]
    )
    batches = [batch async for batch in streams.read(RESPONSES)]
    assert len(batches) > 2
    for partition in (0, 1):
        values = [int(r.value or b"") for b in batches for r in b if r.partition == partition]
        assert values == list(range(partition, 5_001, 2))


async def test_reading_goes_on_where_it_was_left(streams: Streams) -> None:
    await streams.publish([Message(RESPONSES, b"k", b"%d" % n, partition=n % 3) for n in range(30)])
    ends = await streams.ends(RESPONSES)
    assert [ends[partition] >= at for partition, at in enumerate((10, 10, 10, 0))] == [True] * 4
    since = {2: 7, 0: 9, 3: 0}
    found = [r async for batch in streams.read(RESPONSES, since=since) for r in batch]
    assert sorted((r.partition, r.offset) for r in found) == [(0, 9), (2, 7), (2, 8), (2, 9)]
    assert [batch async for batch in streams.read(RESPONSES, since=ends)] == []


async def test_reading_from_the_end_gives_what_comes_later(streams: Streams) -> None:
    await streams.publish([Message(RESPONSES, b"k", b"before", partition=1)])
    assert [batch async for batch in streams.read(RESPONSES, from_start=False)] == []
    follower = aiter(streams.read(RESPONSES, from_start=False, follow=True))
    waiting = asyncio.ensure_future(anext(follower))
    # The follower takes its start when it first runs, so publish until something shows.
    while not waiting.done():
        await streams.publish([Message(RESPONSES, b"k", b"after", partition=1)])
        await asyncio.sleep(0)
    assert {record.value for record in waiting.result()} == {b"after"}


async def test_without_a_witness_nothing_speaks_against_the_store(streams: Streams) -> None:
    assert await streams.objections() == {}


async def test_following_goes_on_after_what_stood_there(streams: Streams) -> None:
    await streams.publish([Message(RESPONSES, b"k", b"1", partition=2)])
    follower = aiter(streams.read(RESPONSES, follow=True))
    assert [record.value for record in await anext(follower)] == [b"1"]
    await streams.publish([Message(RESPONSES, b"k", b"2", partition=0)])
    assert [record.value for record in await anext(follower)] == [b"2"]


async def test_what_was_published_is_there_for_others(opener: Opener) -> None:
    async with opener() as first:
        await first.publish([Message(RESPONSES, b"k", b"v", partition=0)])
    async with opener() as second:
        assert len(await everything(second, RESPONSES)) == 1
        assert second.partitions == 4
