"""What comes after a batch is fetched while the batch is committed."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import pytest

from slotkeeper.streams import Fetched, Head, Output, OutputBatch, Record
from slotkeeper.streams.memory.faults import Fault
from slotkeeper.streams.memory.ownership import MemoryPartition

from .conftest import Bench
from .fake_engine import COMMANDS, REQUESTS

RESPONSES = "srv-6.15.1-responses"

Step = Callable[[], Awaitable[object]]


async def batch_of_requests(bench: Bench) -> int:
    """Publish a full batch of requests and one more; gives how many are a batch."""
    async with bench.streams.own() as ownership:
        full = (await ownership.open(1)).batch_records
    await bench.publish(REQUESTS, *[b""] * (full + 1))
    return full


def step_in(
    monkeypatch: pytest.MonkeyPatch, at: int, *, before_fetch: Step, before_commit: Step
) -> None:
    """Do something before requests are fetched from there, and before they are committed to it."""
    fetch, commit = MemoryPartition.fetch, MemoryPartition.commit

    async def fetching(
        self: MemoryPartition, wanted: Mapping[str, int], *, limit: int, wait_s: float = 0.0
    ) -> dict[str, Fetched[Record]]:
        if self.number == 1 and wanted.get(REQUESTS) == at:
            await before_fetch()
        return await fetch(self, wanted, limit=limit, wait_s=wait_s)

    async def committing(
        self: MemoryPartition,
        outputs: Sequence[Output],
        positions: Mapping[str, int],
        *,
        finished: OutputBatch | None = None,
        void: Collection[int] = (),
        head: Head | None = None,
    ) -> int:
        if self.number == 1 and positions.get(REQUESTS) == at:
            await before_commit()
        return await commit(self, outputs, positions, finished=finished, void=void, head=head)

    monkeypatch.setattr(MemoryPartition, "fetch", fetching)
    monkeypatch.setattr(MemoryPartition, "commit", committing)


async def test_a_commit_may_wait_for_the_next_fetch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = await batch_of_requests(bench)
    fetching = asyncio.Event()

    async def tell() -> None:
        fetching.set()

    step_in(monkeypatch, full, before_fetch=tell, before_commit=fetching.wait)
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


async def test_a_commit_in_doubt_leaves_no_fetch_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = await batch_of_requests(bench)
    fetching, doubted = asyncio.Event(), asyncio.Event()

    async def never_end() -> None:
        if not doubted.is_set():
            fetching.set()
            await asyncio.Event().wait()

    async def doubt() -> None:
        await fetching.wait()
        bench.streams.faults = once

    def once(_partition: int, _number: int) -> Fault:
        if doubted.is_set():
            return Fault.NONE
        doubted.set()
        return Fault.DOUBT_WRITTEN

    step_in(monkeypatch, full, before_fetch=never_end, before_commit=doubt)
    summary = await bench.run()
    assert summary.in_doubt == 1
    assert len(await bench.read(COMMANDS)) == full + 1
    assert asyncio.all_tasks() == {asyncio.current_task()}
