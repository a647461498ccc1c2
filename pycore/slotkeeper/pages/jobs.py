"""What takes longer than a page may: builds and reports, each a command in a process of its own.

A command's memory goes with it, and pages are as fast while it runs.
"""

import asyncio
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MOST = 20
"""Jobs that may wait before a person's is refused; those of a new build always come in."""

KEPT = 50
"""Jobs that are remembered after their end."""

_TELL = 2_000
"""Characters that are kept of what a failed command said."""


@dataclass(slots=True)
class Job:
    """One command.

    Attributes:
        number: From 1 on.
        what: In words, as a person is told.
        arguments: Of ``slotkeeper``.
        state: Where it is.
        begun_ms: When it began to run; None while it waits.
        ended_ms: When it was over.
        said: What a failed one said.
        leads_to: The path of the page that shows what it made.
        finish: Is called once it is done, before anybody is told.
        out: A file for what it prints; None: that goes nowhere.
        with_settings: Whether the command takes the options that name the settings.
    """

    number: int
    what: str
    arguments: Sequence[str]
    leads_to: str
    finish: Callable[[], None]
    out: Path | None = None
    with_settings: bool = True
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    begun_ms: int | None = None
    ended_ms: int | None = None
    said: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether it is not over."""
        return self.state in ("waiting", "running")


@dataclass(slots=True)
class Jobs:
    """Runs one after the other.

    Attributes:
        clock: Milliseconds since 1970 UTC.
        common: Options that name the settings.
    """

    clock: Callable[[], int]
    common: Sequence[str]
    _all: dict[int, Job] = field(default_factory=dict)
    _waiting: deque[Job] = field(default_factory=deque)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _next: int = 1

    async def add(
        self,
        what: str,
        arguments: Sequence[str],
        *,
        leads_to: str = "/",
        finish: Callable[[], None] = lambda: None,
        out: Path | None = None,
        with_settings: bool = True,
        asked_for: bool = True,
    ) -> Job | None:
        """Let a command wait for its turn; None if too many do, and a person asked for it.

        The same command that waits or runs already is that one.
        """
        last = self.last(leads_to) if leads_to != "/" else None
        if last is not None and last.goes_on:
            return last
        if asked_for and len(self._waiting) >= MOST:
            return None
        job = Job(self._next, what, arguments, leads_to, finish, out, with_settings)
        self._next += 1
        self._all[job.number] = job
        self._waiting.append(job)
        for number in [one.number for one in self._all.values() if one.ended_ms][:-KEPT]:
            del self._all[number]
        self._news.set()
        return job

    def find(self, number: int) -> Job | None:
        """Give a job by its number."""
        return self._all.get(number)

    def last(self, leads_to: str) -> Job | None:
        """Give the newest job that leads to a page."""
        return next((job for job in self.all() if job.leads_to == leads_to), None)

    def all(self) -> list[Job]:
        """Give all that are remembered, the newest first."""
        return list(reversed(self._all.values()))

    async def run(self) -> None:
        """Run for ever what comes."""
        while True:
            while not self._waiting:
                self._news.clear()
                await self._news.wait()
            await self._run(self._waiting.popleft())

    async def _run(self, job: Job) -> None:
        job.state, job.begun_ms = "running", self.clock()
        with (job.out or Path(os.devnull)).open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "slotkeeper",
                *job.arguments,
                *(self.common if job.with_settings else ()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.PIPE,
            )
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        fault = (
            "" if process.returncode == 0 else said.decode(errors="replace") or "it said nothing"
        )
        if not fault:
            try:
                job.finish()
            except OSError as error:
                fault = f"what was made cannot be kept: {error.strerror}"
        job.ended_ms = self.clock()
        job.said = _printable(fault)[-_TELL:]
        job.state = "failed" if fault else "done"


def _printable(text: str) -> str:
    return re.sub(r"[^\x20-\x7e\n]", "?", text).strip()
