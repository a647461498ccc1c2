"""Records to rows and back."""

import sqlite3
import struct
from collections.abc import Iterable, Sequence

from slotkeeper.streams.errors import StoppedForOperatorError, WrongUseError
from slotkeeper.streams.interface import Fetched, Headers, Output, Record
from slotkeeper.streams.layout import Layout
from slotkeeper.streams.witness import Presence, Sighting

from .schema import offset_of, row_id, shard_of

FETCH_BYTES = 1 << 20
"""One read takes no more than this and the record that exceeds it, whatever the records' sizes."""

_NAME = struct.Struct(">H")
_LONGEST_NAME = 0xFFFF
_VALUE = struct.Struct(">I")


class Tables:
    """Knows which stream stands in which table. All of it runs on a connection's thread."""

    def __init__(self, layout: Layout) -> None:
        """Number the streams in the layout's order."""
        self.layout = layout
        self._number = {name: number for number, name in enumerate(layout.names)}
        self._superseding = {layout.changelog, *layout.registers}

    def shard(self, stream: str, partition: int) -> int:
        """Give the upper bits of the ids of a stream's partition."""
        return shard_of(self._number[stream], partition)

    def append(
        self, connection: sqlite3.Connection, records: Iterable[Output], at_ms: int
    ) -> dict[int, int]:
        """Write records after the last of their partitions, inside the caller's transaction.

        Of the changelog's and the registers' records older ones of the same key go; of the
        table's, when its worker has passed them. Gives the new ends by shard.
        """
        ends: dict[int, int] = dict(connection.execute("SELECT shard, next FROM ends").fetchall())
        touched: dict[int, int] = {}
        kept: list[tuple[int, int, bytes | None, bytes | None, bytes | None]] = []
        compacted: list[tuple[int, int, bytes | None, bytes | None, bytes | None]] = []
        superseded: list[tuple[int, bytes | None]] = []
        for stream, partition, key, value, headers in records:
            shard = self.shard(stream, partition)
            offset = ends.get(shard, 0)
            ends[shard] = touched[shard] = offset + 1
            row = (row_id(shard, offset), at_ms, key, value, pack_headers(headers))
            if stream in self.layout.compacted:
                compacted.append(row)
                if stream in self._superseding:
                    superseded.append((shard, key))
            else:
                kept.append(row)
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", kept)
        connection.executemany("DELETE FROM compacted WHERE id >> 40 = ? AND key = ?", superseded)
        connection.executemany("INSERT INTO compacted VALUES (?, ?, ?, ?, ?)", compacted)
        connection.executemany("INSERT OR REPLACE INTO ends VALUES (?, ?)", touched.items())
        return ends

    def end(self, connection: sqlite3.Connection, stream: str, partition: int) -> int:
        """Give the offset of the next record of a stream's partition."""
        found = connection.execute(
            "SELECT next FROM ends WHERE shard = ?", (self.shard(stream, partition),)
        ).fetchone()
        return 0 if found is None else int(found[0])

    def start(self, connection: sqlite3.Connection, stream: str, partition: int) -> int:
        """Give the offset of the first record that is kept, or the end if none is."""
        shard = self.shard(stream, partition)
        found = connection.execute(
            f"SELECT min(id) FROM {self._table(stream)} WHERE id >= ? AND id < ?",  # noqa: S608
            (row_id(shard, 0), row_id(shard + 1, 0)),
        ).fetchone()[0]
        return self.end(connection, stream, partition) if found is None else offset_of(found)

    def last(self, connection: sqlite3.Connection, stream: str, partition: int) -> Record | None:
        """Give the newest record of a stream's partition."""
        shard = self.shard(stream, partition)
        found = connection.execute(
            f"SELECT max(id) FROM {self._table(stream)} WHERE id >= ? AND id < ?",  # noqa: S608
            (row_id(shard, 0), row_id(shard + 1, 0)),
        ).fetchone()[0]
        if found is None:
            return None
        return self.fetch(connection, stream, partition, offset_of(found), limit=1).records[0]

    def fetch(
        self,
        connection: sqlite3.Connection,
        stream: str,
        partition: int,
        position: int,
        *,
        limit: int,
        below: int | None = None,
    ) -> Fetched[Record]:
        """Read on from a position, at most ``limit`` records and up to the end or ``below``."""
        # The end is asked for first: a record that arrives in between is read, and a position
        # taken from an end that is too early is only asked for again.
        end = self.end(connection, stream, partition)
        if below is not None:
            end = min(end, below)
        shard = self.shard(stream, partition)
        records: list[Record] = []
        room = FETCH_BYTES
        rows = connection.execute(
            # What another program put there as text or as a number is octets as well, and damaged.
            "SELECT id, at_ms, CAST(key AS BLOB), CAST(value AS BLOB), CAST(headers AS BLOB)"  # noqa: S608
            f" FROM {self._table(stream)}"
            " WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (row_id(shard, position), row_id(shard, end), limit),
        )
        for row, at_ms, key, value, headers in rows:
            offset = offset_of(row)
            records.append(
                Record(stream, partition, offset, key, value, unpack_headers(headers), at_ms)
            )
            room -= len(key or b"") + len(value or b"") + len(headers or b"")
            if room < 0:
                rows.close()
                return Fetched(records, offset + 1)
        whole = len(records) < limit
        return Fetched(records, max(position, end) if whole else records[-1].offset + 1)

    def presence(self, connection: sqlite3.Connection, partition: int) -> Presence:
        """Say what a witness may compare: how far the partition's changelog has come."""
        (incarnation,) = connection.execute(
            "SELECT incarnation FROM owners WHERE partition = ?", (partition,)
        ).fetchone()
        forgiven = connection.execute(
            "SELECT incarnation, changelog_end FROM forgiven WHERE partition = ? ORDER BY number",
            (partition,),
        ).fetchall()
        end = self.end(connection, self.layout.changelog, partition)
        others = connection.execute(
            "SELECT partition FROM owners WHERE partition != ?", (partition,)
        ).fetchall()
        return Presence(
            seen=Sighting(incarnation, end),
            new=end == 0,
            beside=any(self.end(connection, self.layout.changelog, other) for (other,) in others),
            forgiven=tuple(Sighting(*each) for each in forgiven),
        )

    def forgive(
        self,
        connection: sqlite3.Connection,
        partition: int,
        incarnation: str,
        forgiven: Iterable[Sighting],
    ) -> None:
        """Begin a new incarnation of a partition, and remember which ones ended and where."""
        connection.execute("DELETE FROM forgiven WHERE partition = ?", (partition,))
        connection.executemany(
            "INSERT INTO forgiven (partition, incarnation, changelog_end) VALUES (?, ?, ?)",
            [(partition, each.incarnation, each.end) for each in forgiven],
        )
        connection.execute(
            "UPDATE owners SET incarnation = ? WHERE partition = ?", (incarnation, partition)
        )

    def prune_table(
        self,
        connection: sqlite3.Connection,
        partition: int,
        passed: range,
        void: Iterable[int],
    ) -> None:
        """Drop void table records, and older ones of the keys of those just passed."""
        shard = self.shard(self.layout.table, partition)
        connection.executemany(
            "DELETE FROM compacted WHERE id = ?", [(row_id(shard, offset),) for offset in void]
        )
        newest: Sequence[tuple[bytes, int]] = connection.execute(
            "SELECT key, max(id) FROM compacted WHERE id >= ? AND id < ? GROUP BY key",
            (row_id(shard, passed.start), row_id(shard, passed.stop)),
        ).fetchall()
        connection.executemany(
            "DELETE FROM compacted WHERE id >> 40 = ? AND key = ? AND id < ?",
            [(shard, key, row) for key, row in newest],
        )

    def _table(self, stream: str) -> str:
        # One of two constants: nothing from outside gets into a statement's text.
        return "compacted" if stream in self.layout.compacted else "log"


def pack_headers(headers: Headers) -> bytes | None:
    """Give headers as one value; None for none, which most records have.

    Raises:
        WrongUseError: A name is longer than its length can be written down.
    """
    if not headers:
        return None
    parts = []
    for name, value in headers:
        encoded = name.encode()
        if len(encoded) > _LONGEST_NAME:
            raise WrongUseError(
                f"the name of a header is {len(encoded)} octets long; a file keeps {_LONGEST_NAME}"
            )
        parts += [_NAME.pack(len(encoded)), encoded, _VALUE.pack(len(value)), value]
    return b"".join(parts)


def unpack_headers(packed: bytes | None) -> list[tuple[str, bytes]]:
    """Undo ``pack_headers``.

    Raises:
        StoppedForOperatorError: Another program has written them.
    """
    headers: list[tuple[str, bytes]] = []
    at = 0
    try:
        while packed is not None and at < len(packed):
            (length,) = _NAME.unpack_from(packed, at)
            at += _NAME.size
            name = packed[at : at + length].decode()
            at += length
            (length,) = _VALUE.unpack_from(packed, at)
            at += _VALUE.size
            headers.append((name, packed[at : at + length]))
            at += length
    except (struct.error, UnicodeDecodeError) as error:
        raise StoppedForOperatorError(
            "the headers of a record are damaged: keep a copy of the file with its -wal file, and "
            "restore the newest backup"
        ) from error
    return headers
