"""What a worker writes to besides its streams, and where it listens."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from slotkeeper.cli.check_config.finding import Finding, error, ok, warning
from slotkeeper.cli.exits import TRY_LATER
from slotkeeper.clock import system_clock
from slotkeeper.console import Address
from slotkeeper.errors import ConfigurationError
from slotkeeper.settings import Settings

_FIRST_YEAR_MS = 1_577_836_800_000
"""2020-01-01: a clock before the first public version of this program was never set."""


def check_places(settings: Settings) -> Iterator[Finding]:
    """Look at witness, snapshots, port and clock; nothing is created."""
    yield from _witness(settings)
    if settings.snapshot.directory:
        yield from _writable("snapshot.directory", Path(settings.snapshot.directory))
    if settings.http.listen:
        yield from _port(settings.http.listen)
    yield from _clock()


def _witness(settings: Settings) -> Iterator[Finding]:
    witness = settings.streams_settings().witness
    if witness is None:
        yield warning(
            settings.witness_key,
            "is not set: an older copy of the store would be served unnoticed",
        )
        return
    yield from _writable(settings.witness_key, witness.parent)


def _writable(name: str, folder: Path) -> Iterator[Finding]:
    """Say whether files can be made in a folder, or the folder in the nearest one that exists."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        yield error(name, f"{there} is no folder")
    elif name.endswith("witness") and there != folder:
        yield error(name, f"there is no folder {folder}: a witness is not made in a new one")
    elif not os.access(there, os.W_OK | os.X_OK):
        yield error(name, f"this account may not write into {there}")
    else:
        yield ok(name, f"{folder} can be written")


def _port(listen: str) -> Iterator[Finding]:
    try:
        address = Address.parse(listen)
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except ConfigurationError as wrong:
        yield error("http.listen", str(wrong))
        return
    except OSError as wrong:
        yield error("http.listen", f"{listen} cannot be found: {wrong.strerror}")
        return
    family, kind, protocol, _, place = found[0]
    try:
        with socket.socket(family, kind, protocol) as trying:
            # As servers do: a port that was in use a moment ago is free.
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trying.bind(place)
            trying.listen(1)
    except OSError as wrong:
        yield error(
            "http.listen",
            f"{listen} cannot be listened on: {wrong.strerror} (a worker that runs here already "
            "has it)",
            TRY_LATER,
        )
    else:
        yield ok("http.listen", f"{listen} is free")


def _clock() -> Iterator[Finding]:
    now = system_clock()
    if now < 0:
        yield error("clock", "the clock of this machine stands before 1970")
    elif now < _FIRST_YEAR_MS:
        yield warning("clock", "the clock of this machine stands before 2020: numbers follow it")
