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
        url: ``sqlite:///relative/file.db``, ``sqlite:////absolute/file.db`` or ``memory:`` (empty
            streams of this process alone, for simulation).
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
        case "memory":
            from .memory import MemoryStreams  # noqa: PLC0415

            yield MemoryStreams(settings)
        case _:
            raise WrongUseError(f"{url!r} is no address of streams: sqlite:///path/to/file.db is")


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
