"""``python -m benchmarks``: ratios of Slotkeeper to what the same machine can do at best."""

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import machine, programs
from benchmarks.results import Results

SECTIONS: dict[str, tuple[str, Callable[[], programs.Found]]] = {
    "memory": ("Memory", partial(programs.engine, "memory")),
    "sealing": ("Sealing", partial(programs.engine, "sealing")),
    "openssl": ("OpenSSL beside it, one thread", programs.openssl),
    "decisions": ("Decisions on irrelevant outcomes", partial(programs.engine, "decisions")),
    "chain": ("The chain of audit records, one thread", partial(programs.engine, "chain")),
    "verification": ("Verified outcomes", partial(programs.engine, "verification")),
    "scale": ("Size of the partition", partial(programs.engine, "scale")),
    "table": ("Originator Counter table, 30 million devices", programs.table),
    "python": ("From Python", programs.python),
}
"""Their headings, and what measures them: processes of their own, one after the other."""

MEASURED = ("rust/*/src", "pycore", "Cargo.lock", "benchmarks/rust", "benchmarks/python")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=SECTIONS, help="a section")
    parser.add_argument("--results", type=Path, help="folder; nothing is written without it")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the tables")
    given = parser.parse_args()
    if given.report:
        folder = given.results or machine.ROOT / "benchmarks" / "results"
        Results.kept(folder / "results.json").write(folder)
        return
    results = Results(machine.describe(MEASURED, _versions(), cores=True))
    for section in given.only or SECTIONS:
        print(f"measuring {section}", file=sys.stderr, flush=True)
        heading, measure = SECTIONS[section]
        try:
            figures, curves = measure()
        except subprocess.CalledProcessError as error:
            sys.exit(f"{section}: {error.cmd[0]} ended with {error.returncode}")
        if figures:
            results.sections[heading] = figures
        results.curves += curves
    print("\n".join(results.lines()))
    missed = [fig for figs in results.sections.values() for fig in figs if fig.met is False]
    print(f"\n{len(missed)} goals missed")
    if given.results is not None:
        results.write(given.results)


def _versions() -> dict[str, str]:
    """Give those of the compiler and of the cryptography that everything is measured against."""
    lock = tomllib.loads((machine.ROOT / "Cargo.lock").read_text())
    locked = {package["name"]: package["version"] for package in lock["package"]}
    rustc = machine.output("rustc", "--version").removeprefix("rustc ")
    return {"rustc": rustc, "aws-lc-rs": locked["aws-lc-rs"]}


if __name__ == "__main__":
    main()
