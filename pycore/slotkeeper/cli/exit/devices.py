"""``slotkeeper exit devices``: the plan device by device, and against the party's own list."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from slotkeeper.cli.exit.looking import from_option, looking, party_argument
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note, write_json_line, write_lines
from slotkeeper.settings import Settings
from slotkeeper.slots.exit.comparing import Difference, compare, read_list
from slotkeeper.slots.exit.facts import utc_text
from slotkeeper.slots.exit.listing import STRANDED, Row, rows
from slotkeeper.slots.exit.states import State

_LINES = 1_000
"""Written at once."""


@click.command(epilog="Example: slotkeeper exit devices GNO-1 --state SILENT --format csv")
@party_argument
@click.option("--state", type=click.Choice([*State, STRANDED]), help="Only these devices.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "json"]),
    default="text",
    show_default=True,
)
@click.option(
    "--compare",
    "theirs",
    metavar="CSV",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A list of the party's, with columns device_id and maybe state: name the differences.",
)
@from_option
@settings_options
def devices(
    *,
    party: str,
    state: str | None,
    form: str,
    theirs: Path | None,
    folder: Path | None,
    settings: Settings,
) -> None:
    """List the devices of the exit of PARTY, sorted, or how a list of the party's differs."""
    with looking(party, folder, settings) as look:
        found = rows(look.campaign, look.scope, look.waits)
        if theirs is not None:
            told, odd = read_list(theirs)
            ours = ((row.device_id, row.state) for row in found)
            shown = (_difference(one) for one in (*odd, *compare(told, ours)))
            count = _write(shown, tuple(Difference._fields), form)
            note(f"{count} differences")
            return
        chosen = (row for row in found if state is None or _is(row, state))
        count = _write((_device(row) for row in chosen), _COLUMNS, form)
        note(f"{count} devices")


_COLUMNS = (
    "device_id",
    "mprn",
    "state",
    "since",
    "asked_at",
    "joined",
    "stranded",
    "parked",
    "verified",
)


def _is(row: Row, state: str) -> bool:
    return row.stranded if state == STRANDED else row.state == state


def _device(row: Row) -> dict[str, Any]:
    return {
        name: utc_text(value) if isinstance(value, datetime) else value
        for name, value in zip(_COLUMNS, row, strict=True)
    }


def _difference(one: Difference) -> dict[str, Any]:
    return one._asdict()


def _write(found: Iterable[dict[str, Any]], columns: tuple[str, ...], form: str) -> int:
    count = 0
    lines: list[bytes] = []
    if form == "csv":
        lines.append(_csv(dict(zip(columns, columns, strict=True))))
    for row in found:
        count += 1
        if form == "json":
            write_json_line(row)
            continue
        lines.append(_csv(row) if form == "csv" else "  ".join(_texts(row)).rstrip().encode())
        if len(lines) >= _LINES:
            write_lines(lines)
            lines.clear()
    write_lines(lines)
    return count


def _csv(row: dict[str, Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(list(_texts(row)))
    return line.getvalue().encode()


def _texts(row: dict[str, Any]) -> Iterator[str]:
    for value in row.values():
        if isinstance(value, bool):
            yield "yes" if value else "no"
        else:
            yield "" if value is None else str(value)
