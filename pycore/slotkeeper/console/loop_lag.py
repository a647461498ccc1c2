"""How late the event loop is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from prometheus_client import Histogram

EVERY_S = 0.1
"""Often enough to meet a call of 50 ms every other time, too rarely to be felt."""


@contextlib.asynccontextmanager
async def watching_loop(lag: Histogram) -> AsyncIterator[None]:
    """Observe, while the context lasts, how long after its time a waiting task is woken up."""
    task = asyncio.create_task(_watch(lag))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _watch(lag: Histogram) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        lag.observe(max(0.0, loop.time() - due))
