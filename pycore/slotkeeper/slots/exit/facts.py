"""What is known of a device, as the tables of a build tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

Key: TypeAlias = tuple[str, str, str]
"""A certificate's key in a cell: usage (DS or KA), EUI-64 and subject key identifier."""

Fence: TypeAlias = Mapping[int, int]
"""How far the audit trail was read: the next offset of each partition."""


def utc_text(at: datetime) -> str:
    """Write a time of the tables, which is naive and in UTC: RFC 3339, whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Occupant(StrEnum):
    """Who stands in a cell, as far as an exit asks."""

    OWN = "OWN"
    ACB = "ACB"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class What(StrEnum):
    """What came of an attempt on a slot; the words of a build's ``attempts``."""

    REQUESTED = "REQUESTED"
    SCHEDULED = "SCHEDULED"
    QUARANTINED = "QUARANTINED"
    FAILED = "FAILED"
    HANDED_BACK = "HANDED_BACK"
    PARKED = "PARKED"
    ANSWERED = "ANSWERED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A slot from a time on.

    Attributes:
        at: Since when; of what a first message found there, when it was told.
        partition: Of the decision in the audit trail.
        offset: Of the decision in the audit trail.
        keys: The party's own keys that stand in the cells.
        verified: Whether a checked signature told so.
    """

    at: datetime
    partition: int
    offset: int
    ds: Occupant
    ka: Occupant
    keys: frozenset[Key] = frozenset()
    verified: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A step of a request of the party, or a message about the device that waits.

    Attributes:
        request: Tells requests apart; of PARKED and ANSWERED the record that waits.
    """

    at: datetime
    partition: int
    offset: int
    what: What
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """One device of the scope.

    Attributes:
        registered: When its meter point was first the party's and the device in service; None:
            never, so that it counts only once it was seen with a certificate of the party.
        presumed: Commissioned since all outcomes are in the audit trail and never heard of: it is
            taken to hold the ACB's certificates, as it was made.
        retired: Decommissioned, withdrawn or gone from the inventory, as known at the build.
        doubted: Its history and the changelog do not agree, as known at the build: what it holds
            is not known.
        successor: It took the place of another device of the scope.
        seen: By time, then position.
        attempts: By position.
    """

    device_id: str
    mprn: str | None = None
    registered: datetime | None = None
    presumed: bool = False
    retired: bool = False
    doubted: bool = False
    successor: bool = False
    seen: tuple[Seen, ...] = ()
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is asked: how things stood at a time, by what was known up to a fence.

    Attributes:
        at: The time; a naive one in UTC, as those of all tables.
        fence: None: everything that is known.
    """

    at: datetime
    fence: Fence | None = None

    def knows(self, fact: Seen | Attempt) -> bool:
        """Say whether a fact was known, and had happened."""
        if fact.at > self.at:
            return False
        return self.fence is None or fact.offset < self.fence.get(fact.partition, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """The settings ``[exit]``.

    Attributes:
        silent: A request without an answer for longer makes a device SILENT.
        quiet: For so long nothing may change before an exit is READY.
    """

    silent: timedelta = timedelta(days=14)
    quiet: timedelta = timedelta(days=7)
