"""``slotkeeper``, which also tells what processor time its engines took.

``metered.py FILE run --config ...`` runs as ``slotkeeper run --config ...`` does. The file's first
eight octets are nanoseconds, little-endian: the processor time of the threads that called engines
to stage, seal and fold. What crosses into Python for a batch, its outputs, is not among them, and
neither are threads that an engine starts, of which there are none where the program has one core.
"""

import importlib
import mmap
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slotkeeper import cli

ENGINES_OWN = frozenset({"stage", "seal", "fold"})


def main() -> None:
    file, *sys.argv[1:] = sys.argv[1:]
    meter = Meter(Path(file))
    # By its name, since the package gives the same name to the command.
    command: Any = importlib.import_module("slotkeeper.cli.run")
    make = command.engine_factory

    def engines(*given: Any) -> Callable[[int, int], "Metered"]:  # noqa: ANN401
        made = make(*given)
        return lambda partition, partitions: Metered(made(partition, partitions), meter)

    command.engine_factory = engines
    cli.main()


class Meter:
    """Adds up, where another process can read it."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(8))
        with file.open("r+b") as opened:
            self._shared = mmap.mmap(opened.fileno(), 8)
        self._total = 0
        self._lock = threading.Lock()

    def add(self, nanoseconds: int) -> None:
        with self._lock:
            self._total += nanoseconds
            self._shared[:] = struct.pack("<Q", self._total)


class Metered:
    """Passes everything on to an engine, or to what it has staged."""

    def __init__(self, inner: Any, meter: Meter) -> None:  # noqa: ANN401
        self._inner = inner
        self._meter = meter

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        method = getattr(self._inner, name)
        if name not in ENGINES_OWN:
            return method

        def timed(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            begun = time.thread_time_ns()
            result = method(*given, **named)
            self._meter.add(time.thread_time_ns() - begun)
            return Metered(result, self._meter) if name == "stage" else result

        return timed


if __name__ == "__main__":
    main()
