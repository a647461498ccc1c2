"""``python -m benchmarks.console``: ten people at the pages of a large fleet."""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.markdown import table
from benchmarks.slots.steps import policy

from slotkeeper.slots.build.folder import open_build
from slotkeeper.slots.report.judging import judge_all
from slotkeeper.slots.report.writing import write_report
from slotkeeper.slots.tables import tables
from slotkeeper.streams import open_streams

from .asking import Asked, as_json, ask, quantile

DEVICE_MS, PAGE_MS, RESIDENT_MIB = 200.0, 1_000.0, 1_536.0
"""Goals at 25 million GPFs: an answer that is as if there were no wait, one that holds nobody up,
and memory that a machine for this can spare."""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=Path, required=True, help="made by benchmarks.slots")
    parser.add_argument("--reports", type=Path, help="made before, or made now and kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slotkeeper-console-") as temporary:
        data = Path(temporary)
        (data / "slots").symlink_to(given.slots.resolve())
        reports = given.reports or data / "kept"
        reports.mkdir(exist_ok=True)
        (data / "reports").symlink_to(reports.resolve())
        _report(given.slots, reports)
        # Pages about devices are measured, not the journal: the streams are empty.
        streams = f"sqlite:///{data}/streams.db"
        asyncio.run(_make(streams))
        told = ask(data, streams)
    sys.stdout.buffer.write(as_json(told) + b"\n")
    for line in table(["what", "value", "goal", ""], [one.cells() for one in figures(told)]):
        print(line)


def figures(told: Asked) -> list[Figure]:
    """Hold what was measured against the goals."""
    pages = [
        Figure(
            what=f"{name}, 95 of 100",
            value=1_000 * quantile(took, 0.95),
            unit="ms",
            goal={"at_most": DEVICE_MS if name == "device" else PAGE_MS},
        )
        for name, took in sorted(told.seconds.items())
    ]
    resident = Figure(
        what="resident", value=told.resident_mib, unit="MiB", goal={"at_most": RESIDENT_MIB}
    )
    return [*pages, resident, Figure(what="until pages show it", value=told.open_s, unit="s")]


async def _make(streams: str) -> None:
    async with open_streams(streams, None):
        return


def _report(slots: Path, reports: Path) -> None:
    """Make the report of the newest build, unless it is there."""
    build = open_build(slots, checked=False)
    out = (reports / f"{build.made_on}-{build.name}").resolve()
    if (out / "report.parquet").exists():
        return
    out.mkdir(exist_ok=True)
    with tables(build.reads, out) as made:
        registers = judge_all(made, build, policy(), build.made_on)
        totals = write_report(
            made,
            build,
            registers,
            policy=policy(),
            as_of=build.made_on,
            out=out,
            formats=("json", "parquet"),
            warnings=[],
        )
    print(json.dumps({"judged": totals["judged"]}), flush=True)


if __name__ == "__main__":
    main()
