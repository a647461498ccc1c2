"""A stop that comes at a bad moment."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from slotkeeper.engine.port import Stored
from slotkeeper.streams import Ownership, Record
from slotkeeper.worker import run
from slotkeeper.worker.registers import FOLLOWED

from .conftest import Bench
from .fake_engine import REQUESTS, FakeEngine


class SlowToRestore(FakeEngine):
    """Stays in its restore until it is let go."""

    restoring: threading.Event
    let_go: threading.Event

    def restore(self, records: Sequence[Stored], *, in_order: bool = False) -> list[Stored]:
        self.restoring.set()
        self.let_go.wait()
        return super().restore(records, in_order=in_order)


async def test_a_stop_does_not_wait_for_a_restore(bench: Bench) -> None:
    await bench.publish(REQUESTS, b"")
    await bench.run()
    restoring, let_go = threading.Event(), threading.Event()

    def make(partition: int, partitions: int) -> FakeEngine:
        engine = SlowToRestore(partition, partitions)
        engine.restoring, engine.let_go = restoring, let_go
        return engine

    stop = asyncio.Event()
    worker = asyncio.create_task(run(bench.streams, make, stop=stop, drain_s=5.0))
    try:
        await asyncio.to_thread(restoring.wait)
        stop.set()
        summary = await worker
    finally:
        let_go.set()
    assert summary.records == 0
    # Whoever comes next finds everything as it was.
    assert (await bench.run()).records == 0
    assert len(await bench.decisions()) == 1


@pytest.mark.parametrize("slow", ["own", "read"])
async def test_a_stop_does_not_wait_for_a_store_that_is_silent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    """While it becomes a worker, or reads the registers: a broker may be long away."""
    asked = asyncio.Event()
    plain = getattr(bench.streams, slow)

    @asynccontextmanager
    async def silent_own() -> AsyncIterator[Ownership]:
        async with plain() as ownership:
            asked.set()
            await asyncio.Event().wait()
            yield ownership

    async def silent_read(stream: str, **more: Any) -> AsyncIterator[list[Record]]:  # noqa: ANN401
        if stream in FOLLOWED:
            asked.set()
            await asyncio.Event().wait()
        async for records in plain(stream, **more):
            yield records

    monkeypatch.setattr(bench.streams, slow, silent_own if slow == "own" else silent_read)
    stop = asyncio.Event()
    # It is waited for: the drain would otherwise end it as a failure.
    worker = asyncio.create_task(run(bench.streams, bench.make, stop=stop, drain_s=3_600))
    await asked.wait()
    stop.set()
    assert (await worker).batches == 0
    monkeypatch.undo()
    assert (await bench.run()).batches == 0
