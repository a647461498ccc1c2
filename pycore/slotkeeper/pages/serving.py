"""The console's process: its sockets, its identity, its life."""

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import logging
import os
import re
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from slotkeeper.clock import system_clock
from slotkeeper.errors import ConfigurationError, TryLaterError
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams

from .access_log import AccessLog
from .application import application
from .desk import Desk
from .exits import Exits
from .gate import ByLink, ByProxy, Identity
from .jobs import Jobs
from .journal.file import Journal, prepare
from .keeping import keep, look_around
from .links import Links
from .patience import ImpatientProtocol
from .persons import Person
from .proxy import Proxy
from .reports import Comparisons, Reports

_log = logging.getLogger(__name__)

UNIX = "unix:"
"""Begins the address of a Unix socket."""

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

FIRST_LOOK_S = 5.0
"""For what is there already, before anybody is let in: a report of some 100,000 devices."""

DRAIN_S = 5
"""For pages in hand when the console ends."""

MOST_CONNECTIONS = 200
"""At once; a browser opens six."""

MAX_HEAD = 32_768
"""Octets of a request's head; a cookie of oauth2-proxy has some 4 kB, and it may come in parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How the console is started.

    Attributes:
        data: The folder that is its own.
        listen: ``host:port`` on loopback, or ``unix:PATH``.
        person: Whom the one-time link is for.
        workers: Where workers listen, ``host:port``.
        common: Options that name the settings, for commands that run beside.
        tell: Is given the one-time link; not called where a proxy names persons.
    """

    data: Path
    listen: str
    person: Person
    workers: Sequence[str]
    common: Sequence[str]
    tell: Callable[[str], None]


async def serve(serving: Serving, settings: Settings) -> None:
    """Serve pages until a signal ends it.

    Raises:
        ConfigurationError: The address or a setting cannot be used.
        TryLaterError: Another program listens there.
        StoreUnavailableError: The streams cannot be read now.
    """
    by_link = settings.console.identity == "link"
    bound = _bound(serving.listen, by_link=by_link)
    links = Links(system_clock) if by_link else None
    identity: Identity = ByLink(links) if links else ByProxy(_proxy(settings), _csrf_of())
    serving.data.mkdir(parents=True, exist_ok=True)
    log = AccessLog(serving.data / "access.log", system_clock)
    async with _desk(serving, settings) as kept:
        hosts, base = _names(bound)
        app = application(kept.desk, identity, log, hosts=hosts, links=links)
        server = _Server(
            uvicorn.Config(
                app,
                http=ImpatientProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                h11_max_incomplete_event_size=MAX_HEAD,
                timeout_graceful_shutdown=DRAIN_S,
            )
        )
        loop = asyncio.get_running_loop()

        def tell() -> None:
            if links is not None:
                serving.tell(f"{base}/session/{links.new(serving.person)}")

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.end)
        loop.add_signal_handler(signal.SIGUSR1, tell)
        tell()
        _log.info("console listens", extra={"address": serving.listen})
        # Pages that nobody keeps up to date any more would be wrong without saying so.
        kept.keeper.add_done_callback(lambda _ended: server.end())
        try:
            await server.serve(sockets=[bound])
        finally:
            log.close()
        if kept.keeper.done():
            kept.keeper.result()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A desk, and the task that keeps it up to date."""

    desk: Desk
    keeper: asyncio.Task[None]


class _Server(uvicorn.Server):
    """Ends by our own signals: its own way would end the process by the signal once more."""

    def end(self) -> None:
        """End after the pages in hand; at once if asked twice."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to who serves."""
        yield


@contextlib.asynccontextmanager
async def _desk(serving: Serving, settings: Settings) -> AsyncIterator["_Kept"]:
    data = serving.data
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        incarnations = [str(await streams.incarnation(one)) for one in range(streams.partitions)]
        store = hashlib.sha256("\n".join(incarnations).encode()).hexdigest()
        file = data / "journal.db"
        writer = await asyncio.to_thread(prepare, file, store)
        slots = data if (data / "builds").is_dir() else data / "slots"
        desk = Desk(
            clock=system_clock,
            streams=streams,
            loop=asyncio.get_running_loop(),
            slots=slots,
            evidence=data / "evidence",
            exits=Exits(data / "exits"),
            journal=Journal(file),
            reports=Reports(data / "reports"),
            comparisons=Comparisons(data / "comparisons"),
            jobs=Jobs(system_clock, serving.common),
            signers=settings.signers(),
            build_every_s=seconds(settings.console.build_every),
            settings={},
        )
        first = asyncio.create_task(look_around(desk, serving.workers))
        # A large report takes longer: then the pages say that there is none yet.
        await asyncio.wait([first], timeout=FIRST_LOOK_S)
        keeper = asyncio.create_task(keep(desk, writer, serving.workers, first))
        try:
            yield _Kept(desk, keeper)
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])
            writer.close()
            if desk.judged is not None:
                desk.judged.close()


def seconds(text: str) -> int | None:
    """Read ``15m`` or ``1h``; None for empty."""
    found = re.fullmatch(r"([0-9]+)([smhd])", text)
    return int(found[1]) * _UNITS[found[2]] if found else None


def _bound(listen: str, *, by_link: bool) -> socket.socket:
    if listen.startswith(UNIX):
        if by_link:
            raise ConfigurationError(
                "a Unix socket is for a proxy that names persons: set console.identity = "
                '"header", or listen on 127.0.0.1'
            )
        return _unix(Path(listen.removeprefix(UNIX)))
    if not by_link:
        raise ConfigurationError(
            'console.identity = "header" listens on a Unix socket alone, --listen unix:/path: on a '
            "port anybody could speak in the proxy's place"
        )
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not _is_loopback(host) or not (port.isascii() and port.isdecimal() and int(port) < 1 << 16):
        raise ConfigurationError(
            f"--listen {listen!r}: the one-time link is for this machine alone, as 127.0.0.1:8443 "
            "is; for others put a proxy in front (docs/console.md)"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, int(port)))
        # From now on, so that who follows the link at once waits instead of being refused.
        bound.listen()
    except OSError as error:
        bound.close()
        raise TryLaterError(f"cannot listen on {listen}: {error.strerror}") from None
    return bound


def _unix(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Of a console that is gone: nobody answers there.
        with contextlib.suppress(FileNotFoundError):
            if path.is_socket():
                path.unlink()
        mask = os.umask(0o117)
        try:
            bound.bind(str(path))
            bound.listen()
        finally:
            os.umask(mask)
    except OSError as error:
        bound.close()
        raise ConfigurationError(f"cannot listen on {path}: {error.strerror}") from None
    return bound


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names(bound: socket.socket) -> tuple[list[str], str]:
    """Give what requests may call us, and the beginning of links."""
    if bound.family == socket.AF_UNIX:
        return [], ""
    host, port = bound.getsockname()[:2]
    own = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return [own, f"localhost:{port}"], f"http://{own}"


def _proxy(settings: Settings) -> Proxy:
    console = settings.console
    if not (console.proxy_key and console.persons):
        raise ConfigurationError(
            'console.identity = "header" needs console.proxy_key and console.persons'
        )
    return Proxy.read(Path(console.proxy_key), Path(console.persons))


def _csrf_of() -> Callable[[str], str]:
    """Give what derives a person's token: where a proxy keeps sessions there is none of ours."""
    key = secrets.token_bytes(32)
    return lambda name: hmac.new(key, name.encode(), "sha256").hexdigest()
