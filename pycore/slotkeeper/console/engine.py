"""An engine that is looked at while it works."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from slotkeeper.streams import Entry, Finished
from slotkeeper.worker import Engine, EngineFactory, Staged
from slotkeeper.worker.engine import Cursor, EngineInput

from .metrics import Metrics

_log = logging.getLogger(__name__)


class CountableBatch(Staged, Protocol):
    """A batch that tells what it writes; ``slotkeeper._core.CoreStaged`` does."""

    def written(self) -> Mapping[str, int]:
        """Count its records by stream."""

    def faults(self) -> Mapping[str, int]:
        """Count the dead letters among them by fault."""


class Countable(Engine, Protocol):
    """An engine that tells how much it holds; ``slotkeeper._core.CoreEngine`` does."""

    def stage(
        self,
        records: Sequence[EngineInput],
        *,
        now_ms: int,
        decided_after: Mapping[str, int] | None = None,
    ) -> CountableBatch:
        """Decide records in order."""

    def statistics(self) -> Mapping[str, int]:
        """Count devices, octets, parked, burned and damaged records."""


def measured(make: Callable[[int, int], Countable], metrics: Metrics) -> EngineFactory:
    """Give a factory of the same engines, measured."""
    return lambda partition, partitions: MeasuredEngine(
        make(partition, partitions), partition, metrics
    )


class MeasuredEngine:
    """Passes everything on, and observes it from the thread on which it is called."""

    def __init__(self, engine: Countable, partition: int, metrics: Metrics) -> None:
        """Stand in front of an engine."""
        self._engine = engine
        self._partition = partition
        self._metrics = metrics
        self._closed_at = time.perf_counter()

    def replay_changelog(
        self, records: Sequence[Entry]
    ) -> Sequence[tuple[bytes | None, bytes | None]]:
        """Take changelog records."""
        others = self._engine.replay_changelog(records)
        self._metrics.restored.inc(len(records) - len(others))
        return others

    def replay_inventory(self, records: Sequence[Entry]) -> int:
        """Take inventory records that were applied before."""
        return self._engine.replay_inventory(records)

    def snapshot_part(self, cursor: Cursor | None = None) -> tuple[bytes, Cursor | None]:
        """Give a part of what is committed."""
        return self._engine.snapshot_part(cursor)

    def load_part(self, part: bytes) -> None:
        """Take a part into a cleared engine."""
        self._engine.load_part(part)

    def clear(self) -> None:
        """Forget everything but burned numbers."""
        self._engine.clear()

    def close(self) -> None:
        """Close the partition: a restore begins."""
        self._closed_at = time.perf_counter()
        self._engine.close()

    def open(self) -> None:
        """Open the partition: the restore is over."""
        self._engine.open()
        self._metrics.restore_duration.observe(time.perf_counter() - self._closed_at)
        damaged = self.count()["damaged"]
        if damaged:
            self._metrics.damaged.inc(damaged)
            _log.error(
                "changelog records are damaged",
                extra={"partition": self._partition, "devices": damaged},
            )

    def stage(
        self,
        records: Sequence[EngineInput],
        *,
        now_ms: int,
        decided_after: Mapping[str, int] | None = None,
    ) -> Staged:
        """Decide records in order."""
        with self._metrics.stage_duration.time():
            staged = self._engine.stage(records, now_ms=now_ms, decided_after=decided_after)
        return MeasuredStaged(staged, self, len(records), self._metrics)

    def count(self) -> Mapping[str, int]:
        """Keep what the engine holds now for the next look at the metrics; give it as well.

        Not asked for when somebody looks: the answer waits while a batch is staged, and whoever
        looks stands on the event loop.
        """
        held = self._metrics.held[self._partition] = self._engine.statistics()
        return held


class MeasuredStaged:
    """One batch, from stage to its end."""

    def __init__(
        self, staged: CountableBatch, engine: MeasuredEngine, records: int, metrics: Metrics
    ) -> None:
        """Stand in front of a staged batch."""
        self._staged = staged
        self._engine = engine
        self._records = records
        self._metrics = metrics
        self._given_at = time.perf_counter()

    def seal(self) -> None:
        """Sign and MAC the commands."""
        begun_at = time.perf_counter()
        self._staged.seal()
        # A batch without commands is sealed in no time, and would hide how long the others take.
        if any(name.startswith("ISSUED ") for name in self._staged.summary()):
            self._metrics.sign_duration.observe(time.perf_counter() - begun_at)

    def finished(self) -> Finished:
        """Give what is to be committed; from here on it is the streams' time that is measured."""
        self._given_at = time.perf_counter()
        return self._staged.finished()

    def void(self) -> Sequence[int]:
        """Give the table records that count for nothing."""
        return self._staged.void()

    def summary(self) -> Mapping[str, int]:
        """Count the decisions."""
        return self._staged.summary()

    def fold(self) -> None:
        """Committed."""
        # A batch without records, the judging of what is parked, is mostly not even committed.
        if self._records:
            self._metrics.transaction_duration.observe(time.perf_counter() - self._given_at)
            self._metrics.batch_size.observe(self._records)
        self._staged.fold()
        self._engine.count()
        for stream, written in self._staged.written().items():
            self._metrics.produced.labels(stream).inc(written)
        for fault, letters in self._staged.faults().items():
            self._metrics.dead_letters.labels(fault).inc(letters)

    def discard(self) -> None:
        """Not committed, for certain."""
        self._staged.discard()
        self._engine.count()

    def in_doubt(self) -> None:
        """Nobody knows."""
        self._staged.in_doubt()
