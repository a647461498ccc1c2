"""Builds of slots on a broker say of thousands of devices what those on a file say."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.slots.steps import policy
from benchmarks.slots.store import MADE, World, owners
from tests.kafka.harness import Bench

from slotkeeper.slots.build.building import Built, build
from slotkeeper.slots.build.folder import open_build
from slotkeeper.slots.report.judging import judge_all
from slotkeeper.slots.report.writing import write_report
from slotkeeper.slots.tables import tables
from slotkeeper.streams import Streams, StreamsSettings, open_streams

GPFS = 3_000


async def filled(streams: Streams, world: World) -> None:
    """Tell of all devices, and of every second one that its slot was handed back."""
    for some in (world.inventory(range(GPFS)), world.registrations(range(GPFS))):
        await streams.publish(list(some))
    await decided(streams, world, range(0, GPFS, 2))


async def decided(streams: Streams, world: World, numbers: Sequence[int]) -> None:
    async with streams.own() as ownership:
        await ownership.assignment()
        for partition, own in owners(numbers, streams.partitions).items():
            owned = await ownership.open(partition)
            await world.hand_back(owned, own, streams.partitions)


async def built(streams: Streams, folder: Path) -> Built:
    return await build(
        streams,
        folder,
        policy=policy(),
        now_ms=int(MADE.timestamp() * 1_000),
        advance=lambda _stream, _offsets, _total: None,
    )


def devices(folder: Path, out: Path) -> bytes:
    """Report, and give every device's line."""
    out.mkdir()
    made_of = open_build(folder)
    with tables(made_of.reads, out) as made:
        registers = judge_all(made, made_of, policy(), MADE.date())
        write_report(
            made,
            made_of,
            registers,
            policy=policy(),
            as_of=MADE.date(),
            out=out,
            formats=("csv",),
            warnings=[],
        )
    return (out / "device.csv").read_bytes()


async def test_a_build_on_a_broker_says_what_one_on_a_file_says(
    bench: Bench, tmp_path: Path
) -> None:
    on_file, on_broker = tmp_path / "file", tmp_path / "broker"
    world = World(GPFS)
    async with bench.opened() as streams:
        await filled(streams, world)
        first = await built(streams, on_broker)
        assert (first.unreadable, list(first.differing)) == ({}, [])
        assert first.build.manifest["rows"]["decisions"] == GPFS // 2
        await decided(streams, world, range(1, GPFS, 2))
        again = await built(streams, on_broker)
        assert list(again.differing) == []
        assert again.build.manifest["rows"]["decisions"] == GPFS
        partitions = streams.partitions
    world = World(GPFS)
    address = f"sqlite:///{tmp_path}/streams.db"
    async with open_streams(address, StreamsSettings(partitions=partitions)) as streams:
        await filled(streams, world)
        await decided(streams, world, range(1, GPFS, 2))
        await built(streams, on_file)
    told = devices(on_broker, tmp_path / "report-1")
    assert told == devices(on_file, tmp_path / "report-2")
    assert told.count(b"OUTCOME") == GPFS
