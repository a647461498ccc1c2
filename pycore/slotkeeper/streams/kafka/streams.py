"""What tools use of a cluster: publish and read, beside running workers."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from slotkeeper.streams.errors import WrongUseError
from slotkeeper.streams.interface import Message, Ownership, Record, StreamsSettings
from slotkeeper.streams.layout import Layout
from slotkeeper.streams.partitioning import placed
from slotkeeper.streams.witness import Sighting, Witness

from .batches import send
from .clients import consumer, producer
from .errors import translated
from .identity import told_by_changelog
from .inputs import FETCH_WAIT_MS
from .instance import Instance
from .membership import Membership
from .offsets import Offsets, know_topics
from .options import ClientOptions
from .ownership import (
    Cluster,
    KafkaOwnership,
    begin_witnesses,
    witness_file,
    witness_objections,
)
from .reading import COMMITTED, place_at, record_of, scan, settled_ends
from .rights import require
from .topics import Topics, agreed_partitions, counts_as_they_are
from .watch import TopicWatch

READ_BATCH = 1_000
"""Records a batch for readers: some milliseconds of the event loop, megabytes at most."""

FOLLOW_MS = 1_000
"""How long one who follows waits in one call; what comes ends the wait."""


@asynccontextmanager
async def open_kafka(
    servers: str, settings: StreamsSettings, *, to_look: bool = False
) -> AsyncIterator["KafkaStreams"]:
    """Open the streams of a cluster; see ``open_streams``.

    Args:
        servers: ``host:port[,host:port]``.
        settings: Of the streams.
        to_look: Whatever partition counts the topics have.
    """
    options = ClientOptions(servers, settings.kafka, batch_bytes=settings.batch_bytes)
    topics = Topics(settings.layout, settings.topic_prefix)
    counts = await (
        counts_as_they_are(options, topics)
        if to_look
        else agreed_partitions(options, topics, settings.partitions)
    )
    async with opened(options, topics, settings, counts) as streams:
        yield streams


@asynccontextmanager
async def opened(
    options: ClientOptions, topics: Topics, settings: StreamsSettings, counts: Mapping[str, int]
) -> AsyncIterator["KafkaStreams"]:
    """Open the streams of a cluster, whatever their topics have.

    Args:
        options: Of every client.
        topics: Where streams are.
        settings: Of the streams.
        counts: Partitions by stream, of those that exist.
    """
    partitions = counts[settings.layout.changelog]
    async with AsyncExitStack() as stack:
        asking = await stack.enter_async_context(
            consumer(options, isolation_level=Offsets.ISOLATION, auto_offset_reset="none")
        )
        know_topics(asking, topics, partitions)
        offsets = Offsets(asking)
        cluster = Cluster(
            options=options,
            settings=settings,
            topics=topics,
            partitions=partitions,
            offsets=offsets,
            watch=TopicWatch(options, topics, partitions, offsets, stack),
        )
        yield KafkaStreams(cluster, counts, stack)


class KafkaStreams:
    """Open streams of one cluster."""

    def __init__(self, cluster: Cluster, counts: Mapping[str, int], stack: AsyncExitStack) -> None:
        """Share the clients of the cluster; the stack closes what is opened later.

        Args:
            cluster: Where the streams are.
            counts: Partitions by stream, of those that exist.
            stack: Outlives this.
        """
        self._cluster = cluster
        self._counts = counts
        self._stack = stack
        self._publisher: Any = None

    @property
    def layout(self) -> Layout:
        """Which streams there are."""
        return self._cluster.settings.layout

    @property
    def partitions(self) -> int:
        """How many partitions each topic of the worker has; pinned in the changelog."""
        return self._cluster.partitions

    async def publish(self, messages: Sequence[Message]) -> None:
        """Append the messages, in order and each once; a failure may leave a beginning of them."""
        records = [
            placed(message, self.layout, self._partitions_of(message.stream))
            for message in messages
        ]
        if not records:
            return
        for stream, _, key, _, _ in records:
            if key is None and stream in self.layout.compacted:
                # By a number that the client does not know, which reads like a passing fault.
                raise WrongUseError(f"{stream} is compacted: brokers take nothing without a key")
        if self._publisher is None:
            self._publisher = await self._stack.enter_async_context(producer(self._cluster.options))
        with translated("the messages were not all written", needs="Write"):
            await send(
                self._publisher, self._cluster.topics, records, self._cluster.settings.clock()
            )

    async def read(
        self,
        stream: str,
        *,
        from_start: bool = True,
        follow: bool = False,
        since: Mapping[int, int] | None = None,
        settled: bool = False,
    ) -> AsyncIterator[list[Record]]:
        """Give committed records; see the interface."""
        cluster = self._cluster
        places = {
            cluster.topics.at(stream, number): stream
            for number in range(self._partitions_of(stream))
            if since is None or number in since
        }
        ends = await (
            settled_ends(cluster.options, places) if settled else cluster.offsets.ends(places)
        )
        begins = await cluster.offsets.starts(places) if from_start else ends
        if since is not None:
            begins = {place: max(at, since[place.partition]) for place, at in begins.items()}
        async for records in scan(cluster.options, begins, ends, places, limit=READ_BATCH):
            yield records
        if not follow:
            return
        async with consumer(
            cluster.options, **COMMITTED, fetch_max_wait_ms=FETCH_WAIT_MS
        ) as client:
            await place_at(client, ends)
            while True:
                with translated(f"{stream} was not read", needs="Read"):
                    found = await client.getmany(timeout_ms=FOLLOW_MS, max_records=READ_BATCH)
                for messages in found.values():
                    yield [record_of(message, stream) for message in messages]

    async def ends(self, stream: str) -> Mapping[int, int]:
        """Ask the brokers; see the interface."""
        cluster = self._cluster
        places = [
            cluster.topics.at(stream, number) for number in range(self._partitions_of(stream))
        ]
        ends = await cluster.offsets.ends(places)
        return {place.partition: ends[place] for place in places}

    async def witnessed(self) -> Mapping[int, Sighting]:
        """Read the witness files of all partitions; see the interface."""
        path = self._cluster.settings.witness
        seen: dict[int, Sighting] = {}
        for number in range(0 if path is None else self.partitions):
            witness = Witness(witness_file(self._cluster.settings.witness_path, number))
            seen |= await asyncio.to_thread(witness.seen)
        return seen

    async def objections(self) -> Mapping[int, str]:
        """Compare the changelogs with this host's witness files; see the interface."""
        if self._cluster.settings.witness is None:
            return {}
        return await witness_objections(self._cluster)

    async def incarnation(self, partition: int) -> str | None:
        """Read it from the end of the changelog."""
        cluster = self._cluster
        told = await told_by_changelog(cluster.options, cluster.topics, cluster.offsets, partition)
        return None if told is None else told.incarnation

    async def ended(self, partition: int) -> Sequence[str]:
        """They stand beside the one that lives."""
        cluster = self._cluster
        told = await told_by_changelog(cluster.options, cluster.topics, cluster.offsets, partition)
        return [sighting.incarnation for sighting in told.forgiven] if told else []

    def _partitions_of(self, stream: str) -> int:
        if self.layout.require(stream) not in self._counts:
            raise WrongUseError(
                f"{self._cluster.options.servers} has no topic "
                f"{self._cluster.topics.name(stream)}: `slotkeeper streams create` makes what is "
                "missing"
            )
        return self._counts[stream]

    async def begin_witness(self) -> list[int]:
        """Write what the changelogs hold into this host's witness files; see the interface."""
        return await begin_witnesses(self._cluster, with_history=True)

    @asynccontextmanager
    async def own(self) -> AsyncIterator[Ownership]:
        """Become one of the workers; the group is joined when the first share is asked for."""
        cluster = self._cluster
        await require(cluster.options, cluster.topics.workers_rights)
        given = cluster.options.consumer()
        async with consumer(
            cluster.options,
            group_id=cluster.settings.application,
            auto_offset_reset="earliest",
        ) as client:
            name = given.get("group_instance_id")
            if name:
                instance = Instance(cluster.options, cluster.settings.application, str(name))
                instance.guard(client)
            membership = Membership(
                client,
                cluster.topics.name(self.layout.gated),
                self.partitions,
                session_s=int(given["session_timeout_ms"]) / 1_000,
            )
            ownership = KafkaOwnership(cluster, membership)
            try:
                yield ownership
            finally:
                membership.end()
                await ownership.close()
