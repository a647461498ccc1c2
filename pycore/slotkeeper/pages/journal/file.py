"""The journal's file: its tables, and the connections that read it."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

FORMAT = 1
"""Of the tables; a file of another format is made anew."""

_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE record (
    stream TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    device TEXT, request TEXT, word TEXT, reason TEXT, number TEXT, at TEXT,
    source_stream TEXT, source_partition INTEGER, source_offset INTEGER,
    headers TEXT NOT NULL, value BLOB,
    UNIQUE (stream, partition, offset)
);
CREATE INDEX by_device ON record (device, at) WHERE device IS NOT NULL;
CREATE INDEX by_request ON record (request, at) WHERE request IS NOT NULL;
CREATE INDEX by_age ON record (stream, at);
CREATE INDEX by_word ON record (stream, word, reason, at);
CREATE TABLE device (
    device TEXT PRIMARY KEY, state BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE pending (
    device TEXT NOT NULL, role TEXT NOT NULL, number TEXT NOT NULL, PRIMARY KEY (device, role)
) WITHOUT ROWID;
CREATE TABLE parked (
    key TEXT PRIMARY KEY, device TEXT NOT NULL, stream TEXT, partition INTEGER, offset INTEGER,
    disposition TEXT, reason TEXT
) WITHOUT ROWID;
CREATE INDEX parked_by_device ON parked (device);
CREATE TABLE reached (
    stream TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (stream, partition)
) WITHOUT ROWID;
CREATE TABLE positions (
    partition INTEGER PRIMARY KEY, told TEXT NOT NULL
);
"""


def prepare(file: Path, store: str) -> sqlite3.Connection:
    """Give the connection that writes; what is of another format or store is thrown away.

    Args:
        file: The journal.
        store: Names the life of the streams; another one has other records at the same offsets.
    """
    with contextlib.suppress(sqlite3.DatabaseError):
        connection = _opened(file)
        told = dict(connection.execute("SELECT name, value FROM about"))
        if told == {"format": str(FORMAT), "store": store}:
            return connection
        connection.close()
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        file.with_name(name).unlink(missing_ok=True)
    connection = _opened(file)
    file.chmod(0o600)
    connection.executescript(_TABLES)
    with connection:
        connection.executemany(
            "INSERT INTO about VALUES (?, ?)", [("format", str(FORMAT)), ("store", store)]
        )
    return connection


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    # A cache: what a crash of the machine loses is read again.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


class Journal:
    """Reads the journal, from any thread."""

    def __init__(self, file: Path) -> None:
        """Read a file that ``prepare`` has made."""
        self._file = file
        self._own = threading.local()

    def rows(self, query: str, given: Sequence[object] = ()) -> Iterator[dict[str, Any]]:
        """Give the rows of a query by column."""
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            uri = f"{self._file.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._own.connection = connection
        cursor = connection.execute(query, given)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def one(self, query: str, given: Sequence[object] = ()) -> dict[str, Any] | None:
        """Give the first row of a query; None if there is none."""
        return next(self.rows(query, given), None)

    def count(self, query: str, given: Sequence[object] = ()) -> int:
        """Give the only number that a query asks for."""
        row = self.one(query, given)
        return int(next(iter(row.values())) or 0) if row else 0
