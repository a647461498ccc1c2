"""``slotkeeper slots``: the state and history of slots as files."""

import asyncio
from pathlib import Path

import click

from slotkeeper.cli.baselines import import_
from slotkeeper.cli.groups import Commands
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, progress, write_json_line
from slotkeeper.cli.store import looked_at
from slotkeeper.clock import system_clock
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.slots.build.building import Built
from slotkeeper.slots.build.building import build as read_streams
from slotkeeper.slots.build.pruning import prune as remove_builds
from slotkeeper.slots.build.verifying import faults_of

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group(cls=Commands)
def slots() -> None:
    """Make the files that reports on slots are made of."""


slots.add_command(import_)


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
    """Read what is new in audit trail, changelog, inventory and registers into a new build.

    The worker is not asked and may run meanwhile. A build that does not come to its end leaves the
    last complete one as it is, and the next one goes on from where it was. The exit status is 1 if
    the history of some device does not end with what the changelog says of it: such devices are
    named, and judged as unknown.
    """
    built = asyncio.run(_build(folder, settings))
    rows = built.build.manifest["rows"]
    if as_json:
        write_json_line(rows)
    else:
        told = ", ".join(f"{count} rows of {name}" for name, count in rows.items())
        note(f"built: {told}")
    for stream, (count, named) in built.unreadable.items():
        partition, offset, reason = named[0]
        note(
            f"warning: {count} records of {stream} cannot be used; the first, partition "
            f"{partition} offset {offset}: {reason}"
        )
    if rows["differing"]:
        devices = ", ".join(f"{device} ({why})" for device, why in built.differing[:20])
        raise FaultFoundError(
            f"{rows['differing']} devices have another history than the changelog, and are judged "
            f"as unknown: {devices}"
        )


async def _build(folder: Path, settings: Settings) -> Built:
    policy = settings.slot_policy()
    streams_settings = settings.streams_settings()
    # A file keeps for ever that a key was removed.
    is_file = settings.streams.startswith("sqlite:")
    tombstones_ms = None if is_file else streams_settings.tombstones_ms
    async with looked_at(settings) as streams:
        with progress("reading", rate=True) as bar:
            done = 0

            def advance(stream: str, offsets: int, total: int) -> None:
                nonlocal done
                done += offsets
                bar.of(f"reading {stream}", done, total)

            return await read_streams(
                streams,
                folder,
                policy=policy,
                now_ms=system_clock(),
                advance=advance,
                tombstones_ms=tombstones_ms,
                signers=settings.signers(),
                waits=settings.exit_waits(),
            )


@slots.command(epilog="Example: slotkeeper slots verify slots")
@click.argument("folder", type=_FOLDER)
@json_option
def verify(*, folder: Path, as_json: bool) -> None:
    """Check every file of every build by its digest, each count, and that no stretch is missing.

    No streams are needed. The exit status is 1 if anything is not as it was written.
    """
    checked: list[str] = []
    faults = faults_of(folder, checked.append)
    if as_json:
        write_json_line({"builds": checked, "faults": faults})
    else:
        for fault in faults:
            note(fault)
    if faults:
        raise FaultFoundError(f"{len(faults)} faults in {folder}")
    note(f"{len(checked)} builds are whole")


@slots.command(epilog="Example: slotkeeper slots prune slots --keep 30")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--keep", required=True, type=click.IntRange(1), help="How many of the last builds stay."
)
@json_option
def prune(*, folder: Path, keep: int, as_json: bool) -> None:
    """Remove builds but the last ones, and files that no other build has.

    A build that a report or an evidence package rests on stays, so that it can be made again.
    """
    pruned = remove_builds(folder, keep)
    if as_json:
        write_json_line(
            {
                "builds": pruned.builds,
                "spared": pruned.spared,
                "files": pruned.files,
                "octets": pruned.octets,
            }
        )
    note(
        f"{len(pruned.builds)} builds and {pruned.files} files removed, {pruned.octets} octets; "
        f"{len(pruned.spared)} builds spared that reports name"
    )
