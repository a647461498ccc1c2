"""When snapshots are written, and which are used."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from slotkeeper._core import SlotkeeperError, UnreadableSnapshotError
from slotkeeper.streams import OwnedPartition, StoppedForOperatorError

from .engine import Engine
from .off_loop import OffLoop
from .positions import Positions
from .snapshot_file import Header, RefusedSnapshotError, SnapshotReader, SnapshotWriter
from .standing import Standing

_log = logging.getLogger(__name__)

SHARE = 0.2
"""Of an engine's time that slices of a snapshot may take while batches wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """Where a worker keeps snapshots, and how often it takes them.

    Attributes:
        directory: Made if it is missing. Workers of one machine may share it.
        application: Names the streams among others whose snapshots lie there.
        every_s: Seconds from one snapshot of a partition to the next, if anything was committed.
    """

    directory: Path
    application: str
    every_s: float = 600.0

    def file(self, partition: int) -> Path:
        """Give the place of a partition's snapshot."""
        return self.directory / f"partition-{partition}.snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A snapshot that is in the engine.

    Attributes:
        standing: What to replay from.
        reaches: The last positions that it may hold something of.
    """

    standing: Standing
    reaches: Positions


async def load(
    snapshots: Snapshots,
    partition: OwnedPartition,
    engine: Engine,
    off_loop: OffLoop,
    *,
    partitions: int,
    now_ms: int,
) -> Loaded | None:
    """Fill a cleared engine from the partition's snapshot; None if there is none.

    The engine is to be cleared again if this fails.

    Raises:
        RefusedSnapshotError: There is one, and it must not be used.
        OSError: It cannot be read.
    """
    with OffLoop(f"snapshot-{partition.number}") as files:
        try:
            reader = await files(lambda: SnapshotReader(snapshots.file(partition.number)))
        except FileNotFoundError:
            return None
        with reader:
            header, footer = reader.header, reader.footer
            own = (snapshots.application, partition.number, partitions, partition.incarnation)
            whose = (header.application, header.partition, header.partitions, header.incarnation)
            if whose != own:
                raise RefusedSnapshotError("foreign", f"it is of {whose}, and this is {own}")
            end = await partition.changelog_end()
            if footer.changelog > end:
                raise RefusedSnapshotError(
                    "ahead",
                    f"it holds what was committed up to {footer.changelog}, and the changelog ends "
                    f"at {end}: an older copy of the store was restored, or its newest records "
                    "are lost",
                )
            try:
                standing = Standing(
                    positions=Positions.decode(header.positions.encode()),
                    changelog=header.changelog,
                    at_ms=header.at_ms,
                )
                reaches = Positions.decode(footer.positions.encode())
            except StoppedForOperatorError as error:
                raise RefusedSnapshotError("damaged", str(error)) from error
            if standing.too_old(now_ms, await partition.tombstones_ms()):
                raise RefusedSnapshotError(
                    "old", "tombstones of what was removed since may be gone already"
                )
            await _load_parts(reader, files, engine, off_loop)
    return Loaded(standing=standing, reaches=reaches)


async def _load_parts(
    reader: SnapshotReader, files: OffLoop, engine: Engine, off_loop: OffLoop
) -> None:
    """Load each part while the next one is read."""
    part = await files(reader.part)
    while part is not None:
        loading = asyncio.ensure_future(off_loop(partial(engine.load_part, part)))
        try:
            part = await files(reader.part)
            await loading
        except UnreadableSnapshotError as error:
            raise RefusedSnapshotError("damaged", str(error)) from error
        finally:
            # A call that runs goes on; whatever is asked of the engine next comes after it.
            loading.cancel()


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
        off_loop: OffLoop,
        *,
        partitions: int,
        standing: Callable[[], Standing | None],
    ) -> None:
        """Prepare.

        Args:
            snapshots: Where to.
            partition: Whose.
            engine: What to take.
            off_loop: The engine's thread.
            partitions: How many there are.
            standing: Says up to where the engine knows what is committed.
        """
        self.octets: int | None = None
        self.at_s = 0.0
        self._snapshots = snapshots
        self._partition = partition
        self._engine = engine
        self._off_loop = off_loop
        self._partitions = partitions
        self._standing = standing
        self._taken: Positions | None = None

    async def run(self, between: asyncio.Lock, *, at_once: bool) -> None:
        """Take one whenever it is time and something was committed, until cancelled.

        Args:
            between: Held by whoever has a batch in hand.
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
            between: Held by whoever has a batch in hand.
            share: Of the engine's time that it may take.
            most: Leave it if it has more octets than this.
        """
        standing = self._standing()
        if standing is None or standing.positions == self._taken:
            return
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        try:
            octets = await self._write(standing, _Slices(between, share, most))
        except (OSError, SlotkeeperError) as error:
            _log.warning("snapshot is not taken", extra={**self._about, "error": str(error)})
            return
        self._taken = standing.positions
        if octets is not None:
            self.octets, self.at_s = octets, loop.time()
            seconds = round(self.at_s - begun_at, 3)
            about = {**self._about, "octets": octets, "seconds": seconds}
            _log.info("snapshot is taken", extra=about)

    async def _write(self, begun: Standing, slices: "_Slices") -> int | None:
        """Write the file; None if it is left, for its size or for a newer one that stands there."""
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
        with OffLoop(f"snapshot-{self._partition.number}") as files:
            if await files(lambda: _is_newer(path, begun.positions)):
                return None
            writer = await files(lambda: _begun(path, header))
            try:
                reached = await self._write_parts(files, writer, begun, slices)
                if reached is None or await files(lambda: _is_newer(path, reached.positions)):
                    return None
                positions = reached.positions.encode().decode()
                return await files(
                    lambda: writer.finish(changelog=reached.changelog, positions=positions)
                )
            finally:
                # Of one that became the snapshot nothing is left to remove. Whoever is cancelled
                # does not wait for what the disk is doing.
                await asyncio.shield(files(writer.abandon))

    async def _write_parts(
        self, files: OffLoop, writer: SnapshotWriter, begun: Standing, slices: "_Slices"
    ) -> Standing | None:
        """Write all parts; gives up to where they may reach, None if they are too much."""
        loop = asyncio.get_running_loop()
        reached, cursor, octets = begun, None, 0
        while True:
            async with slices.between:
                begun_at = loop.time()
                part, cursor = await self._off_loop(partial(self._engine.snapshot_part, cursor))
                took = loop.time() - begun_at
                reached = self._standing() or reached
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


def _begun(path: Path, header: Header) -> SnapshotWriter:
    path.parent.mkdir(parents=True, exist_ok=True)
    return SnapshotWriter(path, header)


def _is_newer(path: Path, positions: Positions) -> bool:
    """Say whether a snapshot of the same store stands there that is not older."""
    try:
        with SnapshotReader(path) as reader:
            reaches = Positions.decode(reader.footer.positions.encode())
    except (OSError, RefusedSnapshotError, StoppedForOperatorError):
        return False
    same = reaches.incarnation == positions.incarnation
    return same and reaches.sequence >= positions.sequence
