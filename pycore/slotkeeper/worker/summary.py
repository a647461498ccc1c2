"""What a worker did, counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEPT = "KEPT_FOR_A_PERSON"
"""Dead letters that have no fault: messages that conflict with a verified one."""


@dataclass(slots=True)
class Summary:
    """Counts since the worker started, over all its partitions.

    Attributes:
        records: Input records whose decision is committed.
        batches: Commits.
        restored: Changelog records replayed.
        aborted: Batches that were discarded and tried again.
        in_doubt: Commits whose end nobody knew; their partitions were restored.
        fenced: Of these, for the reason that another owner had the partition.
        regressions: Refusals of a store that contradicts what it once acknowledged.
        snapshots_refused: Snapshots that were not used, by reason.
        quarantined: Records over which the engine failed; they are dead letters now.
        dispositions: Committed decisions by disposition.
        reasons: The same by disposition and reason.
        dead_letters: Committed ones by fault, those of the inventory included, of which there is no
            decision; what is kept for a person is ``KEPT``.
    """

    records: int = 0
    batches: int = 0
    restored: int = 0
    aborted: int = 0
    in_doubt: int = 0
    fenced: int = 0
    regressions: int = 0
    quarantined: int = 0
    snapshots_refused: Counter[str] = field(default_factory=Counter)
    dispositions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)

    def committed(
        self, records: int, reasons: Mapping[str, int], dead_letters: Mapping[str, int]
    ) -> None:
        """Count one commit."""
        self.batches += 1
        self.records += records
        self.reasons.update(reasons)
        for fault, count in dead_letters.items():
            self.dead_letters[fault or KEPT] += count
        for reason, count in reasons.items():
            self.dispositions[reason.partition(" ")[0]] += count

    def as_dict(self) -> dict[str, Any]:
        """Give the counts by name, decisions in alphabetical order."""
        return {
            "records": self.records,
            "batches": self.batches,
            "restored": self.restored,
            "aborted": self.aborted,
            "in_doubt": self.in_doubt,
            "fenced": self.fenced,
            "regressions": self.regressions,
            "quarantined": self.quarantined,
            "snapshots_refused": dict(sorted(self.snapshots_refused.items())),
            "dispositions": dict(sorted(self.dispositions.items())),
            "reasons": dict(sorted(self.reasons.items())),
            "dead_letters": dict(sorted(self.dead_letters.items())),
        }
