"""The one file that a store is, whatever it is called.

SQLite itself knows a database by its name: ``-wal`` and ``-shm`` stand beside that name, and two
names of one file would have two of each, which loses commits. So there must be one name: symbolic
links are resolved, a second name (a hard link, a mount of the file alone) is refused, and a lock on
the file itself finds whoever came by another way all the same.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Self

from slotkeeper.streams.errors import (
    LockedError,
    StoppedForOperatorError,
    StoreUnavailableError,
    WrongUseError,
)

BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a database. While a connection is open they are never made anew."""


class Identity(NamedTuple):
    """What the kernel knows a file by."""

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Read it from a file's status."""
        return cls(status.st_dev, status.st_ino)


@dataclass(slots=True)
class _Held:
    """A file that this process has open.

    A process that closes any descriptor of a file loses all its POSIX locks on it, those of SQLite
    included. So the descriptors on which the worker's lock stands are closed last of all, and
    every user of this process shares them.
    """

    descriptors: list[int] = field(default_factory=list)
    users: int = 0
    served: bool = False


_held: dict[Identity, _Held] = {}
_holding = Lock()


class StoreFile:
    """A database's file, open for as long as ``held_file`` lasts.

    Attributes:
        path: Absolute and without symbolic links.
    """

    def __init__(self, path: Path, identity: Identity, held: _Held) -> None:
        """Belong to ``held_file``."""
        self.path = path
        self._held = held
        self._names = {path: identity}

    def settle(self) -> None:
        """Note what stands beside the file; a connection must be open."""
        for suffix in BESIDE:
            beside = self.path.with_name(self.path.name + suffix)
            with suppress(FileNotFoundError):
                self._names[beside] = Identity.of(beside.lstat())

    def check(self) -> None:
        """Make sure that the names still mean the files that were opened; some microseconds.

        Raises:
            StoppedForOperatorError: One was moved, removed or replaced. What is committed goes
                into files that no other process would find by these names.
        """
        for path, identity in self._names.items():
            try:
                found = Identity.of(path.lstat())
            except FileNotFoundError:
                found = None
            except OSError as error:
                raise StoreUnavailableError(
                    f"{path} cannot be looked at ({error.strerror})"
                ) from error
            if found != identity:
                what = "was moved or removed" if found is None else "was replaced"
                raise StoppedForOperatorError(
                    f"{path} {what} while it was open, and nothing more is written: stop every "
                    "process that uses it, put the file that was served back under this name with "
                    "its -wal, and start again"
                )

    @contextmanager
    def worker_lock(self) -> Iterator[None]:
        """Hold the worker's place at the file for as long as the context lasts.

        There are two locks, and the kernel takes both back when the process dies. The one on the
        file itself holds whatever the file is called. The one on ``<database>-worker`` holds
        whatever file has the name, stands against earlier versions, and says who has it.

        Raises:
            LockedError: Another worker, in this process or another, has the place.
            StoreUnavailableError: Locks cannot be had here.
        """
        path = self.path.with_name(self.path.name + "-worker")
        try:
            named = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise StoreUnavailableError(
                f"{path} cannot be written ({error.strerror}), and a worker needs it to be the "
                "only one"
            ) from error
        try:
            self._lock(named, holder=named)
            with self._file_locked(holder=named):
                # For whoever is refused; the lock itself holds without it, on a full disk as well.
                with suppress(OSError):
                    os.ftruncate(named, 0)
                    os.pwrite(named, f"process {os.getpid()}\n".encode(), 0)
                yield
        finally:
            os.close(named)

    @contextmanager
    def _file_locked(self, *, holder: int) -> Iterator[None]:
        with _holding:
            if self._held.served:
                raise self._taken(f"process {os.getpid()}")
            descriptor = self._held.descriptors[0]
            self._lock(descriptor, holder=holder)
            self._held.served = True
        try:
            yield
        finally:
            with _holding:
                self._held.served = False
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _lock(self, descriptor: int, *, holder: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            told = os.pread(holder, 64, 0).decode("ascii", "replace").strip()
            raise self._taken(told if descriptor == holder else "") from error
        except OSError as error:
            raise StoreUnavailableError(
                f"{self.path} cannot be locked ({error.strerror}): keep the file on a local disk"
            ) from error

    def _taken(self, holder: str) -> LockedError:
        who = holder or "a process that opened it by another name"
        return LockedError(
            f"{self.path} is served by another worker ({who}): stop it first, or wait until it "
            "ends",
            holder=holder,
        )


@contextmanager
def held_file(path: Path) -> Iterator[StoreFile]:
    """Keep a database's file open, making it if there is none.

    Raises:
        WrongUseError: No file, or one that has a second name.
        StoreUnavailableError: It cannot be opened now.
    """
    with _holding:
        identity, held = _take(path)
        held.users += 1
    try:
        yield StoreFile(path, identity, held)
    finally:
        with _holding:
            held.users -= 1
            if not held.users:
                del _held[identity]
                for descriptor in held.descriptors:
                    os.close(descriptor)


def _take(path: Path) -> tuple[Identity, _Held]:
    with suppress(OSError):
        status = path.lstat()
        if (known := _held.get(Identity.of(status))) is not None:
            _refuse_second_name(path, status)
            return Identity.of(status), known
    descriptor = _open(path)
    status = os.fstat(descriptor)
    identity = Identity.of(status)
    # Should the name have got another file between the two looks, one that is known already, then
    # this descriptor is kept with the others of it.
    held = _held.setdefault(identity, _Held())
    held.descriptors.append(descriptor)
    try:
        _refuse_second_name(path, status)
    except BaseException:
        if not held.users:
            del _held[identity]
            os.close(descriptor)
        raise
    return identity, held


def _open(path: Path) -> int:
    # Without O_NONBLOCK a pipe of this name would wait for whoever writes to it.
    flags = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        try:
            return os.open(path, os.O_RDWR | flags, 0o644)
        except PermissionError:
            return os.open(path, os.O_RDONLY | flags, 0o644)
    except IsADirectoryError as error:
        raise WrongUseError(f"{path} is a folder, and a store is a file") from error
    except OSError as error:
        raise StoreUnavailableError(
            f"{path} cannot be opened ({error.strerror}): check its disk, and the permissions of "
            "the file and its folder (SQLite keeps -wal and -shm beside it)"
        ) from error


def _refuse_second_name(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise WrongUseError(f"{path} is no regular file, and a store is one")
    if status.st_nlink > 1:
        raise WrongUseError(
            f"{path} has {status.st_nlink} names (hard links), and a store may have one: SQLite "
            f"keeps its log beside the name, so each name would miss what is committed by the "
            f"other. Find them (find DIR -xdev -inum {status.st_ino}) and remove all but one; make "
            "copies by sqlite3's .backup"
        )
    if _mount(path) != _mount(path.parent):
        raise WrongUseError(
            f"{path} is mounted by itself, and its -wal is not: mount the folder that holds the "
            "file, under one name everywhere"
        )


def _mount(path: Path) -> str:
    """Give the number of the mount by which a path is reached; empty where that is not told."""
    # Of such a descriptor nothing is lost when it is closed; see _Held.
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        told = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return next((line for line in told.splitlines() if line.startswith("mnt_id:")), "")
