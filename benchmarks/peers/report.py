"""The table that people read, as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import orjson
from benchmarks import markdown, picture
from benchmarks.figures import Figure
from benchmarks.markdown import number

from .contenders import CONTENDERS
from .goals import judged
from .results import Results
from .scenarios import Backlog

BENCH = "results.json"
CAUSES = "peers-causes.json"
"""Why goals are missed: sentences by the goals' keys, written by people."""

REFERENCE = "streams-memory"
"""Whom ratios are to."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """How a scenario is told of.

    Attributes:
        heading: Above it.
        figures: The figures, with the heads of their columns.
        ratio: The figure whose ratio to the reference has a column, or None.
    """

    heading: str
    figures: dict[str, str] = field(default_factory=dict)
    ratio: str | None = None


_BACKLOG = {
    "requests_s": "requests/s",
    "cpu_us": "CPU of a request, us",
    "engine_us": "the engine's part, us",
    "outside_us": "outside the engine, us",
    "broker_cpu_us": "of the broker, us",
    "broker_busy": "the broker's core, busy",
    "of_sealing": "to the engine alone",
    "resident_mib": "memory, MiB",
    "device_b": "of a device, B",
    "first_commit_s": "start to first commit, s",
}

TABLES = {
    "even": Table(heading="Four partitions, from a backlog", figures=_BACKLOG, ratio="requests_s"),
    "hot": Table(heading="One hot partition, from a backlog", figures=_BACKLOG, ratio="requests_s"),
    "latency": Table(
        heading="1,000 requests a second, from input to committed output",
        figures={
            "p50_ms": "p50, ms",
            "p99_ms": "p99, ms",
            "longest_ms": "longest, ms",
            "cpu_us": "CPU of a request, us",
        },
        ratio="p99_ms",
    ),
    "takeover": Table(
        heading="Longest wait for an answer when one of two programs ends",
        figures={
            "stop_longest_s": "stopped in order, s",
            "stop_restore_s": "of it restore, s",
            "kill_longest_s": "killed, s",
            "session_s": "of it session timeout, s",
            "kill_restore_s": "of it restore, s",
            "kill_beyond_s": "of it the rest, s",
        },
    ),
    "restore": Table(
        heading="Restore of one partition",
        figures={
            "changelog_rate": "changelog, records/s",
            "changelog_bare": "dropped, records/s",
            "changelog_of_bare": "ratio",
            "inventory_rate": "inventory, records/s",
            "inventory_bare": "dropped, records/s",
            "inventory_of_bare": "ratio",
            "counted_device_b": "a device, counted, B",
            "resident_device_b": "resident, B",
        },
    ),
    "snapshot": Table(
        heading="Start from a snapshot",
        figures={
            "load_s": "loaded, s",
            "load_cpu_s": "CPU, s",
            "file_device_b": "a device in the file, B",
            "counted_device_b": "in the engine, counted, B",
            "peak_device_b": "in the process at most, B",
        },
    ),
}


def write(results: Results, folder: Path) -> None:
    """Write ``peers.json``, ``peers.md`` and ``peers.svg``."""
    results.write(folder)
    (folder / "peers.md").write_text("\n".join([*lines(results, folder), ""]))
    (folder / "peers.svg").write_text(_drawn(results))


def lines(results: Results, folder: Path) -> Iterator[str]:
    """Give the lines.

    Args:
        results: What was found.
        folder: Where the results of ``make bench`` are kept, and the causes.
    """
    yield from ("# Results of `make bench-peers`", "")
    yield from results.machine.lines()
    yield "- values are medians of the repetitions, the lowest and the highest in parentheses"
    yield from _goals(judged(results, folder / BENCH), folder / CAUSES)
    for scenario, table in TABLES.items():
        if scenario in results.runs:
            yield from _table(results, scenario, table)
    if results.failures:
        yield from ("", "## Failures", "", *(f"- {failure}" for failure in results.failures))


def _drawn(results: Results) -> str:
    rows = []
    for key, contender in CONTENDERS.items():
        told = _cell(results.values("even", key, "requests_s")) or _why_not(results, key)
        rows.append(
            picture.Bar(
                name=contender.name,
                value=results.median("even", key, "requests_s"),
                told=told,
                own=contender.name.startswith("Slotkeeper"),
            )
        )
    return picture.bars(
        "Committed requests a second, from a backlog of four partitions",
        "; ".join(f"{row.name}: {row.told}" for row in rows) + ".",
        "requests a second, on one core and the broker's: median (lowest to highest)",
        rows,
    )


def _why_not(results: Results, key: str) -> str:
    if any(line.startswith(f"{CONTENDERS[key].name}, even,") for line in results.failures):
        return "not measured: every run failed"
    needed = key in Backlog.goal_contenders
    return "not measured: not run yet" if needed else "not measured: no goal needs it"


def _goals(goals: Mapping[str, Figure], causes: Path) -> Iterator[str]:
    yield from ("", "## Goals")
    yield from markdown.table(
        ["what", "found", "goal", ""], (figure.cells() for figure in goals.values())
    )
    missed = {key: figure.what for key, figure in goals.items() if figure.met is False}
    if missed:
        known = orjson.loads(causes.read_bytes()) if causes.exists() else {}
        yield from ("", "### Why goals are missed", "")
        for key, what in missed.items():
            yield f"- {what}: {known.get(key, 'the cause is not known yet')}"


def _table(results: Results, scenario: str, table: Table) -> Iterator[str]:
    shown = {
        figure: head
        for figure, head in table.figures.items()
        if any(results.values(scenario, key, figure) for key in results.runs[scenario])
    }
    ratio = [f"{shown[table.ratio]}, to {CONTENDERS[REFERENCE].name}"] if table.ratio else []
    yield from ("", f"## {table.heading}")
    if scenario == "even":
        yield from _pictured(results)
    lines, conditions = [], []
    for key in [key for key in CONTENDERS if key in results.runs[scenario]]:
        name = CONTENDERS[key].name
        cells = [_cell(results.values(scenario, key, figure)) for figure in shown]
        if table.ratio:
            found = results.ratio(scenario, key, table.ratio, REFERENCE)
            cells.append("" if found is None else f"{found:.2f} x")
        rows = results.rows(scenario, key)
        lines.append([name, *cells, str(len(rows))])
        conditions += [f"{name}: {what}" for what in sorted({row["how"] for row in rows})]
    yield from markdown.table(["", *shown.values(), *ratio, "runs"], lines)
    yield from ("", *(f"- {condition}" for condition in conditions))


def _pictured(results: Results) -> Iterator[str]:
    shown = "Requests a second that each has committed, input and output in one transaction"
    ratio = results.ratio("even", "unsigned", "requests_s", REFERENCE)
    if ratio is not None:
        own, other = CONTENDERS["unsigned"].name, CONTENDERS[REFERENCE].name
        shown = f"{own}, commits {ratio:.2f} times as many requests a second as {other}"
    yield from ("", f"{shown}.", "", f"![{shown}.](peers.svg)")


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle = number(median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))} to {number(max(values))})"
