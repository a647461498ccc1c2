"""Times as people read them."""

from datetime import UTC, datetime


def moment(text: object) -> str:
    """Give an RFC 3339 time as ``26 Nov 2026, 14:03:07 UTC``; as it is where it is none."""
    try:
        time = datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return "" if text is None else str(text)
    return f"{time.day} {_MONTHS[time.month - 1]} {time:%Y, %H:%M:%S} UTC"


def is_time(told: object) -> bool:
    """Say whether it is an RFC 3339 time, or none at all."""
    if told is None:
        return True
    try:
        return isinstance(told, str) and bool(datetime.fromisoformat(told).astimezone(UTC).tzinfo)
    except (ValueError, OverflowError):
        return False


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Not the locale's: reports and terminals say the same everywhere."""
