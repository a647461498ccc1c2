"""The folder of a package: complete or not there."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slotkeeper.errors import TryLaterError, WrongUseError
from slotkeeper.slots.digest import digest

from .manifest import FILES, MANIFEST, SIGNATURE


@contextmanager
def new_package(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside ``folder``, which takes its name if nothing goes wrong.

    What an export that was killed has left there is removed first.

    Raises:
        TryLaterError: Another package is being made beside it.
        WrongUseError: There is something in ``folder``.
    """
    folder = folder.absolute()
    beside = folder.parent
    beside.mkdir(parents=True, exist_ok=True)
    making = beside / f".{folder.name}.unfinished"
    with _only_maker(beside):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise WrongUseError(f"{folder} is not empty: a package is never changed")
        if making.exists():
            shutil.rmtree(making)
        making.mkdir()
        try:
            yield making
            _make_durable(making)
            making.rename(folder)
            _make_durable(beside)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise


@contextmanager
def _only_maker(beside: Path) -> Iterator[None]:
    descriptor = os.open(beside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TryLaterError(f"another package is being made in {beside}") from None
    else:
        yield
    finally:
        os.close(descriptor)


def write_list(folder: Path) -> None:
    """Write ``files.sha256``: every file but those that stand above it, sorted by path."""
    listed = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in {FILES, MANIFEST, SIGNATURE}:
            listed.append((name, digest(path)))
    lines = [f"{found}  {name}\n" for name, found in sorted(listed)]
    (folder / FILES).write_text("".join(lines), encoding="ascii")


def _make_durable(folder: Path) -> None:
    """Let what is in it survive a loss of power; the manifest says whether anything else did."""
    for path in (folder / SIGNATURE, folder / MANIFEST, folder):
        if path.exists():
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
