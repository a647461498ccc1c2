"""What comes after a batch is fetched while the batch is committed."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

import pytest

from slotkeeper.streams import Fetched, Finished, Output, Record
from slotkeeper.streams.memory import MemoryStreams
from slotkeeper.streams.memory.faults import Fault
from slotkeeper.streams.memory.ownership import MemoryPartition

from .conftest import Bench
from .fake_engine import COMMANDS, REQUESTS

RESPONSES = "srv-6.15.1-responses"


async def batch_of_requests(bench: Bench) -> int:
    """Publish a full batch of requests and one more; gives how many are a batch."""
    async with bench.streams.own() as ownership:
        full = (await ownership.open(1)).batch_records
    await bench.publish(REQUESTS, *[b""] * (full + 1))
    return full


async def test_a_commit_may_wait_for_the_next_fetch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = await batch_of_requests(bench)
    fetched = asyncio.Event()
    fetch, commit = MemoryPartition.fetch, MemoryPartition.commit

    async def telling(
        self: MemoryPartition, wanted: Mapping[str, int], *, limit: int, wait_s: float = 0.0
    ) -> dict[str, Fetched[Record]]:
        found = await fetch(self, wanted, limit=limit, wait_s=wait_s)
        if self.number == 1 and wanted.get(REQUESTS) == full:
            fetched.set()
        return found

    async def waiting(
        self: MemoryPartition,
        outputs: Sequence[Output],
        positions: Mapping[str, int],
        *,
        finished: Finished | None = None,
        void: Collection[int] = (),
    ) -> int:
        if self.number == 1 and positions.get(REQUESTS) == full:
            await fetched.wait()
        return await commit(self, outputs, positions, finished=finished, void=void)

    monkeypatch.setattr(MemoryPartition, "fetch", telling)
    monkeypatch.setattr(MemoryPartition, "commit", waiting)
    async with asyncio.timeout(30):
        await bench.run()
    assert len(await bench.read(COMMANDS)) == full + 1


async def test_an_outcome_between_the_fetch_and_its_fence_counts(bench: Bench) -> None:
    full = await batch_of_requests(bench)
    log = bench.streams.log(REQUESTS, 1)
    fetch = log.fetch

    def fetch_and_be_overtaken(position: int, **options: int) -> object:
        found = fetch(position, **options)
        if position == full and found.records:
            bench.streams.log(RESPONSES, 1).append(b"d", b"100000", [], 0)
        return found

    log.fetch = fetch_and_be_overtaken  # type: ignore[method-assign,assignment]
    await bench.run()
    assert (await bench.read(COMMANDS))[-1].value == b"100001"


async def test_a_commit_in_doubt_leaves_no_fetch_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(MemoryStreams())
    full = await batch_of_requests(bench)
    begun, doubted = asyncio.Event(), asyncio.Event()
    fetch, commit = MemoryPartition.fetch, MemoryPartition.commit

    async def endless(
        self: MemoryPartition, wanted: Mapping[str, int], *, limit: int, wait_s: float = 0.0
    ) -> dict[str, Fetched[Record]]:
        if self.number == 1 and wanted.get(REQUESTS) == full and not doubted.is_set():
            begun.set()
            await asyncio.Event().wait()
        return await fetch(self, wanted, limit=limit, wait_s=wait_s)

    async def doubtful(
        self: MemoryPartition,
        outputs: Sequence[Output],
        positions: Mapping[str, int],
        *,
        finished: Finished | None = None,
        void: Collection[int] = (),
    ) -> int:
        faults = bench.streams.faults
        if self.number == 1 and positions.get(REQUESTS) == full and not doubted.is_set():
            await begun.wait()
            doubted.set()
            bench.streams.faults = lambda _partition, _number: Fault.DOUBT_WRITTEN
        try:
            return await commit(self, outputs, positions, finished=finished, void=void)
        finally:
            bench.streams.faults = faults

    monkeypatch.setattr(MemoryPartition, "fetch", endless)
    monkeypatch.setattr(MemoryPartition, "commit", doubtful)
    async with asyncio.timeout(30):
        summary = await bench.run()
    assert summary.in_doubt == 1
    assert len(await bench.read(COMMANDS)) == full + 1
    assert asyncio.all_tasks() == {asyncio.current_task()}
