"""``slotkeeper report``: the post-commissioning report on Network Operator slots."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from slotkeeper.cli import plain
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, write_json_line, write_lines
from slotkeeper.clock import system_clock
from slotkeeper.errors import FaultFoundError, WrongUseError
from slotkeeper.settings import Settings
from slotkeeper.slots.build.folder import Build, open_build
from slotkeeper.slots.build.policy import policy_from_json
from slotkeeper.slots.exit.kept import exits_on
from slotkeeper.slots.registers.reading import Registers
from slotkeeper.slots.report.comparing import differences, write_differences
from slotkeeper.slots.report.judging import judge_all
from slotkeeper.slots.report.writing import Split, reconciles, write_report
from slotkeeper.slots.tables import tables

_FORMATS = ("csv", "json", "parquet", "html")

_FRESH = timedelta(days=1)
"""A report of older facts says so first (P44)."""


@click.group(
    invoke_without_command=True,
    epilog="Example: slotkeeper report --from slots --as-of 2026-11-25 --to report-2026-11-25",
)
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of `slotkeeper slots build`.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day at whose end it is judged, UTC.",
)
@click.option(
    "--to",
    "out",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for the files; it is made, or must be empty.",
)
@click.option(
    "--format",
    "formats",
    default=",".join(_FORMATS),
    show_default=True,
    help=f"Of {', '.join(_FORMATS)}, separated by commas.",
)
@click.option(
    "--known-by",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A manifest: judge what that build or report knew, by its policy; else the last build.",
)
@click.option(
    "--split-by",
    type=click.Choice(["supplier", "gnp"]),
    help="Also give each of them a folder with its own rows and no others.",
)
@settings_options
@json_option
@click.pass_context
def report(
    context: click.Context,
    *,
    folder: Path | None,
    as_of: datetime | None,
    out: Path | None,
    formats: str,
    known_by: Path | None,
    split_by: Split | None,
    settings: Settings,
    as_json: bool,
) -> None:
    """Judge the Network Operator slot of every GPF as of a day, and write who must do what.

    The files are device.csv (a line for each GPF that the rule is about), summary.csv,
    exceptions.csv and reconciliation.json, report.parquet with the devices, report.html for people,
    and manifest.json with what they were made of. The same build, day and policy give the same
    bytes. The exit status is 1 if the devices of the inventory
    and those of the report do not add up.
    """
    if context.invoked_subcommand is not None:
        return
    if folder is None or as_of is None or out is None:
        raise WrongUseError("a report needs --from, --as-of and --to")
    wanted = [one.strip() for one in formats.split(",") if one.strip()]
    if unknown := [one for one in wanted if one not in _FORMATS]:
        raise WrongUseError(f"no format {unknown[0]!r}: there are {', '.join(_FORMATS)}")
    build = open_build(folder, known_by)
    day = as_of.date()
    if day > build.made_on:
        raise WrongUseError(
            f"build {build.name} was made on {build.made_on} and knows no later day"
        )
    _into_empty(out)
    policy = policy_from_json(build.manifest["policy"]) if known_by else settings.slot_policy()
    lists_devices = split_by or {"csv", "parquet"} & {*wanted}
    exits = exits_on(build, policy, day) if lists_devices else {}
    with tables(build.reads, out.resolve()) as made:
        registers = judge_all(made, build, policy, day, exits=exits)
        warnings = _warnings(build, registers)
        for warning in warnings:
            note(f"warning: {warning}")
        totals = write_report(
            made,
            build,
            registers,
            policy=policy,
            as_of=day,
            out=out,
            formats=wanted,
            warnings=warnings,
            split_by=split_by,
        )
    if as_json:
        write_json_line(totals)
    else:
        _tell(totals["judged"], totals["findings"], day)
    if not reconciles(totals):
        raise FaultFoundError("the report and the inventory do not add up: reconciliation.json")


@report.command(epilog="Example: slotkeeper report compare report-1 report-2 --json")
@click.argument("before", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("after", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--to",
    "out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write differences.csv and comparison.json into this folder instead.",
)
@json_option
def compare(*, before: Path, after: Path, out: Path | None, as_json: bool) -> None:
    """List the devices of which two reports do not say the same, and what differs."""
    if out is not None:
        if as_json:
            raise WrongUseError("--to writes files, --json prints: give one of them")
        _into_empty(out)
        note(f"{write_differences(before, after, out)} devices differ")
        return
    found = 0
    for one in differences(before, after):
        found += 1
        if as_json:
            write_json_line(one._asdict())
            continue
        if one.was is None or one.now is None:
            told = "only in the first" if one.now is None else "only in the second"
        else:
            told = "; ".join(
                f"{name} {was or '-'} -> {now or '-'}" for name, was, now in one.cells()
            )
        write_lines([plain.line(f"{one.device_id}  {told}").encode()])
    note(f"{found} devices differ")


def _into_empty(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise WrongUseError(f"{out} is not empty")


def _warnings(build: Build, registers: Registers) -> list[str]:
    """Say first what a reader must know before the figures."""
    found = []
    age = _now() - datetime.fromisoformat(str(build.manifest["made_at"]))
    if age > _FRESH:
        found.append(
            f"build {build.name} was made at {build.manifest['made_at']}: it knows nothing later"
        )
    if not registers.parties:
        found.append(
            "the register of parties is empty: no slot can be found right, and nobody has to act"
        )
    if registers.unreadable:
        found.append(f"{len(registers.unreadable)} records of the registers cannot be used")
    return found


def _tell(judged: int, findings: dict[str, int], day: date) -> None:
    lines = [f"{judged} GPFs judged as of {day}"]
    lines += [f"{count:>12,}  {finding}" for finding, count in findings.items()]
    write_lines([line.encode() for line in lines])


def _now() -> datetime:
    return datetime.fromtimestamp(system_clock() / 1_000, UTC)
