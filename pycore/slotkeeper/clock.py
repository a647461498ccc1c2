"""The system's time and randomness, the defaults of their seams."""

import secrets
import time


def system_clock() -> int:
    """Give the time of day in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def system_entropy(length: int) -> bytes:
    """Give so many bytes from the system's random source."""
    return secrets.token_bytes(length)
