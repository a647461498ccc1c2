"""Where an operator lets inputs be read on whose logs are not what they were."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from slotkeeper.streams import Layout, WrongUseError

from .positions import Evidence, Positions, is_another


@dataclass(frozen=True, slots=True)
class Move:
    """One input that is read on from elsewhere.

    Attributes:
        was: The position before; None where there was none.
        now: The position from here on.
        skipped: How many offsets are never read, of records that stand there or were deleted.
        read_again: The offset below which records may have been read before; 0 if none.
    """

    was: int | None
    now: int
    skipped: int
    read_again: int


def changed_inputs(truth: Positions | None, evidence: Evidence, *, lost: bool) -> list[str]:
    """Give the inputs whose position means nothing, so that an operator has to say where to go on.

    Those are inputs that were made anew, have lost their end, or begin after the position. Where
    the changelog was ``lost``, so were the positions of all that hold anything.
    """
    if truth is None:
        holding = [s for s, start in evidence.starts.items() if start < evidence.ends[s]]
        return holding if lost else []
    return [
        stream
        for stream, at in truth.inputs.items()
        if is_another(truth, evidence.logs, stream)
        or not evidence.starts[stream] <= at <= evidence.ends[stream]
    ]


def moves(
    truth: Positions | None,
    evidence: Evidence,
    *,
    lost: bool,
    from_start: Collection[str],
    from_end: Collection[str],
) -> Mapping[str, Move]:
    """Move what changed to where the operator says; ``lost`` as for ``changed_inputs``.

    Raises:
        WrongUseError: An input that changed is not named; one is named that did not, or twice.
    """
    changed = changed_inputs(truth, evidence, lost=lost)
    unnamed = [stream for stream in changed if stream not in {*from_start, *from_end}]
    if unnamed:
        raise WrongUseError(
            f"{_list(unnamed)}: say for each whether it is read on from its beginning "
            "(--from-start STREAM) or from its end (--from-end STREAM), which skips what it holds"
        )
    unchanged = {*from_start, *from_end} - {*changed}
    if unchanged:
        raise WrongUseError(f"{_list(sorted(unchanged))}: read on where it was, for it is the same")
    twice = {*from_start} & {*from_end}
    if twice:
        raise WrongUseError(f"{_list(sorted(twice))}: either from its beginning or from its end")
    return {stream: _move(truth, evidence, stream, to_end=stream in from_end) for stream in changed}


def read_again(
    truth: Positions | None,
    evidence: Evidence,
    moved: Mapping[str, Move],
    layout: Layout,
    *,
    reissue: bool,
) -> dict[str, int]:
    """Give the offset of the gated stream below which requests are answered as repeats.

    Those are what a stream that is moved to its start holds, and what commits had decided that the
    changelog has lost: their commands may still be read, and a hint would give the same number.

    Raises:
        WrongUseError: To be issued again are requests that are not read again.
    """
    move = moved.get(layout.gated)
    if move is not None:
        below = move.read_again
    else:
        decided = evidence.offsets.get(layout.gated, 0)
        known = 0 if truth is None else truth.inputs.get(layout.gated, 0)
        below = decided if decided > known else 0
    if reissue and not below:
        raise WrongUseError(f"--reissue is for {layout.gated} that is read again")
    return {} if reissue or not below else {layout.gated: below}


def _move(truth: Positions | None, evidence: Evidence, stream: str, *, to_end: bool) -> Move:
    start, end = evidence.starts[stream], evidence.ends[stream]
    was = None if truth is None else truth.inputs[stream]
    same = truth is not None and not is_another(truth, evidence.logs, stream)
    # Of the same log that lost its beginning nothing that is left has been read.
    unread = was is not None and same and was < start
    lost = start - was if unread and was is not None else 0
    return Move(
        was=was,
        now=end if to_end else start,
        skipped=lost + (end - start if to_end else 0),
        read_again=0 if to_end or unread else end,
    )


def _list(streams: Iterable[str]) -> str:
    return ", ".join(streams)
