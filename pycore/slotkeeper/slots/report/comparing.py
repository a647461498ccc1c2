"""What two reports say differently, device by device."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from slotkeeper.errors import WrongUseError
from slotkeeper.slots.tables import tables

_ROWS = (
    "(SELECT {names} FROM read_csv('{path}', all_varchar = true, header = true, "
    "auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
    "columns = {columns}))"
)

_DIFFERENT = """
SELECT coalesce(was.device_id, now.device_id), was, now
FROM {before} AS was FULL JOIN {after} AS now ON was.device_id = now.device_id
WHERE was IS DISTINCT FROM now ORDER BY 1
"""


ROWS_FILE = "differences.csv"
"""A row for each column in which a device's rows differ: device, column, and what both say."""

TOTALS_FILE = "comparison.json"
"""How many devices differ, and in which columns how often."""

ONLY = "only"
"""Stands for the column where only one of the reports has the device."""


class Difference(NamedTuple):
    """A device of which two reports do not say the same.

    Attributes:
        device_id: The device.
        was: Of the columns that differ, what the first report has; None if it has no such device.
        now: The same of the second.
    """

    device_id: str
    was: dict[str, str | None] | None
    now: dict[str, str | None] | None

    def cells(self) -> list[tuple[str, str, str]]:
        """Give each column that differs, with what the first and the second report say."""
        if self.was is None or self.now is None:
            return [(ONLY, "", "in the second") if self.was is None else (ONLY, "in the first", "")]
        return [(name, was or "", self.now[name] or "") for name, was in self.was.items()]


def write_differences(before: Path, after: Path, out: Path) -> int:
    """Write ``differences.csv`` and, when it is whole, ``comparison.json``.

    Returns:
        How many devices differ.

    Raises:
        WrongUseError: A folder has no ``device.csv``.
    """
    for folder in (before, after):
        _header(folder / "device.csv")
    devices, columns = 0, Counter[str]()
    with (out / ROWS_FILE).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("device_id", "column", "first", "second"))
        for one in differences(before, after):
            cells = one.cells()
            devices += 1
            columns.update(name for name, _, _ in cells)
            rows.writerows((one.device_id, *cell) for cell in cells)
    totals = {"devices": devices, "columns": dict(columns.most_common())}
    (out / TOTALS_FILE).write_bytes(
        orjson.dumps(totals, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
    return devices


def differences(before: Path, after: Path) -> Iterator[Difference]:
    """Compare the ``device.csv`` of two reports, by device.

    Columns that only one of them has are left out: reports of different versions can be compared.

    Raises:
        WrongUseError: A folder has no ``device.csv``.
    """
    files = [(folder / "device.csv").resolve() for folder in (before, after)]
    headers = [_header(file) for file in files]
    both = [name for name in headers[0] if name in headers[1]]
    sources = [
        _ROWS.format(names=", ".join(both), path=_quoted(file), columns=_typed(header))
        for file, header in zip(files, headers, strict=True)
    ]
    with tables(*(file.parent for file in files)) as made:
        query = _DIFFERENT.format(before=sources[0], after=sources[1])
        for device, was, now in made.rows(query):
            if was is None or now is None:
                yield Difference(device, was, now)
                continue
            names = [name for name in both if was[name] != now[name]]
            yield Difference(
                device, {name: was[name] for name in names}, {name: now[name] for name in names}
            )


def _header(file: Path) -> list[str]:
    try:
        with file.open() as lines:
            columns = lines.readline(10_000).strip().split(",")
    except OSError as error:
        raise WrongUseError(f"{file} cannot be read: {error.strerror}") from None
    if columns[0] != "device_id" or not all(name.isidentifier() for name in columns):
        raise WrongUseError(f"{file} is no list of a report")
    return columns


def _typed(columns: list[str]) -> str:
    return "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in columns) + "}"


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")
