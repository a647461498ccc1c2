"""The file that holds a snapshot: a header, the engine's parts, a footer.

Frames follow one another, each with a kind, a length and a CRC-32 before its content. The header
says whose snapshot it is and from where to replay, the footer how many parts there are and how far
the changelog had come when the last was taken. The file ends with the footer's place, so that a
file which is cut short shows before anything of it is used. `docs/snapshots.md` has the layout.
"""

import errno
import hashlib
import json
import os
import stat
import struct
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

from slotkeeper._core import SNAPSHOT_FORMAT

FORMAT = 1
"""Of the frames and of what header and footer say. The parts have their own."""

MAGIC = b"slotsnap"
END = struct.Struct(">Q8s")
"""The footer's place and the magic octets again."""

FRAME = struct.Struct(">cII")
"""Kind, length, CRC-32 of the content."""

HEADER, PART, FOOTER = b"H", b"P", b"F"

FRAME_OCTETS = 1 << 28
"""The most that a frame may claim to have: far more than any part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """Where a worker keeps snapshots, and how often it takes them.

    Attributes:
        directory: Made if it is missing, for this account alone. Workers of one machine may share
            it, and several applications.
        application: Names the streams among others whose snapshots lie there.
        every_s: Seconds from one snapshot of a partition to the next, if anything was committed.
    """

    directory: Path
    application: str
    every_s: float = 600.0

    def file(self, partition: int) -> Path:
        """Give the place of a partition's snapshot."""
        # Whatever is in an application's name, this is a file's.
        whose = hashlib.sha256(self.application.encode()).hexdigest()[:12]
        return self.directory / f"{whose}-partition-{partition}.snapshot"


class RefusedSnapshotError(Exception):
    """A snapshot that is not used.

    Attributes:
        reason: One word for counting: damaged, exposed, foreign, newer, ahead, old.
    """

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the word beside the sentence."""
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Whose snapshot it is, and from where to replay.

    Attributes:
        application: Names the streams among others that a directory may be shared with.
        partition: From 0.
        partitions: How many there are.
        incarnation: Of the store.
        at_ms: When nothing more was committed than what the first part holds.
        changelog: Offset of the changelog to replay from.
        positions: The changelog's record at that time; it says from where to replay the table.
        format: Of the file.
        parts_format: Of the parts.
    """

    application: str
    partition: int
    partitions: int
    incarnation: str
    at_ms: int
    changelog: int
    positions: str
    format: int = FORMAT
    parts_format: int = SNAPSHOT_FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """How far the last part reaches.

    Attributes:
        parts: How many there are.
        checksum: CRC-32 over the checksums of the parts, in their order.
        changelog: No part holds what was committed at or after this offset.
        positions: The changelog's record at that time.
    """

    parts: int
    checksum: int
    changelog: int
    positions: str


class SnapshotWriter:
    """Writes a snapshot beside the one that there may be.

    Every call blocks, on one thread that is not the event loop's. Who makes one calls ``abandon``
    at the end in any case, and so also for a ``begin`` whose end nobody waited for.
    """

    def __init__(self, path: Path, header: Header) -> None:
        """Prepare; ``begin`` opens."""
        self._path = path
        self._header = header
        self._new = f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.new"
        self._folder: int | None = None
        self._opened: BinaryIO | None = None
        self._parts = 0
        self._checksum = 0

    def begin(self) -> None:
        """Begin a file with a name of its own.

        What another writer of this partition left behind is removed. One that still lives loses
        its file, and finds out when it is done.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = _own_folder(self._path.parent)
        for left in os.listdir(self._folder):  # noqa: PTH208  # of what is open
            if left.startswith(f"{self._path.name}.") and left.endswith(".new"):
                self._removed(left)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._opened = os.fdopen(os.open(self._new, flags, 0o600, dir_fd=self._folder), "wb")
        self._file.write(MAGIC)
        self._frame(HEADER, _json(self._header))

    def part(self, content: bytes) -> None:
        """Append a part."""
        checksum = self._frame(PART, content)
        self._checksum = zlib.crc32(checksum.to_bytes(4, "big"), self._checksum)
        self._parts += 1

    def finish(self, *, changelog: int, positions: str) -> int:
        """Make the file the partition's snapshot; durable on return. Gives its octets.

        Raises:
            OSError: It is not; after a failed sync nobody knows what the disk has, so that the
                file is never used.
        """
        place = self._file.tell()
        footer = Footer(
            parts=self._parts, checksum=self._checksum, changelog=changelog, positions=positions
        )
        self._frame(FOOTER, _json(footer))
        self._file.write(END.pack(place, MAGIC))
        octets = self._file.tell()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        folder = self._folder
        os.replace(self._new, self._path.name, src_dir_fd=folder, dst_dir_fd=folder)
        if folder is not None:
            os.fsync(folder)
        return octets

    def abandon(self) -> None:
        """Remove what was written so far."""
        if self._opened is not None:
            with suppress(OSError):
                self._opened.close()
        if self._folder is not None:
            with suppress(OSError):
                self._removed(self._new)
            os.close(self._folder)
            self._folder = None

    def _removed(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._folder)

    @property
    def _file(self) -> BinaryIO:
        if self._opened is None:
            raise ValueError("not begun")
        return self._opened

    def _frame(self, kind: bytes, content: bytes) -> int:
        checksum = zlib.crc32(content)
        self._file.write(FRAME.pack(kind, len(content), checksum))
        self._file.write(content)
        return checksum


class SnapshotReader:
    """Reads a snapshot, header and footer first.

    Every call blocks, on one thread that is not the event loop's. Who makes one calls ``close`` at
    the end in any case, and so also for an ``open`` whose end nobody waited for.

    Attributes:
        header: What the file begins with; since ``open``.
        footer: What it ends with; since ``open``.
    """

    header: Header
    footer: Footer

    def __init__(self, path: Path) -> None:
        """Prepare; ``open`` opens."""
        self._path = path
        self._opened: BinaryIO | None = None
        self._left = 0
        self._checksum = 0

    def open(self) -> Self:
        """Open the file and check its ends.

        Raises:
            FileNotFoundError: There is no snapshot.
            OSError: It cannot be read.
            RefusedSnapshotError: It is torn, damaged, or of another format.
        """
        # Of what is open: nobody can put another folder or file in its place any more.
        folder = _own_folder(self._path.parent)
        try:
            self._opened = _opened_as_it_is(self._path, folder)
        finally:
            os.close(folder)
        _require_own(self._path, os.fstat(self._opened.fileno()))
        footer_at = self._footer_at()
        self.header = self._header()
        parts_at = self._file.tell()
        self._file.seek(footer_at)
        self.footer = _read(Footer, self._frame(FOOTER)[0])
        self._file.seek(parts_at)
        self._left = self.footer.parts
        return self

    def part(self) -> bytes | None:
        """Give the next part; None after the last, when all of them have been found to fit.

        Raises:
            RefusedSnapshotError: It is damaged.
        """
        if self._left == 0:
            if self._checksum != self.footer.checksum:
                raise RefusedSnapshotError("damaged", "its parts do not belong together")
            return None
        content, checksum = self._frame(PART)
        self._checksum = zlib.crc32(checksum.to_bytes(4, "big"), self._checksum)
        self._left -= 1
        return content

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._opened is not None:
            self._opened.close()

    @property
    def _file(self) -> BinaryIO:
        if self._opened is None:
            raise ValueError("not open")
        return self._opened

    def _footer_at(self) -> int:
        """Find the footer, and stand after the octets with which the file begins."""
        octets = self._file.seek(0, os.SEEK_END)
        if octets >= len(MAGIC) + END.size:
            self._file.seek(-END.size, os.SEEK_END)
            place, end = END.unpack(self._file.read(END.size))
            self._file.seek(0)
            if self._file.read(len(MAGIC)) == MAGIC == end and place < octets:
                return int(place)
        raise RefusedSnapshotError("damaged", "it is cut short, or no snapshot")

    def _header(self) -> Header:
        content, _ = self._frame(HEADER)
        try:
            formats = json.loads(content)["format"], json.loads(content)["parts_format"]
        except (ValueError, KeyError, TypeError) as error:
            raise RefusedSnapshotError("damaged", "its header cannot be understood") from error
        if formats != (FORMAT, SNAPSHOT_FORMAT):
            raise RefusedSnapshotError(
                "newer",
                f"it has format {formats[0]} with parts of format {formats[1]}, and this program "
                f"knows {FORMAT} with {SNAPSHOT_FORMAT}",
            )
        return _read(Header, content)

    def _frame(self, kind: bytes) -> tuple[bytes, int]:
        at = self._file.tell()
        frame = self._file.read(FRAME.size)
        if len(frame) == FRAME.size:
            found, length, checksum = FRAME.unpack(frame)
            if found == kind and length <= FRAME_OCTETS:
                content = self._file.read(length)
                if len(content) == length and zlib.crc32(content) == checksum:
                    return content, checksum
        raise RefusedSnapshotError("damaged", f"it is damaged at octet {at}")


def _own_folder(path: Path) -> int:
    """Open a folder that is this account's own; what is done in it goes by the descriptor."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _require_own(path, os.fstat(folder))
    except RefusedSnapshotError:
        os.close(folder)
        raise
    return folder


def _opened_as_it_is(path: Path, folder: int) -> BinaryIO:
    # Without O_NONBLOCK a pipe of this name would wait for whoever writes to it.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path.name, flags, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def _require_own(path: Path, status: os.stat_result) -> None:
    """Refuse what anybody but this account may write: checksums prove nothing of who wrote it."""
    if status.st_uid != os.geteuid():
        raise RefusedSnapshotError(
            "exposed", f"{path} belongs to account {status.st_uid}, not to the worker's"
        )
    # Access control lists show here as well: their mask stands in the group's place.
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RefusedSnapshotError(
            "exposed",
            f"others may write {path} (mode {status.st_mode & 0o7777:o}): give folder and files "
            "to the worker's account alone (chmod 700, chmod 600)",
        )


def _json(content: Header | Footer) -> bytes:
    return json.dumps(asdict(content)).encode()


T = TypeVar("T", Header, Footer)


def _read(what: type[T], content: bytes) -> T:
    try:
        return what(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise RefusedSnapshotError("damaged", "its ends cannot be understood") from error
