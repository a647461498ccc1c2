"""Streams in memory and an engine that checks its user."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from slotkeeper.streams import Message, Record, Streams
from slotkeeper.streams.memory import MemoryStreams
from slotkeeper.worker import Summary, run

from .fake_engine import AUDIT, FakeEngine


class Bench:
    """A worker at its streams, with the engines that it made."""

    def __init__(self, streams: MemoryStreams) -> None:
        self.streams = streams
        self.engines: list[FakeEngine] = []

    def make(self, partition: int, partitions: int) -> FakeEngine:
        engine = FakeEngine(partition, partitions)
        self.engines.append(engine)
        return engine

    async def run(self) -> Summary:
        return await run(self.streams, self.make, until_idle=True)

    async def publish(self, stream: str, *values: bytes | None, key: bytes = b"d") -> None:
        await self.streams.publish([Message(stream, key, value, partition=1) for value in values])

    async def read(self, stream: str) -> list[Record]:
        return await everything(self.streams, stream)

    async def decisions(self) -> list[dict[str, Any]]:
        return decoded(await self.read(AUDIT))


async def everything(streams: Streams, stream: str) -> list[Record]:
    return [record async for batch in streams.read(stream) for record in batch]


def decoded(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [json.loads(record.value or b"") for record in records]


@pytest.fixture
def bench() -> Bench:
    return Bench(MemoryStreams())
