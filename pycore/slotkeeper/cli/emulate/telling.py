"""What became of a fleet, told."""

from typing import Any

from rich.console import Console
from rich.table import Table

from slotkeeper.lab.emulated.export import Summary

_RESULTS = {
    "ACCEPTED": "accepted",
    "PARTIAL": "accepted, one cell failed",
    "FAILED": "accepted, both cells failed",
    "LOST": "lost on the way to the device",
    "REFUSED": "refused by the device",
    "NOT_ISSUED": "no command made",
}


def print_summary(console: Console, told: Summary) -> None:
    """Print how the handovers ended, and who had left the numbers that were too high."""
    table = Table(title="Handovers (SRV 6.21)", title_justify="left")
    table.add_column("what became of them")
    table.add_column("cause")
    table.add_column("number left by")
    for heading in ("valid commands", "others"):
        table.add_column(heading, justify="right")
    rows: dict[tuple[str, str, str], list[int]] = {}
    for one in told.lines:
        if one.service == "6.21":
            # Who counted how only matters where a number was in the way.
            left_by = one.left_by if one.cause.startswith("NUMBER") else ""
            row = rows.setdefault((one.result, one.cause, left_by), [0, 0])
            row[0 if one.valid else 1] += one.commands
    for (result, cause, left_by), counts in rows.items():
        table.add_row(_RESULTS.get(result, result), cause, left_by, *map(str, counts))
    console.print(table)


def summary_json(told: Summary) -> dict[str, Any]:
    """Give it for a program to read."""
    return {
        "devices": told.devices,
        "published": told.published,
        "refused_valid": told.refused_valid,
        "results": [one._asdict() for one in told.lines],
    }
