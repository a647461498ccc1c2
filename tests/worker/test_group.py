"""A worker's start, its changing share of the partitions, and its end."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from slotkeeper.streams import (
    Accepted,
    LockedError,
    Message,
    OwnedPartition,
    Ownership,
    StreamsSettings,
)
from slotkeeper.streams.memory import MemoryStreams
from slotkeeper.worker import Progress, run, stopping_on_signals

from .conftest import Bench
from .fake_engine import COMMANDS, REQUESTS


class Reassigned:
    """An ownership whose share changes as a test says."""

    def __init__(self, real: Ownership, shares: asyncio.Queue[frozenset[int]]) -> None:
        self._real = real
        self._shares = shares

    async def assignment(self) -> frozenset[int]:
        return await self._shares.get()

    async def open(self, partition: int) -> OwnedPartition:
        return await self._real.open(partition)

    async def undecided(self) -> int:
        return await self._real.undecided()

    async def acknowledge(self, partition: int) -> Accepted:
        return await self._real.acknowledge(partition)


class ReassignedStreams(MemoryStreams):
    def __init__(self) -> None:
        super().__init__(StreamsSettings())
        self.shares: asyncio.Queue[frozenset[int]] = asyncio.Queue()

    @asynccontextmanager
    async def own(self) -> AsyncIterator[Ownership]:
        async with super().own() as real:
            yield Reassigned(real, self.shares)


async def test_only_the_share_is_served_and_engines_outlive_their_absence() -> None:
    streams = ReassignedStreams()
    bench = Bench(streams)
    for partition in range(4):
        await streams.publish([Message(REQUESTS, b"d", b"", partition=partition)])
    served: asyncio.Queue[int] = asyncio.Queue()
    stop = asyncio.Event()

    def tell(progress: Progress) -> None:
        served.put_nowait(progress.records)

    streams.shares.put_nowait(frozenset({1, 2}))
    worker = asyncio.create_task(run(streams, bench.make, stop=stop, progress=tell))
    while await served.get() < 2:
        pass
    assert {record.partition for record in await bench.read(COMMANDS)} == {1, 2}
    streams.shares.put_nowait(frozenset({2, 3}))
    while await served.get() < 3:
        pass
    assert {record.partition for record in await bench.read(COMMANDS)} == {1, 2, 3}
    streams.shares.put_nowait(frozenset({1, 2, 3}))
    await streams.publish([Message(REQUESTS, b"d", b"", partition=1)])
    while await served.get() < 4:
        pass
    stop.set()
    await worker
    assert sorted(engine.partition for engine in bench.engines) == [1, 2, 3]
    assert [r.value for r in await bench.read(COMMANDS) if r.partition == 1] == [b"1", b"2"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_worker_after_the_batch_in_hand(
    bench: Bench, number: signal.Signals
) -> None:
    await bench.publish(REQUESTS, b"")

    def tell(_progress: Progress) -> None:
        os.kill(os.getpid(), number)

    with stopping_on_signals() as stop:
        summary = await run(bench.streams, bench.make, stop=stop, progress=tell)
    assert summary.records == 1


async def test_a_second_worker_is_refused(bench: Bench) -> None:
    async with bench.streams.own():
        with pytest.raises(LockedError):
            await bench.run()


async def test_without_input_the_worker_is_idle_at_once(bench: Bench) -> None:
    summary = await bench.run()
    assert (summary.records, summary.batches) == (0, 0)
