"""The streams, as they are: nothing is made, and no worker is disturbed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from slotkeeper.cli.check_config.finding import Finding, error, ok, warning
from slotkeeper.cli.exits import STOPPED_FOR_OPERATOR, status_of
from slotkeeper.errors import SlotkeeperError, StreamsError
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams
from slotkeeper.streams.address import (
    kafka_servers,
    kind_of,
    shown,
    sqlite_path,
    sqlite_path_before,
)
from slotkeeper.streams.sqlite import refuse_moved_address
from slotkeeper.streams.witness import NOTHING_YET, Witness


async def check_store(settings: Settings) -> AsyncIterator[Finding]:
    """Look at store and topics, and at what the witness has against them."""
    try:
        if kind_of(settings.streams) == "sqlite":
            async for finding in _sqlite(settings):
                yield finding
        else:
            async for finding in _others(settings):
                yield finding
    except (SlotkeeperError, StreamsError, OSError) as wrong:
        yield error("streams", str(wrong), status_of(wrong))


async def _sqlite(settings: Settings) -> AsyncIterator[Finding]:
    path = sqlite_path(settings.streams)
    if path.exists() and path.stat().st_size:
        async for finding in _opened(settings):
            yield finding
        return
    # In a worker's order: what it would stop for first.
    refuse_moved_address(path, sqlite_path_before(settings.streams))
    if not path.parent.is_dir():
        yield error("streams", f"{path} cannot be made: there is no folder {path.parent}")
    elif before := await asyncio.to_thread(_seen_before, settings):
        yield error(
            "streams",
            f"there is no store {path}, and the witness {before} has seen one: put its newest copy "
            "back",
            STOPPED_FOR_OPERATOR,
        )
    else:
        yield warning("streams", f"there is no store {path} yet: a worker begins a new one")


def _seen_before(settings: Settings) -> Path | None:
    """Give the witness, if it has seen a commit of the store that is not there."""
    path = settings.streams_settings().witness
    seen = {} if path is None else Witness(path).seen()
    return path if any(sighting != NOTHING_YET for sighting in seen.values()) else None


async def _others(settings: Settings) -> AsyncIterator[Finding]:
    if kind_of(settings.streams) != "kafka":
        async for finding in _opened(settings):
            yield finding
        return
    # Slow to import, and only of use here.
    from slotkeeper.streams.kafka.diagnosis import faults_of_topics, missing_codecs  # noqa: PLC0415
    from slotkeeper.streams.kafka.grants import refusals  # noqa: PLC0415

    servers = kafka_servers(settings.streams)
    # Before the topics are opened: one that may not be seen would end the look at the others.
    for said in await refusals(servers, settings.streams_settings()):
        yield error("cluster", said)
    # As a worker opens them: topics that are missing or differ are what it would stop for.
    async for finding in _opened(settings):
        yield finding
    faults = await faults_of_topics(
        servers,
        settings.streams_settings(),
        largest=settings.limits.dead_letter_bytes,
    )
    for stops, said in faults:
        yield error("topics", said, STOPPED_FOR_OPERATOR) if stops else warning("topics", said)
    if not faults:
        yield ok("topics", "their settings are as `slotkeeper streams create` makes them")
    for codec in missing_codecs():
        yield warning("codecs", f"batches that producers compress with {codec} cannot be read")


async def _opened(settings: Settings) -> AsyncIterator[Finding]:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        yield ok(
            "streams",
            f"{shown(settings.streams)}, {streams.partitions} partitions",
            streams.partitions,
        )
        for partition, objection in sorted((await streams.objections()).items()):
            yield error("witness", f"partition {partition}: {objection}", STOPPED_FOR_OPERATOR)
