"""Streams as topics: their names, their settings, how many partitions they have."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from slotkeeper.streams.errors import (
    StoppedForOperatorError,
    StoreUnavailableError,
    WrongUseError,
)
from slotkeeper.streams.interface import StreamsSettings
from slotkeeper.streams.layout import Layout

from .clients import admin
from .errors import judged, translated
from .options import ClientOptions
from .rights import hidden

DEFAULT_PARTITIONS = 4
"""As many as the embedded kind makes."""

REPLICAS = 3
"""Unless the cluster is smaller: what a broker acknowledged may be in page caches only, so two
machines must fail together before it is lost."""

LED_S = 60.0
"""How long new partitions may be without a leader; a moment is usual."""

LOOK_S = 0.05
"""How often is looked for them meanwhile."""

LOOKS, LOOK_AGAIN_S = 4, 0.5
"""A topic that was just made is known to every broker within some tens of milliseconds; to one that
has just begun when it has caught up."""

_DAY_MS = 86_400_000

_OCTETS = 2 * 1024 * 1024
"""Twice what a broker takes by default: a dead letter is its input and headers more, and a parked
record stands in the changelog in base64."""

_EVENTS = {"cleanup.policy": "delete", "retention.ms": str(30 * _DAY_MS)}
"""Thirty days: far longer than a worker may be away, since unread records must not be deleted."""

_OUTPUTS = {"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": str(_OCTETS)}
"""History: kept until somebody decides otherwise."""

_NEWEST = {
    "cleanup.policy": "compact",
    # Compacted early and often, since a restore without a snapshot reads all of it.
    "min.cleanable.dirty.ratio": "0.1",
    "segment.ms": "600000",
    "max.message.bytes": str(_OCTETS),
    # Whoever reads on from a snapshot, or returns, must be told of what was removed meanwhile.
    "delete.retention.ms": str(7 * _DAY_MS),
}
"""Of tables, registers and the changelog: the newest record of a key, and tombstones for a week."""


class Existing(NamedTuple):
    """What a cluster has of the topics.

    Attributes:
        counts: By stream, how many partitions its topic has; those that exist.
        leaderless: Streams of which some partition has no leader now, which passes: a broker is
            away, or has just been told of it.
    """

    counts: dict[str, int]
    leaderless: tuple[str, ...]


class Topics:
    """Names of topics: the stream's, behind a prefix."""

    def __init__(self, layout: Layout, prefix: str = "") -> None:
        """Name the topics of these streams."""
        self.layout = layout
        self._prefix = prefix

    def name(self, stream: str) -> str:
        """Give a stream's topic."""
        return f"{self._prefix}{self.layout.require(stream)}"

    def at(self, stream: str, partition: int) -> TopicPartition:
        """Give one partition of a stream's topic."""
        return TopicPartition(self.name(stream), partition)

    def stream(self, place: TopicPartition) -> str:
        """Give the stream whose topic that is."""
        return str(place.topic).removeprefix(self._prefix)

    def all_of(self, streams: Iterable[str], partition: int) -> dict[TopicPartition, str]:
        """Give one partition of several streams, with their names."""
        return {self.at(stream, partition): stream for stream in streams}

    @property
    def workers_rights(self) -> dict[str, set[str]]:
        """Give what a worker does with each topic; it writes inputs into their right partition."""
        return {
            self.name(stream): {"Write"} if stream in self.layout.outputs else {"Read", "Write"}
            for stream in self.layout.served
        }


async def create_topics(
    servers: str, settings: StreamsSettings, *, replication_factor: int | None = None
) -> int:
    """Make the topics that are missing; gives how many partitions each of the worker's has.

    Args:
        servers: ``host:port[,host:port]``.
        settings: ``partitions`` is wanted of the worker's topics; 4 if None and there are none.
        replication_factor: 3, or as many as there are brokers, if None.

    Raises:
        StoppedForOperatorError: Some exist, with another partition count.
        WrongUseError: The cluster refuses.
        StoreUnavailableError: The cluster cannot be used now.
    """
    options = ClientOptions(servers, settings.kafka)
    topics = Topics(settings.layout, settings.topic_prefix)
    every = (await existing_topics(options, topics)).counts
    existing = {stream: every[stream] for stream in topics.layout.served if stream in every}
    await _refuse_if_hidden(options, [topics.name(stream) for stream in topics.layout.names])
    counts = set(existing.values()) | ({settings.partitions} - {None})
    if len(counts) > 1:
        raise StoppedForOperatorError(_differing(existing, settings.partitions))
    partitions = next(iter(counts), None) or DEFAULT_PARTITIONS
    async with admin(options) as client:
        with translated("the topics were not made"):
            brokers = len((await client.describe_cluster())["brokers"])
            replicas = replication_factor or min(REPLICAS, brokers)
            answer = await client.create_topics(
                [
                    NewTopic(
                        topics.name(stream),
                        settings.layout.partitions_of(stream, partitions),
                        replicas,
                        topic_configs=_configuration(settings.layout, stream, replicas),
                    )
                    for stream in settings.layout.names
                    if stream not in every
                ]
            )
    for topic, code, *message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            about = [topic] if error is TopicAuthorizationFailedError else message
            raise judged(error(*about), "the topics were not made", needs="Create")
    made = {name: settings.layout.partitions_of(name, partitions) for name in topics.layout.names}
    await _all_led(options, topics, Existing({**made, **every}, ()))
    return partitions


async def _all_led(options: ClientOptions, topics: Topics, wanted: Existing) -> None:
    """Wait until every partition of what was made has a leader that clients are told of."""
    found = wanted
    try:
        async with asyncio.timeout(LED_S):
            while (found := await existing_topics(options, topics)) != wanted:  # noqa: ASYNC110  # remote
                await asyncio.sleep(LOOK_S)
    except TimeoutError as error:
        raise StoreUnavailableError(
            f"the topics are made, and after {LED_S:.0f} s {_leaderless(found)}"
        ) from error


async def agreed_partitions(
    options: ClientOptions, topics: Topics, wanted: int | None = None
) -> Mapping[str, int]:
    """Give the partition counts by stream; all topics of the worker have the same.

    Registers are missing where a cluster has none yet, as after an upgrade: workers do without.

    Raises:
        WrongUseError: Topics are missing.
        StoppedForOperatorError: They differ, or differ from what is wanted.
        StoreUnavailableError: Some partition has no leader now.
    """
    served = topics.layout.served
    for _ in range(LOOKS):
        found = await existing_topics(options, topics)
        existing = {stream: found.counts[stream] for stream in served if stream in found.counts}
        missing = [topics.name(stream) for stream in served if stream not in existing]
        if not missing:
            break
        # A broker that has just begun, or another than the one that made them, may not know them.
        await asyncio.sleep(LOOK_AGAIN_S)
    if missing:
        await _refuse_if_hidden(options, missing)
        raise WrongUseError(
            f"{options.servers} has no topic {', '.join(missing)}: `slotkeeper streams create` "
            "makes what is missing"
        )
    counts = set(existing.values())
    if len(counts) > 1 or (wanted is not None and counts != {wanted}):
        raise StoppedForOperatorError(_differing(existing, wanted))
    if set(found.leaderless) & set(served):
        raise StoreUnavailableError(_leaderless(found))
    return found.counts


async def counts_as_they_are(options: ClientOptions, topics: Topics) -> Mapping[str, int]:
    """Give the partition counts by stream, for tools that only read: they may differ.

    The changelog's is the one that workers were made with, since they alone write it.

    Raises:
        WrongUseError: There is no changelog, so that nothing was ever decided here.
    """
    counts = (await existing_topics(options, topics)).counts
    changelog = topics.layout.changelog
    if changelog not in counts:
        await _refuse_if_hidden(options, [topics.name(changelog)])
        raise WrongUseError(
            f"{options.servers} has no topic {topics.name(changelog)}: `slotkeeper streams create` "
            "makes what is missing"
        )
    return counts


async def _refuse_if_hidden(options: ClientOptions, topics: Sequence[str]) -> None:
    """Tell topics that may not be seen from those that do not exist."""
    unseen = await hidden(options, topics)
    if unseen:
        raise WrongUseError(
            f"{options.who} lacks rights: Read or Write, or at least Describe, on topic "
            f"{', '.join(unseen)}"
        )


async def existing_topics(options: ClientOptions, topics: Topics) -> Existing:
    """Say which of the topics there are."""
    async with admin(options) as client:
        # All topics, since asking for one by its name can make a broker create it.
        with translated("the topics were not listed"):
            told = {
                topic["topic"]: [part["leader"] for part in topic["partitions"]]
                for topic in await client.describe_topics()
                if not topic["error_code"]
            }
    leaders = {
        stream: told[topics.name(stream)]
        for stream in topics.layout.names
        if topics.name(stream) in told
    }
    return Existing(
        {stream: len(parts) for stream, parts in leaders.items()},
        tuple(stream for stream, parts in leaders.items() if min(parts, default=0) < 0),
    )


def _configuration(layout: Layout, stream: str, replicas: int) -> dict[str, str]:
    if stream in layout.compacted:
        kept = _NEWEST
    else:
        kept = _EVENTS if stream in layout.events else _OUTPUTS
    return {
        **kept,
        # One replica may be away without a stop, and an acknowledged record is on two.
        "min.insync.replicas": str(max(1, replicas - 1)),
        "unclean.leader.election.enable": "false",
    }


def _leaderless(found: Existing) -> str:
    return f"partitions of {', '.join(found.leaderless)} have no leader: brokers are away"


def _differing(existing: dict[str, int], wanted: int | None) -> str:
    counts = ", ".join(f"{stream} {count}" for stream, count in sorted(existing.items()))
    asked = "" if wanted is None else f"; {wanted} are wanted"
    return (
        f"the topics must all have the same number of partitions, for ever ({counts} partitions"
        f"{asked}): devices would change their partition and lose their counters"
    )
