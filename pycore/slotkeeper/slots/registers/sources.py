"""What a file of an import is, by its first octets, and who reads it."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from .answers import answer_rows
from .asserted import Asserted, written
from .certificate_files import MAX_FILE, SUFFIXES, der_rows, pem_rows
from .certificate_rows import Known, Told
from .kinds import CERTIFICATES, Register
from .lines import bounded_lines, csv_rows, json_rows
from .records import RefusedError

_LOOK = 4_096
"""Octets by which a file's kind is told."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""Marks of the order of its octets, which spreadsheets write as "Unicode text"."""

_DER_SEQUENCE = b"\x30"
_LONG_FORM = 0x80
"""Of a length in DER: a certificate is longer than 127 octets, and a text has no such octet."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file.

    Attributes:
        path: Where it is.
        octets: How long it was when it was looked at.
        asserted: When it was made, and its name.
    """

    path: Path
    octets: int
    asserted: Asserted


def sources_of(paths: Iterator[Path] | list[Path], *, at: str | None, latest: str) -> list[Source]:
    """Find the files to be read; of a folder, and those in it, what may be certificates or answers.

    Args:
        paths: Files and folders.
        at: When all of them were made, where the caller knows; else each file's own time.
        latest: The present: a file from the future was made now.

    Raises:
        OSError: One cannot be looked at.
        RefusedError: One is neither a file nor a folder.
    """
    found = []
    for path in paths:
        if path.is_dir():
            found += sorted(_inside(path))
        elif path.is_file():
            found.append(path)
        else:
            raise RefusedError(f"{path} is neither a file nor a folder")
    return [_source(path, at, latest) for path in found]


def _inside(folder: Path) -> Iterator[Path]:
    """Give the files of a folder and of its folders; links to other folders are not followed."""
    for at, _, names in os.walk(folder, onerror=_raise):
        for path in (Path(at, name) for name in names):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                yield path


def rows_of(
    register: Register, source: Source, known: Known, advance: Callable[[int], None]
) -> Iterator[tuple[int, Told | RefusedError]]:
    """Read a file: the number of each row, and what it says or why it is refused.

    Raises:
        RefusedError: The file cannot be read on from here.
        OSError: Likewise, by the system.
    """
    # Opened without waiting, since a name may have become a pipe meanwhile.
    descriptor = os.open(source.path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123  # of a descriptor
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RefusedError("no file")
        yield from _rows(register, file, source.asserted, known, advance)


def _rows(
    register: Register,
    file: BinaryIO,
    at: Asserted,
    known: Known,
    advance: Callable[[int], None],
) -> Iterator[tuple[int, Told | RefusedError]]:
    look = file.read(_LOOK)
    file.seek(0)
    begins = look.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begins.startswith(b"{"):
        yield from json_rows(register, bounded_lines(file, advance), at, known)
        return
    of_certificates = (
        begins.startswith((b"<", b"-----BEGIN "))
        or (look[:1] == _DER_SEQUENCE and look[1:2] >= bytes([_LONG_FORM]))
    )  # fmt: skip
    if not of_certificates:
        _require_text(register, look)
        yield from csv_rows(register, bounded_lines(file, advance), at, known)
        return
    if register is not CERTIFICATES:
        raise RefusedError(f"{register.name} are read from CSV and JSON lines")
    if begins.startswith(b"<"):
        yield from answer_rows(file, at, known, advance)
        return
    octets = file.read(MAX_FILE + 1)
    advance(len(octets))
    if len(octets) > MAX_FILE:
        raise RefusedError(f"longer than {MAX_FILE} octets")
    read = pem_rows if begins.startswith(b"-----") else der_rows
    yield from read(octets, at, known)


def _require_text(register: Register, look: bytes) -> None:
    if look.startswith(_UTF_16):
        raise RefusedError("UTF-16: save it as UTF-8")
    if b"\0" not in look or register is not CERTIFICATES:
        return
    raise RefusedError("neither a certificate, a revocation list, an answer (XML) nor a table")


def _raise(error: OSError) -> None:
    raise error


def _source(path: Path, at: str | None, latest: str) -> Source:
    status = path.stat()
    made = at or min(written(datetime.fromtimestamp(status.st_mtime, UTC)), latest)
    name = "".join(one if one.isprintable() else "?" for one in path.name).lstrip("=+-@ ")
    return Source(path, status.st_size, Asserted(made, name[:200] or "file"))
