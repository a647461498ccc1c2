"""How things stand, shown as a word, a shape and a colour: never by colour alone."""

from enum import StrEnum


class State(StrEnum):
    """What a reader must see at once; each has a shape and a hue, the same on every page."""

    GOOD = "good"
    WAITING = "waiting"
    ACT = "act"
    WRONG = "wrong"
    LOST = "lost"
    UNKNOWN = "unknown"


SHAPES: dict[State, str] = {
    State.GOOD: "M2 8.5 6 12.5 14 4.5",
    State.WAITING: "M8 2a6 6 0 1 0 .01 0M8 4.5V8l2.5 2",
    State.ACT: "M2 8h11M8.5 3.5 13 8l-4.5 4.5",
    State.WRONG: "M8 2 15 14H1zM8 6.5v3.5M8 12v.3",
    State.LOST: "M3 3l10 10M13 3 3 13",
    State.UNKNOWN: "M5 6a3 3 0 1 1 4.2 2.7C8.3 9.2 8 9.6 8 10.5M8 13v.3",
}
"""Tick, clock, arrow, triangle, cross, question mark: lines on a ground of 16 by 16."""

FINDINGS: dict[str, State] = {
    "COMPLIANT": State.GOOD,
    "PENDING": State.WAITING,
    "PLACEMENT_POSSIBLE": State.WAITING,
    "ACTION_ON_SUPPLIER": State.ACT,
    "EXIT_OUTSTANDING": State.ACT,
    "WRONG_GNO": State.WRONG,
    "PARTIAL": State.WRONG,
    "STRANDED": State.LOST,
    "ALIEN_CERTIFICATE": State.LOST,
    "UNRECOGNISED_CERTIFICATE": State.UNKNOWN,
    "UNKNOWN": State.UNKNOWN,
    "UNDETERMINED": State.UNKNOWN,
    "NOT_APPLICABLE": State.UNKNOWN,
}
"""Of the findings of the rule for slots (``slots.table.Finding``)."""
