"""Write transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the context writes, or roll all of it back."""
    # IMMEDIATE takes the right to write before the first read, so that what is read, such as the
    # offset of the next record, still holds when it is used.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: sqlite3.Connection) -> None:
    """End the open transaction, if there is one, without a trace of it."""
    # After a full disk or an I/O error SQLite may have rolled back by itself already.
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
