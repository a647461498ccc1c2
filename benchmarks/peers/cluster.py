"""The broker on its core, and its topics."""

import asyncio
import contextlib
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import GroupCoordinatorNotAvailableError
from tests.kafka.broker import Cluster, class_archive

from slotkeeper.streams import Message, StreamsSettings, create_streams, open_streams
from slotkeeper.streams.layout import SLOTKEEPER

from .load import PARTITIONS

JVM = ("-Xms1g", "-Xmx1g", "-XX:TieredStopAtLevel=4")
"""In place of the small heap and the quick compiler that the tests' broker has."""

SETTINGS = """\
log.segment.delete.delay.ms=1000
log.retention.check.interval.ms=5000
log.index.size.max.bytes=10485760
"""
"""On top of the tests': what is deleted is soon gone from the disk as well, and an index has the
size that Kafka gives it."""

PUBLISHED_AT_ONCE = 5_000

LOOK_S = 0.05


@dataclass(frozen=True)
class Broker:
    """A running broker.

    Attributes:
        servers: Its address.
        pid: Its process.
        data: Its folder.
    """

    servers: str
    pid: int
    data: Path

    async def create(self, prefix: str, partitions: int = PARTITIONS) -> None:
        """Make the topics that are missing."""
        settings = StreamsSettings(topic_prefix=prefix, partitions=partitions)
        await create_streams(f"kafka://{self.servers}", settings)

    async def publish(self, prefix: str, messages: Iterable[Message]) -> None:
        settings = StreamsSettings(topic_prefix=prefix)
        async with open_streams(f"kafka://{self.servers}", settings) as streams:
            some: list[Message] = []
            for message in messages:
                some.append(message)
                if len(some) == PUBLISHED_AT_ONCE:
                    await streams.publish(some)
                    some.clear()
            await streams.publish(some)

    async def renew(self, prefix: str) -> None:
        """Make the worker's outputs and its state anew, empty."""
        written = {prefix + stream for stream in (*SLOTKEEPER.outputs, SLOTKEEPER.changelog)}
        await self._delete(written.__contains__)
        await self.create(prefix)

    async def remove(self, name: str) -> None:
        """Delete every topic that has the name in its own."""
        await self._delete(lambda topic: name in topic)

    async def committed(self, client: Any, group: str, topic: str) -> list[int]:  # noqa: ANN401
        """Give how far the group has come in each partition."""
        try:
            found = await client.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:  # the first of all groups is still being made
            found = {}
        places = (TopicPartition(topic, number) for number in range(PARTITIONS))
        return [max(0, found[place].offset) if place in found else 0 for place in places]

    async def bound(self, prefix: str, streams: Iterable[str], settings: dict[str, str]) -> None:
        """Give topics other settings, such as how much of them is kept."""
        async with self.admin() as client:
            answers = await client.alter_configs(
                [
                    ConfigResource(ConfigResourceType.TOPIC, prefix + stream, settings)
                    for stream in streams
                ]
            )
        refused = [one for answer in answers for one in answer.resources if one[0]]
        if refused:
            raise RuntimeError(f"topics kept their settings: {refused}")

    def stored(self) -> int:
        """Give the octets of all that it keeps on disk."""
        octets = 0
        for folder, _, names in os.walk(self.data):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    octets += Path(folder, name).stat().st_blocks * 512
        return octets

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        client = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await client.start()
        try:
            yield client
        finally:
            await client.close()

    @contextlib.asynccontextmanager
    async def producer(self) -> AsyncIterator[Any]:
        client = AIOKafkaProducer(bootstrap_servers=self.servers, acks=1)
        await client.start()
        try:
            yield client
        finally:
            await client.stop()

    @contextlib.asynccontextmanager
    async def reader(self, topic: str) -> AsyncIterator[Any]:
        """Give a consumer of what is committed, at the beginning of each partition."""
        client = AIOKafkaConsumer(
            bootstrap_servers=self.servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=10,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        await client.start()
        try:
            client.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
            yield client
        finally:
            await client.stop()

    async def _delete(self, chosen: Callable[[str], bool]) -> None:
        async with self.admin() as client:
            gone = set(filter(chosen, await client.list_topics()))
            await client.delete_topics(list(gone))
            while gone & set(await client.list_topics()):  # noqa: ASYNC110  # remote
                await asyncio.sleep(LOOK_S)


def quiet() -> None:
    """Keep the client's attempts at partitions of new topics, a line each, from the progress."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@contextlib.asynccontextmanager
async def running_broker(cores: set[int]) -> AsyncIterator[Broker]:
    """Give a broker that never leaves its cores, gone afterwards with its data."""
    await asyncio.to_thread(class_archive)
    own = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="slotkeeper-peers-") as folder:
        cluster = _cluster(Path(folder, "broker"))
        try:
            # A child has the cores of its parent.
            os.sched_setaffinity(0, cores)
            try:
                await cluster.start(*JVM)
            finally:
                os.sched_setaffinity(0, own)
            yield Broker(cluster.address, _only_child(), Path(folder))
        finally:
            cluster.kill()


def _cluster(folder: Path) -> Cluster:
    cluster = Cluster(folder)
    settings = folder / "node-1" / "server.properties"
    # Of two lines for one setting the last one holds.
    settings.write_text(settings.read_text() + SETTINGS)
    return cluster


def _only_child() -> int:
    tasks = Path("/proc/self/task").iterdir()
    children = [pid for task in tasks for pid in (task / "children").read_text().split()]
    assert len(children) == 1, "nothing but the broker has been started"
    return int(children[0])
