"""When and by whom something was asserted."""

import re
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from .records import RefusedError

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST = 40
"""Characters of a time, zone and microseconds included."""


class Asserted(NamedTuple):
    """When, as RFC 3339 in UTC with microseconds, and by which source."""

    at: str
    source: str

    def members(self) -> dict[str, str]:
        """Give the members of a record that say so."""
        return {"asserted_at": self.at, "source": self.source}


def instant(value: object, what: str) -> str:
    """Read a time, RFC 3339, or a day, which means its beginning; without a zone it is UTC.

    Raises:
        RefusedError: It is neither.
    """
    if isinstance(value, str) and len(value) <= _LONGEST:
        try:
            if _DAY.fullmatch(value):
                return written(datetime.combine(date.fromisoformat(value), time(), UTC))
            read = datetime.fromisoformat(value)
            return written(read if read.tzinfo else read.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            pass
    raise RefusedError(f"{what} must be a time such as 2026-11-26T08:00:00Z, or a day")


def written(at: datetime) -> str:
    """Write a time in the one form that sorts as a text."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
