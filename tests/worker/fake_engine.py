"""A small engine that keeps to the contract of the real one, and says when its user does not.

It decides like this: an event of an outcome stream whose value is a number raises its key's mark;
a request is answered with the mark plus one; a record whose value is ``elsewhere`` is rerouted to
the next partition; what is made of a record whose value is ``swollen`` fits no topic; a table
record whose value is ``malformed`` becomes a dead letter.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from slotkeeper._core import (
    EngineFaultError,
    RestoreError,
    SignerUnavailableError,
    link_audit,
)
from slotkeeper.engine.port import AuditHead, EngineInput, Fingerprint, Stored
from slotkeeper.streams import Output

TABLE = "smart-metering-inventory"
REQUESTS = "srv-6.21-requests"
CHANGELOG = "originator-counters"
AUDIT = "audit-trail"
COMMANDS = "cs02b-commands"
DEAD = "dead-letters"

DEVICE = "00-DB-12-34-56-78-90-A3"
REQUESTER = "90-B3-D5-1F-30-01-00-00"
"""Whose request of that device, of counter 7, was answered with 61."""

SWOLLEN = b"swollen"
SWOLLEN_OCTETS = 3 << 20
"""Of a command that is made of it: more than a topic takes that `streams create` has made."""


def fingerprint(marks: Mapping[bytes, int]) -> tuple[int, int, int, int]:
    stored = [(key, mark) for key, mark in marks.items() if mark]
    # It parks nothing.
    return len(stored), sum(crc32(key) * mark for key, mark in stored) % 2**64, 0, 0


class FakeEngine:
    dead_letter_bytes = 1_000

    def __init__(self, partition: int, partitions: int) -> None:
        self.partition = partition
        self.partitions = partitions
        self.marks: dict[bytes, int] = {}
        self.burned: dict[bytes, int] = {}
        self.known: set[bytes] = set()
        self.decided: set[tuple[str, int]] = set()
        self.is_open = False
        self.staged: FakeStaged | None = None
        self.calls: list[list[EngineInput]] = []
        self.barriers: list[Mapping[str, int] | None] = []
        self.threads: set[int] = set()
        self.refuse_to_seal = 0
        self.poison: bytes | None = None
        self.broken = False
        self.on_stage: Callable[[], None] = lambda: None
        self.portions = 0
        self.replayed = 0
        self.rollbacks = 0
        self.incarnations: Sequence[str] = ()
        self.loaded = 0
        self.cleared = 0
        self.registers: list[EngineInput] = []
        self.on_registers: Callable[[], object] = lambda: None

    def follow_registers(self, records: Sequence[EngineInput]) -> None:
        assert self.staged is None, "told with a batch open"
        self.registers += records
        self.on_registers()

    def restore(self, records: Sequence[Stored], *, in_order: bool = False) -> list[Stored]:
        assert in_order
        assert self.staged is None, "restored with a batch open"
        assert not self.is_open
        self.replayed += len(records)
        others: list[Stored] = []
        for record in records:
            if record.key is None or record.key.startswith(b"@"):
                others.append(record)
            else:
                self.marks[record.key] = max(
                    self.marks.get(record.key, 0), int(record.value or b"0")
                )
        return others

    def load_inventory(self, records: Sequence[Stored]) -> int:
        assert not self.is_open
        self.known |= {record.key for record in records if record.key is not None}
        return len(records)

    def snapshot_part(
        self, cursor: tuple[int, int] | None = None
    ) -> tuple[bytes, tuple[int, int] | None]:
        """One key a part, so that many batches can come in between."""
        assert self.is_open
        assert self.staged is None
        keys = sorted(self.marks.keys() | self.known)
        at = 0 if cursor is None else cursor[1]
        part = {
            key.decode(): [self.marks.get(key, 0), key in self.known] for key in keys[at : at + 1]
        }
        return json.dumps(part).encode(), (0, at + 1) if at < len(keys) else None

    def load_part(self, part: bytes) -> None:
        assert not self.is_open
        for name, (mark, known) in json.loads(part).items():
            self.loaded += 1
            self.marks[name.encode()] = mark
            if known:
                self.known.add(name.encode())

    def open(
        self,
        *,
        stored: Fingerprint | None = None,
        rollbacks: int = 0,
        incarnations: Sequence[str] = (),
    ) -> dict[str, int]:
        assert not self.is_open
        self.rollbacks = rollbacks
        self.incarnations = incarnations
        there = fingerprint(self.marks)
        if stored is not None and stored != there[: len(stored)]:
            raise RestoreError(f"{stored} was committed, and {there} is there")
        self.is_open = True
        return self.statistics()

    def device(self, device_id: str) -> bytes | None:
        assert self.is_open
        first = {"originator_id": REQUESTER, "request_counter": "7", "originator_counter": "61"}
        return json.dumps({"requests": [first]}).encode() if device_id == DEVICE else None

    def statistics(self) -> dict[str, int]:
        return {"devices": len(self.marks), "parked_unjudged": self.portions, "damaged": 0}

    def close(self) -> None:
        self.is_open = False

    def clear(self) -> None:
        assert not self.is_open
        self.cleared += 1
        self.marks.clear()
        self.known.clear()
        self.decided.clear()

    def stage(
        self,
        records: Sequence[EngineInput],
        *,
        now_ms: int | None = None,
        decided_after: Mapping[str, int] | None = None,
        audit_head: AuditHead | None = None,
    ) -> "FakeStaged":
        self.threads.add(threading.get_ident())
        assert not self.broken, "used after a fault"
        assert self.is_open, "staged before restored"
        assert self.staged is None, "a batch is open"
        assert now_ms is not None
        places = {record[:2] for record in records}
        assert not places & self.decided, "decided twice"
        if self.poison is not None and any(value == self.poison for *_, value in records):
            self.broken = True
            raise EngineFaultError("as asked")
        self.on_stage()
        self.calls.append(list(records))
        self.barriers.append(decided_after)
        self.staged = FakeStaged(self, records, audit_head)
        return self.staged


class FakeStaged:
    def __init__(
        self,
        engine: FakeEngine,
        records: Sequence[EngineInput],
        audit_head: AuditHead | None,
    ) -> None:
        self._engine = engine
        self._audit_head = audit_head
        self._places = {record[:2] for record in records}
        self._marks: dict[bytes, int] = {}
        self._known: set[bytes] = set()
        self._outputs: list[Output] = []
        self._reasons: Counter[str] = Counter()
        for record in records:
            self._decide(*record)
        self._outputs += [
            (CHANGELOG, engine.partition, key, b"%d" % mark, [])
            for key, mark in self._marks.items()
        ]

    def seal(self) -> "FakeSealed":
        if self._engine.refuse_to_seal:
            self._engine.refuse_to_seal -= 1
            raise SignerUnavailableError("as asked")
        letters = [dict(output[4]) for output in self._outputs if output[0] == DEAD]
        return FakeSealed(
            outputs=FakeOutputBatch(list(self._outputs)),
            void=[int(each["offset"]) for each in letters if each["stream"] == TABLE.encode()],
            reasons=dict(self._reasons),
            written=Counter(stream for stream, *_ in self._outputs),
            faults=Counter(each["fault"].decode() for each in letters),
            stored=fingerprint(self._engine.marks | self._marks),
            audit_head=self._audit_head,
        )

    def fold(self) -> dict[str, int]:
        self._end()
        self._engine.marks |= self._marks
        self._engine.known |= self._known
        self._engine.decided |= self._places
        self._engine.portions = max(0, self._engine.portions - 1)
        return self._engine.statistics()

    def discard(self) -> dict[str, int]:
        self._end()
        return self._engine.statistics()

    def in_doubt(self) -> None:
        self._end()
        self._engine.close()

    def _end(self) -> None:
        assert self._engine.staged is self, "ended twice"
        self._engine.staged = None

    def _decide(self, stream: str, offset: int, key: bytes | None, value: bytes | None) -> None:
        engine = self._engine
        key = key or b""
        mark = max(self._marks.get(key, 0), engine.marks.get(key, 0))
        if stream == TABLE:
            self._apply(offset, key, value)
            return
        if value == b"elsewhere":
            other = (engine.partition + 1) % engine.partitions
            self._outputs.append((stream, other, key, b"0", [("rerouted-from", b"x")]))
            self._audit(stream, offset, key, "REROUTED", None)
        elif value == SWOLLEN:
            self._outputs.append((COMMANDS, engine.partition, key, bytes(SWOLLEN_OCTETS), []))
            self._audit(stream, offset, key, "RECORDED", None)
        elif stream == REQUESTS:
            number = max(mark, engine.burned.get(key, 0)) + 1
            engine.burned[key] = self._marks[key] = number
            self._outputs.append((COMMANDS, engine.partition, key, b"%d" % number, []))
            self._audit(stream, offset, key, "ISSUED", number)
        else:
            self._marks[key] = max(mark, int(value or b"0"))
            self._audit(stream, offset, key, "RECORDED", None)

    def _apply(self, offset: int, key: bytes, value: bytes | None) -> None:
        if value == b"malformed":
            headers = [
                ("stream", TABLE.encode()),
                ("partition", b"%d" % self._engine.partition),
                ("offset", b"%d" % offset),
                ("fault", b"MALFORMED"),
            ]
            self._outputs.append((DEAD, self._engine.partition, key, value, headers))
        else:
            self._known.add(key)

    def _audit(
        self, stream: str, offset: int, key: bytes, disposition: str, number: int | None
    ) -> None:
        partition = self._engine.partition
        decision = {
            "stream": stream,
            "partition": partition,
            "offset": offset,
            "disposition": disposition,
            "originator_counter": number,
        }
        linked, self._audit_head = link_audit(json.dumps(decision).encode(), self._audit_head)
        self._outputs.append((AUDIT, partition, key, linked, []))
        self._reasons[f"{disposition} AS_ASKED"] += 1


@dataclass(frozen=True)
class FakeSealed:
    outputs: "FakeOutputBatch"
    void: list[int]
    reasons: dict[str, int]
    written: dict[str, int]
    faults: dict[str, int]
    stored: Fingerprint
    audit_head: AuditHead | None


class FakeOutputBatch:
    def __init__(self, outputs: list[Output]) -> None:
        self._outputs = outputs

    def __len__(self) -> int:
        return len(self._outputs)

    def records(self) -> list[Output]:
        return self._outputs

    def packed(self, octets: int) -> list[tuple[str, int, "FakePack"]]:
        assert octets > 0
        places = dict.fromkeys(output[:2] for output in self._outputs)
        return [
            (*place, FakePack([output for output in self._outputs if output[:2] == place]))
            for place in places
        ]


class FakePack:
    """A batch of the client's own making, so that the engine's packs are not all that is tried."""

    def __init__(self, outputs: list[Output]) -> None:
        self._outputs = outputs

    def __len__(self) -> int:
        return len(self._outputs)

    def encode(
        self, producer_id: int, producer_epoch: int, base_sequence: int, timestamp_ms: int
    ) -> bytes:
        builder = DefaultRecordBatchBuilder(
            2,
            0,
            is_transactional=1,
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            base_sequence=base_sequence,
            batch_size=1 << 24,
        )
        for place, (_, _, key, value, headers) in enumerate(self._outputs):
            assert builder.append(place, timestamp_ms, key, value, list(headers))
        return bytes(builder.build())
