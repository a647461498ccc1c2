"""The numbers of a device and role, and which of a message's are believed."""

from typing import Any

from .reading import LAST, MODES, ROLES, Json

REMEMBERED_HERE = 24
REMEMBERED_IMPORTED = 8
BLOCKS = 8
ROLE_NAMES = tuple(sorted(ROLES.values()))


def empty_role() -> Json:
    """Unknown, none and zero are three states: None is unknown."""
    return {
        "recorded": None,
        "seen": None,
        "issued": None,
        "here": {},
        "imported": {},
        "covered": [],
    }


def raise_to(role: Json, name: str, number: int | None) -> bool:
    if number is None or (role[name] is not None and role[name] >= number):
        return False
    role[name] = number
    return True


def used(role: Json, first: int, last: int | None = None) -> bool:
    """Note numbers of commands; tell whether any was new."""
    last = first if last is None else last
    if is_used(role, first, last):
        return raise_to(role, "issued", last)
    role["covered"].append((first, last))
    raise_to(role, "issued", last)
    return True


def is_used(role: Json, first: int, last: int | None = None) -> bool:
    """Tell whether all these numbers are remembered or covered."""
    last = first if last is None else last
    if first == last and first in {*role["here"].values(), *role["imported"].values()}:
        return True
    return any(low <= first and last <= high for low, high in role["covered"])


def remember(role: Json, kind: str, request: str, number: int, limit: int) -> None:
    """Keep a request by the highest numbers; the number of one that goes is covered."""
    role[kind][request] = number
    raise_to(role, "issued", number)
    while len(role[kind]) > limit:
        lowest = min(role[kind], key=lambda one: (role[kind][one], int(one.split(":")[-1])))
        number = role[kind].pop(lowest)
        role["covered"].append((number, number))


def is_remembered(roles: Json, request: str) -> bool:
    return any(request in {**kept["here"], **kept["imported"]} for kept in roles.values())


def settle(role: Json, ceiling: int) -> None:
    """Replace the covered numbers by their cover: two groups of at most eight aligned blocks."""
    plain = [(low, min(high, ceiling)) for low, high in role["covered"] if low <= ceiling]
    above = [(max(low, ceiling + 1), high) for low, high in role["covered"] if high > ceiling]
    role["covered"] = [*_cover(plain), *_cover(above)]


def _cover(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if not ranges:
        return []
    first, last = min(low for low, _ in ranges), max(high for _, high in ranges)
    size = 0
    while True:
        blocks: set[int] = set()
        for low, high in ranges:
            if (high >> size) - (low >> size) >= BLOCKS:
                break
            blocks |= set(range(low >> size, (high >> size) + 1))
        else:
            if len(blocks) <= BLOCKS:
                break
        size += 1
    pieces = [
        (max(first, block << size), min(last, (block + 1 << size) - 1)) for block in sorted(blocks)
    ]
    joined = pieces[:1]
    for low, high in pieces[1:]:
        if joined[-1][1] + 1 == low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return joined


def carried(message: Json) -> dict[str, int]:
    """Give what a message tells of each role's numbers."""
    counts: dict[str, int] = {}
    number, role = own_number(message), MODES.get(message["mode"])
    if role and number is not None:
        counts[role] = number
    for whose, floor in message["floors"]:
        if whose:
            counts[whose] = max(counts.get(whose, 0), floor)
    return counts


def own_number(message: Json) -> int | None:
    """Give the larger of header and payload within the range."""
    told = [number for _, number in every_number(message, floors=False) if number <= LAST]
    return max(told, default=None)


def flags_of(message: Json) -> list[str]:
    """Give what is to be noticed about a message's numbers, and about its mode."""
    flags = []
    if message["kind"] != "ALERT":
        if message["header"] > LAST:
            flags.append("COUNTER_OUT_OF_RANGE")
        if message["number"] not in (None, message["header"]):
            flags.append("COUNTERS_DIFFER")
        if message["mode"] is not None and message["code"] != 0x0100 + message["mode"]:
            flags.append("MODE_MISMATCH")
    return flags


def every_number(message: Json, *, floors: bool = True) -> list[tuple[str, int]]:
    """Give all numbers of a message that count for a role, those beyond the range as well."""
    role = MODES.get(message["mode"], "")
    told = [] if message["kind"] == "ALERT" else [(role, message["header"])]
    if message["number"] is not None:
        told.append((role, message["number"]))
    return told + list(message["floors"] if floors else ())


def plausible(message: Json, roles: dict[str, Any], ceiling: int, *, signed: bool) -> bool:
    """Tell whether a message that no authority stands behind may be believed.

    No number may be beyond repair. Of a message whose signature holds, a header beyond the range
    is no number, since it is never taken.
    """
    return all(
        number <= ceiling or (role in roles and number <= (roles[role]["issued"] or 0))
        for role, number in every_number(message)
        if not (signed and number > LAST)
    )
