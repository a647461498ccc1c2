"""The ways in which a commit can fail."""

import enum


class Fault(enum.Enum):
    """What happens to one commit."""

    NONE = enum.auto()
    """It succeeds."""
    ABORT = enum.auto()
    """Nothing is written, and the owner is told so."""
    DOUBT_LOST = enum.auto()
    """Nothing is written, and the owner cannot know."""
    DOUBT_WRITTEN = enum.auto()
    """All of it is written, and the owner cannot know."""
    CRASH_BEFORE = enum.auto()
    """The process ends before anything is written."""
    CRASH_AFTER = enum.auto()
    """The process ends when all of it is written."""


class SimulatedCrashError(Exception):
    """The process would have ended here. A simulation drops the worker and starts another."""


def no_faults(partition: int, number: int) -> Fault:
    """Let every commit succeed.

    Args:
        partition: Of the commit.
        number: How many commits of this partition were tried before.
    """
    del partition, number
    return Fault.NONE
