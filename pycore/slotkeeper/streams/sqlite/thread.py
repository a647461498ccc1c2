"""A connection on a thread of its own, and SQLite's errors by what to do about them."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from slotkeeper.streams.errors import (
    StoppedForOperatorError,
    StoreUnavailableError,
    StreamsError,
)

P = ParamSpec("P")
T = TypeVar("T")

BUSY_MS = 10_000
"""How long a statement waits for another process's write transaction. Those are short: a publish
of thousands of records takes some 100 ms; ten seconds leave room for a slow disk."""

CHECKPOINT_PAGES = 2_000
"""16 MiB of write-ahead log before its pages go into the file: four times SQLite's usual 4 MiB, for
a quarter of the checkpoints' fsyncs, and still a small file beside the streams."""

CACHE_KIB = 8_192
"""Page cache of one connection; writes go to the ends of few B-trees, so more does not help."""


class DatabaseThread:
    """One connection that only its own thread touches."""

    def __init__(self, path: Path, name: str) -> None:
        """Prepare; ``open`` connects."""
        self.path = path
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"sqlite-{name}")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> Self:
        """Connect.

        Raises:
            StoreUnavailableError: The file cannot be opened.
            StoppedForOperatorError: The file is damaged or no database.
        """
        try:
            await self._submit(self._connect)
        except BaseException:
            self._executor.shutdown(wait=False)
            raise
        return self

    async def run(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call the function with the connection, on the thread; its errors are translated.

        A caller that is cancelled leaves the call running to its end.
        """

        def call() -> T:
            if self._connection is None:
                raise StoreUnavailableError(f"{self.path} is closed")
            return function(self._connection, *args, **kwargs)

        return await self._submit(call)

    async def close(self) -> None:
        """Wait for what runs, then disconnect."""

        def disconnect() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        try:
            await self._submit(disconnect)
        finally:
            self._executor.shutdown(wait=False)

    async def _submit(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    def _connect(self) -> None:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_MS / 1_000, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection


def translated(error: sqlite3.Error, path: Path) -> StreamsError:
    """Give the error of this package that tells a caller what to do about SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)
    # Extended codes carry the primary one in their low byte.
    primary = None if code is None else code & 0xFF
    match primary:
        case sqlite3.SQLITE_FULL:
            return StoreUnavailableError(
                f"no room to write {path}: make room on its disk and start again; "
                "everything committed before is kept"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return StoreUnavailableError(
                f"{path} is read-only: give write permission for the file and its folder "
                "(SQLite keeps -wal and -shm beside it), or mount its disk for writing"
            )
        case sqlite3.SQLITE_CANTOPEN:
            return StoreUnavailableError(
                f"{path} cannot be opened: check that its folder exists and may be written"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreUnavailableError(
                f"{path} stayed locked by another process's transaction for "
                f"{BUSY_MS // 1_000} s: let it finish and try again"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoppedForOperatorError(
                f"{path} is damaged or no database ({error}); keep a copy of it with its -wal "
                "file, and restore the newest backup"
            )
        case _:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            return StoreUnavailableError(
                f"{path} cannot be used ({name}: {error}): check its disk, then start again; "
                "everything committed before is kept"
            )
