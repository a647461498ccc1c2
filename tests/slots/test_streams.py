"""The streams of registers and of exits: beside those of the worker."""

from pathlib import Path

import pytest
from tests.layouts import FIRST, WITHOUT_WHAT_WAS_ADDED

from slotkeeper.streams import (
    SLOTKEEPER,
    Layout,
    Message,
    Record,
    Streams,
    StreamsSettings,
    WrongUseError,
    open_streams,
)

PARTIES = "gas-network-parties"
REGISTRATIONS = "gas-registrations"
EXITS = "gno-exits"


async def everything(streams: Streams, stream: str) -> list[Record]:
    return [record async for batch in streams.read(stream) for record in batch]


@pytest.fixture(params=["memory:", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return request.param if request.param == "memory:" else f"sqlite:///{tmp_path / 'streams.db'}"


async def test_registers_of_parties_stand_in_one_partition(url: str) -> None:
    async with open_streams(url, StreamsSettings(partitions=3)) as streams:
        keys = [str(number).encode() for number in range(50)]
        await streams.publish([Message(PARTIES, key, b"{}") for key in keys])
        await streams.publish([Message(REGISTRATIONS, key, b"{}") for key in keys])
        found = await everything(streams, PARTIES)
        assert [(record.partition, record.key) for record in found] == [(0, key) for key in keys]
        spread = await everything(streams, REGISTRATIONS)
        assert {record.partition for record in spread} == {0, 1, 2}
        with pytest.raises(WrongUseError, match="no partition 1"):
            await streams.publish([Message(PARTIES, b"N", b"{}", (), 1)])


async def test_the_newest_record_of_a_key_is_kept(tmp_path: Path) -> None:
    async with open_streams(f"sqlite:///{tmp_path / 'streams.db'}", StreamsSettings()) as streams:
        for value in (b"1", b"2"):
            await streams.publish([Message(REGISTRATIONS, b"123", value)])
            await streams.publish([Message(PARTIES, b"N", value)])
        assert [one.value for one in await everything(streams, REGISTRATIONS)] == [b"2"]
        assert [one.value for one in await everything(streams, PARTIES)] == [b"2"]


@pytest.mark.parametrize("before", [FIRST, WITHOUT_WHAT_WAS_ADDED])
async def test_a_file_of_before_has_its_records_where_they_were(
    before: Layout, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'streams.db'}"
    async with open_streams(url, StreamsSettings(layout=before)) as streams:
        for stream in (*before.inputs, *before.registers):
            await streams.publish([Message(stream, b"00-DB-12-34-56-78-90-A3", stream.encode())])
    async with open_streams(url, StreamsSettings()) as streams:
        for stream in (*before.inputs, *before.registers):
            assert [one.value for one in await everything(streams, stream)] == [stream.encode()]
        for stream in set(SLOTKEEPER.names) - set(before.names):
            assert await everything(streams, stream) == []


async def test_acts_of_an_exit_are_kept_in_order_in_one_partition(url: str) -> None:
    async with open_streams(url, StreamsSettings(partitions=3)) as streams:
        acts = [Message(EXITS, str(number % 5).encode(), b"%d" % number) for number in range(20)]
        await streams.publish(acts)
        found = await everything(streams, EXITS)
    assert [(record.partition, record.value) for record in found] == [
        (0, b"%d" % number) for number in range(20)
    ]
