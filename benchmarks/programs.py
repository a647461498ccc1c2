"""The programs whose figures ``make bench`` collects."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson
from benchmarks.figures import Figure
from benchmarks.machine import ROOT
from benchmarks.results import Curve

RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
ENGINE = RELEASE / "slotkeeper-benchmarks"

Found = tuple[list[Figure], list[Curve]]


def engine(section: str) -> Found:
    """Run a section of ``benchmarks/rust``."""
    found = orjson.loads(_output(str(ENGINE), section))
    return (
        [Figure(**figure) for figure in found["figures"]],
        [Curve(**curve) for curve in found["curves"]],
    )


def openssl() -> Found:
    """Run ``openssl speed``; nothing where it is not installed, or too old."""
    program = shutil.which("openssl")
    if program is None:
        return [], []
    command = [program, "speed", "-seconds", "1", "-mr", "ecdsap256", "ecdhp256"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    # "+F4:index:bits:sign:verify" and "+F5:index:bits:agree", seconds or rates by version.
    fields = {line[:4]: line.split(":") for line in done.stdout.splitlines()}
    if not {"+F4:", "+F5:"} <= fields.keys():
        return [], []
    values = {
        "ECDSA P-256 sign": float(fields["+F4:"][3]),
        "ECDSA P-256 verify": float(fields["+F4:"][4]),
        "ECDH P-256": float(fields["+F5:"][3]),
    }
    return [
        Figure(what=what, value=1 / value if value < 1 else value, unit="/s")
        for what, value in values.items()
    ], []


TABLE: tuple[tuple[str, str, str, dict[str, float] | None], ...] = (
    ("bytes_per_device_counted", "a hot record with its index, counted", "B", {"at_most": 64.0}),
    ("bytes_per_device_resident", "a hot record with its index, resident", "B", None),
    ("peak_over_final", "peak to final size", "x", {"at_most": 1.1}),
    ("allocations_per_second", "allocations staged and folded, RequestID remembered", "/s", None),
    ("find_many_ns_at_10k", "find, in batches, 10 thousand devices", "ns", None),
    ("find_many_ns_at_10m", "find, in batches, 10 million devices", "ns", None),
)
"""What the example of the counters crate calls a figure, and what people do; unit and goal."""


def table() -> Found:
    """Run the example of the counters crate, at the size of the whole fleet."""
    found = orjson.loads(_output(str(RELEASE / "examples" / "thirty_million")))
    return [
        Figure(what=what, value=found[name], unit=unit, goal=goal)
        for name, what, unit, goal in TABLE
    ], []


def python() -> Found:
    """Run ``benchmarks/python`` by ``pytest-benchmark``."""
    with tempfile.TemporaryDirectory(prefix="slotkeeper-bench-") as folder:
        file = Path(folder, "found.json")
        command = [
            *(sys.executable, "-m", "pytest", "-q", "benchmarks/python", "--benchmark-only"),
            *("-p", "no:cacheprovider", f"--benchmark-json={file}"),
            "--benchmark-columns=median,iqr,rounds",
        ]
        subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)  # noqa: S603
        found = orjson.loads(file.read_bytes())
    return [_of_pytest(benchmark) for benchmark in found["benchmarks"]], []


def _of_pytest(benchmark: dict[str, Any]) -> Figure:
    info, seconds = benchmark["extra_info"], benchmark["stats"]["median"]
    rate = info["records"] / seconds
    return Figure(what=info["what"], value=rate, unit="records/s")


def _output(*command: str) -> bytes:
    # What goes wrong is said on the standard error, which the caller sees.
    return subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE).stdout  # noqa: S603
