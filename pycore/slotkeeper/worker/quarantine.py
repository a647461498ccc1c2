"""Records that are passed by without the engine, so that they hold back no others."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from slotkeeper.engine.port import EngineInput
from slotkeeper.streams import SetAside
from slotkeeper.streams.interface import SET_ASIDE, Headers

Place: TypeAlias = tuple[str, int]
"""A stream and an offset of the partition."""

LETTERS = "dead-letters"
"""The stream whose records are shortened until they fit."""

LEAST_OCTETS = 4_096
"""What each other output has to take. Decisions on honest messages make less: an audit record of
1.7 kB, a command of 2.4 kB, a device's record below 2.5 kB. Where that does not fit the fault is
the topic's, and a message passed by would be a number that is lost."""

KEY_OCTETS = 64
"""Of a key that is kept whatever happens to the rest: twice the longest spelling of an EUI-64."""


class Reason(StrEnum):
    """Why, by the names of the audit trail."""

    ENGINE_FAULT = "ENGINE_FAULT"
    MALFORMED = "MALFORMED"
    TOO_LARGE = "TOO_LARGE"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """One such record, found by deciding records one by one.

    Attributes:
        place: Where it stands.
        reason: Why.
        detail: What is known of it.
        without_octets: Whether the dead letter goes without the record's own octets, since they
            did not fit.
        set_aside: What tells the offsets of a batch that nobody looked into; empty for a record.
    """

    place: Place
    reason: Reason
    detail: str
    without_octets: bool = False
    set_aside: Headers = ()

    def of(self, record: EngineInput) -> "Kept":
        """Give what is kept of the record."""
        stream, offset, key, value = record
        if not self.without_octets:
            return Kept(record, self.detail)
        octets = value or b""
        left_out = (
            f"its value is left out, {len(octets)} octets with SHA-256 "
            f"{sha256(octets).hexdigest()}: {self.detail}"
        )
        kept = (key or b"")[:KEY_OCTETS] or None
        # What is left of a batch that was set aside is no whole value.
        told = self.set_aside or [
            header
            for prefix, whole, part in (("", value, None), ("key-", key, kept))
            if whole and whole != part
            for header in _whole(prefix, whole)
        ]
        return Kept((stream, offset, kept, None), left_out, told)


class Kept(NamedTuple):
    """What is written of a record in quarantine.

    Attributes:
        record: With what is left of its octets.
        detail: What is known of it.
        headers: What its dead letter says besides: by them it is known that octets are missing,
            and is never sent again as if it were the record.
    """

    record: EngineInput
    detail: str
    headers: Headers = ()


def of_set_aside(stream: str, aside: SetAside) -> Kept:
    """Give what is written of records that nobody looked into."""
    record = (stream, aside.offset, aside.key, aside.value)
    return Kept(record, aside.detail, offsets_of(aside))


def offsets_of(aside: SetAside) -> Headers:
    """Give the header that names the offsets for which it stands."""
    return [(SET_ASIDE, f"{aside.first} to {aside.offset}".encode())]


def _whole(prefix: str, octets: bytes) -> Headers:
    """Tell of octets of which not all are kept, by the names that the engine's dead letters use."""
    digest = sha256(octets).hexdigest().encode()
    return [(f"{prefix}octets", b"%d" % len(octets)), (f"{prefix}sha256", digest)]
