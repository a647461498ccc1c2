"""Acts that persons sign elsewhere and hand in here: what all kinds of them have in common.

The console has no key. It prepares a file that says what shall be done, for which store; a person
signs it on the command line, and uploads the result. Every act that was done is kept with its
signatures, before it is done.
"""

import hashlib
import os
from collections.abc import Sequence
from http import HTTPStatus

import orjson

from .desk import Desk
from .persons import Person

MAX_ACT = 65_536
"""Octets of an act; those of replays have some 800, those of exits some 1,500."""

FORM = 1
"""Of a prepared file."""


class ActRefusedError(Exception):
    """An act was not done; the text says why.

    Attributes:
        status: Whether the file is at fault (422), or what it says does not fit how things stand
            now (409).
    """

    def __init__(self, why: str, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY) -> None:
        """Say why."""
        super().__init__(why)
        self.status = status


class ActConflictError(ActRefusedError):
    """A good act that does not fit how things stand: another one may."""

    def __init__(self, why: str) -> None:
        """Say why."""
        super().__init__(why, HTTPStatus.CONFLICT)


def bounded(octets: bytes) -> bytes:
    """Give an uploaded file that is not empty and not too long.

    Raises:
        ActRefusedError: It is.
    """
    if not octets:
        raise ActRefusedError("choose the signed file")
    if len(octets) > MAX_ACT:
        raise ActRefusedError(f"the file is longer than {MAX_ACT:,} bytes")
    return octets


def keep(
    desk: Desk, person: Person, act: str, *, signed: bytes, by: Sequence[str], reason: str
) -> None:
    """Write what is about to be done; the same act twice is refused.

    Raises:
        ActConflictError: It was done before.
    """
    acts = desk.reports.folder.parent / "acts"
    acts.mkdir(exist_ok=True)
    name = f"{hashlib.sha256(signed).hexdigest()}.json"
    try:
        descriptor = os.open(acts / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ActConflictError("this very act was done before") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            orjson.dumps(
                {
                    "act": act,
                    "by": list(by),
                    "handed_in_by": person.name,
                    "reason": reason,
                    "signed": signed.decode(errors="replace"),
                    "at_ms": desk.clock(),
                }
            )
        )
