"""Workers with engines that check their user, at topics of their own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiokafka.protocol.admin import DeleteGroupsRequest
from tests.worker.fake_engine import AUDIT, COMMANDS, REQUESTS, FakeEngine

from slotkeeper.streams import Message, Record, Streams, StreamsSettings, open_streams
from slotkeeper.streams.address import kafka_servers
from slotkeeper.streams.kafka.client_internals import ask
from slotkeeper.streams.kafka.clients import admin, consumer, producer
from slotkeeper.streams.kafka.options import ClientOptions
from slotkeeper.worker import Progress, Summary, run

RESPONSES = "srv-6.15.1-responses"
CHANGELOG = "originator-counters"
INVENTORY = "smart-metering-inventory"
PARTITION = 1


@dataclass
class Bench:
    """One application's topics, and the engines of one worker there.

    Attributes:
        url: Of the broker.
        settings: Of the streams.
        engines: In the order in which they were made.
        working: Set once an engine was made, which is when a share was given.
    """

    url: str
    settings: StreamsSettings
    engines: list[FakeEngine] = field(default_factory=list)
    working: asyncio.Event = field(default_factory=asyncio.Event)

    def opened(self, **changes: Any) -> AbstractAsyncContextManager[Streams]:  # noqa: ANN401
        return open_streams(self.url, replace(self.settings, **changes))

    def make(self, partition: int, partitions: int) -> FakeEngine:
        engine = FakeEngine(partition, partitions)
        self.engines.append(engine)
        self.working.set()
        return engine

    async def run(
        self,
        *,
        progress: Callable[[Progress], None] | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> Summary:
        """Work until idle."""
        async with self.opened(**changes) as streams:
            return await run(streams, self.make, until_idle=True, progress=progress)

    async def begin(self) -> None:
        """Begin the store, as its first worker does before anything else is written."""
        async with self.opened() as streams, streams.own() as ownership:
            owned = await ownership.open(0)
            await owned.commit([], {})

    async def publish(
        self, stream: str, *values: bytes | None, key: bytes = b"d", partition: int = PARTITION
    ) -> None:
        async with self.opened() as streams:
            await streams.publish([Message(stream, key, value, (), partition) for value in values])

    async def read(self, stream: str) -> list[Record]:
        async with self.opened() as streams:
            return [record async for batch in streams.read(stream) for record in batch]

    async def numbers(self) -> list[int]:
        """Give the counters of all commands."""
        return [int(record.value or b"") for record in await self.read(COMMANDS)]

    async def decisions(self) -> list[dict[str, Any]]:
        return [json.loads(record.value or b"") for record in await self.read(AUDIT)]

    async def ask(self) -> None:
        """Publish one request."""
        await self.publish(REQUESTS, b"")

    @property
    def servers(self) -> str:
        return kafka_servers(self.url)

    def topic(self, stream: str) -> str:
        return f"{self.settings.topic_prefix}{stream}"

    @asynccontextmanager
    async def upstream(self) -> AsyncIterator["Upstream"]:
        """Be the program that writes the inputs, by transactions of its own."""
        async with self.producer(f"{self.settings.application}-upstream") as client:
            yield Upstream(client, self)

    def producer(self, transactional_id: str | None = None) -> AbstractAsyncContextManager[Any]:
        return producer(ClientOptions(self.servers, {}), transactional_id=transactional_id)

    def group(self) -> AbstractAsyncContextManager[Any]:
        """Give a consumer of the application's group, which is no member yet."""
        return consumer(ClientOptions(self.servers, {}), group_id=self.settings.application)

    def admin(self) -> AbstractAsyncContextManager[Any]:
        return admin(ClientOptions(self.servers, {}))

    async def delete(self, *streams: str) -> None:
        """Delete topics; a broker learns a moment later what the controller has agreed to."""
        topics = {self.topic(stream) for stream in streams}
        async with self.admin() as client:
            await client.delete_topics(list(topics))
            while topics & set(await client.list_topics()):
                continue


async def delete_group(bench: Bench) -> None:
    """Let the broker forget the committed offsets, as it does of a group without members."""
    group = bench.settings.application
    async with bench.admin() as client:
        coordinator = await client.find_coordinator(group)
        await ask(client, DeleteGroupsRequest([group]), coordinator)


@dataclass
class Upstream:
    """A transactional producer of inputs."""

    client: Any
    bench: Bench

    async def begin(self, stream: str, *values: bytes) -> None:
        """Write outcomes in a transaction that stays open; they are on the broker on return."""
        await self.client.begin_transaction()
        for value in values:
            await self.client.send_and_wait(
                self.bench.topic(stream), key=b"d", value=value, partition=PARTITION
            )

    async def commit(self) -> None:
        await self.client.commit_transaction()

    async def abort(self) -> None:
        await self.client.abort_transaction()
