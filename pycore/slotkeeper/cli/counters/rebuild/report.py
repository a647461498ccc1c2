"""What a rebuild found, and what it cannot know."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from slotkeeper.cli.counters.rebuild.gathered import (
    EXAMPLES,
    IN_AUDIT,
    IN_COMMANDS,
    Gathered,
    Some,
)
from slotkeeper.cli.counters.rebuild.told import AUDIT, COMMANDS, FAULTS, RecordFault, Told
from slotkeeper.streams import Record


@dataclass(slots=True)
class Ends:
    """How much of one partition of an output there is.

    Attributes:
        first: Offset of the first record; None if there is none.
        last: Offset of the last record.
        records: How many.
    """

    first: int | None = None
    last: int | None = None
    records: int = 0


@dataclass(slots=True)
class Unknown:
    """One thing that the outputs do not tell.

    Attributes:
        what: A name for programs.
        count: How often.
        detail: One sentence.
        examples: The first of them.
    """

    what: str
    count: int
    detail: str
    examples: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Give it for a program."""
        return {
            "what": self.what,
            "count": self.count,
            "detail": self.detail,
            "examples": self.examples,
        }


class Report:
    """Counts while records are read; memory does not grow with their number."""

    def __init__(self, outputs: Sequence[str], events: Sequence[str], partitions: int) -> None:
        """Begin with nothing.

        Args:
            outputs: Those that are read.
            events: Inputs of which each record is decided.
            partitions: How many each has.
        """
        self.ends = {output: [Ends() for _ in range(partitions)] for output in outputs}
        self._decided: dict[str, list[int]] = {stream: [0] * partitions for stream in events}
        self._faults: Counter[str] = Counter()
        self._faulty: dict[str, list[str]] = {kind: [] for kind in FAULTS}
        self._unverified = 0
        self._untold = 0
        self._acknowledged = [0] * partitions
        self._lost = [0] * partitions
        self._losses_untold = 0

    @property
    def losses(self) -> list[int]:
        """By partition, how often commits were lost.

        An acknowledgement of an earlier release does not say, and counts as one.
        """
        return list(map(max, self._lost, self._acknowledged))

    @property
    def faults(self) -> int:
        """How many were found."""
        return self._faults.total()

    def read(self, record: Record) -> None:
        """Note that a record was read."""
        ends = self.ends[record.stream][record.partition]
        if ends.first is None:
            ends.first = record.offset
        ends.last = record.offset
        ends.records += 1

    def fault(self, record: Record, faults: Sequence[RecordFault]) -> None:
        """Note what is wrong with a record; its content is never shown."""
        for fault in faults:
            self._faults[fault.kind] += 1
            named = self._faulty[fault.kind]
            if len(named) < EXAMPLES:
                at = f"{record.stream} {record.partition}:{record.offset}"
                named.append(f"{at} ({fault.detail})")

    def told(self, partition: int, told: Told) -> bool:
        """Note what a record told; False if there is no stream as its event's."""
        self._unverified += told.unverified
        self._untold += told.untold
        if told.acknowledged:
            self._acknowledged[partition] += told.losses is None
            self._losses_untold += told.losses is None
            self._lost[partition] = max(self._lost[partition], told.losses or 0)
        if told.event is None:
            return True
        stream, offset = told.event
        if stream not in self._decided:
            return False
        decided = self._decided[stream]
        decided[partition] = max(decided[partition], offset + 1)
        return True

    def as_dict(self, gathered: Gathered, ceiling: int) -> dict[str, Any]:
        """Give the whole report for a program."""
        return {
            **gathered.totals(),
            "losses": self.losses,
            "outputs": {
                output: [
                    {
                        "partition": partition,
                        "first": at.first,
                        "last": at.last,
                        "records": at.records,
                    }
                    for partition, at in enumerate(ends)
                ]
                for output, ends in self.ends.items()
            },
            "decided_up_to": self._decided if AUDIT in self.ends else {},
            "faults": [
                {
                    "kind": kind,
                    "count": self._faults[kind],
                    "detail": FAULTS[kind],
                    "records": self._faulty[kind],
                }
                for kind in FAULTS
                if self._faults[kind]
            ],
            "cannot_be_known": [one.as_dict() for one in self._unknown(gathered, ceiling)],
        }

    def _unknown(self, gathered: Gathered, ceiling: int) -> list[Unknown]:
        found = [*self._gone(), *self._missing(gathered)]
        parked = gathered.still_parked()
        if parked.total:
            found.append(
                Unknown(
                    "PARKED",
                    parked.total,
                    "events were parked, and their octets stood in the changelog: publish them "
                    "again from their stream, or the numbers in them stay unknown",
                    [
                        f"{why}: {at} {partition}:{offset}"
                        for why, _, at, partition, offset in parked.first
                    ],
                )
            )
        if self._untold:
            found.append(
                Unknown(
                    "ADJUSTMENTS",
                    self._untold,
                    "adjustments changed something, and the audit trail does not tell which issued "
                    "numbers they named: publish counter-adjustments again",
                )
            )
        if (
            AUDIT not in self.ends
            or self._losses_untold
            or any(at.first for at in self.ends[AUDIT])
        ):
            found.append(
                Unknown(
                    "LOSSES",
                    self._losses_untold,
                    "how often commits were lost, which acknowledgements in all of the audit trail "
                    "tell: count them, and let the new store count them (`slotkeeper acknowledge "
                    "--losses TIMES`)",
                )
            )
        if self._unverified:
            found.append(
                Unknown(
                    "UNVERIFIED",
                    self._unverified,
                    "decisions rest on messages whose signature was not checked",
                )
            )
        above = gathered.above(ceiling)
        if above.total:
            found.append(
                Unknown(
                    "ABOVE_CEILING",
                    above.total,
                    f"numbers lie above counter.ceiling, {ceiling}, and the import of them cannot "
                    "be taken back: look at each, two persons must stand behind the import",
                    _numbers(above),
                )
            )
        found.extend(_ALWAYS)
        return found

    def _gone(self) -> list[Unknown]:
        begun = [
            f"{output} partition {partition} begins at {at.first}"
            for output, ends in self.ends.items()
            for partition, at in enumerate(ends)
            if at.first
        ]
        empty = [
            f"{output} partition {partition}"
            for output, ends in self.ends.items()
            for partition, at in enumerate(ends)
            if at.first is None
        ]
        found = []
        if begun:
            found.append(
                Unknown(
                    "BEGINNING_GONE",
                    len(begun),
                    "what stood before is deleted, or was aborted: numbers that were only told "
                    "there are not in the file",
                    begun[:EXAMPLES],
                )
            )
        if empty:
            found.append(
                Unknown(
                    "EMPTY",
                    len(empty),
                    "holds nothing: it has no devices, or lost everything",
                    empty[:EXAMPLES],
                )
            )
        return found

    def _missing(self, gathered: Gathered) -> list[Unknown]:
        if AUDIT not in self.ends or COMMANDS not in self.ends:
            return []
        told = (
            (IN_AUDIT, "COMMANDS_GONE", f"numbers stand in {AUDIT} and no command has them"),
            (
                IN_COMMANDS,
                "DECISIONS_GONE",
                f"numbers stand in {COMMANDS} and no decision has them",
            ),
        )
        found = []
        for output, what, detail in told:
            only = gathered.told_only(output)
            if only.total:
                lost = "that output lost records, so other numbers may be lost in both"
                found.append(Unknown(what, only.total, f"{detail}: {lost}", _numbers(only)))
        return found


_ALWAYS = (
    Unknown(
        "AFTER_THE_ENDS",
        0,
        "what was committed after the last records read here and then lost: compare `outputs` with "
        "how far the consumers of cs02b-commands have come",
    ),
    Unknown(
        "SLOTS",
        0,
        "who holds which cell, and which messages were met: publish outcomes again as far as they "
        "are kept, or wait for the next ones; handovers are decided without them",
    ),
)


def _numbers(some: Some) -> list[str]:
    return [f"{device} {role} {number}" for device, role, number in some.first]
