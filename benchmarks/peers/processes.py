"""Programs on cores of their own, and what they cost."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

ENDED_S = 30.0
"""How long a program may take to end after SIGTERM."""


class Cost(NamedTuple):
    """What a process has used.

    Attributes:
        cpu_s: Seconds of all its threads, in the kernel included.
        resident: Octets of memory now.
    """

    cpu_s: float
    resident: int


def cost(pid: int) -> Cost:
    """Read what a process has used, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    # utime, stime and rss are fields 14, 15 and 24 of proc(5); the split begins with field 3.
    return Cost((int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * _PAGE)


class Program:
    """A running program. Its output goes to a file."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cores: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; it never runs on other cores."""
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # commands of this package alone
                ["taskset", "-c", cores, *command],  # noqa: S607  # of util-linux, from the path
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        # taskset replaces itself by the program.
        return self._process.pid

    def check(self) -> None:
        """Raise if it has ended by itself."""
        if self._process.poll() is not None:
            raise RuntimeError(f"it ended by itself: {self._log.read_text()[-4000:]}")

    def wait(self, seconds: float) -> None:
        """Wait until it has ended well.

        Raises:
            RuntimeError: It has not.
        """
        try:
            self._process.wait(seconds)
        finally:
            self.kill()
        if self._process.returncode:
            raise RuntimeError(f"it failed: {self._log.read_text()[-4000:]}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it in order, or else at once."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(ENDED_S)
        except subprocess.TimeoutExpired:
            self.kill()


@contextlib.contextmanager
def ended(program: Program) -> Iterator[Program]:
    """See to it that the program is gone afterwards."""
    try:
        yield program
    finally:
        program.stop()
