"""A real worker as a process of its own, seen through its console and its log."""

import http.client
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import pytest
from prometheus_client.parser import text_string_to_metric_families

from slotkeeper.lab.events import Event
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_settings

COMMAND = Path(sys.executable).parent / "slotkeeper"
PARTITIONS = 4
WAIT = threading.Event()
"""Nobody sets it: between two questions the worker has the machine to itself."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


class Worker:
    """``slotkeeper run`` in a process."""

    def __init__(self, process: "subprocess.Popen[str]", log: IO[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._log = log
        self._port = 0

    def wait_for(self, event: str, times: int = 1) -> dict[str, Any]:
        """Read the log until an event has been told so often."""
        while sum(line["event"] == event for line in self.lines) < times:
            line = self._log.readline()
            assert line, f"the worker ended before {event!r}: {self.lines}"
            self.lines.append(json.loads(line))
        return next(line for line in reversed(self.lines) if line["event"] == event)

    def wait_until_open(self) -> None:
        self.wait_for("partition is open", PARTITIONS)

    def get(self, path: str, method: str = "GET") -> Answer:
        self._port = self._port or self.wait_for("console listens")["port"]
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        with closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())

    def wait_for_answer(self, path: str, text: str) -> Answer:
        """Ask until the answer contains the text."""
        while text not in (answer := self.get(path)).body:
            assert self.process.poll() is None
            WAIT.wait(0.02)
        return answer

    def figures(self) -> dict[str, float]:
        """Read the metrics as Prometheus does: ``name{label=value}`` to figure."""
        return {
            spelt(sample.name, sample.labels): sample.value
            for family in text_string_to_metric_families(self.get("/metrics").body)
            for sample in family.samples
        }

    def wait_for_figure(self, name: str, at_least: float) -> None:
        while self.figures().get(name, 0) < at_least:
            assert self.process.poll() is None
            WAIT.wait(0.02)

    def ask_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Read the log to its end and give the exit status."""
        self.lines += [json.loads(line) for line in self._log]
        return self.process.wait()


def spelt(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name


class Site:
    """A fleet, its streams and settings, and the workers that were started on them."""

    def __init__(self, folder: Path) -> None:
        self.fleet = Fleet(5, seed=11)
        self.folder = folder
        self.workers: list[Worker] = []
        self._environment: dict[str, str] = {"SLOTKEEPER_HTTP__LISTEN": "127.0.0.1:0"}
        self.config = write_settings(folder, [self.fleet.pki.acb], streams="sqlite:///streams.db")

    def publish(self, stream: str, events: Iterator[Event]) -> int:
        lines = [event.line() for event in events]
        self.call("publish", stream, given=b"".join(lines))
        return len(lines)

    def call(self, *arguments: str, given: bytes = b"", expected: int = 0) -> str:
        done = subprocess.run(
            [COMMAND, *arguments, "--config", self.config],
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == expected, done.stderr.decode()
        return done.stdout.decode()

    def start(self, **variables: str) -> Worker:
        process = subprocess.Popen(
            [COMMAND, "run", "--config", self.config],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self._environment, **variables},
        )
        assert process.stderr is not None
        self.workers.append(Worker(process, process.stderr))
        return self.workers[-1]

    def damage_a_device(self) -> None:
        """Let one octet of one device's newest changelog record rot."""
        device = str(self.fleet.members[0].gpf.device.eui).encode()
        with closing(sqlite3.connect(self.folder / "streams.db")) as connection, connection:
            # A changelog record's value begins with its format, 3; the inventory's is JSON.
            found = connection.execute(
                "SELECT id, value FROM compacted WHERE key = ? AND substr(value, 1, 1) = X'03'",
                (device,),
            ).fetchone()
            rotten = bytearray(found[1])
            rotten[-1] ^= 1
            connection.execute(
                "UPDATE compacted SET value = ? WHERE id = ?", (bytes(rotten), found[0])
            )

    @contextmanager
    def nobody_writes(self) -> Iterator[None]:
        """Hold the file's write transaction, as a slow publisher might; others go on reading."""
        connection = sqlite3.connect(self.folder / "streams.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()

    @contextmanager
    def batch_in_hand(self, worker: Worker, more: dict[str, bytes] | None = None) -> Iterator[None]:
        """A worker has decided a batch and waits to commit it.

        The batch is the fleet's inventory; ``more`` is put beside it, lines by stream.
        """
        worker.wait_until_open()
        # Each partition looks at what is parked once it is open: a batch without records.
        worker.wait_for_figure("slotkeeper_stage_duration_seconds_count", PARTITIONS)
        # It stands still while the batch is put before it and the way behind is barred.
        worker.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, worker.process.pid, os.WSTOPPED | os.WNOWAIT)
        self.publish("smart-metering-inventory", self.fleet.inventory())
        for stream, lines in (more or {}).items():
            self.call("publish", stream, given=lines)
        with self.nobody_writes():
            worker.process.send_signal(signal.SIGCONT)
            worker.wait_for_figure("slotkeeper_stage_duration_seconds_count", PARTITIONS + 1)
            yield


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "site")
    try:
        yield made
    finally:
        for worker in made.workers:
            with suppress(ProcessLookupError):
                worker.process.kill()
            worker.process.wait()
            worker._log.close()


OnTerminal: TypeAlias = Callable[..., str]


@pytest.fixture
def on_terminal(site: Site) -> OnTerminal:
    """Runs a command to its end with a terminal as its standard error; gives what it showed."""

    def run(*arguments: str) -> str:
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [COMMAND, *arguments, "--config", site.config],
            stdout=subprocess.DEVNULL,
            stderr=follower,
        )
        os.close(follower)
        shown = b""
        # Linux tells the end of a terminal as an input/output error.
        with suppress(OSError):
            while octets := os.read(leader, 4096):
                shown += octets
        os.close(leader)
        assert process.wait() == 0, shown
        return shown.decode()

    return run
