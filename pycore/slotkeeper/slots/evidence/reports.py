"""A report that a package is about."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from slotkeeper.errors import FaultFoundError
from slotkeeper.slots.digest import digest

from .manifest import LARGEST, LEAVES, MANIFEST, ReportCounts, is_plain

DEVICES = "device.csv"
RECONCILIATION = "reconciliation.json"

_TOLD_BY_A_MESSAGE = frozenset({"READ_BACK", "OUTCOME", "OUTCOME_UNVERIFIED", "ALERT", "IMPORT"})
"""Evidence of a slot that is known by a message or a baseline; the others are known by none."""

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,2}")
"""Names of a report's files, which go into a path."""

_LONGEST_LINE = 1 << 16
"""Characters; a device of a report takes some 600."""

_LARGEST_MANIFEST = 16 * LARGEST
"""Octets of a report's manifest: with shares of a thousand parties."""


class Judged(NamedTuple):
    """A line of a report, as far as a package is about it."""

    device: str
    party: str | None
    told_by_a_message: bool


@dataclass(frozen=True, slots=True)
class ReportSubject:
    """A report's folder.

    Attributes:
        folder: Where it is.
        manifest: What it says of itself.
        manifest_sha256: Of that file.
    """

    folder: Path
    manifest: Mapping[str, Any]
    manifest_sha256: str

    def files(self) -> list[str]:
        """Name its files, the manifest first."""
        return [MANIFEST, *sorted(self.manifest["files"])]

    def devices(self) -> Iterator[Judged]:
        """Read its lines, sorted by device.

        Raises:
            FaultFoundError: They are no lines of a report.
        """
        try:
            with (self.folder / DEVICES).open(newline="", encoding="utf-8") as file:
                lines = iter(lambda: file.readline(_LONGEST_LINE), "")
                for row in csv.DictReader(lines, strict=True):
                    yield Judged(
                        row["device_id"],
                        row["gas_network_party"] or None,
                        row["evidence"] in _TOLD_BY_A_MESSAGE,
                    )
        except (OSError, UnicodeDecodeError, KeyError, TypeError, csv.Error):
            raise FaultFoundError(f"{self.folder / DEVICES} cannot be read as a report's") from None

    def counts(self, devices: Iterator[Judged], with_rows: frozenset[str]) -> ReportCounts:
        """Compare its devices with those that have rows."""
        judged = found = without = 0
        for one in devices:
            judged += 1
            if one.device in with_rows:
                found += 1
            elif one.told_by_a_message:
                without += 1
        return ReportCounts(
            as_of=str(self.manifest["as_of"]),
            build=str(self.manifest["build"]),
            manifest_sha256=self.manifest_sha256,
            judged=judged,
            with_rows=found,
            without_rows=without,
        )

    def faults(self) -> Iterator[str]:
        """Say what of the report is not as it was written, or does not add up."""
        for name, expected in self.manifest["files"].items():
            try:
                found = digest(self.folder / name)
            except OSError:
                found = None
            if found != expected:
                yield f"{name} is not the report's: its SHA-256 is another one"
        try:
            totals = orjson.loads((self.folder / RECONCILIATION).read_bytes())
            judged, findings = totals["judged"], sum(totals["findings"].values())
            counted = sum(1 for _ in self.devices())
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            yield f"{RECONCILIATION} cannot be read"
            return
        if not judged == findings == counted:
            yield (
                f"{RECONCILIATION} counts {judged} devices and {findings} findings, "
                f"and {DEVICES} has {counted} lines"
            )


def report_subject(folder: Path) -> ReportSubject:
    """Open the folder of a report.

    Raises:
        FaultFoundError: It is none, or damaged.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            octets = file.read(_LARGEST_MANIFEST)
        manifest = orjson.loads(octets)
        files = manifest["files"]
        named = {name: sha for name, sha in files.items() if _PLAIN.fullmatch(name)}
        complete = {DEVICES, RECONCILIATION} <= named.keys() and len(named) == len(files)
        complete = complete and isinstance(manifest["positions"], dict)
        complete = complete and is_plain(manifest["as_of"]) and is_plain(manifest["build"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise FaultFoundError(f"{folder} is no report: its {MANIFEST} cannot be read") from None
    if not complete:
        raise FaultFoundError(
            f"{path}: evidence is about a report that has {DEVICES} and {RECONCILIATION}"
        )
    return ReportSubject(folder, manifest, digest(path))


def devices_with_rows(package: Path) -> frozenset[str]:
    """Give the devices that the ``leaves.txt`` of a package names."""
    with (package / LEAVES).open(encoding="ascii") as lines:
        return frozenset(line.rstrip("\n").partition("  ")[2] for line in lines)
