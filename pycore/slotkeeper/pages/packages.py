"""Evidence packages that stand in the data folder: whose each is, and one as an archive."""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from slotkeeper.slots.evidence.manifest import LARGEST, MANIFEST

MOST = 50
"""Packages of a party that are shown."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Of a folder that is shown at all: no path, nothing hidden."""

_PIECE = 1 << 20
"""Octets that are read at once."""

_BLOCK = 512
"""Of a tar archive (POSIX.1-1988)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What the manifest of a package says; nothing of it is verified here."""

    folder: Path
    made_at: str
    rows: int
    devices: int


def packages_of(evidence: Path, party: str) -> list[Package]:
    """Give the packages about a party, by name."""
    try:
        names = sorted(one.name for one in evidence.iterdir())
    except OSError:
        return []
    found = (_read(evidence / name, party) for name in names if _NAME.fullmatch(name))
    return [one for one in found if one is not None][:MOST]


def package_of(evidence: Path, party: str, name: str) -> Path | None:
    """Give the folder of a package about a party; None where there is none of this name."""
    if _NAME.fullmatch(name) is None:
        return None
    found = _read(evidence / name, party)
    return found.folder if found else None


def archive(folder: Path) -> Iterator[bytes]:
    """Give a folder as a tar archive, piece by piece, always with the same octets.

    Links are left out: what a package names stands in it.
    """
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.is_symlink():
            continue
        told = tarfile.TarInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}")
        with file.open("rb") as opened:
            told.size = left = file.stat().st_size
            told.mode = 0o644
            yield told.tobuf(tarfile.PAX_FORMAT)
            while left and (piece := opened.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece
            # A file that became shorter meanwhile ends the archive where its octets are missing.
            if left:
                return
        yield b"\0" * (-told.size % _BLOCK)
    yield b"\0" * 2 * _BLOCK


def _read(folder: Path, party: str) -> Package | None:
    try:
        with (folder / MANIFEST).open("rb") as file:
            told = orjson.loads(file.read(LARGEST))
        if folder.is_symlink() or told["party"] != party:
            return None
        counts = told["counts"]
        return Package(
            folder=folder,
            made_at=str(told["made_at"]),
            rows=int(counts["rows"]),
            devices=int(counts["devices"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
