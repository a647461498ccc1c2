"""How many requests a second the engine alone seals on a core, as ``make bench`` measures it."""

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import orjson

from .contenders import ROOT

PROGRAM = (
    Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "slotkeeper-benchmarks"
)

FIGURE = "request to sealed command, staged, sealed, folded, 1 thread"
"""Its name in the results of ``make bench``."""


async def alone(core: str) -> float:
    """Measure it now, on one core; it takes 3 s."""
    with tempfile.TemporaryDirectory(prefix="slotkeeper-peer-") as folder:
        await asyncio.to_thread(
            subprocess.run,
            ["taskset", "-c", core, str(PROGRAM), "--only", "sealing", "--results", folder],
            check=True,
            capture_output=True,
        )
        return float(found(Path(folder, "results.json"))["value"])


def found(results: Path) -> dict[str, Any]:
    """Look the figure up in a ``results.json``; the commit of that file stands beside it.

    Raises:
        LookupError: It does not stand there.
    """
    read = orjson.loads(results.read_bytes())
    for figure in read["figures"]:
        if figure["what"] == FIGURE:
            return {"value": float(figure["value"]), "commit": read["machine"]["commit"]}
    raise LookupError(f"{results.name} has no figure named {FIGURE!r}")
