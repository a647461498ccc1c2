"""What a worker needs of an engine; ``slotkeeper._core.CoreEngine`` has it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from slotkeeper.streams import Entry, Finished

EngineInput: TypeAlias = tuple[str, int, bytes | None, bytes | None]
"""``(stream, offset, key, value)`` of a record of the engine's own partition."""

Cursor: TypeAlias = tuple[int, int]
"""Where a part of a snapshot begins; of meaning to the engine alone."""


class Staged(Protocol):
    """One batch that is decided and not yet visible; ends by fold, discard or in_doubt."""

    def seal(self) -> None:
        """Sign and MAC the commands."""

    def finished(self) -> Finished:
        """Give every record to be committed with the batch."""

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

    def replay_changelog(
        self, records: Sequence[Entry]
    ) -> Sequence[tuple[bytes | None, bytes | None]]:
        """Take changelog records, in several calls if there are many; gives those of others."""

    def replay_inventory(self, records: Sequence[Entry]) -> int:
        """Take inventory records that were applied before, in their order."""

    def snapshot_part(self, cursor: Cursor | None = None) -> tuple[bytes, Cursor | None]:
        """Give a part of what is committed, and where the next one begins."""

    def load_part(self, part: bytes) -> None:
        """Take a part into a cleared engine; the logs since the first part complete it."""

    def close(self) -> None:
        """Forget what is staged; nothing is decided until the engine is restored and opened."""

    def clear(self) -> None:
        """Forget everything but burned numbers; of a closed engine."""

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
