"""``slotkeeper slots``: the state and history of slots as files."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click

from slotkeeper.cli.groups import Commands
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, progress, write_json_line
from slotkeeper.cli.store import looked_at
from slotkeeper.clock import system_clock
from slotkeeper.settings import Settings
from slotkeeper.slots.build.building import build as read_streams


@click.group(cls=Commands)
def slots() -> None:
    """Make the files that reports on slots are made of."""


@slots.command(epilog="Example: slotkeeper slots build --to slots")
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the builds; a new one is added, and those of before stay.",
)
@settings_options
@json_option
def build(*, folder: Path, settings: Settings, as_json: bool) -> None:
    """Read audit trail, inventory and registers into a new build.

    The worker is not asked and may run meanwhile. A build that does not come to its end leaves the
    last complete one as it is.
    """
    counts = asyncio.run(_build(folder, settings))
    if as_json:
        write_json_line(counts)
    else:
        told = ", ".join(f"{count} rows of {name}" for name, count in counts.items())
        note(f"built: {told}")


async def _build(folder: Path, settings: Settings) -> Mapping[str, int]:
    policy = settings.slot_policy()
    async with looked_at(settings) as streams:
        with progress("reading") as bar:
            reading = ""

            def advance(stream: str, records: int) -> None:
                nonlocal reading
                if stream != reading:
                    reading = stream
                    bar.now(f"reading {stream}")
                bar.by(records)

            return await read_streams(
                streams, folder, policy=policy, now_ms=system_clock(), advance=advance
            )
