"""An operator lets a partition go on that stopped."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

from slotkeeper._core import CoreCensus, RestoreError
from slotkeeper.clock import system_clock
from slotkeeper.engine.port import Fingerprint
from slotkeeper.streams import (
    Layout,
    LockedError,
    Ownership,
    StoppedForOperatorError,
    Streams,
    WrongUseError,
)

from .audit import AUDIT_TRAIL, acknowledgement, head_of, linked
from .moves import Move, moves, read_again
from .positions import (
    KEY,
    LOSSES_KEY,
    Evidence,
    Positions,
    beginning,
    encode_losses,
    objections,
    told_losses,
    was_lost,
)
from .recovery import RESERVED, gather_evidence, newest


async def examine(streams: Streams, partition: int) -> list[str]:
    """Say what speaks against serving a partition; empty if nothing does.

    Raises:
        LockedError: A worker serves these streams.
    """
    async with streams.own() as ownership:
        try:
            seen = await _look(streams, ownership, partition)
        except StoppedForOperatorError as error:
            return [str(error)]
        return objections(seen.truth, seen.evidence)


async def acknowledge(
    streams: Streams,
    partition: int,
    *,
    reason: str,
    by: str,
    from_start: Collection[str] = (),
    from_end: Collection[str] = (),
    reissue: bool = False,
    application: str | None = None,
    losses: int = 0,
    clock: Callable[[], int] = system_clock,
) -> list[str]:
    """Accept a partition as it is; what spoke against it is written to the audit trail.

    Numbers issued since the restored copy was made are unknown afterwards: raise them first.

    Gives what spoke against it. A changed partition count cannot be acknowledged.

    Args:
        streams: Opened as the worker will open them.
        partition: Which.
        reason: Why.
        by: Who says so.
        from_start: Inputs whose log changed, to be read from their beginning. Requests that stand
            there are answered as repeats.
        from_end: Inputs whose log changed, to be read from their end. What stands there is skipped.
        reissue: Answer those requests by commands.
        application: The name under which the streams are served from here on, where that changes.
        losses: How often commits were lost at least, where the store takes the place of one that
            lost some: numbers keep clear of those that were given out there.
        clock: Milliseconds since 1970 UTC.

    Raises:
        LockedError: A worker serves these streams.
        WrongUseError: An input that changed is not named, or one that did not is; or another
            application serves the streams, and it is not said that this shall change.
        StoppedForOperatorError: The partition count was changed.
        CommitError: Not written; nothing is acknowledged.
    """
    async with streams.own() as ownership:
        said = partial(
            _judged,
            partition,
            layout=streams.layout,
            from_start=from_start,
            from_end=from_end,
            reissue=reissue,
            application=application,
        )
        # What is refused is refused before anything is accepted. A witness that objects lets nobody
        # look yet.
        try:
            seen = await _look(streams, ownership, partition)
        except StoppedForOperatorError:
            pass
        else:
            said("", seen.truth, seen.evidence)
        objection, witnessed = await ownership.acknowledge(partition)
        seen = await _look(streams, ownership, partition)
        truth, evidence = seen.truth, seen.evidence
        accepted, moved, again = said(objection, truth, replace(evidence, witnessed=witnessed))
        began = beginning(truth, evidence).taken_over(clock())
        lost = not _only_renamed(truth, evidence, accepted)
        positions = replace(
            began,
            again={**began.again, **again},
            ids=evidence.logs.ids,
            begins=evidence.logs.begins,
            compacts=evidence.logs.compacts is not False,
            application=evidence.application,
            stored=seen.stored,
            rollbacks=max(losses, began.rollbacks + lost),
        ).advanced({stream: move.now for stream, move in moved.items()})
        owned = await ownership.open(partition)
        if await owned.changelog_end() != seen.end:
            raise LockedError(
                f"a worker has served partition {partition} since it was looked at: stop it, and "
                "run this command again; nothing is acknowledged"
            )
        owned.losses = positions.rollbacks
        # The chain goes on from what stands there: where the changelog lost its end and the trail
        # did not, what was decided in between stays in its place.
        stands = head_of(await owned.last(AUDIT_TRAIL))
        accepted_as = acknowledgement(
            positions,
            partition,
            reason=reason,
            by=by,
            accepted=accepted,
            moved=moved,
            heads={"changelog": began.audit, "audit_trail": stands, "witness": witnessed},
            now_ms=clock(),
        )
        outputs, head = linked([accepted_as], stands or began.audit)
        truth_after = replace(positions, audit=head).encode()
        losses_after = encode_losses(positions.rollbacks)
        outputs.append((streams.layout.changelog, partition, LOSSES_KEY, losses_after, ()))
        outputs.append((streams.layout.changelog, partition, KEY, truth_after, ()))
        await owned.commit(outputs, positions.inputs, head=head)
        await owned.close()
        return accepted


def _judged(
    partition: int,
    objection: str,
    truth: Positions | None,
    evidence: Evidence,
    *,
    layout: Layout,
    from_start: Collection[str],
    from_end: Collection[str],
    reissue: bool,
    application: str | None,
) -> tuple[list[str], Mapping[str, Move], Mapping[str, int]]:
    """Give what is accepted, what is moved, and what of it is answered as repeats."""
    known = truth or beginning(truth, evidence)
    counts = {known.partitions, evidence.partitions, *evidence.logs.partitions.values()}
    if len(counts) > 1:
        raise StoppedForOperatorError(*objections(known, evidence)[:1], partition=partition)
    _refuse_another_name(truth, evidence, application)
    # The incarnation may be new by what was just accepted, so it is no objection of its own.
    renewed = truth and replace(truth, incarnation=evidence.incarnation)
    accepted = [*([objection] if objection else []), *objections(renewed, evidence)]
    lost = bool(objection) or was_lost(evidence)
    moved = moves(truth, evidence, lost=lost, from_start=from_start, from_end=from_end)
    return accepted, moved, read_again(truth, evidence, moved, layout, reissue=reissue)


def _only_renamed(truth: Positions | None, evidence: Evidence, accepted: Collection[str]) -> bool:
    """Say whether nothing was lost: another application serves the streams, and that is all."""
    return _serving(truth, evidence) not in {None, evidence.application} and len(accepted) == 1


def _serving(truth: Positions | None, evidence: Evidence) -> str | None:
    named = None if truth is None else truth.application
    return named or evidence.begun_by


def _refuse_another_name(
    truth: Positions | None, evidence: Evidence, application: str | None
) -> None:
    own = evidence.application
    if application is not None and application != own:
        raise WrongUseError(f"these streams are open as application {own!r}, not {application!r}")
    serving = _serving(truth, evidence)
    if serving not in {None, own} and application is None:
        raise WrongUseError(
            f"application {serving!r} serves these streams: if {own!r} shall from here "
            f"on, say so (--application {own}); else correct kafka.application"
        )


def _lost(census: CoreCensus, truth: Positions | None) -> str:
    if truth is None or truth.stored is None:
        return ""
    try:
        census.check(truth.stored)
    except RestoreError as error:
        return str(error)
    return ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look at a partition gave.

    Attributes:
        truth: The positions.
        evidence: What the store says besides.
        stored: What a count of its records gives.
        end: Of the changelog, up to which all this was read.
    """

    truth: Positions | None
    evidence: Evidence
    stored: Fingerprint | None
    end: int


async def _look(streams: Streams, ownership: Ownership, partition: int) -> _Seen:
    owned = await ownership.open(partition)
    try:
        truth: Positions | None = None
        end = await owned.changelog_end()
        records = losses = 0
        census = CoreCensus()
        async for batch in owned.changelog():
            truth = newest(truth, batch)
            records += sum(not (record.key or b"").startswith(RESERVED) for record in batch)
            told = [told_losses(record.value) for record in batch if record.key == LOSSES_KEY]
            losses = max([losses, *told])
            await asyncio.to_thread(census.take, batch)
        evidence = await gather_evidence(
            owned, truth, partitions=streams.partitions, changelog_records=records
        )
        losses = max(losses, evidence.losses)
        evidence = replace(evidence, lost=_lost(census, truth), losses=losses)
        return _Seen(truth, evidence, census.stored(), end)
    finally:
        await owned.close()
