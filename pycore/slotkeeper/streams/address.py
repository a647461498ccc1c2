"""From ``--streams URL`` to open streams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import WrongUseError
from .interface import Streams, StreamsSettings


@asynccontextmanager
async def open_streams(
    url: str, settings: StreamsSettings | None = None, *, to_look: bool = False
) -> AsyncIterator[Streams]:
    """Open the streams at an address; they are closed when the context ends.

    Args:
        url: ``sqlite:///relative/file.db``, ``sqlite:////absolute/file.db``,
            ``kafka://host:port[,host:port]`` or ``memory:`` (empty streams of this process alone,
            for simulation).
        settings: The defaults, if None.
        to_look: For tools that only read: nothing is made where there is nothing, and topics may
            differ in their partition counts, since a worker that stopped for that sends people to
            such tools.

    Raises:
        WrongUseError: No such kind of streams, an address without a file, or nothing to look at.
        StoppedForOperatorError: The partition count is not the one the streams were made with.
        StoreUnavailableError: The store cannot be opened now.
    """
    settings = settings or StreamsSettings()
    match kind_of(url):
        case "sqlite":
            from .sqlite import open_sqlite, refuse_moved_address  # noqa: PLC0415  # only the kind in use is loaded

            path = sqlite_path(url)
            refuse_moved_address(path, sqlite_path_before(url))
            if to_look:
                _refuse_absent(path)
            async with open_sqlite(path, settings) as streams:
                yield streams
        case "kafka":
            from .kafka import open_kafka  # noqa: PLC0415

            async with open_kafka(kafka_servers(url), settings, to_look=to_look) as streams:
                yield streams
        case "memory":
            from .memory import MemoryStreams  # noqa: PLC0415

            yield MemoryStreams(settings)
        case _:
            raise WrongUseError(
                f"{shown(url)!r} is no address of streams: sqlite:///path/to/file.db is, and "
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
    if kind_of(url) == "kafka":
        from .kafka import create_topics  # noqa: PLC0415

        return await create_topics(
            kafka_servers(url), settings, replication_factor=replication_factor
        )
    if replication_factor is not None:
        raise WrongUseError("only topics of Kafka have a replication factor")
    async with open_streams(url, settings) as streams:
        return streams.partitions


def shown(url: str) -> str:
    """Give an address for a message or a log: without the password that somebody put there."""
    before, at, after = url.rpartition("@")
    scheme, slashes, _ = before.partition("//")
    return f"{scheme}{slashes}...@{after}" if at and slashes and kind_of(url) != "sqlite" else url


def _refuse_absent(path: Path) -> None:
    try:
        if path.stat().st_size:
            return
    except FileNotFoundError:
        pass
    except OSError as error:
        raise WrongUseError(f"{path} cannot be looked at: {error.strerror}") from None
    raise WrongUseError(
        f"there is no store {path}: `slotkeeper run`, or `slotkeeper publish`, makes one"
    )


def kind_of(url: str) -> str:
    """Give what stands before an address's first colon."""
    return url.partition(":")[0].lower()


def sqlite_path(url: str) -> Path:
    """Give the file that a ``sqlite:`` address names.

    Three slashes begin a relative path and four an absolute one, as usual with such addresses;
    a path after three slashes that only exists from the root is not guessed at. What follows the
    third is the path as it stands: ``#``, ``?`` and ``%`` are characters of names like any other.

    Raises:
        WrongUseError: No file is named.
    """
    kind, _, path = url.partition(":///")
    if kind.lower() != "sqlite" or not path or path.endswith("/") or "\0" in path:
        raise WrongUseError(f"{url!r} names no file: write sqlite:///path/to/file.db")
    return Path(path)


def sqlite_path_before(url: str) -> Path:
    """Give the file that versions before 0.2 opened for an address.

    They took it for a URL: cut it at ``#`` and ``?``, and decoded ``%``.
    """
    return Path(unquote(urlsplit(url).path).removeprefix("/"))


def kafka_servers(url: str) -> str:
    """Give ``host:port[,host:port]`` of a ``kafka:`` address."""
    try:
        _, servers, path, *_ = urlsplit(url)
    except ValueError:  # brackets that hold no address
        raise WrongUseError(_no_brokers(url)) from None
    if "@" in servers:
        raise WrongUseError(
            f"{shown(url)!r} names a user: write kafka://host:port, and name it by "
            "kafka.sasl_plain_username and kafka.sasl_plain_password"
        )
    hosts = [server.rpartition(":") for server in servers.split(",")]
    if path.strip("/") or not all(host and port.isdecimal() for host, _, port in hosts):
        raise WrongUseError(_no_brokers(url))
    return servers


def _no_brokers(url: str) -> str:
    return f"{shown(url)!r} names no brokers: write kafka://host:port[,host:port]"
