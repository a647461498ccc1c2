"""Threads for calls that would stop the event loop, and the hook around an engine's calls."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from slotkeeper.engine.port import Call, Hook, Step

T = TypeVar("T")


class SingleThread:
    """One thread for what serves one call at a time: an engine, a file."""

    def __init__(self, name: str) -> None:
        """Start no thread before the first call."""
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def __call__(self, call: Callable[[], T]) -> T:
        """Run the call on the thread. A caller that is cancelled meanwhile leaves it running."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def surely(self, call: Callable[[], T]) -> T:
        """Run the call on the thread, whatever becomes of its caller or of the event loop.

        One that still waits for its turn when its caller is cancelled is run all the same.
        """
        return await asyncio.shield(asyncio.wrap_future(self._executor.submit(call)))

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the thread end after its last call."""
        self._executor.shutdown(wait=False)


class EngineThread(SingleThread):
    """The thread of one partition's engine; each call of the engine is told to the hook."""

    def __init__(self, partition: int, hook: Hook | None = None) -> None:
        """Start no thread before the first call."""
        super().__init__(f"engine-{partition}")
        self._partition = partition
        self._hook = hook

    async def run(self, step: Step, call: Callable[[], T], *, records: int = 0) -> T:
        """Call the engine on its thread; ``records`` are given with the call."""
        return await self(lambda: self.step(step, call, records=records))

    def step(self, step: Step, call: Callable[[], T], *, records: int = 0) -> T:
        """Call the engine where the caller is: on the engine's thread, or briefly elsewhere."""
        if self._hook is None:
            return call()
        told = Call(step, self._partition, records)
        self._hook.begin(told)
        told.result = result = call()
        self._hook.end(told)
        return result
