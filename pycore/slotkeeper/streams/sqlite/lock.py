"""One worker for one file: a lock that the kernel takes back when the process dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from slotkeeper.streams.errors import LockedError, StoreUnavailableError


@contextmanager
def worker_lock(database: Path) -> Iterator[None]:
    """Hold the worker's place at a database for as long as the context lasts.

    The lock is on ``<database>-worker``; the file stays, empty of meaning without its lock.

    Raises:
        LockedError: Another worker, in this process or another, has it.
        StoreUnavailableError: The lock file cannot be made.
    """
    path = database.with_name(database.name + "-worker")
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreUnavailableError(
            f"{path} cannot be written ({error.strerror}), and a worker needs it to be the only one"
        ) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(file, 64, 0).decode("ascii", "replace").strip()
            raise LockedError(
                f"{database} is served by another worker ({holder or 'unknown process'}): "
                "stop it first, or wait until it ends",
                holder=holder,
            ) from error
        except OSError as error:
            raise StoreUnavailableError(
                f"{path} cannot be locked ({error.strerror}): keep the file on a local disk"
            ) from error
        # For whoever is refused; the lock itself holds without it, on a full disk as well.
        with suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, f"process {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)
