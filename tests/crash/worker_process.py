"""A worker that can be told where to die; run by the crash test as a process of its own.

``worker_process.py SETTINGS POINT NUMBER``: SIGKILL at the NUMBERth time that POINT is reached.
Writes a line for each commit.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from slotkeeper.cli.run import engine_factory
from slotkeeper.settings import Settings
from slotkeeper.streams import Entry, Finished, open_streams
from slotkeeper.worker import Engine, Progress, Snapshots, Staged, run
from slotkeeper.worker.engine import Cursor, EngineInput


class Fate:
    def __init__(self, point: str, number: int) -> None:
        self._point = point
        self._number = number
        self._reached: Counter[str] = Counter()

    def reach(self, point: str) -> None:
        self._reached[point] += 1
        if point == self._point and self._reached[point] == self._number:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalEngine:
    """Passes everything on to the real engine, and dies at the fated call."""

    def __init__(self, engine: Engine, fate: Fate) -> None:
        self._engine = engine
        self._fate = fate

    def replay_changelog(
        self, records: Sequence[Entry]
    ) -> Sequence[tuple[bytes | None, bytes | None]]:
        self._fate.reach("restore")
        return self._engine.replay_changelog(records)

    def replay_inventory(self, records: Sequence[Entry]) -> int:
        return self._engine.replay_inventory(records)

    def snapshot_part(self, cursor: Cursor | None = None) -> tuple[bytes, Cursor | None]:
        part = self._engine.snapshot_part(cursor)
        self._fate.reach("part taken")
        return part

    def load_part(self, part: bytes) -> None:
        self._engine.load_part(part)
        self._fate.reach("part loaded")

    def clear(self) -> None:
        self._engine.clear()

    def close(self) -> None:
        self._engine.close()

    def open(self) -> None:
        self._engine.open()
        self._fate.reach("opened")

    def stage(
        self,
        records: Sequence[EngineInput],
        *,
        now_ms: int,
        decided_after: Mapping[str, int] | None = None,
    ) -> "MortalStaged":
        staged = self._engine.stage(records, now_ms=now_ms, decided_after=decided_after)
        self._fate.reach("staged")
        return MortalStaged(staged, self._fate)


class MortalStaged:
    def __init__(self, staged: Staged, fate: Fate) -> None:
        self._staged = staged
        self._fate = fate

    def seal(self) -> None:
        self._staged.seal()
        self._fate.reach("sealed")

    def finished(self) -> Finished:
        return self._staged.finished()

    def void(self) -> Sequence[int]:
        return self._staged.void()

    def summary(self) -> Mapping[str, int]:
        return self._staged.summary()

    def fold(self) -> None:
        self._fate.reach("committed")
        self._staged.fold()

    def discard(self) -> None:
        self._staged.discard()

    def in_doubt(self) -> None:
        self._staged.in_doubt()


async def main(file: str, point: str, number: str) -> None:
    settings = Settings.load(Path(file), environment={})
    real = engine_factory(settings.authority(), settings)
    fate = Fate(point, int(number))

    def mortal(partition: int, partitions: int) -> MortalEngine:
        return MortalEngine(real(partition, partitions), fate)

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
        await run(streams, mortal, until_idle=True, progress=tell, snapshots=snapshots)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
