"""Rows and records beside each other, in a table on disk: an import may be larger than memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from slotkeeper.slots.tables import Tables, tables

_TABLES = """
CREATE TABLE told (key VARCHAR, file INTEGER, row BIGINT, members BLOB);
CREATE TABLE record (key VARCHAR, number BIGINT, value BLOB);
CREATE VIEW standing AS SELECT key, arg_max(value, number) AS value FROM record GROUP BY key;
CREATE TABLE changes (key VARCHAR, kind VARCHAR, paths VARCHAR, value BLOB);
CREATE TABLE refused (file INTEGER, row BIGINT, reason VARCHAR, key VARCHAR);
"""


class Group(NamedTuple):
    """A key, its record's octets if it has one, and the rows about it: file, row, members."""

    key: str
    standing: bytes | None
    rows: Sequence[tuple[int, int, bytes]]


class Change(NamedTuple):
    """A record to be published."""

    key: str
    kind: str
    paths: str
    value: bytes


class Staging:
    """The tables of one import."""

    def __init__(self, made: Tables) -> None:
        """Make them."""
        self._tables = made
        made.run(_TABLES)

    def add_told(self, rows: Sequence[tuple[str, int, int, bytes]]) -> None:
        """Keep what rows say."""
        self._tables.add("told", "varchar, integer, bigint, blob", rows)

    def add_standing(self, records: Sequence[tuple[str, int, bytes]]) -> None:
        """Keep records of the register; of a key the one with the highest number counts.

        One that is empty says that the key has none any more.
        """
        self._tables.add("record", "varchar, bigint, blob", records)

    def add_changes(self, changes: Sequence[Change]) -> None:
        """Keep what is to be published."""
        self._tables.add("changes", "varchar, varchar, varchar, blob", changes)

    def add_refused(self, refused: Sequence[tuple[int, int, str, str | None]]) -> None:
        """Keep which rows are refused, why, and of which key they are, where that is known."""
        self._tables.add("refused", "integer, bigint, varchar, varchar", refused)

    def resolve(self, prefix: str) -> Iterator[tuple[int, int, str]]:
        """Give rows whose key has the prefix the one key that ends with the rest of it.

        Gives those for which there is none, or more than one, and drops them.
        """
        self._tables.run(
            "CREATE TABLE found AS SELECT t.key AS short, min(k.key) AS whole, "
            "count(*) AS how_many FROM (SELECT DISTINCT key FROM told WHERE starts_with(key, $1)) t"
            " JOIN (SELECT key FROM told WHERE NOT starts_with(key, $1) UNION "
            "SELECT key FROM standing) k"
            " ON regexp_extract(k.key, '[^/]*$') = substr(t.key, length($1) + 1) GROUP BY t.key",
            [prefix],
        )
        yield from self._tables.rows(
            "SELECT file, row, CASE WHEN how_many IS NULL THEN "
            "'no certificate of this serial is in the register: retrieve it as well' ELSE "
            "'several certificates have this serial: retrieve the one that is meant' END "
            "FROM told LEFT JOIN found ON key = short WHERE starts_with(key, $1) "
            "AND how_many IS DISTINCT FROM 1 ORDER BY file, row",
            [prefix],
        )
        self._tables.run(
            "UPDATE told SET key = whole FROM found WHERE told.key = short AND how_many = 1"
        )
        self._tables.run("DELETE FROM told WHERE starts_with(key, $1)", [prefix])

    def groups(self) -> Iterator[Group]:
        """Give every key about which rows say something, by key."""
        for key, value, rows in self._tables.rows(
            "SELECT key, value, rows FROM (SELECT key, "
            "list({'file': file, 'row': row, 'members': members} ORDER BY file, row) AS rows "
            "FROM told GROUP BY key) LEFT JOIN standing USING (key) ORDER BY key"
        ):
            yield Group(key, value, [(one["file"], one["row"], one["members"]) for one in rows])

    def absent(self) -> Iterator[tuple[str, bytes]]:
        """Give the records about which no row says anything, not even a refused one, by key."""
        yield from self._tables.rows(
            "SELECT key, value FROM standing ANTI JOIN told USING (key) "
            "ANTI JOIN refused USING (key) WHERE octet_length(value) > 0 ORDER BY key"
        )

    def changes(self, kind: str | None = None, limit: int | None = None) -> Iterator[Change]:
        """Give what is to be published, by key."""
        for found in self._tables.rows(
            "SELECT key, kind, paths, value FROM changes WHERE $1 IS NULL OR kind = $1 "
            "ORDER BY key LIMIT $2",
            [kind, limit if limit is not None else 1 << 62],
        ):
            yield Change(*found)

    def refused(self, limit: int | None = None) -> Iterator[tuple[int, int, str]]:
        """Give the rows that are refused, in order."""
        yield from self._tables.rows(
            "SELECT file, row, reason FROM refused ORDER BY file, row LIMIT $1",
            [limit if limit is not None else 1 << 62],
        )


@contextmanager
def staging() -> Iterator[Staging]:
    """Make tables in a folder that goes with them.

    Raises:
        StoreUnavailableError: The disk is full, or memory and disk together are too small.
    """
    with tables() as made:
        yield Staging(made)
