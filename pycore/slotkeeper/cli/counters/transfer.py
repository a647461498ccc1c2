"""The exported table: JSON lines, the last one a checksum over all before it."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from slotkeeper.cli.lines import LONGEST
from slotkeeper.errors import FaultFoundError

FORMAT = 3
"""Format 1 listed every issued number of a role, where now blocks of numbers stand; format 2 did
not tell how often the store lost commits, which of its records are damaged, and what is parked."""

_READ = (1, 2, FORMAT)

MOST_LOSSES = 1_000
"""What anybody may claim in a file: each adds 2^20 to the numbers of a fleet, for ever. A thousand
are 2^30, 12 days of a clock in milliseconds."""


class Exporter:
    """Writes the table and keeps the sum."""

    def __init__(self, out: BinaryIO, *, losses: Sequence[int]) -> None:
        """Begin with a line that says what this is.

        Args:
            out: Takes the lines.
            losses: By partition, how often commits were lost and an operator let it go on.
        """
        self._out = out
        self._sum = hashlib.sha256()
        self.entries = 0
        self._line({"slotkeeper_counters": FORMAT, "losses": list(losses)})

    def add(self, entry: dict[str, Any]) -> None:
        """Write the numbers of one device and role, or a record that is parked."""
        self._line(entry)
        self.entries += 1

    def finish(self) -> str:
        """Write the checksum; give it."""
        checksum = self._sum.hexdigest()
        self._out.write(orjson.dumps({"entries": self.entries, "sha256": checksum}) + b"\n")
        self._out.flush()
        return checksum

    def _line(self, value: dict[str, Any]) -> None:
        line = orjson.dumps(value) + b"\n"
        self._sum.update(line)
        self._out.write(line)


@dataclass(frozen=True)
class Verified:
    """What a whole file says of itself.

    Attributes:
        sha256: Of its lines, in hexadecimal.
        losses: By partition of the store that was exported, how often commits were lost; None in
            formats that did not tell.
    """

    sha256: str
    losses: list[int] | None


def verify(path: Path) -> Verified:
    """Read the whole file and check its sum.

    Raises:
        FaultFoundError: It is cut short, was changed, or is something else.
    """
    total = hashlib.sha256()
    entries = -1  # the first line is no entry
    losses = None
    last = b""
    with path.open("rb") as file:
        for line in _lines(path, file):
            if last:
                if entries < 0:
                    losses = _check_head(path, last)
                total.update(last)
                entries += 1
            last = line
    expected = {"entries": entries, "sha256": total.hexdigest()}
    if _loads(last) != expected:
        raise FaultFoundError(
            f"{path} is cut short or was changed: its last line is not the checksum of the others; "
            "export it again"
        )
    return Verified(total.hexdigest(), losses)


@contextmanager
def written(file: Path) -> Iterator[BinaryIO]:
    """Give what becomes a file once all of it is written; what stood there stays until then.

    ``-`` is standard output. Of a symbolic link the file that it leads to is replaced.
    """
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    file = file.resolve()
    if file.exists() and not file.is_file():
        # A pipe, such as that of a shell's >(...).
        with file.open("wb") as out:
            yield out
        return
    new = file.with_name(f".{file.name}.new")
    try:
        with new.open("wb") as out:
            yield out
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def entries(path: Path) -> Iterator[tuple[int, object]]:
    """Give line number and entry of each line between head and checksum of a verified file."""
    before = None
    with path.open("rb") as file:
        lines = _lines(path, file)
        next(lines)
        for number, line in enumerate(lines, start=2):
            if before is not None:
                yield number - 1, _loads(before)
            before = line


def _lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise FaultFoundError(f"{path}: line {number} is longer than {LONGEST} octets")
        yield line


def _check_head(path: Path, line: bytes) -> list[int] | None:
    head = _loads(line)
    if not isinstance(head, dict) or "slotkeeper_counters" not in head:
        raise FaultFoundError(f"{path} is no export of `slotkeeper counters export`")
    if head["slotkeeper_counters"] not in _READ:
        raise FaultFoundError(
            f"{path} has format {head['slotkeeper_counters']}; this version reads "
            f"{', '.join(map(str, _READ))}"
        )
    if head["slotkeeper_counters"] < FORMAT:
        return None
    losses = head.get("losses")
    if not isinstance(losses, list) or not all(
        type(one) is int and 0 <= one <= MOST_LOSSES for one in losses
    ):
        raise FaultFoundError(f"{path}: losses are no numbers from 0 to {MOST_LOSSES}")
    return losses


def _loads(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
