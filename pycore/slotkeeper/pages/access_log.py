"""Who looked at what, and who was denied: a log of its own, a JSON object a line.

It names persons, roles and paths, and never what a query or a form said: a path of ours holds no
MPRN.
"""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson

_MODE = 0o600
"""Whoever reads it learns who works on what."""

MAX_PATH = 500
"""Characters of a path that are kept; ours are shorter."""


class AccessLog:
    """Appends to a file; one write a line, so that several processes may share it."""

    def __init__(self, file: Path, clock: Callable[[], int]) -> None:
        """Open the file, which is made if there is none.

        Args:
            file: For the account of the console alone.
            clock: Milliseconds since 1970 UTC.

        Raises:
            OSError: It cannot be written.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(file, flags, _MODE)
        self._clock = clock
        self._lock = threading.Lock()

    def note(self, *, person: str, roles: str, method: str, path: str, status: int) -> None:
        """Write what somebody asked for, and whether it was given.

        Args:
            person: The name; empty where nobody was identified.
            roles: As ``Person.described`` gives them.
            method: Of the request.
            path: Without its query, and without the token of a link.
            status: Of the answer.
        """
        at = datetime.fromtimestamp(self._clock() / 1_000, UTC)
        line = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "person": person or None,
            "roles": roles or None,
            "method": method,
            "path": path[:MAX_PATH],
            "status": status,
            "denied": status in _DENIALS,
        }
        with self._lock:
            os.write(self._descriptor, orjson.dumps(line) + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


_DENIALS = frozenset({401, 403, 404})
"""A device that is foreign is 404, as one that does not exist."""
