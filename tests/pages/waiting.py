"""What tests of pages wait for: other processes, which take as long as the machine lets them."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import orjson

T = TypeVar("T")

PATIENCE_S = 600.0
"""For an answer, as long as a test may take: a busy machine needs more than the 5 s of httpx."""

WAIT = threading.Event()
"""Nobody sets it: for pauses between two looks at another process."""


def until(look: Callable[[], T | None]) -> T:
    """Look until something true is seen; the test's own time is the only bound.

    Nobody listens at first, so a refused connection is nothing seen.
    """
    while True:
        try:
            if found := look():
                return found
        except httpx.TransportError:
            pass
        # A page is work for who is waited for.
        WAIT.wait(0.3)


@contextmanager
def running_worker(config: Path, log: Path) -> Iterator[str]:
    """Run a worker, and give where it tells its health once it is ready."""
    command = [sys.executable, "-m", "slotkeeper", "run", "--config", str(config)]
    # The system gives the port: one that was looked for before may be another's by now.
    at_any_port = {**os.environ, "SLOTKEEPER_HTTP__LISTEN": "127.0.0.1:0"}
    with (
        log.open("wb") as said,
        subprocess.Popen(command, stderr=said, env=at_any_port) as process,
    ):

        def seen_of_it(look: Callable[[], T]) -> T:
            def alive() -> T:
                assert process.poll() is None, log.read_text()
                return look()

            return until(alive)

        try:
            health = f"127.0.0.1:{seen_of_it(lambda: _port(log))}"
            seen_of_it(
                lambda: httpx.get(f"http://{health}/readyz", timeout=PATIENCE_S).status_code == 200
            )
            yield health
        finally:
            process.terminate()


def _port(log: Path) -> int:
    """Give the port that the log names, 0 before it does."""
    whole = (line for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n"))
    told = [orjson.loads(line) for line in whole]
    return next((int(one["port"]) for one in told if one["event"] == "console listens"), 0)
