"""Standard input, output and error, which whoever started the command may have closed.

A descriptor that is closed is given to the next file that is opened: a store would stand where a
library writes its messages, or be closed with standard input. So all three are taken first. What is
read from, or written to, one that was closed is an error. What is only told, to standard error, is
none: where nobody reads it, or the disk is full, a command does its work and keeps its exit status.
"""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from slotkeeper.errors import WrongUseError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_NAMES = ("input", "output", "error")
_ERROR = 2


def take() -> None:
    """Put something where a standard stream is closed. Call it before any file is opened."""
    closed = [descriptor for descriptor in range(len(_NAMES)) if _is_closed(descriptor)]
    for descriptor in closed:
        # The lowest free descriptor is given, which is this one.
        taken = os.open(os.devnull, os.O_RDWR)
        if taken != descriptor:
            os.dup2(taken, descriptor)
            os.close(taken)
    if sys.stdin is None or 0 in closed:
        sys.stdin = _Closed("input")
    if sys.stdout is None or 1 in closed:
        sys.stdout = _Closed("output")
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Told(_ERROR, "wb", closefd=False)),
        encoding=sys.stderr.encoding if sys.stderr is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError as error:
        return error.errno == errno.EBADF
    return False


class _Told(io.FileIO):
    """Takes what cannot be written as written."""

    def write(self, octets: "ReadableBuffer", /) -> int:
        """Write, if that is possible."""
        try:
            written = super().write(octets)
        except OSError:
            written = None
        # None as well where a pipe takes no more and nobody may wait for it.
        return memoryview(octets).nbytes if written is None else written


class _Closed(io.TextIOBase):
    """Stands for a stream that was closed."""

    encoding = "utf-8"

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def buffer(self) -> "_Closed":
        """Octets are refused as text is."""
        return self

    def fileno(self) -> NoReturn:
        """Nobody shall read or write behind this."""
        self._refuse()

    def read(self, _size: int | None = -1, /) -> NoReturn:
        """There is nothing to read from."""
        self._refuse()

    def write(self, _text: object, /) -> NoReturn:
        """There is nobody to write to."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise WrongUseError(f"standard {self._name} is closed")
