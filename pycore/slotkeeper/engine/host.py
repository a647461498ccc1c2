"""The engine inside another pipeline: its transport, its store, these four steps.

Example::

    engine = Engine(authority)
    engine.restore(changes_of_my_store)
    staged = engine.stage(events)             # decided in order, nothing visible yet
    commands = await staged.seal()            # signed and MACed by worker threads
    # ONE transaction of the host: staged.changes, commands, staged.records, staged.audit_head,
    # its own position
    staged.fold()                             # or discard(), or in_doubt()

Nothing here knows a stream, a broker or a file; ``docs/integrating.md`` has the host's duties.
"""

import asyncio
import binascii
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import orjson

from slotkeeper._core import ArrowRows, Authority, CoreEngine, CoreStaged, NotRestoredError
from slotkeeper.clock import system_clock, system_entropy

from .event import ArrowTable, Event, of_arrow, record_of
from .port import AuditHead, Fingerprint

RESTORED_AT_A_TIME = 4_096
"""Records of one crossing into the engine while restoring: some hundred kilobytes."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the host's store keeps under ``key`` from now on; ``value`` None: no longer."""

    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """A finished record for others: an audit record, a refusal, a dead letter, a rerouted input."""

    stream: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A sealed CS02b command.

    Attributes:
        device_id: The GPF, canonical.
        request_id: The RequestID that it answers.
        originator_counter: 1 to 2^63-1.
        message: The GBCS message, signed and MACed.
        record: The same as a record of ``cs02b-commands``, JSON.
    """

    device_id: str
    request_id: str
    originator_counter: int
    message: bytes
    record: bytes

    @classmethod
    def _of(cls, record: bytes) -> Self:
        fields = orjson.loads(record)
        return cls(
            device_id=fields["device_id"],
            request_id=fields["request_id"],
            originator_counter=int(fields["originator_counter"]),
            message=binascii.a2b_base64(fields["gbcs_payload"]),
            record=record,
        )


class StoreNotReadyError(NotRestoredError):
    """The partition is not restored: answer requests with ``reason``, and try them again later."""

    reason = "STORE_NOT_READY"
    retryable = True


class Engine:
    """The decisions of one partition of devices.

    An engine is closed until it is restored. One batch may be staged at a time.
    """

    def __init__(
        self,
        authority: Authority,
        *,
        partition: int = 0,
        partitions: int = 1,
        settings: Mapping[str, Any] | bytes = b"{}",
        threads: int = 0,
        clock: Callable[[], int] = system_clock,
        entropy: Callable[[int], bytes] = system_entropy,
    ) -> None:
        """Make a closed engine that knows nothing.

        Args:
            authority: The ACB's certificates and keys.
            partition: Which one, from 0. A host without partitions leaves both as they are.
            partitions: Out of how many. It must never change while there is a store.
            settings: As ``Settings.engine_json`` makes them; empty: the defaults.
            threads: How many seal and verify at once; 0: one for each processor.
            clock: Milliseconds since 1970; the engine's only clock.
            entropy: Random bytes of a wanted length; the engine's only randomness, which decides
                nothing but which unknown devices are evicted where there are too many.

        Raises:
            ConfigurationError: A setting cannot be used; the text names it.
        """
        octets = settings if isinstance(settings, bytes) else orjson.dumps(settings)
        self._core = CoreEngine(
            authority,
            partition=partition,
            partitions=partitions,
            settings=octets,
            threads=threads,
            seed=int.from_bytes(entropy(8), "big"),
        )
        self._partition = partition, partitions
        self._is_open = False
        self._clock = clock
        self._audit_head: AuditHead | None = None
        self._restoring = threading.Lock()
        """Held from the first to the last step of a restore."""
        self._staging = threading.Lock()
        """Held while a batch is made, from reading its events on."""
        self._chaining = threading.Lock()
        """Held while the last committed audit record changes, or is what a batch follows."""

    def __repr__(self) -> str:
        """Say which partition it is, and whether it serves."""
        number, count = self._partition
        state = "open" if self._is_open else "closed: restore it"
        return f"<slotkeeper.Engine partition {number} of {count}, {state}>"

    def restore(
        self,
        changes: Iterable[Change | tuple[bytes, bytes | None]],
        *,
        inventory: Iterable[tuple[str | bytes, bytes | None]] = (),
        stored: Fingerprint | None = None,
        rollbacks: int = 0,
        audit_head: AuditHead | None = None,
        incarnations: Sequence[str] = (),
    ) -> int:
        """Take everything that the host's store committed, in any order, and open the partition.

        Args:
            changes: Every `Change` kept. Older versions among them do no harm.
            inventory: The inventory as far as it was staged before, in its order; a host may as
                well stage it again.
            stored: `Staged.stored` of the last batch that was committed, kept in its transaction:
                a store that lost records is refused. None where that is not known.
            rollbacks: How often the store lost what was committed last and somebody let it go on,
                e.g. from a backup: numbers are given 2^20 for each above all that is known.
            audit_head: `Staged.audit_head` of the last batch that was committed, likewise: the next
                audit record names it. None begins a new chain.
            incarnations: The name of the host's store, drawn at random when it was made and again
                whenever it was put back, and after it the names before. With
                ``adjustments.signers`` each signature names one, so that it counts in no other
                store; without a name none counts.

        It is one step: a second call, by another thread, waits for the end of the first.

        Returns:
            How many changes were taken.

        Raises:
            RestoreError: A record cannot be read, or is missing; nothing may be issued from such a
                store. Or the engine is open already.
        """
        with self._restoring:
            taken = self._restore(changes, inventory)
            with self._chaining:
                self._core.open(stored=stored, rollbacks=rollbacks, incarnations=incarnations)
                self._audit_head = audit_head
                self._is_open = True
            return taken

    def _restore(
        self,
        changes: Iterable[Change | tuple[bytes, bytes | None]],
        inventory: Iterable[tuple[str | bytes, bytes | None]],
    ) -> int:
        # After a doubt: of what others decided meanwhile a store may have kept no trace.
        self._is_open = False
        self._core.clear()
        taken = 0
        kept = (c if isinstance(c, Change) else Change(*c) for c in changes)
        while portion := list(islice(kept, RESTORED_AT_A_TIME)):
            self._core.restore(portion)
            taken += len(portion)
        keyed = (Change(k.encode() if isinstance(k, str) else k, v) for k, v in inventory)
        while loaded := list(islice(keyed, RESTORED_AT_A_TIME)):
            self._core.load_inventory(loaded)
        return taken

    def stage(
        self,
        events: Iterable[Event] | ArrowTable,
        *,
        decided_after: Mapping[str, int] | None = None,
    ) -> "Staged":
        """Decide events in their order; nothing is visible until the batch is folded.

        Put outcomes before the requests that came after them. Verifying a thousand outcomes takes
        tens of milliseconds: from a coroutine call it by ``asyncio.to_thread``. The thread goes on
        if the coroutine is cancelled: then `abandon` what it stages.

        An event that cannot be read is a decision, DEAD_LETTER, and costs the others nothing.

        Args:
            events: Events, or an Arrow table of them.
            decided_after: How far the host had read its outcomes when it took the requests; it
                goes into their audit records.

        Raises:
            StoreNotReadyError: Restore first.
            BatchOpenError: The batch before is neither folded nor dropped.
            ConfigurationError: An element is no event, or the stream of an event is not one that
                the engine reads. Nothing is staged.
        """
        with self._staging:
            if isinstance(events, ArrowTable):
                events = of_arrow(events)
            records = list(map(record_of, events))
            try:
                with self._chaining:
                    core = self._core.stage(
                        records,
                        now_ms=self._clock(),
                        decided_after=decided_after,
                        audit_head=self._audit_head,
                    )
            except NotRestoredError as error:
                raise StoreNotReadyError(str(error)) from error
            return Staged(core, self._fold, self._closed)

    def _fold(self, core: CoreStaged) -> None:
        head = core.audit_head
        with self._chaining:
            core.fold()
            self._audit_head = head

    def slots(self) -> ArrowRows:
        """Give what is known of each device's Network Operator slot, as it was folded last.

        One row a device: ``device``, ``partition``, and of either cell (``ds_``, ``ka_``) the
        occupant's ``eui`` and ``key``, ``verified``, ``source`` (NONE, OUTCOME, HANDOVER,
        READ_BACK, ALERT, IMPORT, PRESUMED_FACTORY, EARLIER_RELEASE) and ``doubtful``; ``place`` is
        0, ``gone`` false and ``readable`` true. The rows have ``__arrow_c_stream__``, which
        pyarrow, Polars and DuckDB take without a copy. A million devices take about a second: from
        a coroutine call it by ``asyncio.to_thread``.
        """
        return self._core.slots()

    def abandon(self) -> bool:
        """Discard whatever batch is staged; its numbers stay burned.

        For a batch that nobody holds, because the coroutine that waited for `stage` was cancelled.
        It waits for a `stage` that is at work. A batch that was handed out for a commit is ended by
        `Staged.fold`, `Staged.discard` or `Staged.in_doubt` alone.

        Returns:
            Whether there was one.
        """
        with self._staging:
            return self._core.abandon()

    def device(self, device_id: str) -> dict[str, Any] | None:
        """Give the committed record of a device, or None if there is none."""
        found = self._core.device(device_id)
        return None if found is None else orjson.loads(found)

    def statistics(self) -> dict[str, int]:
        """Give figures for metrics: devices, octets held, parked records."""
        return self._core.statistics()

    def close(self) -> None:
        """Close the partition; what was staged is dropped. It can be restored again."""
        self._core.close()
        self._closed()

    def _closed(self) -> None:
        self._is_open = False


class Staged:
    """A batch on its way from decision to commit; `Engine.stage` makes it."""

    def __init__(
        self,
        core: CoreStaged,
        fold: Callable[[CoreStaged], None],
        closed: Callable[[], None],
    ) -> None:
        """Hold what the engine staged, how it folds that, and whom to tell of a doubt."""
        self._core = core
        self._fold = fold
        self._closed = closed

    async def seal(self) -> Sequence[Command]:
        """Build, sign and MAC the commands, off the event loop and without the GIL.

        Raises:
            SignerUnavailableError: No command was made: discard the batch and try it again.
            BatchEndedError: The batch was folded or dropped, before the call or during it.
        """
        return await asyncio.to_thread(self.seal_now)

    def seal_now(self) -> Sequence[Command]:
        """Do as `seal` does, on the calling thread."""
        self._core.seal()
        return [Command._of(value) for _, _, _, value, _ in self._core.commands() if value]  # noqa: SLF001 - of this module

    @property
    def changes(self) -> Sequence[Change]:
        """What the host's store must keep, in one transaction with commands and position."""
        return [Change(key, value) for _, _, key, value, _ in self._core.changes() if key]

    @property
    def stored(self) -> Fingerprint:
        """How many devices have a change kept once this batch is committed, and a fingerprint.

        Keep it in the same transaction, and give it to `Engine.restore`.
        """
        return self._core.stored

    @property
    def audit_head(self) -> AuditHead | None:
        """The number in the chain, and SHA-256, of the last audit record once this is committed.

        Keep it in the same transaction, and give it to `Engine.restore`.
        """
        return self._core.audit_head

    @property
    def records(self) -> Sequence[Record]:
        """Audit records, evidence, refusals, dead letters, rerouted inputs, in decision order.

        Each names its stream: ``audit-trail``, ``slot-evidence`` and so on. A store keeps them
        apart by it.
        """
        return [
            Record(stream, partition, key, value, tuple(headers))
            for stream, partition, key, value, headers in self._core.records()
        ]

    @property
    def decisions(self) -> Sequence[dict[str, Any]]:
        """The audit records, read."""
        return [
            orjson.loads(record.value)
            for record in self.records
            if record.stream == "audit-trail" and record.value
        ]

    def summary(self) -> dict[str, int]:
        """Count decisions, by ``"DISPOSITION REASON"``."""
        return self._core.summary()

    def fold(self) -> None:
        """The host committed: the batch becomes the engine's state.

        Raises:
            NotSealedError: It has commands that were never sealed, so the host has not committed
                them: seal it first.
            BatchEndedError: It was folded or dropped before.
        """
        self._fold(self._core)

    def discard(self) -> None:
        """The host aborted for certain: the batch is dropped, its numbers stay burned.

        Raises:
            BatchEndedError: It was folded or dropped before.
        """
        self._core.discard()

    def in_doubt(self) -> None:
        """Nobody knows whether the host committed: the engine is closed until restored.

        Raises:
            BatchEndedError: It was folded or dropped before.
        """
        self._core.in_doubt()
        self._closed()
