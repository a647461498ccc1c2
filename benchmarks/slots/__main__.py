"""``python -m benchmarks.slots``: stores of several sizes, built, built again and reported on."""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import duckdb
from benchmarks.machine import Machine, describe

from slotkeeper._core import BUILD_PROFILE

from .report import Results
from .steps import STEPS, Place, in_process, measured

MEASURED = ("pycore/slotkeeper/slots", "pycore/slotkeeper/streams", "rust", "benchmarks/slots")


def main() -> None:
    """Do one step, or all of several sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpfs", type=int, nargs="+", default=[200_000, 1_000_000])
    parser.add_argument(
        "--directory", type=Path, help="where 4 kB a GPF are free; of a step alone: its folder"
    )
    parser.add_argument("--results", type=Path, help="a folder for figures, page and picture")
    parser.add_argument("--step", choices=list(STEPS), help="one alone, in this process")
    parser.add_argument(
        "--enlarged", type=int, help="GPFs of a report alone, made of the last size's folder"
    )
    parser.add_argument(
        "--repeats", type=int, default=0, help="of the step enlarge: GPFs of the folder beside"
    )
    parser.add_argument("--filled", action="store_true", help="the stores are there, and stay")
    given = parser.parse_args()
    if BUILD_PROFILE != "release":
        sys.exit("this is a debug build: run `make setup`")
    if given.step:
        print(
            json.dumps(measured(given.step, Place(given.directory, given.gpfs[0], given.repeats)))
        )
        return
    results = Results(_machine())
    with tempfile.TemporaryDirectory() as temporary:
        base = given.directory or Path(temporary)
        for gpfs in given.gpfs:
            place = Place(base / str(gpfs), gpfs)
            results.sizes[gpfs] = _of_size(place, filled=given.filled)
            print(json.dumps({gpfs: results.sizes[gpfs]}), flush=True)
            if given.enlarged and gpfs == given.gpfs[-1]:
                large = Place(base / str(given.enlarged), given.enlarged, gpfs)
                results.enlarged[given.enlarged] = _enlarged(large, filled=given.filled)
                if not given.filled:
                    shutil.rmtree(large.folder)
            if not given.filled:
                shutil.rmtree(place.folder)
    if given.results:
        results.write(given.results)


def _of_size(place: Place, *, filled: bool) -> dict[str, dict[str, object]]:
    """Measure one size; the bare read stands before the build and after it, the faster counts."""
    told = {}
    if not filled:
        place.folder.mkdir(parents=True)
        told["fill"] = in_process("fill", place)
    before = in_process("bare", place)
    told["build"] = in_process("build", place)
    after = in_process("bare", place)
    told["bare"] = min(before, after, key=lambda one: one["seconds"])
    told["day"] = in_process("day", place)
    told["again"] = in_process("build", place)
    told["report"] = in_process("report", place)
    return told


def _machine() -> Machine:
    return describe(MEASURED, {"DuckDB": duckdb.__version__}, cores=True)


def _enlarged(place: Place, *, filled: bool) -> dict[str, dict[str, object]]:
    """Measure the report on a folder that is made of a smaller one, unless it is there."""
    told = {}
    if not (filled and place.slots.exists()):
        place.folder.mkdir(parents=True)
        told["enlarge"] = in_process("enlarge", place)
    told["report"] = in_process("report", place)
    return {"machine": asdict(_machine()), **told}


if __name__ == "__main__":
    main()
