"""Compares a list that the party brings with the plan: differences have names."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from slotkeeper._core import canonical_key
from slotkeeper.errors import FaultFoundError

from .states import DONE, State

_LARGEST = 256 << 20
"""Characters of a file: some 10 million devices."""

_LONGEST = 4_096
"""Characters of a line."""


class Difference(NamedTuple):
    """A device of which the two lists do not say the same.

    Attributes:
        device_id: Of NO_DEVICE the place in the list, since what stands there may be anything.
        kind: ONLY_THEIRS, ONLY_OURS (left to do, and not in their list), STATE_DIFFERS, DONE_HERE
            (in a list without states, and nothing is left to do), TWICE or NO_DEVICE.
        theirs: The state that they have; empty where their list has none.
        ours: The state of the plan; empty where it is not in it.
    """

    device_id: str
    kind: str
    theirs: str
    ours: str


def read_list(path: Path) -> tuple[dict[str, str], list[Difference]]:
    """Read a CSV with a column ``device_id`` and, if they have it, ``state``.

    Gives the states by device, and lines that are no device or come twice.

    Raises:
        FaultFoundError: It is no such file.
    """
    theirs: dict[str, str] = {}
    odd: list[Difference] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(_short(file, path))
            if "device_id" not in (rows.fieldnames or ()):
                raise FaultFoundError(f"{path} has no column device_id")
            for number, row in enumerate(rows, start=1):
                key = canonical_key((row["device_id"] or "").strip().encode())
                state = _word((row.get("state") or "").strip().upper())
                if key is None:
                    odd.append(Difference(f"row {number}", "NO_DEVICE", state, ""))
                elif (device := key.decode()) in theirs:
                    odd.append(Difference(device, "TWICE", state, ""))
                else:
                    theirs[device] = state
    except (UnicodeDecodeError, csv.Error) as error:
        raise FaultFoundError(f"{path} is no CSV in UTF-8: {error}") from None
    return theirs, odd


def compare(theirs: dict[str, str], ours: Iterable[tuple[str, State]]) -> Iterator[Difference]:
    """Give the differences: first by our devices, then what only they have.

    Args:
        theirs: Their states by device; emptied on the way.
        ours: The devices of the plan with their states.
    """
    for device, state in ours:
        said = theirs.pop(device, None)
        if said is None:
            if state not in DONE:
                yield Difference(device, "ONLY_OURS", "", state)
        elif said and said != state:
            yield Difference(device, "STATE_DIFFERS", said, state)
        elif not said and state in DONE:
            yield Difference(device, "DONE_HERE", "", state)
    for device, said in sorted(theirs.items()):
        yield Difference(device, "ONLY_THEIRS", said, "")


def _word(text: str) -> str:
    """Give a state as they wrote it; what is no word is not repeated."""
    return text if text in set(State) or not text else "OTHER"


def _short(lines: TextIO, path: Path) -> Iterator[str]:
    """Give the lines, as far as a list can go: a path may lead to what never ends."""
    number, left = 0, _LARGEST
    while line := lines.readline(_LONGEST + 1):
        number, left = number + 1, left - len(line)
        if len(line) > _LONGEST:
            raise FaultFoundError(f"{path}, line {number}: longer than {_LONGEST} characters")
        if left < 0:
            raise FaultFoundError(f"{path} is longer than {_LARGEST} characters")
        yield line
