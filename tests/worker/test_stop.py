"""A stop that comes at a bad moment."""

import asyncio
import threading
from collections.abc import Sequence

from slotkeeper.engine.port import Stored
from slotkeeper.worker import run

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
