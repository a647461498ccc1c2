"""The folder of builds: one folder a build, never written again, and the name of the last."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from slotkeeper.errors import FaultFoundError, TryLaterError, WrongUseError

FORMAT = 1
"""Of a build's folder and manifest."""

TABLES = ("history", "attempts", "devices", "parties", "certificates", "registrations")
"""What a build has, whatever files hold it; docs/slots-folder.md tells their columns."""

FILES = tuple(f"{name}.parquet" for name in TABLES)
MANIFEST = "manifest.json"
_LAST = "last"
_BUILDS = "builds"
_LOCK = ".lock"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Build:
    """A complete build.

    Attributes:
        folder: Of its files.
        manifest: What they were made of, and their digests.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its number."""
        return self.folder.name

    @property
    def made_on(self) -> date:
        """The day on which the streams were read, UTC."""
        return date.fromisoformat(str(self.manifest["made_at"])[:10])

    def table(self, name: str) -> str:
        """Give one of ``TABLES`` as DuckDB reads it: what stands behind FROM in a query."""
        path = str(self.folder / f"{name}.parquet").replace("'", "''")
        return f"read_parquet('{path}')"

    @property
    def reads(self) -> Path:
        """The folder below which all of its files lie, for ``tables``."""
        return self.folder.resolve()


@contextmanager
def new_build(folder: Path) -> Iterator[Path]:
    """Give an empty folder that becomes the next build if nothing goes wrong.

    Until then nobody sees it, and the last complete build stays.

    Raises:
        TryLaterError: Another build is being made there.
    """
    builds = folder / _BUILDS
    builds.mkdir(parents=True, exist_ok=True)
    with _only_builder(folder):
        yield from _new_build(folder, builds)


def _new_build(folder: Path, builds: Path) -> Iterator[Path]:
    # Whoever left one of these is gone, since this is the only builder.
    for unfinished in builds.glob(".*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    numbers = [int(one.name) for one in builds.iterdir() if one.name.isdecimal()]
    name = f"{max(numbers, default=0) + 1:08d}"
    making = builds / f".{name}"
    making.mkdir()
    try:
        yield making
        making.rename(builds / name)
        _write(folder / _LAST, f"{name}\n".encode())
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


@contextmanager
def _only_builder(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TryLaterError(f"another build is being made in {folder}") from None
    else:
        yield
    finally:
        os.close(descriptor)


def write_manifest(folder: Path, made_of: Mapping[str, Any]) -> None:
    """Write what a build was made of, with the digests of its files."""
    files = {name: digest(folder / name) for name in FILES}
    manifest = {"format": FORMAT, **made_of, "files": files}
    _write(folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))


def open_build(folder: Path, known_by: Path | None = None) -> Build:
    """Give the last build, or the one that a manifest is of or names.

    Raises:
        WrongUseError: There is none.
        FaultFoundError: It is damaged.
    """
    try:
        if known_by is None:
            name = (folder / _LAST).read_text().strip()
        else:
            told = orjson.loads(known_by.read_bytes())
            name = str(told.get("build") or known_by.resolve().parent.name)
        found = folder / _BUILDS / name
        if not name.isdecimal():
            raise WrongUseError(f"{known_by or folder} names no build")
        manifest = orjson.loads((found / MANIFEST).read_bytes())
    except (OSError, ValueError, AttributeError) as error:
        raise WrongUseError(
            f"{known_by or folder} has no build that is complete ({error}): "
            "`slotkeeper slots build` makes one"
        ) from None
    if manifest.get("format") != FORMAT:
        raise WrongUseError(f"{found} has format {manifest.get('format')}, not {FORMAT}")
    damaged = [name for name in FILES if _digest_or_none(found / name) != manifest["files"][name]]
    if damaged:
        raise FaultFoundError(f"{found} is damaged: {', '.join(damaged)}")
    return Build(found, manifest)


def last_build(folder: Path) -> Build | None:
    """Give the last build without reading its files through; None if there is none.

    For those who ask often which one it is; ``open_build`` is for those who judge by it.
    """
    try:
        found = folder / _BUILDS / (folder / _LAST).read_text().strip()
        return Build(found, orjson.loads((found / MANIFEST).read_bytes()))
    except (OSError, ValueError):
        return None


def digest(path: Path) -> str:
    """Give the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _digest_or_none(path: Path) -> str | None:
    try:
        return digest(path)
    except OSError:
        return None


def _write(path: Path, octets: bytes) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_bytes(octets)
    beside.replace(path)
