"""The audit trail of a partition: history, attempts and decisions, stretch by stretch.

A stretch ends at certain offsets, whoever reads it and wherever he began, so that a build that was
stopped comes to the same files.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import orjson

from slotkeeper._core import CoreAuditTables
from slotkeeper.engine.port import AuditHead
from slotkeeper.errors import FaultFoundError
from slotkeeper.streams import Record, Streams

from .layout import LATER, PLACE, SEGMENTED, Kept
from .newest import HANDED_OVER
from .reading import Progress, read_on
from .work import Bench

STREAM = "audit-trail"

STRETCH = 1 << 19
"""Offsets: some 900 MB of audit records, and what is read again after a kill at most."""

_LAST = """
SELECT device, ds_eui, ds_key, ka_eui, ka_key, ds_doubtful, epoch_us("at"), at_source, first
FROM {history} JOIN (
    SELECT device, max({place}) AS place, epoch_us(min("at")) AS first FROM {history}
    SEMI JOIN waiting USING (device) WHERE at_source <> 'EXISTED' GROUP BY device
) AS last USING (device) WHERE {place} = last.place
"""
"""The last row of each device that waits, and the time of its first one."""

_ORDERED = 'FROM stretch_{table} ORDER BY device, audit_offset, "at"'
_BY_OFFSET = "FROM stretch_decisions ORDER BY device, audit_offset"


@dataclass(frozen=True, slots=True)
class Cut:
    """The last audit record of a partition that a build has.

    Attributes:
        offset: Where it stands.
        number: In the chain of audit records; None in trails of a time that knew none.
        sha256: Of its value, hexadecimal.
    """

    offset: int
    number: int | None
    sha256: str

    @classmethod
    def of(cls, record: Record) -> "Cut":
        """Take it off a record."""
        value = record.value or b""
        return cls(record.offset, _member(value, "number"), sha256(value).hexdigest())

    def told(self) -> dict[str, Any]:
        """Write it down."""
        return asdict(self)


class Trail:
    """Reads one partition from where the build before had come to."""

    def __init__(
        self,
        bench: Bench,
        partition: int,
        *,
        cut: Cut | None,
        head: AuditHead | None,
        end: int,
        earlier: Sequence[Kept],
    ) -> None:
        """Begin, or go on where whoever was killed had come to.

        Args:
            bench: Where the build is worked on.
            partition: Of the stream.
            cut: The last record of the build before; None before the first.
            head: The last record that the positions name: with it the partition's state is that of
                the changelog. None where none is named: then all up to ``end`` is read.
            end: Where the stream ended when the build began.
            earlier: The files of the build before.
        """
        self._bench, self._made, self._partition = bench, bench.made, partition
        self._head, self._end = head, end
        step = bench.work.done(self._step) or {
            "files": [],
            "cut": cut and cut.told(),
            "faults": [0, []],
        }
        self.files = [*earlier, *map(Kept.of, step["files"])]
        self._new = len(earlier)
        self._before = [one for one in self.files if one.table == "history"]
        self._cut = Cut(**step["cut"]) if step["cut"] else None
        self._faults_before = step["faults"]
        self._tables = CoreAuditTables(partition, goes_on=bool(self._before))
        self._last: Record | None = None
        self._first = 0 if self._cut is None else self._cut.offset + 1
        self._records = 0
        self._batches = 0
        self._is_known = False
        for table in SEGMENTED:
            self._made.run(f"DROP TABLE IF EXISTS stretch_{table}")

    @property
    def _step(self) -> str:
        return f"{STREAM}/{self._partition}"

    @property
    def cut(self) -> Cut | None:
        """The last record that was taken."""
        return self._cut

    @property
    def since(self) -> int:
        """Where reading goes on: with the last record that is known, by which the store shows."""
        return 0 if self._cut is None else self._cut.offset

    @property
    def faults(self) -> tuple[int, list[Any]]:
        """How many records could not be used, and the first of them."""
        count, named = self._tables.faults()
        before, named_before = self._faults_before
        return before + count, [*named_before, *named]

    async def read(self, streams: Streams, progress: Progress) -> None:
        """Read to the cut.

        Raises:
            StoreUnavailableError: It cannot be read now.
            FaultFoundError: The trail is not the one from which the folder was made, or it does
                not have the record that the positions name.
        """
        if self._head is None or not self._is_there():
            await read_on(streams, STREAM, {self._partition: self.since}, self.take, progress)
        if self._last is not None or not self.files:
            self._close()
        if not self._is_there():
            number = None if self._head is None else self._head[0]
            raise FaultFoundError(
                f"{STREAM} {self._partition} ends before number {number}, which the positions of "
                "the changelog name: `slotkeeper audit verify` says what is missing"
            )

    def take(self, records: list[Record]) -> bool:
        """Take records in their order; say whether it is enough."""
        if not self._is_known:
            records = self._recognise(records)
        if self._head is None:
            records = [record for record in records if record.offset < self._end]
        until = None if self._head is None else self._head[0]
        while records:
            border = (records[0].offset // STRETCH + 1) * STRETCH
            now = records
            if records[-1].offset >= border:
                now = [record for record in records if record.offset < border]
            if self._last is not None and self._last.offset // STRETCH < now[0].offset // STRETCH:
                self._close()
            taken, reached = self._tables.take(now, until=until)
            self._batches += 1
            if self._batches % HANDED_OVER == 0:
                self._flush()
            self._records += taken
            self._last = now[taken - 1]
            if reached:
                self._check_head(self._last)
                return True
            records = records[len(now) :]
        return False

    def _is_there(self) -> bool:
        if self._head is None:
            return True
        number, digest = self._head
        if self._cut is None or self._cut.number is None or self._cut.number < number:
            return False
        # Positions that name an earlier record than the build before had are of a store put back.
        if (self._cut.number, self._cut.sha256) != (number, digest.hex()):
            raise foreign(STREAM, self._partition, self._cut.offset)
        return True

    def _recognise(self, records: list[Record]) -> list[Record]:
        """Take the known record off the beginning; where it expired, the next one names it."""
        self._is_known = True
        cut, first = self._cut, records[0]
        if cut is None:
            return records
        if first.offset == cut.offset and Cut.of(first) == cut:
            return records[1:]
        value = first.value or b""
        follows = cut.number is not None and _member(value, "number") == cut.number + 1
        if first.offset > cut.offset and follows and _member(value, "previous") == cut.sha256:
            return records
        raise foreign(STREAM, self._partition, first.offset)

    def _check_head(self, record: Record) -> None:
        if self._head is None or sha256(record.value or b"").digest() != self._head[1]:
            raise FaultFoundError(
                f"{STREAM} {self._partition}: the record at offset {record.offset} is not the one "
                "that the positions of the changelog name: `slotkeeper audit verify` says more"
            )

    def _flush(self) -> None:
        """Hand over what the extension has."""
        self._made.hand_over("stretch_history", self._tables.history())
        self._made.hand_over("stretch_attempts", self._tables.attempts())
        self._made.hand_over("stretch_decisions", self._tables.decisions())

    def _know(self) -> None:
        """Tell the extension the last rows of devices that had some before this reading began."""
        waiting = self._tables.waiting()
        if not len(waiting):
            return
        self._made.hand_over("waiting", waiting)
        query = _LAST.format(history=self._bench.read("history", self._before), place=PLACE)
        self._tables.know(
            [
                (device, (ds, ds_key), (ka, ka_key), doubtful, at, at_source, first)
                for device, ds, ds_key, ka, ka_key, doubtful, at, at_source, first in (
                    self._made.rows(query)
                )
            ]
        )
        self._made.run("DROP TABLE waiting")

    def _close(self) -> None:
        """Write the files of a stretch, and keep what is known after it."""
        made = self._made
        self._know()
        self._flush()
        if self._last is not None:
            self._cut = Cut.of(self._last)
        about = {
            "first": self._first,
            "records": self._records,
            "cut": self._cut and self._cut.told(),
        }
        for table in SEGMENTED:
            select = _BY_OFFSET if table == "decisions" else _ORDERED.format(table=table)
            has = {"has": LATER[table][0]} if table in LATER else {}
            self.files.append(
                self._bench.work.write(
                    made, select, table, partition=self._partition, about=about | has
                )
            )
        for table in SEGMENTED:
            made.run(f"DROP TABLE stretch_{table}")
        self._first = 0 if self._cut is None else self._cut.offset + 1
        self._records = 0
        count, named = self.faults
        self._bench.work.keep(
            self._step,
            {
                "files": [one.told() for one in self.files[self._new :]],
                "cut": self._cut and self._cut.told(),
                "faults": [count, named],
            },
        )


def foreign(stream: str, partition: int, offset: int) -> FaultFoundError:
    """Say that a stream is not the one of which the folder was made."""
    return FaultFoundError(
        f"{stream} {partition} at offset {offset} does not go on from what this folder was made "
        "of: it is another store, one that lost records, or one whose records expired between two "
        "builds. Build into another folder"
    )


def _member(value: bytes, name: str) -> Any:  # noqa: ANN401  # whatever stands there
    try:
        return orjson.loads(value).get(name)
    except (ValueError, AttributeError):
        return None
