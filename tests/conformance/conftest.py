"""Every kind of streams, empty, behind one fixture."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from slotkeeper.streams import Streams, open_streams
from slotkeeper.streams.memory import MemoryStreams

Opener: TypeAlias = Callable[[], AbstractAsyncContextManager[Streams]]
"""Opens the same streams again, as another process would."""


@pytest.fixture(params=["sqlite", "memory"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "sqlite":
        return lambda: open_streams(f"sqlite:///{tmp_path / 'streams.db'}")
    streams = MemoryStreams()

    @asynccontextmanager
    async def same() -> AsyncIterator[Streams]:
        yield streams

    return same


@pytest.fixture
async def streams(opener: Opener) -> AsyncIterator[Streams]:
    async with opener() as opened:
        yield opened
