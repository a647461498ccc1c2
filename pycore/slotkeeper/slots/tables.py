"""Tables that may be larger than memory: DuckDB, bounded, and kept away from everything else."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from slotkeeper._core import ArrowRows
from slotkeeper.errors import StoreUnavailableError

MEMORY = "3GB"
"""What tables may take; beyond it they go to disk. DuckDB's own default, 80 % of the machine,
would push out whoever else works there. With 2 GB ``device.csv`` of 25 million devices found no
room; with this a report keeps within the 4 GiB that it may take."""

THREADS = 2

BATCH = 5_000
"""Rows that are handed over or taken at once: so many that the call costs nothing beside them."""


class Tables:
    """A connection with what everybody does with it."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Use an open connection."""
        self._connection = connection

    def run(self, statement: str, given: Sequence[object] = ()) -> None:
        """Execute one or several statements."""
        self._connection.execute(statement, given)

    def add(self, table: str, types: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows; ``types`` are those of the columns, comma-separated."""
        if not rows:
            return
        values = ", ".join(
            f"unnest(${number}::{kind}[])" for number, kind in enumerate(types.split(", "), start=1)
        )
        columns = [list(column) for column in zip(*rows, strict=True)]
        # Names and types are constants of the callers.
        self._connection.execute(f"INSERT INTO {table} SELECT {values}", columns)

    def hand_over(self, table: str, rows: ArrowRows) -> None:
        """Append rows that the extension has made; a table that is not there is made for them."""
        self._connection.register("handed_over", rows)
        # Names of tables are constants of the callers.
        shape = "AS SELECT * FROM handed_over LIMIT 0"
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {table} {shape}")
        self._connection.execute(f"INSERT INTO {table} SELECT * FROM handed_over")  # noqa: S608
        self._connection.unregister("handed_over")

    def rows(self, query: str, given: Sequence[object] = ()) -> Iterator[Any]:
        """Give the rows of a query one by one; others may be asked meanwhile."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, given)
            while rows := cursor.fetchmany(BATCH):
                yield from rows

    def named(self, query: str, given: Sequence[object] = ()) -> Iterator[dict[str, Any]]:
        """Give the rows of a query one by one, with the names of their columns."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, given)
            names = [column[0] for column in cursor.description or ()]
            while rows := cursor.fetchmany(BATCH):
                for row in rows:
                    yield dict(zip(names, row, strict=True))

    def one(self, query: str, given: Sequence[object] = ()) -> Any:  # noqa: ANN401
        """Give the only value of the only row."""
        [[value]] = self.rows(query, given)
        return value


@contextmanager
def tables(
    *folders: Path, threads: int = THREADS, spill: Path | None = None, memory: str = MEMORY
) -> Iterator[Tables]:
    """Open tables in a folder that goes with them.

    Args:
        folders: The only ones from which files may be read and into which they may be written.
        threads: The same rows come out with any number.
        spill: Where that folder is made, for tables of which only what does not fit into memory is
            written; None: all are, where the system has temporary files.
        memory: What they may take; beyond it they go to disk.

    Raises:
        StoreUnavailableError: The disk is full, or memory and disk together are too small.
    """
    with tempfile.TemporaryDirectory(prefix="slotkeeper-", dir=spill) as own:
        try:
            with duckdb.connect(
                ":memory:" if spill else str(Path(own) / "tables.duckdb"),
                config={
                    "memory_limit": memory,
                    "threads": threads,
                    # They live for minutes: to compress them took half of the time of a report.
                    "force_compression": "uncompressed",
                    "temp_directory": str(Path(own) / "spill"),
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                },
            ) as connection:
                allowed = [str(folder) for folder in folders]
                connection.execute("SET allowed_directories = $1", [allowed])
                # Files of builds and reports never change: what stands at their end is read once.
                connection.execute("SET parquet_metadata_cache = true")
                connection.execute("SET enable_external_access = false")
                connection.execute("SET lock_configuration = true")
                yield Tables(connection)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise StoreUnavailableError(f"no room for the tables: {error}") from error
