"""What a cluster's topics and this client can do, for people: looked at, never changed."""

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from slotkeeper.streams.interface import StreamsSettings

from .clients import admin
from .errors import translated
from .options import ClientOptions
from .topics import Topics

_WANTED = (
    "cleanup.policy",
    "max.message.bytes",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
)

UNREAD_MS = 7 * 86_400_000
"""An input that is kept for less is told of: a worker may be away over a weekend and longer."""

_BY_CRAMJAM = ("lz4", "snappy", "zstd")
"""What ``inflating`` undoes by that package; gzip is Python's own."""


async def faults_of_topics(
    servers: str, settings: StreamsSettings, *, largest: int
) -> list[tuple[bool, str]]:
    """Compare the topics with what a worker needs.

    Args:
        servers: ``host:port[,host:port]``.
        settings: Of the streams.
        largest: Octets of the largest record that a worker writes.

    Returns:
        For each fault whether a worker would stop for it, and what it is.

    Raises:
        StoreUnavailableError: The cluster does not answer.
    """
    options = ClientOptions(servers, settings.kafka)
    topics = Topics(settings.layout, settings.topic_prefix)
    names = {topics.name(stream): stream for stream in settings.layout.names}
    found: list[tuple[bool, str]] = []
    async with admin(options) as client:
        with translated("the topics' settings were not read"):
            brokers = len((await client.describe_cluster())["brokers"])
            there = {
                topic["topic"]: topic["partitions"]
                for topic in await client.describe_topics()
                if topic["topic"] in names and not topic["error_code"]
            }
            wanted = [
                ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(_WANTED))
                for name in there
            ]
            answers = await client.describe_configs(wanted) if wanted else []
    for answer in answers:
        for code, message, _, name, entries in answer.resources:
            if code:
                why = message or for_code(code).__name__
                found.append((False, f"the settings of topic {name} may not be seen: {why}"))
                continue
            given = {entry[0]: entry[1] for entry in entries}
            found += _of_topic(names[name], name, given, settings, largest)
            in_sync, replicas = int(given.get("min.insync.replicas") or 1), _replicas(there[name])
            if in_sync > replicas:
                said = f"topic {name} has {replicas} replicas, and min.insync.replicas {in_sync}"
                found.append((names[name] in settings.layout.served, f"{said}: it takes no record"))
    for name, partitions in there.items():
        if _replicas(partitions) < min(2, brokers):
            found.append((False, f"topic {name} has one replica: a broker's disk is all there is"))
    missing = [name for name in names if name not in there]
    if missing:
        said = f"there is no topic {', '.join(missing)}"
        found.append((False, f"{said}: `slotkeeper streams create` makes what is missing"))
    return found


def _replicas(partitions: Sequence[Mapping[str, Any]]) -> int:
    return min((len(part["replicas"]) for part in partitions), default=0)


def missing_codecs() -> list[str]:
    """Give the ways of compressing that this client cannot undo: such a batch is set aside."""
    return [] if importlib.util.find_spec("cramjam") else list(_BY_CRAMJAM)


def _of_topic(
    stream: str,
    name: str,
    given: Mapping[str, str],
    settings: StreamsSettings,
    largest: int,
) -> Iterator[tuple[bool, str]]:
    layout = settings.layout
    policy = given.get("cleanup.policy", "")
    if stream in layout.compacted and policy != "compact":
        yield (
            stream == layout.changelog,
            f"topic {name} has cleanup.policy {policy}, and must have compact",
        )
    if stream in layout.events and policy == "compact":
        yield False, f"topic {name} has cleanup.policy compact: unread records are removed"
    age, size = int(given.get("retention.ms") or -1), int(given.get("retention.bytes") or -1)
    if stream in (*layout.outputs, *layout.acts) and (age, size) != (-1, -1):
        yield False, f"topic {name} deletes its history (retention.ms, retention.bytes)"
    if stream in layout.events and (0 <= age < UNREAD_MS or size >= 0):
        kept = f"retention.ms {age}, retention.bytes {size}"
        yield False, f"topic {name} may delete what was not read yet ({kept})"
    if stream in (*layout.outputs, layout.changelog):
        most = int(given.get("max.message.bytes") or 0)
        if most and most < largest:
            yield (
                False,
                f"topic {name} takes {most} octets, and a dead letter may have {largest}",
            )
