"""How far each input has been read, as the changelog tells it; and whether that can be true."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from slotkeeper.streams import StoppedForOperatorError

KEY = b"@positions"
"""Of the changelog record. No device's key begins with ``@``."""

VERSION = 1
"""Of the record's form."""

TAKEOVERS_KEPT = 16
"""Enough to recognise what was known some rollouts ago, and 400 octets a commit at most."""

Takeover: TypeAlias = tuple[int, int]
"""The sequence from which an owner went on, and when it took over, milliseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """The truth about the inputs of one partition, written in the transaction of each batch.

    Attributes:
        sequence: Rises by one with each commit; the highest found in a changelog holds.
        partitions: How many partitions there were.
        incarnation: Of the store in which it was written.
        inputs: By stream, the offset of the first record that is not yet decided.
        takeovers: Of the last owners that committed, the oldest first. A store that was rolled back
            and served since has another owner where this one was.
    """

    sequence: int
    partitions: int
    incarnation: str
    inputs: Mapping[str, int]
    takeovers: tuple[Takeover, ...] = ()

    def advanced(self, inputs: Mapping[str, int]) -> Self:
        """Give the next commit's positions."""
        return replace(self, sequence=self.sequence + 1, inputs={**self.inputs, **inputs})

    def taken_over(self, now_ms: int) -> Self:
        """Give what the commits of a new owner go on from."""
        takeovers = (*self.takeovers, (self.sequence, now_ms))
        return replace(self, takeovers=takeovers[-TAKEOVERS_KEPT:])

    def goes_on_from(self, known: Self) -> bool | None:
        """Say whether these are later positions of the history that ``known`` is of.

        None where that cannot be said: too many owners since, or one of a program that left no
        trace of itself.
        """
        if not known.takeovers:
            return None
        last = known.takeovers[-1]
        if last in self.takeovers:
            later = self.takeovers[self.takeovers.index(last) + 1 :]
            reached = later[0][0] if later else self.sequence
            return reached >= known.sequence
        reaches_back = bool(self.takeovers) and self.takeovers[0][0] <= last[0]
        return False if reaches_back else None

    def encode(self) -> bytes:
        """Give the changelog record's value."""
        content = {
            "version": VERSION,
            "sequence": self.sequence,
            "partitions": self.partitions,
            "incarnation": self.incarnation,
            "positions": dict(self.inputs),
            "tenures": self.takeovers,
        }
        return json.dumps(content, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, value: bytes | None) -> Self:
        """Read a changelog record's value.

        Raises:
            StoppedForOperatorError: It cannot be understood, so nothing may be issued.
        """
        try:
            content = json.loads(value or b"")
            if content["version"] == VERSION:
                return cls(
                    sequence=int(content["sequence"]),
                    partitions=int(content["partitions"]),
                    incarnation=str(content["incarnation"]),
                    inputs={str(name): int(at) for name, at in content["positions"].items()},
                    takeovers=tuple((int(at), int(ms)) for at, ms in content.get("tenures", ())),
                )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoppedForOperatorError(
                "the changelog's record of positions is damaged"
            ) from error
        raise StoppedForOperatorError(
            f"the changelog's record of positions has form {content['version']}, and this program "
            f"knows {VERSION}: use the program that wrote it, or a newer one"
        )


TRUSTED_SHARE = 0.8
"""Of the time for which tombstones are kept. The rest is for clocks that differ and for the replay
itself, which must be over before tombstones go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Up to where an engine knows what is committed: what a replay may go on from.

    Attributes:
        positions: The last that are known to be committed; they say how far the table was read.
        changelog: The offset of the changelog up to which the engine knows it.
        at_ms: When nothing more than that was committed, milliseconds since 1970 UTC.
    """

    positions: Positions
    changelog: int
    at_ms: int

    def too_old(self, now_ms: int, tombstones_ms: int | None) -> bool:
        """Say whether a key may have been removed since without a trace.

        A clock that was put back says nothing, which counts as too old.
        """
        if tombstones_ms is None:
            return False
        return not 0 <= now_ms - self.at_ms <= tombstones_ms * TRUSTED_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a store says about one partition, apart from its changelog's positions.

    Attributes:
        partitions: How many there are now.
        incarnation: The store's.
        changelog_records: How many the changelog holds, positions not counted.
        offsets: Positions kept for lag tools; inputs may be missing.
        starts: First offset kept of each input.
        ends: End of each input.
    """

    partitions: int
    incarnation: str
    changelog_records: int
    offsets: Mapping[str, int]
    starts: Mapping[str, int]
    ends: Mapping[str, int]


def objections(truth: Positions | None, evidence: Evidence) -> list[str]:
    """Say what contradicts the changelog's positions; empty if nothing does."""
    if truth is None:
        return list(_objections_to_beginning(evidence))
    if truth.partitions != evidence.partitions:
        return [
            (
                f"the changelog was written with {truth.partitions} partitions, not "
                f"{evidence.partitions}: devices would change their partition and lose "
                "their counters"
            )
        ]
    found = []
    if truth.incarnation != evidence.incarnation:
        found.append(
            f"the changelog was written in incarnation {truth.incarnation} of the store, and this "
            f"is {evidence.incarnation}"
        )
    for stream, position in truth.inputs.items():
        if evidence.offsets.get(stream, 0) > position:
            found.append(
                f"{stream} was committed up to {evidence.offsets[stream]}, and the changelog only "
                f"knows of {position}: the changelog lost its end"
            )
        if evidence.starts.get(stream, 0) > position:
            found.append(
                f"{stream} begins at {evidence.starts[stream]}, after the position {position}: "
                "records were deleted before they were read"
            )
        if evidence.ends.get(stream, 0) < position:
            found.append(
                f"{stream} ends at {evidence.ends.get(stream, 0)}, before the position "
                f"{position}: the stream lost its end or was made anew"
            )
    return found


def beginning(truth: Positions | None, evidence: Evidence) -> Positions:
    """Give the positions to read on from: the changelog's, within what the inputs still hold."""
    known = {} if truth is None else truth.inputs
    inputs = {
        stream: min(max(known.get(stream, 0), start), evidence.ends[stream])
        for stream, start in evidence.starts.items()
    }
    return Positions(
        sequence=0 if truth is None else truth.sequence,
        partitions=evidence.partitions,
        incarnation=evidence.incarnation,
        inputs=inputs,
        takeovers=() if truth is None else truth.takeovers,
    )


def _objections_to_beginning(evidence: Evidence) -> list[str]:
    if evidence.changelog_records:
        return [
            (
                f"the changelog holds {evidence.changelog_records} records and no positions: it "
                "is another application's, or damaged"
            )
        ]
    if any(evidence.offsets.values()):
        return ["positions were committed before, and the changelog is empty: it was lost"]
    return []
