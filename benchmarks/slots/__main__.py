"""``python -m benchmarks.slots``."""

import argparse
import json
import sys
from pathlib import Path

from slotkeeper._core import BUILD_PROFILE

from .steps import STEPS, Place, measured


def main() -> None:
    """Do one step, or all of several sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpfs", type=int, nargs="+", default=[200_000, 1_000_000])
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--step", choices=list(STEPS))
    given = parser.parse_args()
    if BUILD_PROFILE != "release":
        sys.exit("this is a debug build: run `make setup`")
    if given.step:
        print(json.dumps(measured(given.step, Place(given.directory, given.gpfs[0]))))


if __name__ == "__main__":
    main()
