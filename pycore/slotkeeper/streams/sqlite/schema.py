"""The file's tables, and where in them a record stands.

Records of all streams share two tables, ``log`` for streams that are kept whole and ``compacted``
for those of which the newest record of a key counts. A row's id says stream, partition and offset,
so that reading on is one range of one B-tree, appending touches its right-hand pages only, and no
second index is needed.
"""

import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from slotkeeper.streams.errors import StoppedForOperatorError, StoreUnavailableError, WrongUseError

FORMAT = 1
"""Of this file. A newer one is refused: it may hold what this program would not heed."""

_FORGIVEN = """
CREATE TABLE IF NOT EXISTS forgiven (
    number INTEGER PRIMARY KEY, partition INTEGER, incarnation TEXT, changelog_end INTEGER)
"""
"""What operators have acknowledged. Files of version 0.1.0 have no such table."""

ADDRESSES, LITERAL = "addresses", "literal"
"""Noted in ``meta`` by every version that takes an address's path as it stands. A file without it
may be one that the version before served under another address; see ``earlier``."""

OFFSET_BITS = 40
"""2^40 records of a partition: at 10,000 a second, three years and a half."""

PARTITION_BITS = 15
"""Below the sign bit 8 bits are left for the streams."""

DEFAULT_PARTITIONS = 4
"""What the command line promises for streams that make themselves."""

PAGE_BYTES = 8_192
"""A request or command of 2.3 kB leaves a third of SQLite's usual page empty. Measured with such
records against 4,096: a file smaller by 29 %, publishing 1.6 times and committing 1.5 times as
fast; 16,384 gains little more and writes more for each small transaction."""

_ATTEMPTS = 200
"""Of entering WAL mode, for which SQLite does not wait by itself while another process does it."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE log (id INTEGER PRIMARY KEY, at_ms INTEGER, key BLOB, value BLOB, headers BLOB);
CREATE TABLE compacted (id INTEGER PRIMARY KEY, at_ms INTEGER, key BLOB, value BLOB, headers BLOB);
CREATE INDEX compacted_by_key ON compacted (id >> 40, key);
CREATE TABLE ends (shard INTEGER PRIMARY KEY, next INTEGER);
CREATE TABLE positions (shard INTEGER PRIMARY KEY, position INTEGER);
CREATE TABLE owners (partition INTEGER PRIMARY KEY, epoch INTEGER, incarnation TEXT);
"""
"""``shard`` is stream and partition, as in a row's id; ``next`` is the next record's offset."""

_NAMES = frozenset(re.findall(r"CREATE (?:TABLE|INDEX) (\w+)", _TABLES))
"""Of all that has to be there."""


def shard_of(stream: int, partition: int) -> int:
    """Give the upper bits of the ids of a stream's partition."""
    return stream << PARTITION_BITS | partition


def row_id(shard: int, offset: int) -> int:
    """Give the id of the record at an offset."""
    return shard << OFFSET_BITS | offset


def offset_of(row: int) -> int:
    """Give the offset that a row's id says."""
    return row & ((1 << OFFSET_BITS) - 1)


def prepare(
    connection: sqlite3.Connection,
    path: Path,
    *,
    wanted: int | None,
    entropy: Callable[[int], bytes],
) -> int:
    """Make the tables if there are none, and give the number of partitions.

    A copy may have come out of write-ahead mode, as sqlite3's ``VACUUM INTO`` leaves it; without it
    readers would hold up the worker.

    Raises:
        StoppedForOperatorError: Made with another number of partitions, or by a newer program.
        WrongUseError: A database of something else.
    """
    found = _tables(connection)
    if found and "meta" not in found:
        raise WrongUseError(f"{path} is a database of something else")
    if not found:
        # Heeded only before the first table is made.
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _enter_wal(connection, path)
        _create(connection, wanted or DEFAULT_PARTITIONS, entropy)
    meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    if meta.get("application") != "slotkeeper":
        raise WrongUseError(f"{path} is a database of something else")
    _expect_format(path, meta.get("format"))
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        _enter_wal(connection, path)
    if "forgiven" not in _tables(connection):
        connection.execute(_FORGIVEN)
    if meta.get(ADDRESSES) != LITERAL:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (ADDRESSES, LITERAL))
    partitions = meta.get("partitions")
    if not isinstance(partitions, int):
        raise _changed(path, "the partition count is gone")
    if wanted is not None and wanted != partitions:
        raise StoppedForOperatorError(
            f"{path} was made with {partitions} partitions and {wanted} are wanted: a device would "
            "change its partition and lose its counters; the number cannot be changed"
        )
    return partitions


def _expect_format(path: Path, found: object) -> None:
    if found is None:
        raise _changed(path, "its format is gone")
    if found != FORMAT:
        raise StoppedForOperatorError(
            f"{path} has format {found!r:.20} and this program knows {FORMAT}: "
            "use the program that wrote it, or a newer one"
        )


def refuse_changed(connection: sqlite3.Connection, path: Path, *, partitions: int) -> None:
    """Make sure that what a worker counts on stands there: tools may look at what is left.

    Raises:
        StoppedForOperatorError: Another program took something away.
    """
    gone = sorted(_NAMES - _tables(connection))
    if gone:
        raise _changed(path, f"no {', '.join(gone)}", _REBUILD)
    owners = connection.execute("SELECT partition, incarnation FROM owners ORDER BY 1").fetchall()
    if [number for number, _ in owners] != list(range(partitions)):
        raise _changed(
            path, f"{len(owners)} partitions have an incarnation, of {partitions}", _REBUILD
        )
    if not all(isinstance(incarnation, str) for _, incarnation in owners):
        raise _changed(path, "a partition without an incarnation", _REBUILD)


_REBUILD = (
    "; or, if there is none, take the numbers from the outputs into a new one "
    "(`slotkeeper counters rebuild`)"
)


def _changed(path: Path, what: str, otherwise: str = "") -> StoppedForOperatorError:
    return StoppedForOperatorError(
        f"{path} is not as this program left it ({what}): another one changed it. Keep a copy of "
        f"it with its -wal file, and restore the newest backup{otherwise}"
    )


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def _enter_wal(connection: sqlite3.Connection, path: Path) -> None:
    for _ in range(_ATTEMPTS):
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.02)
        else:
            if mode == "wal":
                return
            raise StoreUnavailableError(
                f"{path} cannot be kept with a write-ahead log on its file system"
            )
    raise StoreUnavailableError(
        f"{path} cannot be kept with a write-ahead log while another process uses it without one: "
        "let that end and try again"
    )


def _create(
    connection: sqlite3.Connection, partitions: int, entropy: Callable[[int], bytes]
) -> None:
    if not 0 < partitions <= 1 << PARTITION_BITS:
        raise WrongUseError(f"{partitions} partitions: there can be 1 to {1 << PARTITION_BITS}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster while this one waited for its turn.
        if not _tables(connection):
            for statement in _TABLES.strip().splitlines():
                connection.execute(statement)
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [("application", "slotkeeper"), ("format", FORMAT), ("partitions", partitions)],
            )
            connection.executemany(
                "INSERT INTO owners VALUES (?, 0, ?)",
                [(partition, entropy(16).hex()) for partition in range(partitions)],
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
