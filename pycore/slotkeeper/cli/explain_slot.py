"""``slotkeeper explain-slot``: why a slot is judged as it is."""

import csv
import io
import re
import textwrap
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import click

from slotkeeper._core import canonical_key
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, write_json_line, write_lines
from slotkeeper.errors import FaultFoundError, WrongUseError
from slotkeeper.explain.findings import NOT_APPLICABLE, plain_day
from slotkeeper.explain.lists import explain_list
from slotkeeper.explain.slot import Explained, explain, requirement_text
from slotkeeper.settings import Settings
from slotkeeper.slots.build.folder import Build, open_build
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.report.cases import cases, device_types, devices_at
from slotkeeper.slots.tables import Tables, tables

_FOLDER = Path("slots")
"""Where ``slots build`` is told to put its files in every example."""

_WIDTH = 80
"""Columns of the narrowest terminal."""

_MPRN = re.compile(r"[0-9A-Za-z]{1,10}")
"""Of DUIS 5.4: a text of at most ten characters."""


@click.command(
    epilog="Example: slotkeeper explain-slot 00-DB-12-34-56-78-90-A3 --from slots "
    "--as-of 2026-11-25"
)
@click.argument("asked", metavar="DEVICE|MPRN", required=False)
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help=f"The folder of `slotkeeper slots build`.  [default: {_FOLDER}]",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day at whose end it is judged, UTC; without it the day of the build.",
)
@click.option(
    "--file",
    "wanted",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="A list: a device or meter point a line, or CSV with a column device_id or mprn. Prints "
    "CSV; other columns that a report has as well are compared.",
)
@click.option(
    "--differences", is_flag=True, help="With --file: only the lines that say something else."
)
@settings_options
@json_option
def explain_slot(
    *,
    asked: str | None,
    folder: Path | None,
    as_of: datetime | None,
    wanted: Path | None,
    differences: bool,
    settings: Settings,
    as_json: bool,
) -> None:
    """Say what belongs in the slot of a GPF, what is there, who has to act, and why.

    Every fact stands with who says so, since when, and the requirement that makes it matter. A
    meter point gives the GPFs that are there. With --file a whole list is judged: the lines come
    back in their order, with what a report says of each.
    """
    if (asked is None) == (wanted is None):
        raise WrongUseError("name a device or a meter point, or give --file")
    build = open_build(folder or _FOLDER)
    day = as_of.date() if as_of else build.made_on
    if day > build.made_on:
        raise WrongUseError(
            f"build {build.name} was made on {build.made_on} and knows no later day"
        )
    policy = settings.slot_policy()
    with tables(build.reads) as made:
        if wanted is not None:
            _explain_file(made, build, policy, day, wanted, only=differences, as_json=as_json)
        else:
            _explain_one(made, build, policy, day, str(asked), as_json=as_json)


def _explain_one(
    made: Tables, build: Build, policy: Policy, day: date, asked: str, *, as_json: bool
) -> None:
    key = canonical_key(asked.encode(errors="replace"))
    if key is None and not _MPRN.fullmatch(asked):
        raise WrongUseError(f"{asked!r} is neither a device's EUI-64 nor a meter point")
    devices = [key.decode()] if key else devices_at(made, build, asked)
    if key:
        told = device_types(made, build, key.decode())
        if told is None:
            devices = []
        elif told[0] != "GPF":
            _tell_other(key.decode(), told, as_json=as_json)
            return
    found = list(cases(made, build, policy, day, devices)) if devices else []
    if not found:
        raise FaultFoundError(f"build {build.name} has no GPF {'' if key else 'at '}{asked}")
    for case in found:
        explained = explain(case)
        if as_json:
            write_json_line(explained.as_json() | {"row": case.row})
        else:
            write_lines([line.encode() for line in _lines(explained, case.judgement.requirement)])


def _tell_other(device: str, told: tuple[str, str | None], *, as_json: bool) -> None:
    """Say of a device of another type that the rule is not about it."""
    kind, gpf = told
    says = f"It is a {kind or 'device without a type'}. {NOT_APPLICABLE['NOT_GPF']}"
    if as_json:
        write_json_line(
            {"device_id": device, "finding": "NOT_APPLICABLE", "reason": "NOT_GPF", "says": says}
        )
        return
    lines = [f"{device}: NOT_APPLICABLE, NOT_GPF", says]
    if gpf:
        lines.append(f"Its GPF: slotkeeper explain-slot {gpf}")
    write_lines([line.encode() for line in lines])


def _lines(explained: Explained, requirement: str) -> Iterator[str]:
    found = explained.verdict
    yield f"{explained.device_id}: {found.state}"
    yield from _wrapped(f"As of {plain_day(explained.as_of)}: {found.says}")
    yield from _wrapped(f"Next: {found.next}")
    yield from _wrapped(f"By {requirement_text(requirement)}.")
    for odd in explained.odd:
        yield from _wrapped(f"Note {odd}")
    yield ""
    for fact in explained.facts:
        since = f"since {plain_day(fact.since)}; " if fact.since else ""
        yield from _wrapped(f"- {fact.what}", "  ")
        yield from _wrapped(f"    {since}{fact.source}; {fact.requirement}", "    ")
    yield ""


def _wrapped(text: str, indent: str = "") -> list[str]:
    # An EUI-64 stays whole, so that it can be copied.
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _explain_file(
    made: Tables,
    build: Build,
    policy: Policy,
    day: date,
    wanted: Path,
    *,
    only: bool,
    as_json: bool,
) -> None:
    columns: Sequence[str] = ()
    count = 0
    for row in explain_list(made, build, policy, day, wanted):
        if only and not row["differences"]:
            continue
        count += 1
        if as_json:
            write_json_line(row)
            continue
        if not columns:
            columns = list(row)
            write_lines([_csv_line(columns)])
        write_lines([_csv_line(["" if row[name] is None else row[name] for name in columns])])
    note(f"{count:,} lines as of {day}")


def _csv_line(cells: Sequence[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue().encode()
