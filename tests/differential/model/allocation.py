"""Which number a command gets."""

from .numbers import is_used
from .reading import LAST, NETWORK_OPERATOR, SUPPLIER, Json

MARGIN = 2**20
"""For an acknowledged rollback of the store; what a second one does is not modelled."""

REMAINDER = 0x9E3779B1 % MARGIN
"""Of the numbers that hints give after the first one."""


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
    ceiling, margin = settings["ceiling"], MARGIN * table["rollbacks"]
    told = max(own["recorded"] or 0, own["seen"] or 0)
    issued = own["issued"] or 0
    burned = table["burned"].get((device, role), 0)
    least = max(max(told, issued) + margin, burned) + 1
    held = hint is not None and least <= hint <= ceiling
    first = hint if held and hint is not None else least
    lifted = held and margin > 0
    if lifted:
        first += margin + 1
        first += (REMAINDER - first) % MARGIN
    burned_elsewhere = table["burned"].get((device, other))
    number, skipped = _skip(row[other], first, burned_elsewhere)
    if number > LAST:
        without_burned, _ = _skip(row[other], max(told, issued) + margin + 1, None)
        raise ExhaustedError(retryable=without_burned <= LAST)
    if skipped or lifted:
        return number, "ISSUED_EXCEEDED", False
    any_mark = own["recorded"] is not None or own["seen"] is not None
    nothing = not any_mark and own["issued"] is None
    if held or (nothing and not burned):
        return number, "NATURAL", held
    if not any_mark or burned > max(told, issued) + margin or issued > told:
        return number, "ISSUED_EXCEEDED", False
    return number, "WATERMARK_EXCEEDED", False


def _skip(row: Json, number: int, burned: int | None) -> tuple[int, bool]:
    """Pass over what the other role used or burned; tell also whether anything was."""
    first = number
    while number in (burned, row["issued"]) or is_used(row, number):
        ranges = [high for low, high in row["covered"] if low <= number <= high]
        number = max([number, *ranges]) + 1
    return number, number != first
