"""A worker that can be told where to die; run by the crash test as a process of its own.

``worker_process.py SETTINGS POINT NUMBER``: SIGKILL at the NUMBERth time that POINT is reached.
Writes a line for each commit.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from slotkeeper.engine.port import Call, Step, engines
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams
from slotkeeper.worker import Progress, Snapshots, run


class Fate:
    def __init__(self, point: str, number: int) -> None:
        self._point = point
        self._number = number
        self._reached: Counter[str] = Counter()

    def reach(self, point: str) -> None:
        self._reached[point] += 1
        if point == self._point and self._reached[point] == self._number:
            os.kill(os.getpid(), signal.SIGKILL)


KILL_POINTS = {
    ("begin", Step.RESTORE): "restore",
    ("begin", Step.FOLD): "committed",
    ("end", Step.LOAD_PART): "part loaded",
    ("end", Step.OPEN): "opened",
    ("end", Step.SEAL): "sealed",
    ("end", Step.SNAPSHOT_PART): "part taken",
    ("end", Step.STAGE): "staged",
}


class MortalHook:
    """Dies at the fated call of an engine."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate

    def begin(self, call: Call) -> None:
        self._reach("begin", call)

    def end(self, call: Call) -> None:
        self._reach("end", call)

    def _reach(self, moment: str, call: Call) -> None:
        if point := KILL_POINTS.get((moment, call.step)):
            self._fate.reach(point)


async def main(file: str, point: str, number: str) -> None:
    settings = Settings.load(Path(file), environment={})
    make = engines(settings.authority(), settings.engine_json())
    fate = Fate(point, int(number))
    told = 0

    def tell(progress: Progress) -> None:
        nonlocal told
        if progress.records > told:
            told = progress.records
            sys.stdout.write("committed\n")
            sys.stdout.flush()

    # So often that one is written most of the time.
    snapshots = Snapshots(
        directory=Path(file).parent / "snapshots", application="crash", every_s=0.001
    )
    real_sync = os.fsync

    def mortal_sync(descriptor: int) -> None:
        real_sync(descriptor)
        fate.reach("synchronised")

    os.fsync = mortal_sync  # type: ignore[assignment]  # ours alone is called with numbers
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        sys.stdout.write("open\n")
        sys.stdout.flush()
        await run(
            streams,
            make,
            until_idle=True,
            progress=tell,
            snapshots=snapshots,
            hook=MortalHook(fate),
        )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
