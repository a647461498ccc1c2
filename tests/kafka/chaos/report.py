"""What a run of chaos came to."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.kafka.chaos.plan import Kind
from tests.kafka.chaos.verify import by_disposition
from tests.kafka.chaos.workers import Told, Worker
from tests.laws import Findings

SHOWN = 20
"""Violations that are shown; one cause often has thousands."""


@dataclass(slots=True)
class Report:
    """The figures of a run.

    Attributes:
        seed: Of load and faults.
        seconds: Of chaos, without set-up and drain.
        folder: Where logs are, and after a violation the records.
        faults: How many of each kind.
        records: How many were written into the inputs.
        hostile: And how many by the hostile producer.
        decisions: By disposition.
        commands: How many there are.
        told: What the workers' logs say.
        exits: How often each exit status was seen.
        compacted: Offsets of the changelog at which nothing is left; those of markers are among
            them.
        drained_in: Seconds from the last fault until nothing was left to decide.
        violations: A sentence for each; empty if all is well.
    """

    seed: int
    seconds: float
    folder: Path
    faults: Counter[Kind] = field(default_factory=Counter)
    records: int = 0
    hostile: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    told: Told = field(default_factory=Told)
    exits: Counter[int] = field(default_factory=Counter)
    compacted: int = 0
    drained_in: float = 0.0
    violations: list[str] = field(default_factory=list)

    def take(self, findings: Findings) -> None:
        """Take down what stands in the streams."""
        self.violations += findings.broken
        self.decisions = by_disposition(findings.decisions)
        self.commands = findings.commands

    def hear(self, workers: Iterable[Worker], acknowledged: Collection[int]) -> None:
        """Take down what the workers leave behind, of partitions that were ``acknowledged`` too."""
        for worker in workers:
            self.told.read(worker.log, acknowledged)
            self.exits += worker.exits
            if worker.overdue:
                self.violations.append(f"{worker.name} did not end in time after SIGTERM")
        self.violations += self.told.unexpected

    def lines(self) -> Iterator[str]:
        """Write it as a table, violations last."""
        for name, value in self._rows():
            yield f"{name:<32}{value}"
        for violation in self.violations[:SHOWN]:
            yield f"VIOLATION: {violation}"
        if self.violations:
            yield f"logs and records are in {self.folder}"

    def _rows(self) -> Iterator[tuple[str, object]]:
        yield "seed", self.seed
        yield "chaos, drain", f"{self.seconds:.0f} s, {self.drained_in:.1f} s"
        for kind in Kind:
            yield f"fault: {kind}", self.faults[kind]
        yield "records", f"{self.records} ({self.records / self.seconds:.0f} a second)"
        yield "hostile records", self.hostile
        yield "decisions", self.decisions.total()
        for disposition, count in sorted(self.decisions.items()):
            yield f"  {disposition}", count
        yield "commands", self.commands
        yield "fenced", self.told.fenced
        yield "in doubt, fenced included", self.told.events["partition is restored anew"]
        yield "aborted and tried again", self.told.events["batch is tried again"]
        yield "restores", self.told.restores.total()
        for source, count in sorted(self.told.restores.items()):
            yield f"  added to {source}", count
        yield "changelog records replayed", self.told.restored
        yield "changelog offsets compacted", self.compacted
        yield "snapshots taken", self.told.events["snapshot is taken"]
        yield "tracebacks of the Kafka client", self.told.of_the_client
        for status, count in sorted(self.exits.items()):
            yield f"workers' exit status {status}", count
        yield "violations", len(self.violations)
