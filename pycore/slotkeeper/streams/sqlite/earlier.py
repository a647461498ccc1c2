"""Addresses that an earlier version took for another file."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from slotkeeper.streams.errors import StoreUnavailableError, WrongUseError

from .schema import ADDRESSES

_UNSEEN = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR),
    *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PROTOCOL),
    *(sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT),
}
"""Primary result codes that leave open what the file is. With others it is something else's."""


def refuse_moved_address(path: Path, before: Path) -> None:
    """Do not begin an empty store beside the one that this address has meant so far.

    Numbers would be given again. A file that this version has opened once was called by its own
    name since; then nothing is in doubt.

    Args:
        path: What the address means.
        before: What it meant to earlier versions.

    Raises:
        WrongUseError: There is nothing at ``path``, and a store of an earlier version at
            ``before``.
        StoreUnavailableError: Whether it is one cannot be seen now.
    """
    if path == before or path.exists() or not before.is_file():
        return
    # A connection that may not write would leave -wal and -shm behind.
    address = f"file:{quote(str(before.absolute()))}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF not in _UNSEEN:
            return
        raise StoreUnavailableError(
            f"there is no {path}, and whether an earlier version's store stands at {before}, which "
            f"this address meant to it, cannot be seen: {error}"
        ) from error
    if meta.get("application") == "slotkeeper" and ADDRESSES not in meta:
        raise WrongUseError(
            f"there is no {path}, and earlier versions opened {before} for this address: write "
            f"sqlite:///{before} if that store is meant; if it is not, open it once by its own "
            "address (slotkeeper check-config), and this one is made"
        )
