"""How far each input has been read, as the changelog tells it; and whether that can be true."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Self, TypeAlias

from slotkeeper.engine.port import AuditHead, Fingerprint
from slotkeeper.streams import Logs, StoppedForOperatorError
from slotkeeper.streams.errors import UNREADABLE

KEY = b"@positions"
"""Of the changelog record. No device's key begins with ``@``."""

LOSSES_KEY = b"@losses"
"""Of a second one, which each acknowledgement writes: so that the losses before are not forgotten
where the positions themselves are lost."""

VERSION = 3
"""Of the record's form. One that says nothing which a program of form 1 would miss is written in
form 1, as streams without ids always are."""

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
        ids: By stream, of the logs that the positions are about, and of the changelog; as far as
            they are known.
        begins: Where the changelog begins, 0 but for what an operator accepted.
        compacts: False if an operator accepted that the changelog is not compacted.
        application: Who serves the streams; None where that is not known.
        again: By stream, the offset below which requests were read before, as an operator had it:
            they are answered as repeats.
        stored: Of the records that the changelog holds; None, or without parked ones, where no
            program has counted them yet.
        rollbacks: How often commits were lost and an operator let the partition go on.
        audit: The last record of the chain of audit records; None before the first, and where no
            program has begun it yet.
    """

    sequence: int
    partitions: int
    incarnation: str
    inputs: Mapping[str, int]
    takeovers: tuple[Takeover, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    begins: int = 0
    compacts: bool = True
    application: str | None = None
    again: Mapping[str, int] = field(default_factory=dict)
    stored: Fingerprint | None = None
    rollbacks: int = 0
    audit: AuditHead | None = None

    def advanced(self, inputs: Mapping[str, int], stored: Fingerprint | None = None) -> Self:
        """Give the next commit's positions; ``stored`` where the commit changes device records."""
        inputs = {**self.inputs, **inputs}
        again = {name: below for name, below in self.again.items() if inputs.get(name, 0) < below}
        return replace(
            self,
            sequence=self.sequence + 1,
            inputs=inputs,
            again=again,
            stored=self.stored if stored is None else stored,
        )

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
        pins: dict[str, object] = {}
        if self.application is not None:
            pins["application"] = self.application
        if self.ids:
            pins["logs"] = dict(self.ids)
        if self.again:
            pins["again"] = dict(self.again)
        if self.begins:
            pins["changelog_begins"] = self.begins
        if not self.compacts:
            pins["changelog_compacts"] = False
        version = 2 if pins else 1
        if self.stored is not None:
            pins |= _counted("devices", "fingerprint", *self.stored[:2])
            if len(self.stored) > 2:  # noqa: PLR2004
                pins |= _counted("parked", "parked_fingerprint", *self.stored[2:])
            version = 3
        if self.rollbacks:
            pins["rollbacks"] = self.rollbacks
            version = 3
        if self.audit is not None:
            pins["audit"] = written_head(self.audit)
            version = 3
        content = {
            "version": version,
            "sequence": self.sequence,
            "partitions": self.partitions,
            "incarnation": self.incarnation,
            "positions": dict(self.inputs),
            "tenures": self.takeovers,
            **pins,
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
            if content["version"] in range(1, VERSION + 1):
                named = content.get("application")
                return cls(
                    sequence=int(content["sequence"]),
                    partitions=int(content["partitions"]),
                    incarnation=str(content["incarnation"]),
                    inputs={str(name): int(at) for name, at in content["positions"].items()},
                    takeovers=tuple((int(at), int(ms)) for at, ms in content.get("tenures", ())),
                    ids={str(name): str(told) for name, told in content.get("logs", {}).items()},
                    begins=int(content.get("changelog_begins", 0)),
                    compacts=bool(content.get("changelog_compacts", True)),
                    again={str(name): int(at) for name, at in content.get("again", {}).items()},
                    application=None if named is None else str(named),
                    stored=_read_stored(content),
                    rollbacks=_unsigned(content.get("rollbacks", 0), 32),
                    audit=read_head(content.get("audit")),
                )
        except UNREADABLE as error:
            raise StoppedForOperatorError(
                "the changelog's record of positions is damaged, and nothing else tells how far "
                "the inputs were read: put the newest copy of the store back; or, if there is "
                "none, take the numbers from the outputs into a new one (`slotkeeper counters "
                "rebuild`)"
            ) from error
        raise StoppedForOperatorError(
            f"the changelog's record of positions has form {content['version']}, and this program "
            f"knows {VERSION}: use the program that wrote it, or a newer one"
        )


def _counted(name: str, of: str, count: int, fingerprint: int) -> Mapping[str, object]:
    return {name: count, of: f"{fingerprint:016x}"}


def _read_stored(content: Mapping[str, Any]) -> Fingerprint | None:
    """Read what was counted; parked records are among it since this program does that."""
    if content.get("devices") is None:
        return None
    devices = _unsigned(content["devices"], 64), _unsigned(int(content["fingerprint"], 16), 64)
    if content.get("parked") is None:
        return devices
    fingerprint = int(content["parked_fingerprint"], 16)
    return *devices, _unsigned(content["parked"], 64), _unsigned(fingerprint, 64)


def encode_losses(rollbacks: int) -> bytes:
    """Give the value of the record that tells the losses alone."""
    return json.dumps({"rollbacks": rollbacks}, separators=(",", ":")).encode()


def told_losses(value: bytes | None) -> int:
    """Read it, or positions; 0 if it cannot be read, since the other of them tells the same."""
    try:
        return _unsigned(json.loads(value or b"").get("rollbacks", 0), 32)
    except UNREADABLE:
        return 0


def written_head(head: AuditHead | None) -> Mapping[str, object] | None:
    """Give a head as it stands in JSON."""
    return None if head is None else {"number": head[0], "sha256": head[1].hex()}


def read_head(written: Mapping[str, object] | None) -> AuditHead | None:
    """Undo ``written_head``.

    Raises:
        ValueError: It is none. Likewise KeyError, TypeError.
    """
    if written is None:
        return None
    digest = bytes.fromhex(str(written["sha256"]))
    if len(digest) != sha256().digest_size:
        raise ValueError(digest)
    return _unsigned(written["number"], 64), digest


def _unsigned(value: object, bits: int) -> int:
    """Give a number that the engine can take."""
    if not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise ValueError(value)
    return value


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
        logs: What the logs are.
        written: Outputs in which committed records stand; told where the changelog is empty.
        application: Who is about to serve it.
        begun_by: Who serves the store; told where the changelog does not name anybody.
        lost: What a count of the changelog's device records found missing.
        losses: How often commits were lost before, as others than the positions tell.
        witnessed: The last audit record that the witness has seen.
    """

    partitions: int
    incarnation: str
    changelog_records: int
    offsets: Mapping[str, int]
    starts: Mapping[str, int]
    ends: Mapping[str, int]
    logs: Logs = field(default_factory=Logs)
    written: Sequence[str] = ()
    application: str | None = None
    begun_by: str | None = None
    lost: str = ""
    losses: int = 0
    witnessed: AuditHead | None = None


def changed_logs(known: Positions, logs: Logs, *, told: Collection[str] = ()) -> list[str]:
    """Say which logs are not those that were read, or keep less; empty if all is as it was.

    To be asked before each commit as well: who goes on with another log decides without what stood
    in the first one, and who does not see new partitions decides without what stands there. Of
    streams of which it is ``told`` already nothing more is said than that.
    """
    grown = {
        stream: count for stream, count in logs.partitions.items() if count != known.partitions
    }
    if grown:
        counts = ", ".join(f"{stream} {count}" for stream, count in sorted(grown.items()))
        return [
            (
                f"partitions were added: there were {known.partitions} of each stream, and now "
                f"there are others ({counts}): devices would change their partition and lose their "
                "counters"
            )
        ]
    found = [
        f"{stream} is not the log that was read: it was made anew (its id was "
        f"{known.ids[stream]}, and is {now})"
        for stream, now in logs.ids.items()
        if is_another(known, logs, stream) and stream not in told
    ]
    return found + _losses(logs, begins=known.begins, compacts=known.compacts)


def is_another(known: Positions, logs: Logs, stream: str) -> bool:
    """Say whether a log is for certain not the one that was read."""
    read, now = known.ids.get(stream), logs.ids.get(stream)
    return read is not None and now is not None and read != now


def _losses(logs: Logs, *, begins: int, compacts: bool) -> list[str]:
    """Say what the changelog lost, or will lose, beyond what was accepted."""
    found = []
    if logs.begins > begins:
        found.append(
            f"the changelog begins at {logs.begins}, not at {begins}: records before it were "
            "deleted, and the numbers in them are lost"
        )
    if logs.compacts is False and compacts:
        found.append(
            "the changelog's topic is not compacted (another cleanup.policy than compact): it "
            "does not keep the newest record of each key"
        )
    return found


def objections(truth: Positions | None, evidence: Evidence) -> list[str]:
    """Say what contradicts the changelog's positions; empty if nothing does."""
    if truth is None:
        losses = _losses(evidence.logs, begins=0, compacts=True)
        return _objections_to_beginning(evidence) + losses + _another(evidence.begun_by, evidence)
    if truth.partitions != evidence.partitions:
        return [
            (
                f"the changelog was written with {truth.partitions} partitions, not "
                f"{evidence.partitions}: devices would change their partition and lose "
                "their counters"
            )
        ]
    cut = [stream for stream, at in truth.inputs.items() if evidence.ends.get(stream, 0) < at]
    found = changed_logs(truth, evidence.logs, told=cut)
    found += _another(truth.application or evidence.begun_by, evidence)
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
        if stream in cut:
            found.append(
                f"{stream} ends at {evidence.ends.get(stream, 0)}, before the position "
                f"{position}: the stream lost its end or was made anew"
            )
    if evidence.lost:
        found.append(lost_records(evidence.lost))
    return found + _other_decisions(truth.audit, evidence.witnessed)


def _other_decisions(named: AuditHead | None, witnessed: AuditHead | None) -> list[str]:
    """Say whether the changelog names an audit record that cannot follow what the witness saw.

    The trail itself is not asked: its records are deleted in time.
    """
    number, digest = named or (0, b"")
    if witnessed is None or number > witnessed[0] or (number, digest) == witnessed:
        return []
    return [
        f"the changelog names audit record {number} as the last, and the witness has seen "
        + (f"number {witnessed[0]}" if number < witnessed[0] else "another one of that number")
    ]


def _another(application: str | None, evidence: Evidence) -> list[str]:
    if application in {None, evidence.application}:
        return []
    return [
        (
            f"application {application!r} serves it, and this is {evidence.application!r}: two "
            "that serve the same streams would give the same numbers out"
        )
    ]


def lost_records(how: str) -> str:
    """Say what is wrong with a changelog whose device records are not those that were committed."""
    return f"the changelog lost records: {how}"


def beginning(truth: Positions | None, evidence: Evidence) -> Positions:
    """Give the positions to read on from: the changelog's, and the beginning of other inputs."""
    known = {} if truth is None else truth.inputs
    inputs = {stream: known.get(stream, start) for stream, start in evidence.starts.items()}
    return Positions(
        sequence=0 if truth is None else truth.sequence,
        partitions=evidence.partitions,
        incarnation=evidence.incarnation,
        inputs=inputs,
        takeovers=() if truth is None else truth.takeovers,
        ids={**evidence.logs.ids, **({} if truth is None else truth.ids)},
        begins=0 if truth is None else truth.begins,
        # What was accepted for want of compaction holds until the topic compacts again.
        compacts=truth is None or truth.compacts or evidence.logs.compacts is True,
        application=(truth and truth.application) or evidence.application,
        again={} if truth is None else truth.again,
        stored=None if truth is None else truth.stored,
        rollbacks=max(0 if truth is None else truth.rollbacks, evidence.losses),
        audit=None if truth is None else truth.audit,
    )


def was_lost(evidence: Evidence) -> bool:
    """Say whether an empty changelog cannot be that of a new store."""
    return bool(_objections_to_beginning(evidence))


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
    if evidence.written:
        streams = ", ".join(evidence.written)
        return [f"records were committed to {streams}, and the changelog is empty: it was lost"]
    return []
