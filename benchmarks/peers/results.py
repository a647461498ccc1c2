"""What all runs found, kept in ``peers.json`` and added to by further runs."""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

import orjson
from benchmarks.machine import Machine

Row = dict[str, Any]

FILE = "peers.json"


@dataclass
class Results:
    """Everything that was found with the same sources on the same machine.

    Attributes:
        machine: Where, and when the last of the runs began.
        runs: By scenario and contender, one row a repetition.
        failures: What went wrong, for people.
    """

    machine: Machine
    runs: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @classmethod
    def continued(cls, machine: Machine, folder: Path | None) -> Self:
        """Begin with what an earlier run of the same sources on the same machine has found."""
        results = cls(machine)
        if folder is not None and (folder / FILE).exists():
            found = orjson.loads((folder / FILE).read_bytes())
            if machine.same_as(found["machine"]):
                results.runs = found["runs"]
                results.failures = found["failures"]
        return results

    @classmethod
    def kept(cls, folder: Path) -> Self:
        """Read what earlier runs have found."""
        found = orjson.loads((folder / FILE).read_bytes())
        return cls(Machine(**found["machine"]), found["runs"], found["failures"])

    def add(self, scenario: str, contender: str, row: Row) -> None:
        self.runs.setdefault(scenario, {}).setdefault(contender, []).append(row)

    def rows(self, scenario: str, contender: str) -> list[Row]:
        return self.runs.get(scenario, {}).get(contender, [])

    def values(self, scenario: str, contender: str, figure: str) -> list[float]:
        """Give a figure of every repetition that has it."""
        found = (row.get(figure) for row in self.rows(scenario, contender))
        return [float(value) for value in found if value is not None]

    def median(self, scenario: str, contender: str, figure: str) -> float | None:
        values = self.values(scenario, contender, figure)
        return median(values) if values else None

    def ratio(self, scenario: str, contender: str, figure: str, to: str) -> float | None:
        """Divide a contender's median by another's."""
        own, other = (self.median(scenario, name, figure) for name in (contender, to))
        return own / other if own is not None and other else None

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_bytes(
            orjson.dumps(self, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
