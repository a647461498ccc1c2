"""Reports that were made here: a folder each, named by day and build."""

import re
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from slotkeeper.errors import FaultFoundError, WrongUseError
from slotkeeper.slots.build.folder import Build, open_build
from slotkeeper.slots.report.comparing import ROWS_FILE, TOTALS_FILE

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d{8})")
"""As-of day and number of the build, so that a name says what is in it, and names sort by day."""

FILES = ("device.csv", "summary.csv", "exceptions.csv", "reconciliation.json", "manifest.json")
"""What may be downloaded by who sees all."""

_MAX_JSON = 64 << 20
"""Octets of a manifest or reconciliation that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A complete report.

    Attributes:
        name: Of its folder, and in paths.
        folder: With its files.
        as_of: The day at whose end it is judged.
        build: What it was made of.
        built_at: When the streams were read, RFC 3339.
        totals: The reconciliation.
        warnings: What must be read before the figures.
    """

    name: str
    folder: Path
    as_of: date
    build: str
    built_at: str
    totals: dict[str, Any]
    warnings: list[str]


class MadeBeside:
    """A folder of what commands make beside the pages, a folder each, seen once it is whole."""

    def __init__(self, folder: Path) -> None:
        """Look into a folder, which is made if there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def making(self, name: str) -> Path:
        """Give an empty place in which one may be made; nobody sees it."""
        place = self.folder / f".{name}"
        shutil.rmtree(place, ignore_errors=True)
        return place

    def finished(self, name: str) -> None:
        """Show what was made in ``making``, in the place of one that cannot be read."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / f".{name}").rename(self.folder / name)


class Reports(MadeBeside):
    """The folder of reports."""

    @staticmethod
    def name(as_of: date, build: str) -> str:
        """Name a report."""
        return f"{as_of}-{build}"

    def all(self) -> list[Report]:
        """Give the complete ones, newest day and build first."""
        names = sorted((one.name for one in self.folder.iterdir()), reverse=True)
        return [report for name in names if (report := self.find(name)) is not None]

    def find(self, name: str) -> Report | None:
        """Give one by its name; None where there is none that is complete."""
        if _NAME.fullmatch(name) is None:
            return None
        folder = self.folder / name
        try:
            manifest = _json(folder / "manifest.json")
            return Report(
                name=name,
                folder=folder,
                as_of=date.fromisoformat(manifest["as_of"]),
                build=str(manifest["build"]),
                built_at=str(manifest["built_at"]),
                totals=_json(folder / "reconciliation.json"),
                warnings=[str(one) for one in manifest["warnings"]],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two reports that were compared.

    Attributes:
        rows: The CSV file with a row for each column in which a device's rows differ.
        devices: How many devices differ.
        columns: In which columns how many of them do, most first.
    """

    rows: Path
    devices: int
    columns: dict[str, int]


class Comparisons(MadeBeside):
    """The folder of comparisons, one for each pair of reports."""

    @staticmethod
    def name(before: Report, after: Report) -> str:
        """Name the comparison of two reports."""
        return f"{before.name}..{after.name}"

    def find(self, before: Report, after: Report) -> Compared | None:
        """Give the comparison of two reports; None where it has not been made."""
        folder = self.folder / self.name(before, after)
        try:
            totals = _json(folder / TOTALS_FILE)
            return Compared(folder / ROWS_FILE, int(totals["devices"]), dict(totals["columns"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def newest_build(slots: Path) -> Build | None:
    """Give the last build of a folder, its files not read through; None if there is none."""
    try:
        return open_build(slots, checked=False)
    except (WrongUseError, FaultFoundError):
        return None


def _json(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        told = orjson.loads(opened.read(_MAX_JSON))
    if not isinstance(told, dict):
        raise TypeError(f"{file} holds no object")
    return told
