"""What ``make bench`` found, and the files that tell of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from benchmarks import markdown, picture
from benchmarks.figures import Figure
from benchmarks.machine import Machine
from benchmarks.markdown import number


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What an outcome costs.

    Attributes:
        what: Which kind of outcome.
        points: Devices of a partition, with nanoseconds.
    """

    what: str
    points: Sequence[tuple[int, float]]


@dataclass
class Results:
    """Everything one run found.

    Attributes:
        machine: Where.
        sections: Figures, by the part of the report they stand in.
        curves: Of the picture.
    """

    machine: Machine
    sections: dict[str, list[Figure]] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)

    @classmethod
    def kept(cls, file: Path) -> "Results":
        """Read what an earlier run found."""
        found = orjson.loads(file.read_bytes())
        results = cls(
            Machine(**found["machine"]), curves=[Curve(**each) for each in found["curves"]]
        )
        for figure in found["figures"]:
            figure.pop("met", None)
            results.sections.setdefault(figure.pop("section"), []).append(Figure(**figure))
        return results

    def write(self, folder: Path) -> None:
        """Write ``results.json``, ``results.md`` and ``scale.svg``."""
        folder.mkdir(parents=True, exist_ok=True)
        everything = {
            "machine": self.machine,
            "figures": [
                {"section": section, **figure.as_dict()}
                for section, figures in self.sections.items()
                for figure in figures
            ],
            "curves": self.curves,
        }
        (folder / "results.json").write_bytes(
            orjson.dumps(everything, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
        (folder / "results.md").write_text("\n".join([*self.lines(), ""]))
        if self.curves:
            (folder / "scale.svg").write_text(_drawn(self.curves))

    def lines(self) -> Iterator[str]:
        """Give what people read, as Markdown."""
        yield from ("# Results of `make bench`", "", *self.machine.lines())
        yield "- value: the median of repetitions, first and third quartile in parentheses"
        for section, figures in self.sections.items():
            yield from ("", f"## {section}")
            yield from markdown.table(
                ["what", "value", "goal", ""], (figure.cells() for figure in figures)
            )
        if self.curves:
            shown = _shown(self.curves)
            yield from ("", "## What an outcome costs as the partition grows", "", shown)
            yield from ("", f"![{shown}](scale.svg)")
            sizes = [f"{size:,} devices, ns" for size, _ in self.curves[0].points]
            costs = ([c.what, *(number(cost) for _, cost in c.points)] for c in self.curves)
            yield from markdown.table(["outcome", *sizes], costs)


def _shown(curves: Sequence[Curve]) -> str:
    most = max(curve.points[-1][1] / curve.points[0][1] for curve in curves)
    return (
        f"Among ten million devices an outcome costs at most {most:.2f} times as much as among ten "
        "thousand."
    )


def _drawn(curves: Sequence[Curve]) -> str:
    told = (
        f"{curve.what}: from {number(curve.points[0][1])} to {number(curve.points[-1][1])} ns"
        for curve in curves
    )
    panel = picture.Panel(
        label="cost of one outcome, ns (logarithmic)",
        series={curve.what: curve.points for curve in curves},
    )
    return picture.lines(
        "Cost of one outcome by the size of the partition",
        f"{'; '.join(told)}.",
        "devices in the inventory (logarithmic)",
        [panel],
        logarithmic=True,
    )
