"""Calls that must not stop the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class OffLoop:
    """One thread for one partition's engine, which serves one call at a time anyway."""

    def __init__(self, name: str) -> None:
        """Start no thread before the first call."""
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def __call__(self, call: Callable[[], T]) -> T:
        """Run the call on the thread. Whoever is cancelled meanwhile leaves it running."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the thread end after its last call."""
        self._executor.shutdown(wait=False)
