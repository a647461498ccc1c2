"""What the engine of a partition is to Python; ``slotkeeper._core`` fulfils it.

This is the only Python definition of it. A worker calls an engine by steps, and a `Hook`
sees each of them: see `worker.engine_thread`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from slotkeeper._core import Authority, CoreEngine
from slotkeeper.clock import system_entropy

if TYPE_CHECKING:
    from slotkeeper.streams import OutputBatch

EngineInput: TypeAlias = tuple[str, int, bytes | None, bytes | None]
"""``(stream, offset, key, value)`` of a record of the engine's own partition."""

Cursor: TypeAlias = tuple[int, int]
"""Where a part of a snapshot begins; of meaning to the engine alone."""


Fingerprint: TypeAlias = tuple[int, int, int, int] | tuple[int, int]
"""How many device records a changelog holds, and a sum over their devices and versions; then how
many parked records, and a sum over their keys, which earlier releases did not count. A changelog
that lost some of them has another one."""


AuditHead: TypeAlias = tuple[int, bytes]
"""The last record of a partition's chain of audit records: its number there, from 1, and SHA-256 of
its value. None where one is wanted: there is no record yet."""


class Stored(Protocol):
    """A record of the changelog or the inventory, in whatever form a client has it."""

    @property
    def key(self) -> bytes | None:
        """None where the writer gave none."""

    @property
    def value(self) -> bytes | None:
        """None is a tombstone."""


class Sealed(Protocol):
    """What a batch writes, and what was counted while it was decided."""

    @property
    def outputs(self) -> "OutputBatch":
        """Every record to be committed with the batch."""

    @property
    def void(self) -> Sequence[int]:
        """Offsets of inventory records that became dead letters: older ones stay in force."""

    @property
    def reasons(self) -> Mapping[str, int]:
        """Decisions by disposition and reason, ``"ISSUED NATURAL"``."""

    @property
    def written(self) -> Mapping[str, int]:
        """Records by the stream to which they go."""

    @property
    def faults(self) -> Mapping[str, int]:
        """Dead letters by fault; ``""``: kept for a person."""

    @property
    def stored(self) -> Fingerprint:
        """Of the device records that stand in the changelog once the batch is committed."""

    @property
    def audit_head(self) -> AuditHead | None:
        """The last audit record once the batch is committed."""


class Staged(Protocol):
    """One batch that is decided and not yet visible; ends by fold, discard or in_doubt."""

    def seal(self) -> Sealed:
        """Sign and MAC the commands.

        Raises:
            SignerUnavailableError: Nothing was sealed; discard the batch and try it again.
        """

    def fold(self) -> Mapping[str, int]:
        """The batch is committed: it becomes the engine's state. Gives `Engine.statistics`."""

    def discard(self) -> Mapping[str, int]:
        """The batch is not committed, for certain. Gives `Engine.statistics`."""

    def in_doubt(self) -> None:
        """Nobody knows; the engine is closed until it is restored."""


class Engine(Protocol):
    """The decisions of one partition."""

    @property
    def dead_letter_bytes(self) -> int:
        """The most octets of a record that is written, key and headers included.

        An engine that failed says it as well.
        """

    def restore(self, records: Sequence[Stored], *, in_order: bool = False) -> Sequence[Stored]:
        """Take changelog records, in any order and in several calls; gives those of others.

        ``in_order``: each was written after those that were given before.

        Raises:
            RestoreError: A record is of a newer version, or no record of a changelog.
        """

    def load_inventory(self, records: Sequence[Stored]) -> int:
        """Take inventory records that were applied before, in their order; how many are good."""

    def snapshot_part(self, cursor: Cursor | None = None) -> tuple[bytes, Cursor | None]:
        """Give a part of what is committed, and where the next one begins."""

    def load_part(self, part: bytes) -> None:
        """Take a part into a cleared engine; the logs since the first part complete it."""

    def follow_registers(self, records: Sequence[EngineInput]) -> None:
        """Take what was written to the registers, in its order; of a key the newest counts.

        What waited for it is judged again with the next batch.
        """

    def close(self) -> None:
        """Forget what is staged; nothing is decided until the engine is restored and opened."""

    def clear(self) -> None:
        """Forget everything but burned numbers; of a closed engine."""

    def open(
        self,
        *,
        stored: Fingerprint | None = None,
        rollbacks: int = 0,
        incarnations: Sequence[str] = (),
    ) -> Mapping[str, int]:
        """Restoring is complete. Gives `statistics`.

        Args:
            stored: Of the last committed batch; None where that is not known.
            rollbacks: How often commits were lost and an operator let the partition go on.
            incarnations: The store's, and those that acknowledgements have ended; a signed
                adjustment names one.

        Raises:
            RestoreError: Device records are missing, or are not the newest.
        """

    def stage(
        self,
        records: Sequence[EngineInput],
        *,
        now_ms: int,
        decided_after: Mapping[str, int] | None = None,
        audit_head: AuditHead | None = None,
    ) -> Staged:
        """Decide records in order; after ``open`` each call judges a portion of what is parked.

        ``statistics()["parked_unjudged"]`` says how much of it is left.

        The batch's audit records follow ``audit_head``, the last one that is committed.
        """

    def device(self, device_id: str) -> bytes | None:
        """Give the committed record of a device as JSON; None if there is none."""

    def statistics(self) -> Mapping[str, int]:
        """Count devices, octets held, parked records, burned numbers, damaged records."""


EngineFactory: TypeAlias = Callable[[int, int], Engine]
"""Makes the engine of a partition: ``factory(partition, partitions)``."""


def engines(
    authority: Authority,
    settings: bytes,
    *,
    entropy: Callable[[int], bytes] = system_entropy,
) -> EngineFactory:
    """Give what makes the real engines; keys and files are read once, before this.

    Args:
        authority: The ACB's certificates and keys.
        settings: JSON, as ``Settings.engine_json`` makes it.
        entropy: Random bytes of a wanted length, of which each engine gets its seed.
    """
    return lambda partition, partitions: CoreEngine(
        authority,
        partition=partition,
        partitions=partitions,
        settings=settings,
        seed=int.from_bytes(entropy(8), "big"),
    )


class Step(StrEnum):
    """A call of an engine, by the name of its method."""

    CLEAR = "clear"
    CLOSE = "close"
    DISCARD = "discard"
    FOLD = "fold"
    FOLLOW_REGISTERS = "follow_registers"
    IN_DOUBT = "in_doubt"
    LOAD_INVENTORY = "load_inventory"
    LOAD_PART = "load_part"
    OPEN = "open"
    RESTORE = "restore"
    SEAL = "seal"
    SNAPSHOT_PART = "snapshot_part"
    STAGE = "stage"


@dataclass(slots=True)
class Call:
    """One call, from its beginning to its end.

    Attributes:
        step: Which.
        partition: Of which engine.
        records: How many were given with it.
        result: What the engine gave; None until the call has ended.
    """

    step: Step
    partition: int
    records: int = 0
    result: object = None


class Hook(Protocol):
    """Looks on while engines work, on the thread that calls them; it must not raise."""

    def begin(self, call: Call) -> None:
        """The engine is called next."""

    def end(self, call: Call) -> None:
        """The engine has answered. Not told of a call that raised."""
