"""``slotkeeper emulate``: devices that live on the streams, beside a worker."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from slotkeeper.cli.emulate.carrying import live
from slotkeeper.cli.emulate.telling import print_summary, summary_json
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import Advance, note, progress, tables, write_json_line
from slotkeeper.errors import ConfigurationError, FaultFoundError, StoreUnavailableError
from slotkeeper.lab.emulated import EmulatedFleet, FaultRates, Plan, StateFileError
from slotkeeper.lab.emulated.export import FORMATS, Format, summary, write_export
from slotkeeper.settings import Settings
from slotkeeper.settings.reading import read
from slotkeeper.streams import open_streams


@click.command(
    epilog="Example: slotkeeper emulate --config site/slotkeeper.toml --devices 1000 --seed 0, "
    "beside: slotkeeper run --config site/slotkeeper.toml"
)
@click.option("--devices", type=click.IntRange(1, 1 << 24), default=1_000, show_default=True)
@click.option("--seed", default="0", show_default=True, help="That of `slotkeeper lab pki`.")
@click.option("--days", type=click.IntRange(1, 36_500), default=364, show_default=True)
@click.option(
    "--rounds",
    type=click.IntRange(1, 10_000),
    default=52,
    show_default=True,
    help="In how many steps; in each a device does at most one thing.",
)
@click.option(
    "--acts",
    type=click.IntRange(1, 1_000),
    default=5,
    show_default=True,
    help="How often, on average, somebody does something with a device.",
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-01-01",
    show_default=True,
    help="The first day, by the fleet's own calendar.",
)
@click.option(
    "--no-faults", is_flag=True, help="Nothing is lost, late or doubled; clocks are right."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=CHANCE",
    help="Of " + ", ".join(FaultRates.__dataclass_fields__) + "; 0 to 1.",
)
@click.option(
    "--baselines",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of the devices of which an import tells what they held at the beginning.",
)
@click.option(
    "--without-tracking",
    is_flag=True,
    help="The emulated DSP makes the commands itself, by its own clock; needs no streams.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("emulated-fleet.db"),
    show_default=True,
    help="The fleet's file; a run that was killed goes on from it.",
)
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write devices, commands and slots into this folder at the end.",
)
@click.option("--format", "formats", type=click.Choice(FORMATS), multiple=True, default=FORMATS)
@settings_options
@json_option
def emulate(
    *,
    devices: int,
    seed: str,
    days: int,
    rounds: int,
    acts: int,
    start: datetime,
    no_faults: bool,
    faults: tuple[str, ...],
    baselines: float,
    without_tracking: bool,
    state: Path,
    folder: Path | None,
    formats: tuple[Format, ...],
    settings: Settings,
    as_json: bool,
) -> None:
    """Let emulated devices, operators and suppliers live on the streams, and judge the commands.

    Operators hand slots back, renew, sell and come back; suppliers ask for handovers; hubs are
    exchanged and slots recovered; messages get lost, late or doubled and clocks are wrong. A
    worker beside it decides. Every device checks every command as a real one does. The same seed
    gives the same history. Exit status 1: a device refused a command that it had to take.
    """
    try:
        plan = Plan(
            devices=devices,
            seed=seed,
            start=start.replace(tzinfo=UTC),
            days=days,
            rounds=rounds,
            acts=acts,
            tracking=not without_tracking,
            baselines=baselines,
            rates=_rates(faults, FaultRates.none() if no_faults else FaultRates()),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        fleet = EmulatedFleet(state, plan)
    except StateFileError as error:
        raise ConfigurationError(f"{error}; give another --state") from error
    with fleet:
        _check_acb(settings, fleet)
        with progress("emulating", rounds) as advance:
            _live(fleet, settings, advance)
        told = summary(fleet)
        if folder is not None:
            note("written: " + ", ".join(map(str, write_export(fleet, folder, formats))))
    if as_json:
        write_json_line(summary_json(told))
    else:
        print_summary(tables(), told)
        note(f"{told.devices} devices, {told.published} records")
    if told.refused_valid and plan.tracking:
        raise FaultFoundError(f"{told.refused_valid} valid commands were refused by their devices")


def _live(fleet: EmulatedFleet, settings: Settings, advance: Advance) -> None:
    try:
        asyncio.run(_carried(fleet, settings, advance))
    except sqlite3.OperationalError as error:
        raise StoreUnavailableError(f"the fleet's file cannot be written: {error}") from error


async def _carried(fleet: EmulatedFleet, settings: Settings, advance: Advance) -> None:
    def impatient(missing: int) -> None:
        note(f"{missing} requests wait for an answer: does a worker run on these streams?")

    if not fleet.plan.tracking:
        await live(fleet, None, now=advance.now, progress=advance.to, impatient=impatient)
        return
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        await live(fleet, streams, now=advance.now, progress=advance.to, impatient=impatient)


def _rates(faults: tuple[str, ...], rates: FaultRates) -> FaultRates:
    wanted = {name: getattr(rates, name) for name in FaultRates.__dataclass_fields__}
    for fault in faults:
        name, _, chance = fault.partition("=")
        if name not in wanted:
            raise ValueError(f"no fault {name!r}; there are {', '.join(wanted)}")
        wanted[name] = float(chance)
    return FaultRates(**wanted)


def _check_acb(settings: Settings, fleet: EmulatedFleet) -> None:
    """Refuse settings with another ACB: no device would take a command of that worker."""
    ours = fleet.parties.acb.digital_signature.certificate
    configured = [
        x509.load_pem_x509_certificate(read(Path(pair.certificate)))
        for pair in settings.acb.digital_signature
    ]
    if configured and ours not in [one.public_bytes(Encoding.DER) for one in configured]:
        raise ConfigurationError(
            f"the settings have the keys of another ACB than the fleet of seed {fleet.plan.seed}: "
            "`slotkeeper lab pki` makes those that fit"
        )
