"""Worker processes, each on a machine of its own, with the supervisor that it would have there."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).parent / "slotkeeper"

TRY_LATER = 4
"""The exit status after which a supervisor starts a worker again."""

FOR_AN_OPERATOR = 3
"""The exit status after which it never does."""

ENDED = '"event":"ended early"'
"""Stands in the line in which a worker says why it ends."""

RESTART_S = 0.5
STOP_S = 30.0
"""Of the supervisor: what it waits before it starts a worker again, and what it gives one that it
has told to stop. The documentation advises the latter."""


class WorkerFailedError(Exception):
    """A worker ended with a status that nothing it met accounts for."""


@dataclass(slots=True)
class Told:
    """What workers' logs say.

    Attributes:
        events: How often each event of the program's own stands there.
        restored: Changelog records that were replayed.
        restores: How many were added to ``nothing``, a ``snapshot``, or what was in ``memory``.
        fenced: Partitions that were lost to another owner.
        of_the_client: Tracebacks that aiokafka wrote. It does so where a broker answers what it
            does not know, as Kafka 4.3.1 does when a fence meets the commit of whom it fences
            (IllegalStateException: "... while it already a pending state PREPARE_EPOCH_FENCE"); or
            that the event loop wrote of a task or a callback of its own, as of a request that comes
            back to a producer that was stopped, or of a batch whose sender ended (KeyError in
            MessageAccumulator).
        unexpected: Lines that should not be there.
    """

    events: Counter[str] = field(default_factory=Counter)
    restored: int = 0
    restores: Counter[str] = field(default_factory=Counter)
    fenced: int = 0
    of_the_client: int = 0
    unexpected: list[str] = field(default_factory=list)

    def read(self, log: Path, acknowledged: Collection[int] = ()) -> None:
        """Read a log; snapshots of partitions that were acknowledged are another store's."""
        for line in log.read_text().splitlines():
            try:
                self._hear(json.loads(line), log.parent.name, acknowledged)
            except ValueError:
                self.unexpected.append(f"{log.parent.name} wrote {line!r}")

    def _hear(self, entry: dict[str, Any], worker: str, acknowledged: Collection[int]) -> None:
        if "exception" in entry and is_of_the_client(entry):
            self.of_the_client += 1
        elif "exception" in entry:
            self.unexpected.append(f"{worker} met {entry['event']}: {entry['exception']}")
        if entry["logger"].startswith("slotkeeper"):
            self.events[entry["event"]] += 1
            self.fenced += "later owner" in entry.get("error", "")
        if entry["event"] == "partition is open":
            self.restored += entry["restored"]
            self.restores[entry["added_to"]] += 1
        elif entry["event"] == "snapshot is refused" and not (
            entry["partition"] in acknowledged and entry["reason"] == "foreign"
        ):
            self.unexpected.append(f"{worker} refused a snapshot: {entry['error']}")


def is_of_the_client(entry: dict[str, Any]) -> bool:
    """Say whether aiokafka wrote a traceback, or the event loop one that ends in its code."""
    *_, place = [line for line in entry["exception"].splitlines() if "File " in line] or [""]
    return (
        entry["logger"].startswith("aiokafka")
        or "/aiokafka/" in entry["event"]
        or (entry["logger"] == "asyncio" and "/aiokafka/" in place)
    )


class Worker:
    """One worker process after another, on one machine.

    Attributes:
        exits: How often each exit status was seen.
        overdue: How often it did not end in time after SIGTERM.
        stopped: What it said last when it stopped for an operator; empty since that was put right.
    """

    def __init__(self, settings: Path) -> None:
        self.exits: Counter[int] = Counter()
        self.overdue = 0
        self.stopped = ""
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._running = asyncio.Event()
        self._allowed: set[int] = set()
        self._causes: tuple[str, ...] = ()
        self._retired = False
        self._gone = asyncio.Event()
        self._may_live = asyncio.Event()
        self._may_live.set()
        self._resting = asyncio.Event()

    @property
    def name(self) -> str:
        return self._settings.parent.name

    @property
    def log(self) -> Path:
        return self._settings.parent / "worker.log"

    def is_at_work(self) -> bool:
        """Say whether it ever served a partition."""
        return self.log.exists() and '"partition is open"' in self.log.read_text()

    async def live(self) -> None:
        """Start the worker whenever it has ended, until it is retired or an operator has to act."""
        while not self._retired:
            if await self._one_life() == FOR_AN_OPERATOR:
                self._may_live.clear()
            if not self._may_live.is_set():
                self._resting.set()
                await self._may_live.wait()
                self._resting.clear()
        self._gone.set()

    async def finish(self) -> None:
        """Let it work until nothing is left to do."""
        status = TRY_LATER
        while status == TRY_LATER:
            status = await self._one_life("--until-idle", allowed=0)

    def may_stop(self, *causes: str) -> None:
        """Let it stop for an operator from here on, if it names one of the causes."""
        self._causes = causes

    async def be_refused(self) -> None:
        """Let it try until it stops for an operator.

        Raises:
            WorkerFailedError: It ended otherwise, or named another cause.
        """
        while await self._one_life() != FOR_AN_OPERATOR:
            pass

    async def rest(self) -> None:
        """End it, and let it not begin again."""
        self._may_live.clear()
        await self._end_unless(self._resting)
        await self._resting.wait()

    def go_on(self) -> None:
        """Let it begin again, now that it has no cause to stop any more."""
        self._causes = ()
        self.stopped = ""
        self._may_live.set()

    async def kill(self) -> None:
        self._send(await self._alive(), signal.SIGKILL, allowed=-signal.SIGKILL)

    async def nap(self, seconds: float) -> None:
        process = await self._alive()
        self._send(process, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._send(process, signal.SIGCONT)

    async def terminate(self) -> None:
        """Ask it to end, which it does when its batches in hand have ended."""
        process = await self._alive()
        # One that has hardly begun has no handler yet, and ends by the signal itself.
        self._allowed.add(-signal.SIGTERM)
        self._send(process, signal.SIGTERM, allowed=0)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            self.overdue += 1
            self._send(process, signal.SIGKILL, allowed=-signal.SIGKILL)

    async def retire(self) -> None:
        """End it for good."""
        self._retired = True
        await self._end_unless(self._gone)

    async def _end_unless(self, ended: asyncio.Event) -> None:
        # One that has just ended by itself, because the broker is away, does not come back.
        waits = [asyncio.ensure_future(ended.wait()), asyncio.ensure_future(self._alive())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not ended.is_set():
            await self.terminate()

    async def _one_life(self, *options: str, allowed: int = TRY_LATER) -> int:
        self._allowed = {TRY_LATER, allowed}
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(str(COMMAND), "run", *options, "--config", str(self._settings)),
                stdin=asyncio.subprocess.DEVNULL,
                stderr=log,
            )
        self._process = process
        self._running.set()
        try:
            status = await process.wait()
        finally:
            self._running.clear()
            if process.returncode is None:
                process.kill()
                await process.wait()
        self.exits[status] += 1
        if status == TRY_LATER:
            await asyncio.sleep(RESTART_S)
        if status in self._allowed:
            return status
        lines = self.log.read_text().splitlines()
        # The client may go on to tell of its own.
        last = next((line for line in reversed(lines) if ENDED in line), "".join(lines[-1:]))
        if status == FOR_AN_OPERATOR and any(cause in last for cause in self._causes):
            self.stopped = last
            return status
        raise WorkerFailedError(f"{self.name} ended with exit status {status}: {last}")

    async def _alive(self) -> asyncio.subprocess.Process:
        await self._running.wait()
        assert self._process is not None
        return self._process

    def _send(
        self,
        process: asyncio.subprocess.Process,
        number: signal.Signals,
        *,
        allowed: int | None = None,
    ) -> None:
        """Send a signal to a process, unless it has ended by itself meanwhile."""
        if allowed is not None:
            self._allowed.add(allowed)
        # Not by the process itself: that asks for the exit status first, which asyncio misses then
        # and tells 255 in its place.
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
