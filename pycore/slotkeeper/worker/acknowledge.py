"""An operator lets a partition go on that stopped."""

from collections.abc import Callable
from dataclasses import replace

from slotkeeper.clock import system_clock
from slotkeeper.streams import Output, Ownership, StoppedForOperatorError, Streams

from .audit import acknowledgement
from .positions import KEY, Evidence, Positions, beginning, objections
from .recovery import RESERVED, gather_evidence, newest


async def examine(streams: Streams, partition: int) -> list[str]:
    """Say what speaks against serving a partition; empty if nothing does.

    Raises:
        LockedError: A worker serves these streams.
    """
    async with streams.own() as ownership:
        try:
            truth, evidence = await _look(streams, ownership, partition)
        except StoppedForOperatorError as error:
            return [str(error)]
        return objections(truth, evidence)


async def acknowledge(
    streams: Streams,
    partition: int,
    *,
    reason: str,
    by: str,
    clock: Callable[[], int] = system_clock,
) -> list[str]:
    """Accept a partition as it is; what spoke against it is written to the audit trail.

    Numbers issued since the restored copy was made are unknown afterwards: raise them first.

    Gives what spoke against it. A changed partition count cannot be acknowledged.

    Raises:
        LockedError: A worker serves these streams.
        StoppedForOperatorError: The partition count was changed.
        CommitError: Not written; nothing is acknowledged.
    """
    async with streams.own() as ownership:
        objection = await ownership.acknowledge(partition)
        truth, evidence = await _look(streams, ownership, partition)
        if truth is not None and truth.partitions != evidence.partitions:
            raise StoppedForOperatorError(*objections(truth, evidence), partition=partition)
        # The incarnation is new by what was just accepted, so it is no objection of its own.
        renewed = truth and replace(truth, incarnation=evidence.incarnation)
        accepted = [*([objection] if objection else []), *objections(renewed, evidence)]
        positions = replace(
            beginning(truth, evidence).taken_over(clock()).advanced({}),
            ids=evidence.logs.ids,
            begins=evidence.logs.begins,
            compacts=evidence.logs.compacts is not False,
        )
        outputs: list[Output] = [
            acknowledgement(
                positions, partition, reason=reason, by=by, accepted=accepted, now_ms=clock()
            ),
            (streams.layout.changelog, partition, KEY, positions.encode(), ()),
        ]
        owned = await ownership.open(partition)
        await owned.commit(outputs, positions.inputs)
        await owned.close()
        return accepted


async def _look(
    streams: Streams, ownership: Ownership, partition: int
) -> tuple[Positions | None, Evidence]:
    owned = await ownership.open(partition)
    try:
        truth: Positions | None = None
        records = 0
        async for batch in owned.changelog():
            truth = newest(truth, batch)
            records += sum(not (record.key or b"").startswith(RESERVED) for record in batch)
        evidence = await gather_evidence(
            owned, truth, partitions=streams.partitions, changelog_records=records
        )
        return truth, evidence
    finally:
        await owned.close()
