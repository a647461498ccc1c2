"""Everything that pages are made of, in one place."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from slotkeeper.acts import Signers
from slotkeeper.streams import Message, Record, Streams

from .exits import Exits
from .jobs import Jobs
from .journal.file import Journal
from .judged import Judged
from .reports import Comparisons, Reports

T = TypeVar("T")

WAIT_S = 10.0
"""For one answer of the streams, before a page says that they do not answer."""


@dataclass(slots=True, kw_only=True)
class WorkerHealth:
    """What one worker says of itself.

    Attributes:
        address: Where it was asked.
        ready: Whether it is; None if nobody answered.
        said: Its own words, or why there are none.
        figures: Of its metrics, those that pages show.
    """

    address: str
    ready: bool | None
    said: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Desk:
    """What the console knows; replaced member by member as it learns.

    Attributes:
        clock: Milliseconds since 1970 UTC.
        streams: Of the worker.
        loop: Where the streams are open.
        slots: The folder of builds.
        evidence: The folder of evidence packages.
        exits: How the exits of parties stand, by build.
        journal: What the worker wrote.
        reports: Those that were made here.
        comparisons: What two of them say differently.
        jobs: What runs beside.
        judged: The newest report; None until there is one.
        workers: What workers said last.
        signers: Who may sign acts; None where nobody is configured.
        build_every_s: How often a build is made here; None: somebody else makes them.
        settings: What pages show of the settings, by key.
    """

    clock: Callable[[], int]
    streams: Streams
    loop: asyncio.AbstractEventLoop
    slots: Path
    evidence: Path
    exits: Exits
    journal: Journal
    reports: Reports
    comparisons: Comparisons
    jobs: Jobs
    signers: Signers | None
    build_every_s: int | None
    settings: Mapping[str, Any]
    judged: Judged | None = None
    workers: list[WorkerHealth] = field(default_factory=list)

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something where the streams are open; from a page's thread.

        Raises:
            TimeoutError: It takes too long.
        """
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(WAIT_S)

    def record(self, stream: str, partition: int, offset: int) -> Record | None:
        """Read one record of a stream; None if it is not kept any more."""
        return self.wait(self._record(stream, partition, offset))

    async def _record(self, stream: str, partition: int, offset: int) -> Record | None:
        async for records in self.streams.read(stream, since={partition: offset}):
            return records[0] if records[0].offset == offset else None
        return None

    def publish(self, message: Message) -> None:
        """Write a record that a person has signed."""
        self.wait(self.streams.publish([message]))
