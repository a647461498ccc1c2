"""Unites what a register holds about one key with what sources say.

Of each member the newest assertion counts, whatever the order in which they come. Two that say
different things of the same time are a contradiction, which nobody but a person can resolve.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from .kinds import CERTIFICATES, MISSING, REGISTRATIONS, Held, Members, Register, members_of

UNDATED = "status"
"""Path of a status that a source gives without the day from which it holds."""

REPOSITORY = "REPOSITORY"
"""Source of a status: an answer of the SMKI Repository, which knows no days."""


class Place(NamedTuple):
    """Where a row stands: the file's number, and the row's from 1."""

    file: int
    row: int


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says about its key."""

    place: Place
    members: Members


@dataclass(slots=True)
class United:
    """What became of a key.

    Attributes:
        members: Empty if nothing is known.
        paths: Those that changed.
        taken: The rows that were taken, also those that say what was known.
        refused: By place, the reason.
    """

    members: Members
    paths: list[str] = field(default_factory=list)
    taken: list[Row] = field(default_factory=list)
    refused: dict[Place, str] = field(default_factory=dict)


def unite(register: Register, standing: Mapping[str, Any] | None, rows: Sequence[Row]) -> United:
    """Unite a record of the register, if there is one, with rows about the same key."""
    found = United(members_of(register, standing) if standing else {})
    _refuse_contradictions(found, rows)
    if register is REGISTRATIONS:
        _refuse_repeats(found, rows)
    left = [row for row in rows if row.place not in found.refused]
    for row in sorted(left, key=lambda row: (_newest(row.members), row.place)):
        if reason := _against(found.members, row):
            found.refused[row.place] = reason
        else:
            found.taken.append(row)
            _apply(register, found, row)
    return found


def missing_since(standing: Mapping[str, Any] | None, taken: Iterable[Row]) -> str | None:
    """Give the day since which the record is missing, unless one of the rows has it since."""
    since = standing.get(MISSING) if standing else None
    if not isinstance(since, str) or any(_newest(row.members)[:10] >= since for row in taken):
        return None
    return since


def _newest(members: Members) -> str:
    return max((held.at for held in members.values()), default="")


def _refuse_contradictions(found: United, rows: Sequence[Row]) -> None:
    """Refuse all rows that contradict each other: which of them is right is not known here."""
    said: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        for path, held in row.members.items():
            said.setdefault((path, held.at), []).append(row)
    for (path, _), those in said.items():
        first = those[0]
        for other in those[1:]:
            if other.members[path].value != first.members[path].value:
                for row, against in ((first, other), (other, first)):
                    found.refused[row.place] = (
                        f"{path} is not what row {against.place.row} says of the same time"
                    )


def _refuse_repeats(found: United, rows: Sequence[Row]) -> None:
    """Refuse a meter point's day that a file has twice: one of the two is a slip."""
    for _, those in groupby(
        sorted(rows, key=lambda row: row.place), key=lambda row: row.place.file
    ):
        seen: dict[str, Place] = {}
        for row in those:
            for path in row.members:
                first = seen.setdefault(path, row.place)
                if first != row.place:
                    reason = f"{path} stands in row {first.row} already"
                    found.refused.setdefault(row.place, reason)


def _against(members: Members, row: Row) -> str | None:
    for path, told in row.members.items():
        held = members.get(path)
        if held is None or held.value == told.value:
            continue
        if path == "certificate":
            return "another certificate has this issuer and serial"
        if held.at == told.at:
            return f"{path} is not what the register says of the same time, from {held.source}"
    return None


def _apply(register: Register, found: United, row: Row) -> None:
    for path, told in row.members.items():
        if register is CERTIFICATES and path == UNDATED:
            _date_status(found, told)
            continue
        held = found.members.get(path)
        # What is said again keeps the time of its first assertion: a weekly file of everything
        # would otherwise write every record anew.
        if held is None or (held.value != told.value and told.at > held.at):
            found.members[path] = told
            found.paths.append(path)


def _date_status(found: United, told: Held) -> None:
    """Give a status of the Repository the day on which it was seen, where it changed.

    The first status that is seen began earlier: "in use" with the certificate, since an issued one
    is lodged at once (SEC Appendix M), and "expired" with its end. ``told.value`` has these days.
    """
    code, seen = told.value["code"], told.at[:10]
    days = sorted(
        path.split("/")[1]
        for path in found.members
        if path.startswith(f"{UNDATED}/") and path.endswith(f"/{REPOSITORY}")
    )
    before = [day for day in days if day <= seen]
    after = [day for day in days if day > seen]
    if before and _code(found, before[-1]) == code:
        return
    day = seen
    if not before:
        day = min(told.value.get("begins") or seen, seen)
    held = found.members.get(_path(day))
    if held is not None and held.at >= told.at:
        return
    if after and _code(found, after[0]) == code:
        del found.members[_path(after[0])]
    found.members[_path(day)] = Held({"code": code}, told.at, told.source)
    found.paths.append(_path(day))


def _path(day: str) -> str:
    return f"{UNDATED}/{day}/{REPOSITORY}"


def _code(found: United, day: str) -> str:
    return str(found.members[_path(day)].value["code"])
