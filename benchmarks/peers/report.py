"""The table that people read, as Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import orjson

from . import picture
from .contenders import CONTENDERS
from .goals import Verdict, verdicts
from .results import Results

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
    bars = {
        contender.name: results.median("even", key, "requests_s") or 0.0
        for key, contender in CONTENDERS.items()
    }
    (folder / "peers.svg").write_text(picture.draw(bars))


def lines(results: Results, folder: Path) -> Iterator[str]:
    """Give the lines.

    Args:
        results: What was found.
        folder: Where the results of ``make bench`` are kept, and the causes.
    """
    yield from ("# Results of `make bench-peers`", "")
    yield from (f"- {line}" for line in results.machine.lines())
    yield "- values are medians of the repetitions, the lowest and the highest in parentheses"
    judged = verdicts(results, folder / BENCH)
    yield from _goals(judged)
    yield from _causes([verdict for verdict in judged if verdict.met is False], folder / CAUSES)
    for scenario, table in TABLES.items():
        if scenario in results.runs:
            yield from _table(results, scenario, table)
    if results.failures:
        yield from ("", "## Failures", "", *(f"- {failure}" for failure in results.failures))
    yield from ("", "![Requests a second from a backlog](peers.svg)")


def _goals(judged: Sequence[Verdict]) -> Iterator[str]:
    yield from ("", "## Goals", "", _line(["what", "found", "goal", ""]), _line(["---"] * 4))
    for verdict in judged:
        if verdict.value is None:
            yield _line([verdict.what, "not measured", verdict.wanted, ""])
        else:
            value = f"{_number(verdict.value)} {verdict.unit}"
            end = "met" if verdict.met else "**MISSED**"
            yield _line([verdict.what, value, verdict.wanted, end])


def _causes(missed: Sequence[Verdict], file: Path) -> Iterator[str]:
    if not missed:
        return
    known = orjson.loads(file.read_bytes()) if file.exists() else {}
    yield from ("", "### Why goals are missed", "")
    for verdict in missed:
        yield f"- {verdict.what}: {known.get(verdict.key, 'the cause is not known yet')}"


def _table(results: Results, scenario: str, table: Table) -> Iterator[str]:
    shown = {
        figure: head
        for figure, head in table.figures.items()
        if any(results.values(scenario, key, figure) for key in results.runs[scenario])
    }
    ratio = [f"{shown[table.ratio]}, to {CONTENDERS[REFERENCE].name}"] if table.ratio else []
    yield from ("", f"## {table.heading}", "", _line(["", *shown.values(), *ratio, "runs"]))
    yield _line(["---"] * (len(shown) + len(ratio) + 2))
    conditions = []
    for key in [key for key in CONTENDERS if key in results.runs[scenario]]:
        name = CONTENDERS[key].name
        cells = [_cell(results.values(scenario, key, figure)) for figure in shown]
        if table.ratio:
            found = results.ratio(scenario, key, table.ratio, REFERENCE)
            cells.append("" if found is None else f"{found:.2f} x")
        rows = results.rows(scenario, key)
        yield _line([name, *cells, str(len(rows))])
        conditions += [f"{name}: {what}" for what in sorted({row["how"] for row in rows})]
    yield from ("", *(f"- {condition}" for condition in conditions))


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle = _number(median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({_number(min(values))} to {_number(max(values))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
