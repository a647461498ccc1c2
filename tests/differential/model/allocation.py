"""Which number a command gets."""

from .numbers import is_used
from .reading import LAST, NETWORK_OPERATOR, SUPPLIER, Json

MARGIN = 2**20
"""For each acknowledged rollback of the store."""


class ExhaustedError(Exception):
    """No number is left; ``retryable`` where burned numbers alone stand in the way."""

    def __init__(self, *, retryable: bool) -> None:
        super().__init__(retryable)
        self.retryable = retryable


def allocate(
    table: Json, settings: Json, device: str, role: str, hint: int | None
) -> tuple[int, str, bool]:
    """Give the number, the reason, and whether the hint gave it."""
    row = table["devices"][device]["roles"]
    own, other = row[role], SUPPLIER if role == NETWORK_OPERATOR else NETWORK_OPERATOR
    ceiling, rollbacks = settings["ceiling"], table["rollbacks"]
    told = max(own["recorded"] or 0, own["seen"] or 0)
    issued = own["issued"] or 0
    known = max(told, issued) + MARGIN * rollbacks
    burned = table["burned"].get((device, role), 0)
    first, held = _first(known, burned, hint, ceiling, rollbacks)
    lifted = held and first != hint
    number, skipped = _skip(row[other], first, table["burned"].get((device, other)))
    if number > LAST:
        unburned, _ = _first(known, 0, hint, ceiling, rollbacks)
        raise ExhaustedError(retryable=_skip(row[other], unburned, None)[0] <= LAST)
    if skipped or lifted:
        return number, "ISSUED_EXCEEDED", False
    any_mark = own["recorded"] is not None or own["seen"] is not None
    nothing = not any_mark and own["issued"] is None
    if held or (nothing and not burned):
        return number, "NATURAL", held
    if not any_mark or burned > known or issued > told:
        return number, "ISSUED_EXCEEDED", False
    return number, "WATERMARK_EXCEEDED", False


def _first(
    known: int, burned: int, hint: int | None, ceiling: int, rollbacks: int
) -> tuple[int, bool]:
    """Give the number that is wanted, whatever the other role has, and whether it is the hint's."""
    least = max(known, burned) + 1
    if hint is not None and least <= hint <= ceiling:
        lifted = _of_this_time(hint + MARGIN * rollbacks + 1, rollbacks) if rollbacks else hint
        if lifted <= LAST:
            return lifted, True
    return _of_this_time(least, rollbacks) if rollbacks > 1 else least, False


def _of_this_time(number: int, rollbacks: int) -> int:
    """Give the first number from one on that has the remainder of the time since a rollback."""
    return number + (rollbacks * 0x9E3779B1 - number) % MARGIN


def _skip(row: Json, number: int, burned: int | None) -> tuple[int, bool]:
    """Pass over what the other role used or burned; tell also whether anything was."""
    first = number
    while number in (burned, row["issued"]) or is_used(row, number):
        ranges = [high for low, high in row["covered"] if low <= number <= high]
        number = max([number, *ranges]) + 1
    return number, number != first
