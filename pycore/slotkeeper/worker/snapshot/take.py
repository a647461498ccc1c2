"""When snapshots are written, and how, beside the batches."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from slotkeeper._core import SlotkeeperError
from slotkeeper.engine.port import Engine, Step
from slotkeeper.streams import OwnedPartition, StoppedForOperatorError
from slotkeeper.worker.engine_thread import EngineThread, SingleThread
from slotkeeper.worker.positions import Checkpoint, Positions

from .file import Header, RefusedSnapshotError, SnapshotReader, Snapshots, SnapshotWriter

_log = logging.getLogger(__name__)

SHARE = 0.2
"""Of an engine's time that slices of a snapshot may take while batches wait for it."""


class SnapshotTaker:
    """Takes the snapshots of one partition while it is served.

    Attributes:
        octets: Of the last one; None before the first.
        at_s: When it was finished, by the event loop's clock.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        partition: OwnedPartition,
        engine: Engine,
        engine_thread: EngineThread,
        *,
        partitions: int,
        checkpoint: Callable[[], Checkpoint | None],
    ) -> None:
        """Prepare.

        Args:
            snapshots: Where to.
            partition: Whose.
            engine: What to take.
            engine_thread: The engine's thread.
            partitions: How many there are.
            checkpoint: Says up to where the engine knows what is committed.
        """
        self.octets: int | None = None
        self.at_s = 0.0
        self._snapshots = snapshots
        self._partition = partition
        self._engine = engine
        self._engine_thread = engine_thread
        self._partitions = partitions
        self._checkpoint = checkpoint
        self._taken: Positions | None = None

    async def run(self, between: asyncio.Lock, *, at_once: bool) -> None:
        """Take one whenever it is time and something was committed, until cancelled.

        Args:
            between: The lock that is held while a batch is decided and committed.
            at_once: Do not wait for the first.
        """
        if not at_once:
            await asyncio.sleep(self._snapshots.every_s)
        while True:
            await self.take(between)
            await asyncio.sleep(self._snapshots.every_s)

    async def take(
        self, between: asyncio.Lock, *, share: float = SHARE, most: int | None = None
    ) -> None:
        """Take one now, if anything was committed since the last; never fails.

        Args:
            between: The lock that is held while a batch is decided and committed.
            share: Of the engine's time that it may take.
            most: Leave it if it has more octets than this.
        """
        checkpoint = self._checkpoint()
        if checkpoint is None or checkpoint.positions == self._taken:
            return
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        try:
            octets = await self._write(checkpoint, _Slices(between, share, most))
        except (OSError, RefusedSnapshotError, SlotkeeperError) as error:
            _log.warning("snapshot is not taken", extra={**self._about, "error": str(error)})
            return
        self._taken = checkpoint.positions
        if octets is not None:
            self.octets, self.at_s = octets, loop.time()
            seconds = round(self.at_s - begun_at, 3)
            about = {**self._about, "octets": octets, "seconds": seconds}
            _log.info("snapshot is taken", extra=about)

    async def _write(self, begun: Checkpoint, slices: "_Slices") -> int | None:
        """Write the file; None if it is too large, or a newer one is there."""
        header = Header(
            application=self._snapshots.application,
            partition=self._partition.number,
            partitions=self._partitions,
            incarnation=self._partition.incarnation,
            at_ms=begun.at_ms,
            changelog=begun.changelog,
            positions=begun.positions.encode().decode(),
        )
        path = self._snapshots.file(self._partition.number)
        with SingleThread(f"snapshot-{self._partition.number}") as files:
            if await files(lambda: _is_newer(path, begun.positions)):
                return None
            writer = SnapshotWriter(path, header)
            try:
                await files(writer.begin)
                reached = await self._write_parts(files, writer, begun, slices)
                if reached is None or await files(lambda: _is_newer(path, reached.positions)):
                    return None
                positions = reached.positions.encode().decode()
                return await files(
                    lambda: writer.finish(changelog=reached.changelog, positions=positions)
                )
            finally:
                # A file that became the snapshot leaves nothing to remove.
                await files.surely(writer.abandon)

    async def _write_parts(
        self, files: SingleThread, writer: SnapshotWriter, begun: Checkpoint, slices: "_Slices"
    ) -> Checkpoint | None:
        """Write all parts; gives up to where they may reach, None if they are too much."""
        loop = asyncio.get_running_loop()
        reached, cursor, octets = begun, None, 0
        while True:
            async with slices.between:
                begun_at = loop.time()
                part, cursor = await self._engine_thread.run(
                    Step.SNAPSHOT_PART, partial(self._engine.snapshot_part, cursor)
                )
                took = loop.time() - begun_at
                reached = self._checkpoint() or reached
            await files(partial(writer.part, part))
            octets += len(part)
            if slices.most is not None and octets > slices.most:
                return None
            if cursor is None:
                return reached
            await asyncio.sleep(took * (1 - slices.share) / slices.share)

    @property
    def _about(self) -> dict[str, int]:
        return {"partition": self._partition.number}


@dataclass(frozen=True, slots=True)
class _Slices:
    """How parts are taken: between whose batches, with which share of time, how much at most."""

    between: asyncio.Lock
    share: float
    most: int | None


def _is_newer(path: Path, positions: Positions) -> bool:
    """Say whether there is a snapshot of the same store already that is not older."""
    try:
        with closing(SnapshotReader(path)) as reader:
            reaches = Positions.decode(reader.open().footer.positions.encode())
    except (OSError, RefusedSnapshotError, StoppedForOperatorError):
        return False
    same = reaches.incarnation == positions.incarnation
    return same and reaches.sequence >= positions.sequence
