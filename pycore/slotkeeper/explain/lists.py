"""A list of devices or meter points, judged line by line, with what its owner has said of them."""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import IO, Any

import click

from slotkeeper._core import canonical_key
from slotkeeper.errors import WrongUseError
from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.report.judging import judge_all
from slotkeeper.slots.report.writing import DEVICES
from slotkeeper.slots.tables import BATCH, Tables

from .findings import verdict

MOST_LINES = 5_000_000
"""Of a list: a third of all gas meters of Great Britain (22 million)."""

_MOST_OF_A_LINE = 65_536
"""Characters, as ``limits.message_bytes`` ships with for a record."""

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,39}")
"""A device, or a meter point (DUIS 5.4: a text of at most ten characters)."""

_MOST_SHOWN = 100
"""Characters of a cell that differs."""

ANSWERS = (
    "device_id",
    "mprn",
    "gas_supplier",
    "gas_network_party",
    "expected",
    "finding",
    "action_by",
    "action",
    "due_on",
    "overdue_days",
    "requirement",
    "reason",
    "exceptions",
)
"""The columns of a report that a line is answered with."""

COMPARED = frozenset(ANSWERS) - {"device_id", "mprn"}
"""Those that a list may have as well."""

_TYPES = "bigint, varchar, varchar, varchar, varchar[]"

_ASKED = """
CREATE TABLE asked (nth BIGINT, id VARCHAR, device VARCHAR, mprn VARCHAR, told VARCHAR[]);
"""

_AT = """
CREATE TABLE places AS
SELECT nth, device FROM asked WHERE device IS NOT NULL
UNION SELECT nth, gpf FROM asked JOIN {devices} inventory ON inventory.mprn = asked.mprn
    WHERE device_type = 'GSME' AND gpf IS NOT NULL
UNION SELECT nth, inventory.device FROM asked JOIN {devices} inventory
    ON inventory.mprn = asked.mprn WHERE device_type = 'GPF'
"""
"""The GPFs of each line: a meter point may be at several."""

_ANSWERED = """
SELECT asked.id AS asked, asked.told, said.*
FROM asked LEFT JOIN places USING (nth) LEFT JOIN ({rows}) said ON said.device_id = places.device
ORDER BY nth, said.device_id
"""


def explain_list(
    made: Tables, build: Build, policy: Policy, as_of: date, file: Path
) -> Iterator[dict[str, Any]]:
    """Judge the lines of a list, in their order; ``-`` is standard input.

    A line is a device or a meter point; or the list is CSV whose first line names its columns,
    ``device_id`` or ``mprn`` among them. Of other columns, those that a report has too are
    compared with what the report says: ``differences`` names them.

    Raises:
        WrongUseError: The list cannot be read, or is too long.
    """
    made.run(_ASKED)
    compared = _read(made, file)
    made.run(_AT.format(devices=build.table("devices")))
    devices = [device for (device,) in made.rows("SELECT DISTINCT device FROM places")]
    judge_all(made, build, policy, as_of, only=devices)
    for row in made.named(_ANSWERED.format(rows=DEVICES.format(whose="true"))):
        yield _answer(row, compared)


def _answer(row: dict[str, Any], compared: Sequence[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {"asked": row["asked"], **{name: row[name] for name in ANSWERS}}
    if row["device_id"] is None:
        says, following = "The build has no such GPF.", "Nothing is known."
    else:
        found = verdict(row)
        says, following = found.says, found.next
    different = [
        f"{name}: {_shown(told) or '-'} -> {_written(row[name]) or '-'}"
        for name, told in zip(compared, row["told"] or (), strict=False)
        if told != _written(row[name])
    ]
    if compared and row["device_id"] is None:
        different = ["device_id: not in the build"]
    return answer | {"says": says, "next": following, "differences": "; ".join(different)}


def _shown(told: str) -> str:
    """Make what stands in a list safe to be printed."""
    return "".join(one if one.isprintable() else "?" for one in told[:_MOST_SHOWN])


def _written(value: object) -> str:
    """Write a value as ``device.csv`` has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _read(made: Tables, file: Path) -> list[str]:
    """Read the list into the table ``asked``; gives the columns that are compared."""
    try:
        with click.open_file(str(file), encoding="utf-8-sig") as lines:
            return _stage(made, csv.reader(_lines(lines)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WrongUseError(f"{file} cannot be read as a list: {error}") from None


def _stage(made: Tables, rows: "Iterator[list[str]]") -> list[str]:
    first = next(rows, [])
    named = [name for name in ("device_id", "mprn") if name in first]
    others = [at for at, name in enumerate(first) if named and name in COMPARED]
    waiting = [] if named or not first else [first]
    place = first.index(named[0]) if named else 0
    number, staged = 0, list[tuple[object, ...]]()
    for row in (*waiting, *rows) if waiting else rows:
        if not row or not any(row):
            continue
        number += 1
        if number > MOST_LINES:
            raise WrongUseError(f"the list has more than {MOST_LINES:,} lines")
        text = row[place].strip() if place < len(row) else ""
        # It is printed again, into a table that a spreadsheet may open.
        if not _ID.fullmatch(text):
            text = f"line {number}"
        key = canonical_key(text.encode())
        told = [row[at] if at < len(row) else "" for at in others]
        staged.append((number, text, key.decode() if key else None, None if key else text, told))
        if len(staged) == BATCH:
            made.add("asked", _TYPES, staged)
            staged.clear()
    made.add("asked", _TYPES, staged)
    return [first[at] for at in others]


def _lines(lines: IO[str]) -> Iterator[str]:
    while line := lines.readline(_MOST_OF_A_LINE + 1):
        if len(line) > _MOST_OF_A_LINE:
            raise WrongUseError(f"a line of the list has more than {_MOST_OF_A_LINE} characters")
        yield line
