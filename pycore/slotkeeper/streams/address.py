"""From ``--streams URL`` to open streams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import WrongUseError
from .interface import Streams, StreamsSettings


@asynccontextmanager
async def open_streams(url: str, settings: StreamsSettings | None = None) -> AsyncIterator[Streams]:
    """Open the streams at an address; they are closed when the context ends.

    Args:
        url: ``sqlite:///relative/file.db``, ``sqlite:////absolute/file.db``,
            ``kafka://host:port[,host:port]`` or ``memory:`` (empty streams of this process alone,
            for simulation).
        settings: The defaults, if None.

    Raises:
        WrongUseError: No such kind of streams, or an address without a file.
        StoppedForOperatorError: The partition count is not the one the streams were made with.
        StoreUnavailableError: The store cannot be opened now.
    """
    settings = settings or StreamsSettings()
    parts = urlsplit(url)
    match parts.scheme:
        case "sqlite":
            from .sqlite import open_sqlite  # noqa: PLC0415  # only the kind in use is loaded

            async with open_sqlite(sqlite_path(url), settings) as streams:
                yield streams
        case "kafka":
            from .kafka import open_kafka  # noqa: PLC0415

            async with open_kafka(kafka_servers(url), settings) as streams:
                yield streams
        case "memory":
            from .memory import MemoryStreams  # noqa: PLC0415

            yield MemoryStreams(settings)
        case _:
            raise WrongUseError(
                f"{url!r} is no address of streams: sqlite:///path/to/file.db is, and "
                "kafka://host:port"
            )


async def create_streams(
    url: str, settings: StreamsSettings, *, replication_factor: int | None = None
) -> int:
    """Make the streams at an address where they do not exist; gives their partition count.

    Args:
        url: As for ``open_streams``.
        settings: ``partitions`` is the wanted count; 4 if None and there are no streams.
        replication_factor: Of topics; 3, or as many as there are brokers, if None.

    Raises:
        WrongUseError: No such kind of streams, or they cannot be made as wanted.
        StoppedForOperatorError: They exist, with another partition count.
        StoreUnavailableError: The store cannot be used now.
    """
    if urlsplit(url).scheme == "kafka":
        from .kafka import create_topics  # noqa: PLC0415

        return await create_topics(
            kafka_servers(url), settings, replication_factor=replication_factor
        )
    if replication_factor is not None:
        raise WrongUseError("only topics of Kafka have a replication factor")
    async with open_streams(url, settings) as streams:
        return streams.partitions


def sqlite_path(url: str) -> Path:
    """Give the file that a ``sqlite:`` address names.

    Three slashes begin a relative path and four an absolute one, as usual with such addresses;
    a path after three slashes that only exists from the root is not guessed at.
    """
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or not path:
        raise WrongUseError(f"{url!r} names no file: write sqlite:///path/to/file.db")
    return Path(path)


def kafka_servers(url: str) -> str:
    """Give ``host:port[,host:port]`` of a ``kafka:`` address."""
    servers, path = urlsplit(url).netloc, urlsplit(url).path
    hosts = [server.rpartition(":") for server in servers.split(",")]
    if path.strip("/") or not all(host and port.isdecimal() for host, _, port in hosts):
        raise WrongUseError(f"{url!r} names no brokers: write kafka://host:port[,host:port]")
    return servers
