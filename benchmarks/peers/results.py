"""What all runs found, and the files of ``benchmarks/results``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import orjson

from . import picture
from .contenders import CONTENDERS
from .machine import Machine

Row = dict[str, Any]


class Goal(NamedTuple):
    """A ratio of two contenders' medians, and what it should be.

    Attributes:
        what: For people.
        scenario: Where the figure stands.
        figure: Its name.
        peer: What the worker with signing off is compared with.
        least: At least so much, or None.
        most: At most so much, or None.
    """

    what: str
    scenario: str
    figure: str
    peer: str
    least: float | None = None
    most: float | None = None


GOALS = (
    Goal("requests a second", "even", "requests_s", "streams-memory", least=1.2),
    Goal("requests a second", "even", "requests_s", "quix", least=2.0),
    Goal("processor time of a request", "even", "cpu_us", "streams-memory", most=0.5),
    Goal("p99 at 1,000 requests a second", "latency", "p99_ms", "streams-memory", most=0.6),
)

COLUMNS = {
    "even": (
        "Four partitions, from a backlog",
        {
            "requests_s": "requests/s",
            "cpu_us": "CPU of a request, us",
            "broker_cpu_us": "of the broker, us",
            "resident_mib": "memory, MiB",
            "first_commit_s": "start to first commit, s",
            "restored_commit_s": "the same with state to restore, s",
        },
    ),
    "hot": (
        "One hot partition, from a backlog",
        {"requests_s": "requests/s", "cpu_us": "CPU of a request, us"},
    ),
    "latency": (
        "1,000 requests a second, from input to committed output",
        {"p50_ms": "p50, ms", "p99_ms": "p99, ms", "cpu_us": "CPU of a request, us"},
    ),
    "takeover": (
        "Longest wait for an answer when one of two programs ends",
        {"kill_s": "killed, s", "stop_s": "stopped in order, s"},
    ),
}
"""Each scenario's heading, and its figures with the heads of their columns."""


@dataclass
class Results:
    """Everything that was found.

    Attributes:
        machine: Where.
        plan: How: cores, seconds, repetitions, requests.
        runs: By scenario and contender, one row a repetition.
        failures: What went wrong, for people.
    """

    machine: Machine
    plan: Row
    runs: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, scenario: str, contender: str, row: Row) -> None:
        self.runs.setdefault(scenario, {}).setdefault(contender, []).append(row)

    def median(self, scenario: str, contender: str, figure: str) -> float | None:
        rows = self.runs.get(scenario, {}).get(contender, [])
        return median([row[figure] for row in rows]) if rows else None

    def write(self, folder: Path) -> None:
        """Write ``peers.json``, ``peers.md`` and ``peers.svg``."""
        folder.mkdir(parents=True, exist_ok=True)
        everything = {
            "machine": self.machine.as_dict(),
            "plan": self.plan,
            "runs": self.runs,
            "failures": self.failures,
        }
        (folder / "peers.json").write_bytes(
            orjson.dumps(everything, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
        (folder / "peers.md").write_text("\n".join([*self.lines(), ""]))
        bars = {
            contender.name: self.median("even", key, "requests_s") or 0.0
            for key, contender in CONTENDERS.items()
        }
        (folder / "peers.svg").write_text(picture.draw(bars))

    def lines(self) -> Iterator[str]:
        """Give what people read, as Markdown."""
        yield from ("# Results of `make bench-peers`", "")
        yield from (f"- {line}" for line in self.machine.lines())
        yield f"- {', '.join(f'{name} {value}' for name, value in self.plan.items())}"
        yield "- values are medians of the repetitions, the lowest and the highest in parentheses"
        for scenario, (heading, figures) in COLUMNS.items():
            if scenario in self.runs:
                yield from ("", f"## {heading}", "", _line(["", *figures.values()]))
                yield _line(["---"] * (len(figures) + 1))
                for key, rows in self.runs[scenario].items():
                    cells = [_cell([row[figure] for row in rows]) for figure in figures]
                    yield _line([CONTENDERS[key].name, *cells])
        yield from ("", "## Goals", "", _line(["signing off, to", "ratio", "goal", ""]))
        yield _line(["---"] * 4)
        for goal in GOALS:
            yield _line(self._goal(goal))
        if self.failures:
            yield from ("", "## Failures", "", *(f"- {failure}" for failure in self.failures))
        yield from ("", "![Requests a second from a backlog](peers.svg)")

    def _goal(self, goal: Goal) -> list[str]:
        own = self.median(goal.scenario, "unsigned", goal.figure)
        peer = self.median(goal.scenario, goal.peer, goal.figure)
        what = f"{CONTENDERS[goal.peer].name}: {goal.what}"
        wanted = f"at least {goal.least}" if goal.least is not None else f"at most {goal.most}"
        if own is None or not peer:
            return [what, "not measured", wanted, ""]
        ratio = own / peer
        met = (goal.least is None or ratio >= goal.least) and (
            goal.most is None or ratio <= goal.most
        )
        return [what, f"{ratio:.2f} x", wanted, "met" if met else "not met"]


def _cell(values: Sequence[float]) -> str:
    middle = _number(median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({_number(min(values))} to {_number(max(values))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
