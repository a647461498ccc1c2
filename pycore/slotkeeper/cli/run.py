"""``slotkeeper run``: the worker."""

import asyncio

import click

from slotkeeper._core import Authority, CoreEngine
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, progress, write_json_line
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams
from slotkeeper.worker import EngineFactory, Progress, Summary, stopping_on_signals
from slotkeeper.worker import run as run_worker


@click.command(epilog="Example: slotkeeper run --until-idle --json")
@click.option(
    "--until-idle", is_flag=True, help="End when all input is decided; parked records are."
)
@settings_options
@json_option
def run(*, until_idle: bool, settings: Settings, as_json: bool) -> None:
    """Run the worker: decide events, make commands.

    It reads events and writes commands, refusals and the audit trail. SIGTERM and Ctrl-C end it
    after the batches in hand; a second one ends it at once, which loses nothing either. At the
    end it tells what it did, with --json as one object on standard output.
    """
    for name, value in (
        ("http.listen", settings.http.listen),
        ("snapshot.directory", settings.snapshot.directory),
    ):
        if value:
            note(f"{name} is set and does nothing in this version")
    summary = asyncio.run(_run(settings, until_idle=until_idle))
    if as_json:
        write_json_line(summary.as_dict())
    else:
        note(sentence(summary))


def engine_factory(authority: Authority, settings: Settings) -> EngineFactory:
    """Make what makes the engine of a partition; keys and files are read once."""
    engine_json = settings.engine_json()
    return lambda partition, partitions: CoreEngine(
        authority, partition=partition, partitions=partitions, settings=engine_json
    )


def sentence(summary: Summary) -> str:
    """Tell a summary in a line."""
    decided = ", ".join(f"{count} {name}" for name, count in sorted(summary.reasons.items()))
    return f"{summary.records} records in {summary.batches} batches: {decided or 'nothing to do'}"


async def _run(settings: Settings, *, until_idle: bool) -> Summary:
    factory = engine_factory(settings.authority(), settings)
    with stopping_on_signals() as stop:
        async with open_streams(settings.streams, settings.streams_settings()) as streams:
            with progress("deciding") as advance:

                def tell(now: Progress) -> None:
                    advance.to(now.records)

                return await run_worker(
                    streams, factory, until_idle=until_idle, stop=stop, progress=tell
                )
