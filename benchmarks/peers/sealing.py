"""How many requests a second the engine alone seals on a core, as ``make bench`` measures it."""

import asyncio
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
from benchmarks.programs import ENGINE

FIGURE = "request to sealed command, staged, sealed, folded, 1 thread"
"""Its name in the results of ``make bench``."""


async def alone(core: str) -> float:
    """Measure it now, on one core; it takes 3 s."""
    done = await asyncio.to_thread(
        subprocess.run,
        ["taskset", "-c", core, str(ENGINE), "sealing"],
        check=True,
        capture_output=True,
    )
    return _value(orjson.loads(done.stdout)["figures"])


def kept(results: Path) -> tuple[float, str]:
    """Give what a ``results.json`` has, and the commit of that file.

    Raises:
        LookupError: The figure does not stand there.
    """
    read = orjson.loads(results.read_bytes())
    return _value(read["figures"]), read["machine"]["commit"]


def _value(figures: Iterable[dict[str, Any]]) -> float:
    for figure in figures:
        if figure["what"] == FIGURE:
            return float(figure["value"])
    raise LookupError(f"no figure is named {FIGURE!r}")
