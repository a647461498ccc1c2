"""``slotkeeper demo --serve``: a fleet, a worker and the pages about them."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from slotkeeper.cli import logs
from slotkeeper.cli.demo.site import Site, furnish
from slotkeeper.cli.output import note, progress, write_lines
from slotkeeper.clock import system_clock
from slotkeeper.pages.health import asked
from slotkeeper.pages.persons import Person
from slotkeeper.pages.serving import Serving, serve
from slotkeeper.settings import Settings

_STOP_S = 25.0
"""For the worker's end: its own drain, and a little."""

_READY_TRIALS, _READY_PAUSE_S = 50, 0.2
"""A worker of such a fleet is ready within a second or two."""

_PERSON = Person.of("demo", ["DCC"])


def serve_demo(listen: str, keep: Path | None, *, devices: int, seed: int) -> None:
    """Make a site, run a worker on it, and serve pages until a signal ends it."""
    with contextlib.ExitStack() as stack:
        if keep is None:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="slotkeeper-demo-"))
        folder = Path(made) if keep is None else keep
        health = f"127.0.0.1:{free_port()}"
        with progress("making the fleet") as advance:
            today = datetime.fromtimestamp(system_clock() / 1_000, UTC).date()
            site = furnish(
                folder,
                devices=devices,
                seed=str(seed),
                today=today,
                advance=advance,
                listen=health,
            )
        stack.enter_context(_worker(site))
        asyncio.run(_until_ready(health))
        logs.begin()
        serving = Serving(
            data=site.folder,
            listen=listen,
            person=_PERSON,
            workers=(health,),
            common=("--config", str(site.config)),
            tell=_tell,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(serving, Settings.load(site.config, environment={})))


def _tell(link: str) -> None:
    write_lines([link.encode()])
    note("Follow this link in a browser of this machine; it works once. Ctrl-C ends everything.")


async def _until_ready(health: str) -> None:
    """Wait until the worker serves all partitions; without it the pages say that it does not."""
    for _ in range(_READY_TRIALS):
        if (await asked(health)).ready:
            return
        await asyncio.sleep(_READY_PAUSE_S)


@contextlib.contextmanager
def _worker(site: Site) -> Iterator[None]:
    """Run a worker for as long as the context lasts; what it says goes beside the settings."""
    with (site.folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-m", "slotkeeper", "run", "--config", str(site.config)],
            stdout=subprocess.DEVNULL,
            stderr=log,
            # Ctrl-C at the terminal is for us: the worker ends when we say so.
            process_group=0,
            env=os.environ,
        )
        try:
            yield
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                worker.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def free_port() -> int:
    """Give a port of this machine on which nobody listens just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
