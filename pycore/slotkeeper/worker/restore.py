"""From the committed changelog to an engine that may decide, and to the positions it stands at."""

from slotkeeper.streams import Layout, OwnedPartition, StoppedForOperatorError

from .engine import Engine
from .off_loop import OffLoop
from .positions import KEY, Evidence, Positions, beginning, objections

RESERVED = b"@"
"""Begins the changelog's keys that are the worker's own and no device's."""


async def restore(
    layout: Layout,
    partition: OwnedPartition,
    engine: Engine,
    off_loop: OffLoop,
    *,
    partitions: int,
) -> tuple[Positions, int]:
    """Replay changelog and table into the engine and open it.

    Gives the positions to read on from, and how many changelog records were replayed.

    Raises:
        StoppedForOperatorError: The store contradicts its own changelog.
    """
    # It may have served this partition before, and others since.
    await off_loop(engine.close)
    truth: Positions | None = None
    replayed = 0
    async for records in partition.changelog():
        truth = newest(truth, [record.value for record in records if record.key == KEY])
        changes = [
            (record.key, record.value)
            for record in records
            if record.key is not None and not record.key.startswith(RESERVED)
        ]
        await off_loop(lambda changes=changes: engine.restore(changes))  # type: ignore[misc]
        replayed += len(changes)
    evidence = await gather_evidence(partition, partitions=partitions, changelog_records=replayed)
    against = objections(truth, evidence)
    if against:
        raise StoppedForOperatorError(
            f"partition {partition.number} stopped: {'; '.join(against)}. Put the newest store "
            "back, or acknowledge with a reason",
            partition=partition.number,
        )
    positions = beginning(truth, evidence)
    async for records in partition.table(positions.inputs[layout.table]):
        known = [(record.offset, record.key, record.value) for record in records]
        await off_loop(lambda known=known: engine.load_inventory(known))  # type: ignore[misc]
    await off_loop(engine.open)
    return positions, replayed


def newest(truth: Positions | None, values: list[bytes | None]) -> Positions | None:
    """Give the positions with the highest sequence; a log's order is not relied upon."""
    for value in values:
        found = Positions.decode(value)
        if truth is None or found.sequence > truth.sequence:
            truth = found
    return truth


async def gather_evidence(
    partition: OwnedPartition, *, partitions: int, changelog_records: int
) -> Evidence:
    """Ask the store for everything that can contradict the changelog."""
    return Evidence(
        partitions=partitions,
        incarnation=partition.incarnation,
        changelog_records=changelog_records,
        offsets=await partition.offsets(),
        starts=await partition.starts(),
        ends=await partition.ends(),
    )
