"""Standard input, output and error, which whoever started the command may have closed.

A descriptor that is closed is given to the next file that is opened: a store would stand where a
library writes its messages, or be closed with standard input. So all three are taken first. What is
read from, or written to, one that was closed is an error; what would only be told there is not.
"""

import errno
import io
import os
import sys
from typing import NoReturn

from slotkeeper.errors import WrongUseError

_NAMES = ("input", "output", "error")


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
    if sys.stderr is None or 2 in closed:  # noqa: PLR2004  # its number
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123  # for the process's life


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError as error:
        return error.errno == errno.EBADF
    return False


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
