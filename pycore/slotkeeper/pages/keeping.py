"""Keeps the desk up to date: builds, the newest report, the journal, what workers say."""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from slotkeeper.errors import SlotkeeperError
from slotkeeper.slots.build.folder import Build
from slotkeeper.streams import StreamsError

from .desk import Desk, WorkerHealth
from .health import asked
from .journal.taking import follow
from .judged import Judged
from .reports import newest_build
from .views.exits import begin_exit
from .views.reports import begin_report

_log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often somebody looks whether there is a new build: a small file is read."""

ASK_S = 10.0
"""How often workers are asked, as often as many scrapers do."""

AGAIN_S = 5.0
"""After the streams could not be read."""


async def keep(
    desk: Desk,
    journal: sqlite3.Connection,
    workers: Sequence[str],
    first: asyncio.Task[None],
) -> None:
    """Keep everything up to date for ever.

    Args:
        desk: Whose members are replaced.
        journal: The connection that writes it.
        workers: Where each listens, ``host:port``.
        first: The first look around, which may still go on.
    """
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.jobs.run())
        group.create_task(_follow(desk, journal))
        group.create_task(_look(desk, first))
        group.create_task(_ask(desk, workers))


async def look_around(desk: Desk, workers: Sequence[str]) -> None:
    """Learn what is there already, before anybody asks."""
    build = await asyncio.to_thread(newest_build, desk.slots)
    if build is not None and desk.reports.find(desk.reports.name(build.made_on, build.name)):
        await _open(desk, build)
    desk.workers = list(await asyncio.gather(*map(asked, workers)))


async def _follow(desk: Desk, journal: sqlite3.Connection) -> None:
    while True:
        try:
            await follow(desk.streams, journal)
        except* (StreamsError, sqlite3.OperationalError) as errors:
            _log.warning("the streams are not read", extra={"error": str(errors.exceptions[0])})
        await asyncio.sleep(AGAIN_S)


async def _ask(desk: Desk, workers: Sequence[str]) -> None:
    while True:
        found: list[WorkerHealth] = list(await asyncio.gather(*map(asked, workers)))
        desk.workers = found
        await asyncio.sleep(ASK_S)


async def _look(desk: Desk, first: asyncio.Task[None]) -> None:
    """Have builds made when it is time, and open what the newest one says."""
    await first
    begun_ms: int | None = None
    failed = ""
    while True:
        build = await asyncio.to_thread(newest_build, desk.slots)
        every = desk.build_every_s
        if every is not None and _is_due(desk, build, begun_ms, every):
            begun_ms = desk.clock()
            await desk.jobs.add("slots build", ["slots", "build", "--to", str(desk.slots)])
        if build is not None and build.name != failed:
            failed = await _open(desk, build)
        await asyncio.sleep(LOOK_S)


def _is_due(desk: Desk, build: Build | None, begun_ms: int | None, every_s: int) -> bool:
    now = desk.clock()
    if begun_ms is not None and now - begun_ms < every_s * 1_000:
        return False
    if build is None:
        return True
    made = datetime.fromisoformat(str(build.manifest["made_at"])).replace(tzinfo=UTC)
    return now - made.timestamp() * 1_000 >= every_s * 1_000


async def _open(desk: Desk, build: Build) -> str:
    """Open the report of a build, or have it made; gives the build's name if it cannot be used."""
    if desk.judged is not None and desk.judged.build.name == build.name:
        return ""
    report = desk.reports.find(desk.reports.name(build.made_on, build.name))
    if report is None:
        job = await begin_report(desk, build.made_on, build.name)
        return build.name if job is not None and job.state == "failed" else ""
    try:
        opened = await asyncio.to_thread(Judged.open, report, build, desk.exits.folder)
    except (SlotkeeperError, OSError) as error:
        _log.error("a report cannot be opened", extra={"report": report.name, "error": str(error)})
        return build.name
    before, desk.judged = desk.judged, opened
    if before is not None:
        # Pages that are being worked out still read it.
        asyncio.get_running_loop().call_later(60.0, before.close)
    await _work_out_exits(desk, opened)
    return ""


async def _work_out_exits(desk: Desk, judged: Judged) -> None:
    """Have it worked out how each exit stands at the build: a list of devices, and a summary."""
    build = judged.build.name
    for party_id, party in sorted(judged.registers.parties.items()):
        known = desk.exits.find(build, party_id), desk.exits.acts(build, party_id)
        if party.exits and None in known:
            await begin_exit(desk, build, party_id)
