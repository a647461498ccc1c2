"""``/livez``, ``/readyz`` and ``/metrics``.

Every request is bounded in size and time, every answer closes its connection, nothing is written
by anyone who asks. There is no TLS and no password: listen on the local host, or put what has
them in front.
"""

import asyncio
import contextlib
import errno
import logging
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from slotkeeper.errors import ConfigurationError, TryLaterError

from .loop_lag import watching_loop
from .metrics import CONTENT_TYPE, Metrics
from .readiness import obstacles
from .request import HEAD_BYTES, RefusedError, read_request

REQUEST_S = 10.0
"""For a whole request, from connection to answer: Prometheus' own time-out for a scrape."""

CONNECTIONS = 32
"""At once; for a further client the one that has been here longest has to go. Some scrapers and
probes need a handful, and each is answered in milliseconds: who stays only holds its socket."""

MAX_PORT = 0xFFFF

TEXT = "text/plain; charset=utf-8"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes:
        host: A name or an address.
        port: 0 to 65535; 0 takes one that is free.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``127.0.0.1:9464``, ``[::1]:9464`` or ``localhost:9464``.

        Raises:
            ConfigurationError: It is none of these.
        """
        host, _, port = text.rpartition(":")
        if not host or not port.isascii() or not port.isdecimal() or int(port) > MAX_PORT:
            raise ConfigurationError(f"http.listen: {text!r} is no host:port, as 127.0.0.1:9464 is")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))


@contextlib.asynccontextmanager
async def serve(
    address: Address, metrics: Metrics, hosts: Collection[str] = ()
) -> AsyncIterator[None]:
    """Answer while the context lasts.

    Args:
        address: Where to listen.
        metrics: What to tell.
        hosts: Further names by which clients may call this server.

    Raises:
        ConfigurationError: The address is not this machine's, or may not be listened on.
        TryLaterError: Another program listens there.
    """
    console = _Console(metrics, {"localhost", *(name.lower() for name in (address.host, *hosts))})
    try:
        server = await asyncio.start_server(
            console.answer, address.host, address.port, limit=HEAD_BYTES
        )
    except OSError as error:
        what = f"http.listen: cannot listen on {address.host} port {address.port}"
        if error.errno == errno.EADDRINUSE:
            raise TryLaterError(f"{what}: another program does") from error
        raise ConfigurationError(f"{what}: {error.strerror or error}") from error
    for socket in server.sockets:
        host, port = socket.getsockname()[:2]
        _log.info("console listens", extra={"host": host, "port": port})
    try:
        async with watching_loop(metrics.loop_lag):
            yield
    finally:
        server.close()
        await console.end()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: bytes
    content_type: str = TEXT
    more: str = ""

    def octets(self, *, with_body: bool) -> bytes:
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\n"
            f"Cache-Control: no-store\r\n{self.more}"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + (self.body if with_body else b"")


class _Console:
    """Answers connections."""

    def __init__(self, metrics: Metrics, names: Collection[str]) -> None:
        self._metrics = metrics
        self._names = names
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while len(self._connections) >= CONNECTIONS:
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.transport.abort()
        self._connections[writer] = asyncio.current_task()
        try:
            # A time-out needs no answer: so slow a client does not wait for one.
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(REQUEST_S):
                    writer.write(await self._respond(reader))
                    await writer.drain()
        finally:
            self._connections.pop(writer, None)
            writer.close()

    async def end(self) -> None:
        """Break off what is open, and wait until it is."""
        tasks = [task for task in self._connections.values() if task is not None]
        for writer in self._connections:
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _respond(self, reader: asyncio.StreamReader) -> bytes:
        try:
            request = await read_request(reader, self._names)
        except RefusedError as refused:
            more = f"Allow: {refused.allow}\r\n" if refused.allow else ""
            return _plain(refused.status, more).octets(with_body=True)
        if request is None:
            return b""
        answer = await self._page(request.path)
        return answer.octets(with_body=request.with_body)

    async def _page(self, path: bytes) -> _Answer:
        match path:
            case b"/livez":
                # Whatever else is wrong, the event loop turns. A partition that does not open is
                # not mended by a restart, so it does not count here.
                return _Answer(HTTPStatus.OK, b"alive\n")
            case b"/readyz":
                against = obstacles(self._metrics.group)
                if not against:
                    return _Answer(HTTPStatus.OK, b"ready\n")
                body = "".join(f"{line}\n" for line in ("not ready", *against))
                return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, body.encode())
            case b"/metrics":
                return _Answer(HTTPStatus.OK, await self._metrics.text(), CONTENT_TYPE)
            case _:
                return _plain(HTTPStatus.NOT_FOUND)


def _plain(status: HTTPStatus, more: str = "") -> _Answer:
    return _Answer(status, f"{status.phrase}\n".encode(), more=more)
