"""Law 7 on a broker: a share that returns, and a start from a snapshot, read only what is new."""

# ruff: noqa: ASYNC240  # files of a test are small, and nothing else waits for its loop

import asyncio
from pathlib import Path

import pytest
from tests.kafka.harness import PARTITION, Bench
from tests.kafka.test_membership import Worker, answered
from tests.worker.fake_engine import REQUESTS

from slotkeeper.streams import Message
from slotkeeper.worker import Snapshots, run

PARTITIONS = 4


async def ask_everywhere(bench: Bench) -> None:
    """Let one device of each partition be asked for a number."""
    requests = [Message(REQUESTS, b"d", b"", (), number) for number in range(PARTITIONS)]
    async with bench.opened() as streams:
        await streams.publish(requests)


async def test_d07_a_share_that_returns_reads_what_another_worker_did(bench: Bench) -> None:
    here = Worker(bench)
    await here.shares(PARTITIONS)
    await ask_everywhere(bench)
    await answered(bench, PARTITIONS)
    there = Worker(bench)
    await asyncio.gather(here.shares(2), there.shares(2))
    for turn in (2, 3):
        await ask_everywhere(bench)
        await answered(bench, turn * PARTITIONS)
    await there.stop()
    await here.shares(PARTITIONS)
    await ask_everywhere(bench)
    await answered(bench, 4 * PARTITIONS)
    summary = await here.stop()

    numbers = sorted(await bench.numbers())
    assert numbers == sorted([1, 2, 3, 4] * PARTITIONS)
    # Two partitions went and came back, each with one device that was changed, twice.
    assert summary.restored == 4
    assert summary.regressions == 0
    assert [engine.cleared for engine in here.bench.engines] == [1] * PARTITIONS


@pytest.mark.parametrize("whose", ["others may write it", "of another application"])
async def test_d05_a_snapshot_that_is_not_its_own_tells_a_start_nothing(
    bench: Bench, tmp_path: Path, whose: str
) -> None:
    """It may say anything, under a right checksum."""
    snapshots = Snapshots(directory=tmp_path, application="here")
    for number in range(5):
        await bench.publish(REQUESTS, b"", key=b"k%d" % number)
    async with bench.opened() as streams:
        await run(streams, bench.make, until_idle=True, snapshots=snapshots)
    taken = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert taken
    if whose == "others may write it":
        for path in taken:
            path.chmod(0o666)
    else:
        snapshots = Snapshots(directory=tmp_path, application="there")
    await bench.publish(REQUESTS, b"", key=b"k0")
    async with bench.opened() as streams:
        summary = await run(streams, bench.make, until_idle=True, snapshots=snapshots)
    engine = next(e for e in reversed(bench.engines) if e.partition == PARTITION)
    assert engine.loaded == 0
    assert engine.marks == {b"k0": 2} | {b"k%d" % n: 1 for n in range(1, 5)}
    assert await bench.numbers() == [1, 1, 1, 1, 1, 2]
    if whose == "of another application":
        assert {path: path.read_bytes() for path in taken} == taken
    else:
        assert set(summary.snapshots_refused) == {"exposed"}


async def test_a_start_reads_its_snapshot_and_what_came_after(bench: Bench, tmp_path: Path) -> None:
    snapshots = Snapshots(directory=tmp_path, application="here")
    for number in range(5):
        await bench.publish(REQUESTS, b"", key=b"k%d" % number)
    async with bench.opened() as streams:
        await run(streams, bench.make, until_idle=True, snapshots=snapshots)
    await bench.publish(REQUESTS, b"", key=b"later")
    await bench.run()
    await bench.publish(REQUESTS, b"", key=b"k0")
    async with bench.opened() as streams:
        summary = await run(streams, bench.make, until_idle=True, snapshots=snapshots)
    engine = next(e for e in reversed(bench.engines) if e.partition == PARTITION)
    assert engine.loaded == 5
    assert summary.restored == 1
    assert engine.marks == {b"k0": 2, b"later": 1} | {b"k%d" % n: 1 for n in range(1, 5)}
    assert await bench.numbers() == [1, 1, 1, 1, 1, 1, 2]
