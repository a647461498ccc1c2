"""``slotkeeper``, which also tells what processor time its engines took.

``metered.py FILE run --config ...`` runs as ``slotkeeper run --config ...`` does. The file's first
eight octets are nanoseconds, little-endian: the processor time of the threads that called engines
to stage, seal and fold. What crosses into Python for a batch, its outputs, is not among them, and
neither are threads that an engine starts, of which there are none where the program has one core.
"""

import mmap
import struct
import sys
import threading
import time
from pathlib import Path

from slotkeeper import cli, console
from slotkeeper.engine.port import Call, Step

ENGINES_OWN = frozenset({Step.STAGE, Step.SEAL, Step.FOLD})


def main() -> None:
    file, *sys.argv[1:] = sys.argv[1:]
    meter = Meter(Path(file))

    class MeteredEngines(console.EngineMetrics):
        def begin(self, call: Call) -> None:
            super().begin(call)
            meter.begin(call)

        def end(self, call: Call) -> None:
            meter.end(call)
            super().end(call)

    console.EngineMetrics = MeteredEngines  # type: ignore[misc]
    cli.main()


class Meter:
    """Adds up, where another process can read it."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(8))
        with file.open("r+b") as opened:
            self._shared = mmap.mmap(opened.fileno(), 8)
        self._total = 0
        self._lock = threading.Lock()
        self._begun: dict[int, int] = {}

    def begin(self, call: Call) -> None:
        self._begun[call.partition] = time.thread_time_ns()

    def end(self, call: Call) -> None:
        if call.step not in ENGINES_OWN:
            return
        took = time.thread_time_ns() - self._begun[call.partition]
        with self._lock:
            self._total += took
            self._shared[:] = struct.pack("<Q", self._total)


if __name__ == "__main__":
    main()
