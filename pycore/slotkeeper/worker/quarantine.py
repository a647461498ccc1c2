"""Records that are passed by without the engine, so that they hold back no others."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias

from slotkeeper.engine.port import EngineInput

Place: TypeAlias = tuple[str, int]
"""A stream and an offset of the partition."""

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
    """

    place: Place
    reason: Reason
    detail: str
    without_octets: bool = False

    def of(self, record: EngineInput) -> tuple[EngineInput, str]:
        """Give what is kept of the record, and the detail."""
        stream, offset, key, value = record
        if not self.without_octets:
            return record, self.detail
        octets = value or b""
        left_out = (
            f"its value is left out, {len(octets)} octets with SHA-256 "
            f"{sha256(octets).hexdigest()}: {self.detail}"
        )
        return (stream, offset, (key or b"")[:KEY_OCTETS] or None, None), left_out
