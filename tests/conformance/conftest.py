"""Every kind of streams, empty, behind one fixture."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from slotkeeper.streams import OwnedPartition, Ownership, Streams, StreamsSettings, open_streams
from slotkeeper.streams.memory import MemoryStreams

Opener: TypeAlias = Callable[[], AbstractAsyncContextManager[Streams]]
"""Opens the same streams again, as another process would."""


KINDS = ("sqlite", "memory", "kafka")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opener(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if kind == "sqlite":
        return lambda: open_streams(f"sqlite:///{tmp_path / 'streams.db'}")
    if kind == "kafka":
        url: str = request.getfixturevalue("kafka_url")
        settings: StreamsSettings = request.getfixturevalue("kafka_place")
        return lambda: open_streams(url, settings)
    streams = MemoryStreams()

    @asynccontextmanager
    async def same() -> AsyncIterator[Streams]:
        yield streams

    return same


@pytest.fixture
async def streams(opener: Opener) -> AsyncIterator[Streams]:
    async with opener() as opened:
        yield opened


@pytest.fixture
async def ownership(streams: Streams) -> AsyncIterator[Ownership]:
    async with streams.own() as owned:
        yield owned


@pytest.fixture
async def owned(ownership: Ownership) -> OwnedPartition:
    return await ownership.open(1)
