"""How long a partition of many devices takes to start from a snapshot."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

TEN_MILLION = 10_000_000


async def save(devices: int, folder: Path, cores: str) -> dict[str, Any]:
    """Fill an engine and write its snapshot into the folder."""
    return await asyncio.to_thread(_done, "save", devices, folder, cores)


async def load(devices: int, folder: Path, cores: str, saved: dict[str, Any]) -> dict[str, Any]:
    """Start from the snapshot in a new process.

    Args:
        devices: How many.
        folder: With the snapshot.
        cores: As taskset takes them.
        saved: What saving has told of.
    """
    found = await asyncio.to_thread(_done, "load", devices, folder, cores)
    return {
        **found,
        # The goal is one for so many; fewer say nothing about it.
        "ten_million_s": found["load_s"] if devices == TEN_MILLION else None,
        "file_device_b": saved["file_bytes"] / devices,
        "counted_device_b": saved["engine_bytes"] / devices,
        "peak_device_b": found["load_peak_bytes"] / devices,
    }


def _done(step: str, devices: int, folder: Path, cores: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603  # a program of the benchmarks
        [
            *("taskset", "-c", cores, sys.executable, "-m", "benchmarks.snapshot"),
            *("--only", step, "--devices", str(devices), "--directory", str(folder)),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found
