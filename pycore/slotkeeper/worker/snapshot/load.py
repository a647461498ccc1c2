"""Which snapshots are used, and how an engine is filled from one."""

import asyncio
from dataclasses import dataclass
from functools import partial

from slotkeeper._core import UnreadableSnapshotError
from slotkeeper.engine.port import Engine, Step
from slotkeeper.streams import OwnedPartition, StoppedForOperatorError
from slotkeeper.worker.engine_thread import EngineThread, SingleThread
from slotkeeper.worker.positions import Checkpoint, Positions

from .file import RefusedSnapshotError, SnapshotReader, Snapshots


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A snapshot that is in the engine.

    Attributes:
        checkpoint: What to replay from.
        reaches: The last positions that it may hold something of.
    """

    checkpoint: Checkpoint
    reaches: Positions


async def load(
    snapshots: Snapshots,
    partition: OwnedPartition,
    engine: Engine,
    engine_thread: EngineThread,
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
    with SingleThread(f"snapshot-{partition.number}") as files:
        reader = SnapshotReader(snapshots.file(partition.number))
        try:
            await files(reader.open)
            checkpoint, reaches = await _judge(
                reader, snapshots, partition, partitions=partitions, now_ms=now_ms
            )
            await _load_parts(reader, files, engine, engine_thread)
        except FileNotFoundError:
            return None
        finally:
            await files.surely(reader.close)
    return Loaded(checkpoint=checkpoint, reaches=reaches)


async def _judge(
    reader: SnapshotReader,
    snapshots: Snapshots,
    partition: OwnedPartition,
    *,
    partitions: int,
    now_ms: int,
) -> tuple[Checkpoint, Positions]:
    """Give what to replay from and what the snapshot reaches, if it may be used at all."""
    header, footer = reader.header, reader.footer
    own = (snapshots.application, partition.number, partitions, partition.incarnation)
    whose = (header.application, header.partition, header.partitions, header.incarnation)
    if whose != own:
        raise RefusedSnapshotError("foreign", f"it is of {whose}, and this is {own}")
    end = await partition.changelog_end()
    if footer.changelog > end:
        raise RefusedSnapshotError(
            "ahead",
            f"it holds what was committed up to {footer.changelog}, and the changelog ends at "
            f"{end}: an older copy of the store was restored, or its newest records are lost",
        )
    try:
        checkpoint = Checkpoint(
            positions=Positions.decode(header.positions.encode()),
            changelog=header.changelog,
            at_ms=header.at_ms,
        )
        reaches = Positions.decode(footer.positions.encode())
    except StoppedForOperatorError as error:
        raise RefusedSnapshotError("damaged", str(error)) from error
    if checkpoint.too_old(now_ms, await partition.tombstones_ms()):
        raise RefusedSnapshotError("old", "tombstones of what was removed since may be gone")
    return checkpoint, reaches


async def _load_parts(
    reader: SnapshotReader, files: SingleThread, engine: Engine, engine_thread: EngineThread
) -> None:
    """Load each part while the next one is read."""
    part = await files(reader.part)
    while part is not None:
        loading = asyncio.ensure_future(
            engine_thread.run(Step.LOAD_PART, partial(engine.load_part, part))
        )
        try:
            part = await files(reader.part)
            await loading
        except UnreadableSnapshotError as error:
            raise RefusedSnapshotError("damaged", str(error)) from error
        finally:
            # A call that runs goes on; whatever is asked of the engine next comes after it.
            loading.cancel()
