"""The folder of builds: a manifest for each, files that they share, the name of the last."""

import fcntl
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from slotkeeper.errors import FaultFoundError, TryLaterError, WrongUseError
from slotkeeper.slots.digest import digest

from .layout import TABLES, Kept, query
from .work import write_whole

FORMAT = 2
"""Of a build's manifest. Format 1 had no files in common and read all streams each time."""

MANIFEST = "manifest.json"
NAMED = "named"
BUILDS = "builds"
_LAST = "last"
_LOCK = ".lock"
_WORK = ".making"

_LARGEST = 64 << 20
"""Octets of a manifest that somebody names: it lists files, some hundreds of octets each."""


@dataclass(frozen=True, slots=True)
class Build:
    """A complete build.

    Attributes:
        root: The folder of builds, below which all files lie.
        folder: Of its manifest.
        manifest: What its files were made of, and their digests.
    """

    root: Path
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

    @property
    def reads(self) -> Path:
        """The folder below which all of its files lie, for ``tables``."""
        return self.root.resolve()

    def files(self, table: str) -> list[Kept]:
        """Give the files of one of ``TABLES``."""
        return [Kept.of(told) for told in self.manifest["files"][table]]

    def table(self, name: str, partitions: Collection[int] | None = None) -> str:
        """Give one of ``TABLES`` as DuckDB reads it: what stands behind FROM in a query.

        ``partitions`` are those whose rows are wanted; None: all.
        """
        files = self.files(name)
        if partitions is not None:
            files = [one for one in files if one.partition in partitions]
        return query(name, files, lambda one: self.root / one.path)

    def name_in(self, manifest: Path) -> None:
        """Note that a report or a package rests on this build, so that it is not pruned.

        Nothing is noted in a folder that cannot be written.
        """
        line = f"{digest(manifest)} {manifest.resolve()}\n"
        try:
            with (self.folder / NAMED).open("a") as file:
                file.write(line)
        except OSError:
            return


def _manifest(path: Path) -> bytes:
    with path.open("rb") as file:
        octets = file.read(_LARGEST + 1)
    if len(octets) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST >> 20} MiB, so it is no manifest")
    return octets


def open_build(folder: Path, known_by: Path | None = None, *, checked: bool = True) -> Build:
    """Give the last build, or the one that a manifest is of or names.

    Args:
        folder: Of the builds.
        known_by: The manifest of a build, of a report or of a package.
        checked: Compare each file with its digest, which reads them all.

    Raises:
        WrongUseError: There is none.
        FaultFoundError: It is damaged.
    """
    try:
        if known_by is None:
            name = (folder / _LAST).read_text().strip()
        else:
            told = orjson.loads(_manifest(known_by))
            name = str(told.get("build") or known_by.resolve().parent.name)
        if not name.isdecimal():
            raise WrongUseError(f"{known_by or folder} names no build")
        build = build_of(folder, folder / BUILDS / name)
    except (OSError, ValueError, AttributeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise WrongUseError(
            f"{known_by or folder} has no build that is complete ({why}): "
            "`slotkeeper slots build` makes one"
        ) from None
    if checked and (damaged := damaged_files(build)):
        raise FaultFoundError(f"build {build.name} is damaged: {', '.join(damaged)}")
    return build


def build_of(root: Path, folder: Path) -> Build:
    """Read a build's manifest.

    Raises:
        WrongUseError: It has another format.
        FaultFoundError: It is damaged.
        OSError: It cannot be read; likewise ValueError.
    """
    manifest = orjson.loads((folder / MANIFEST).read_bytes())
    if manifest.get("format") != FORMAT:
        raise WrongUseError(
            f"{folder} has format {manifest.get('format')}, not {FORMAT}: build into another folder"
        )
    build = Build(root, folder, manifest)
    try:
        files = [one for table in TABLES for one in build.files(table)]
        paths = [Path(one.path) for one in files]
    except (KeyError, TypeError) as error:
        raise FaultFoundError(f"{folder / MANIFEST} is damaged: {error!r}") from None
    if any(path.is_absolute() or ".." in path.parts for path in paths):
        raise FaultFoundError(f"{folder / MANIFEST} names files outside of its folder")
    return build


def builds_of(root: Path) -> list[Path]:
    """Give the folders of all complete builds, the oldest first."""
    folder = root / BUILDS
    found = folder.iterdir() if folder.is_dir() else iter(())
    return sorted(one for one in found if one.name.isdecimal())


def last_build(root: Path) -> Build | None:
    """Give the newest complete build; None if there is none."""
    found = builds_of(root)
    return build_of(root, found[-1]) if found else None


def damaged_files(build: Build) -> list[str]:
    """Name the files of a build that are not what they were."""
    kept = {one.path: one.sha256 for table in TABLES for one in build.files(table)}
    return [path for path, sha256 in kept.items() if _digest_of(build.root / path) != sha256]


@contextmanager
def only_builder(root: Path) -> Iterator[Path]:
    """Be the only one who builds or prunes there; gives the folder for work that is not complete.

    Raises:
        TryLaterError: Somebody else is.
    """
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TryLaterError(f"another build is being made in {root}") from None
    else:
        yield root / _WORK
    finally:
        os.close(descriptor)


def add_build(root: Path, number: int, made_of: Mapping[str, Any]) -> Build:
    """Write the manifest of a build whose files are all there, and make it the last one."""
    name = f"{number:08d}"
    making, folder = root / BUILDS / f".{name}", root / BUILDS / name
    making.mkdir(parents=True, exist_ok=True)
    manifest = {"format": FORMAT, **made_of}
    write_whole(making / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    if not folder.exists():
        making.rename(folder)
    write_whole(root / _LAST, f"{name}\n".encode())
    return Build(root, folder, manifest)


def _digest_of(path: Path) -> str | None:
    try:
        return digest(path)
    except OSError:
        return None
