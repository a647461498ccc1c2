"""What a worker needs of an engine; ``slotkeeper._core.CoreEngine`` has it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from slotkeeper.streams import Finished

EngineInput: TypeAlias = tuple[str, int, bytes | None, bytes | None]
"""``(stream, offset, key, value)`` of a record of the engine's own partition."""


class Staged(Protocol):
    """One batch that is decided and not yet visible; ends by fold, discard or in_doubt."""

    def seal(self) -> None:
        """Sign and MAC the commands."""

    def finished(self) -> Finished:
        """Give every record to be committed with the batch."""

    def written(self) -> Mapping[str, int]:
        """Count them by stream."""

    def faults(self) -> Mapping[str, int]:
        """Count the dead letters among them by fault."""

    def void(self) -> Sequence[int]:
        """Give the offsets of table records that became dead letters: older ones stay in force."""

    def summary(self) -> Mapping[str, int]:
        """Count the decisions by disposition and reason, ``"ISSUED NATURAL"``."""

    def fold(self) -> None:
        """The batch is committed: it becomes the engine's state."""

    def discard(self) -> None:
        """The batch is not committed, for certain."""

    def in_doubt(self) -> None:
        """Nobody knows; the engine is closed until it is restored."""


class Engine(Protocol):
    """The decisions of one partition."""

    def restore(self, records: Sequence[tuple[bytes, bytes | None]]) -> int:
        """Take changelog records, in several calls if there are many."""

    def load_inventory(self, records: Sequence[tuple[int, bytes | None, bytes | None]]) -> int:
        """Take inventory records ``(offset, key, value)`` that were applied before."""

    def close(self) -> None:
        """Forget what is staged; nothing is decided until the engine is restored and opened."""

    def open(self) -> None:
        """Restoring is complete."""

    def stage(
        self,
        records: Sequence[EngineInput],
        *,
        now_ms: int,
        decided_after: Mapping[str, int] | None = None,
    ) -> Staged:
        """Decide records in order; the first call after ``open`` re-judges what is parked."""


EngineFactory: TypeAlias = Callable[[int, int], Engine]
"""Makes the engine of a partition: ``factory(partition, partitions)``."""
