"""Lets a fleet live for a year and judges its reports: ``python -m tests.emulate --help``."""

import argparse
import sys
from pathlib import Path

from slotkeeper.lab.emulated import FaultRates, Plan

from .judging import judged, lines
from .year import START, Year


def main() -> int:
    """Say what each report was like; 1 if one is wrong and nothing explains it."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulate", description=__doc__)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--seed", default="year")
    parser.add_argument("--baselines", type=float, default=0.8, help="share, 0 to 1")
    parser.add_argument("--no-faults", action="store_true")
    parser.add_argument("folder", type=Path, help="new or empty")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    rates = FaultRates.none() if asked.no_faults else FaultRates()
    plan = Plan(
        devices=asked.devices,
        seed=asked.seed,
        start=START,
        baselines=asked.baselines,
        rates=rates,
    )
    year = Year.begin(asked.folder, plan)
    year.fill_registers()
    year.build()
    found = judged(year)
    sys.stdout.writelines(f"{line}\n" for line in lines(found))
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
