"""What the figures say, for people: a page and a picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import orjson
from benchmarks.figures import Figure
from benchmarks.machine import Machine
from benchmarks.markdown import number, table
from benchmarks.picture import Panel, lines

GOAL = 25_000_000
"""GPFs that the goals are about."""

_STEPS = {
    "bare": "bare read of the same streams",
    "build": "cold build",
    "day": "a day's changes written",
    "again": "build of a day's changes",
    "report": "report",
}


@dataclass
class Results:
    """What was measured.

    Attributes:
        machine: Where.
        sizes: By number of GPFs, what each step took.
        enlarged: The same of folders that were made of smaller ones, without streams, and where.
    """

    machine: Machine
    sizes: dict[int, dict[str, dict[str, Any]]] = field(default_factory=dict)
    enlarged: dict[int, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def kept(cls, file: Path) -> Self:
        """Read what was kept."""
        told = orjson.loads(file.read_bytes())
        sizes, enlarged = (
            {int(gpfs): steps for gpfs, steps in told[name].items()}
            for name in ("sizes", "enlarged")
        )
        return cls(Machine(**told["machine"]), sizes, enlarged)

    def write(self, folder: Path) -> None:
        """Write figures, page and picture."""
        told = {
            "machine": asdict(self.machine),
            "sizes": {str(gpfs): steps for gpfs, steps in sorted(self.sizes.items())},
            "enlarged": {str(gpfs): steps for gpfs, steps in sorted(self.enlarged.items())},
        }
        options = orjson.OPT_INDENT_2
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "slots.json").write_bytes(orjson.dumps(told, option=options) + b"\n")
        (folder / "slots.md").write_text("\n".join(self._page()) + "\n")
        (folder / "slots.svg").write_text(self._picture())

    def _page(self) -> Iterator[str]:
        largest = max(self.sizes)
        yield "# Builds of the slots folder, and reports"
        yield ""
        yield from self.machine.lines()
        yield f"- a synthetic store in an SQLite file; the largest has {number(largest)} GPFs, each"
        yield "  with a gas meter and a registration, and a year of slot events"
        yield ""
        yield f"The goals are those of {number(GOAL)} GPFs. What was measured stands below, and how"
        yield "it grows."
        for gpfs, steps in sorted(self.sizes.items()):
            yield ""
            yield f"## {number(gpfs)} GPFs"
            rows = [figure.cells() for figure in figures(steps)]
            yield from table(["what", "value", "goal", ""], rows)
            yield from table(
                ["step", "seconds", "of processors", "resident MiB", "records or rows"],
                [_step(name, steps[name]) for name in _STEPS if name in steps],
            )
        for gpfs, steps in sorted(self.enlarged.items()):
            yield ""
            yield f"## A report on {number(gpfs)} GPFs"
            yield ""
            yield "The disk has no room for their streams: a build of fewer was repeated under"
            yield "other numbers. What is measured is the report, not a build."
            yield ""
            yield from Machine(**steps["machine"]).lines()
            yield ""
            rows = [figure.cells() for figure in report_figures(steps)]
            yield from table(["what", "value", "goal", ""], rows)
            yield from table(
                ["step", "seconds", "of processors", "resident MiB", "records or rows"],
                [_step("report", steps["report"])],
            )
        yield ""
        yield "![Seconds by number of GPFs](slots.svg)"

    def _picture(self) -> str:
        def seconds(step: str) -> Sequence[tuple[float, float]]:
            return [
                (gpfs, steps[step]["seconds"])
                for gpfs, steps in sorted(self.sizes.items())
                if step in steps
            ]

        told = {_STEPS[step]: seconds(step) for step in ("bare", "build", "again", "report")}
        last = [f"{name}: {points[-1][1]:.0f} at most" for name, points in told.items() if points]
        return lines(
            "Builds and reports by number of devices",
            f"Seconds for {', '.join(last)}",
            "GPFs",
            [Panel(label="seconds", series=told)],
            logarithmic=True,
        )


def figures(steps: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Hold the figures of one size against their goals."""
    bare, build = steps["bare"], steps["build"]
    return [
        Figure(
            what="cold build, to a bare read",
            value=build["seconds"] / bare["seconds"],
            unit="x",
            goal={"at_most": 3.0},
        ),
        Figure(
            what="a day's changes built",
            value=steps["again"]["seconds"],
            unit="s",
            goal={"at_most": 30.0},
        ),
        *report_figures(steps),
    ]


def report_figures(steps: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Hold those of a report against their goals."""
    report = steps["report"]
    resident = max(
        step["resident_mib"]
        for name, step in steps.items()
        if name not in {"fill", "enlarge", "machine"}
    )

    csv = report["device_csv_s"] / report["bare_csv_s"]
    return [
        Figure(
            what="report without device.csv",
            value=report["small_judge_s"] + report["small_write_s"],
            unit="s",
            goal={"at_most": 60.0},
        ),
        Figure(what="the same, of processors", value=report.get("small_cpu_s"), unit="s"),
        Figure(
            what="device.csv, to a bare sorted copy", value=csv, unit="x", goal={"at_most": 1.5}
        ),
        Figure(what="resident memory", value=resident, unit="MiB", goal={"at_most": 4_096.0}),
    ]


def _step(name: str, step: Mapping[str, Any]) -> list[str]:
    count = step.get("records") or sum(step.get("rows", {}).values()) or step.get("gpfs", 0)
    cells = (step["seconds"], step["cpu_s"], step["resident_mib"], count)
    return [_STEPS[name], *map(number, cells)]
