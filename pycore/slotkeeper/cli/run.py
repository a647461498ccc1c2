"""``slotkeeper run``: the worker."""

import asyncio
import contextlib
import gc
import logging

import click
import uvloop

import slotkeeper
from slotkeeper import console
from slotkeeper.cli import logs
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, progress, write_json_line
from slotkeeper.clock import system_clock
from slotkeeper.engine.port import engines
from slotkeeper.errors import WrongUseError
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams
from slotkeeper.streams.address import kind_of, shown, sqlite_path
from slotkeeper.worker import Progress, Summary, stopping_on_signals
from slotkeeper.worker import run as run_worker
from slotkeeper.worker.stopping import GivenUpError, given_up_on

_log = logging.getLogger(__name__)

GC_ALLOCATIONS = 50_000
"""Objects more than before until the collector looks, in place of 700: some ten batches."""


@click.command(epilog="Example: slotkeeper run --until-idle --json")
@click.option(
    "--until-idle", is_flag=True, help="End when all input is decided; parked records are."
)
@logs.logged
@settings_options
@json_option
def run(*, until_idle: bool, settings: Settings, as_json: bool) -> None:
    """Run the worker: decide events, make commands.

    It reads events and writes commands, refusals and the audit trail. SIGTERM and Ctrl-C end it
    after the batches in hand, for which it has `worker.drain_seconds`; a second one ends it at
    once, which loses nothing either. At the end it tells what it did, with --json as one object on
    standard output. Standard error carries text for a terminal and JSON lines for anything else.
    """
    _log.info(
        "worker begins",
        extra={"version": slotkeeper.__version__, "streams": shown(settings.streams)},
    )
    if system_clock() < 0:
        raise WrongUseError("the clock of this machine stands before 1970: set it first")
    if is_new(settings.streams):
        _log.info("a new store begins", extra={"streams": shown(settings.streams)})
    if settings.streams_settings().witness is None:
        _log.warning(
            "no witness is configured",
            extra={
                "setting": settings.witness_key,
                "error": "an older copy of the store would be served unnoticed",
            },
        )
    if not settings.verify.issuing_certificates:
        _log.warning(
            "no issuing certificates are configured",
            extra={
                "setting": "verify.issuing_certificates",
                "error": "an invented authority is believed, for devices and for those who take "
                "over a slot",
            },
        )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        summary = runner.run(_run(settings, until_idle=until_idle))
    if as_json:
        write_json_line(summary.as_dict())
    if logs.structured():
        _log.info("worker ended", extra=summary.as_dict())
    elif not as_json:
        note(sentence(summary))


def is_new(url: str) -> bool:
    """Say whether a worker would begin a store where there is none; known of files alone."""
    if kind_of(url) != "sqlite":
        return False
    path = sqlite_path(url)
    return not (path.exists() and path.stat().st_size)


def collect_garbage_rarely() -> None:
    """Let the collector look at what is new only, and not after every few hundred records.

    A worker's records hold no cycles. With the interpreter's own thresholds a tenth of the
    processor's time went into looking for some.
    """
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)


def sentence(summary: Summary) -> str:
    """Tell a summary in a line."""
    decided = ", ".join(f"{count} {name}" for name, count in sorted(summary.reasons.items()))
    return f"{summary.records} records in {summary.batches} batches: {decided or 'nothing to do'}"


async def _run(settings: Settings, *, until_idle: bool) -> Summary:
    authority = settings.authority()
    make = engines(authority, settings.engine_json())
    checkpoints = settings.checkpoints(authority)
    metrics = console.Metrics()
    async with contextlib.AsyncExitStack() as open_now:
        stop = open_now.enter_context(stopping_on_signals())
        if settings.http.listen:
            address = console.Address.parse(settings.http.listen)
            await open_now.enter_async_context(console.serve(address, metrics, settings.http.hosts))
        try:
            async with given_up_on(stop):
                streams = await open_now.enter_async_context(
                    open_streams(settings.streams, settings.streams_settings())
                )
        except GivenUpError:
            return Summary()
        advance = open_now.enter_context(progress("deciding"))

        collect_garbage_rarely()

        def tell(now: Progress) -> None:
            advance.to(now.records)

        return await run_worker(
            streams,
            make,
            hook=console.EngineMetrics(metrics),
            until_idle=until_idle,
            stop=stop,
            progress=tell,
            watch=metrics.watch,
            drain_s=settings.worker.drain_seconds,
            snapshots=settings.snapshots(),
            checkpoints=checkpoints,
        )
