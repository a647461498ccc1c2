"""How often, and after what pauses, something that failed is tried again."""

import asyncio
import random

ATTEMPTS = 8
FIRST_PAUSE_S = 0.05
"""Doubled each time, so that eight attempts last about 6 s in all: longer than a broker's election
or a key store's restart of its connection, shorter than a supervisor's patience."""


class Backoff:
    """Counts failures in a row."""

    def __init__(self) -> None:
        """Begin with none."""
        self._failures = 0

    def reset(self) -> None:
        """Something succeeded: begin anew."""
        self._failures = 0

    async def pause_or(self, error: Exception) -> None:
        """Wait before the next attempt; raise the error if there have been enough."""
        self._failures += 1
        if self._failures >= ATTEMPTS:
            raise error
        pause = FIRST_PAUSE_S * 2 ** (self._failures - 1)
        # Workers that failed together shall not come back together; nothing is decided by this.
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
