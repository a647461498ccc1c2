"""How much of a restore is left, for those who look on."""

import asyncio
import logging
from types import TracebackType

_log = logging.getLogger(__name__)

TELL_S = 5.0
"""Between two lines of the log. A restore that takes less is told of when it is over."""


class Remaining:
    """Counts down while a restore runs; entered when it begins.

    Attributes:
        records: Offsets that are still to be read, of changelog and table together: at least as
            many as there are records. 0 while nothing is restored.
    """

    def __init__(self, partition: int) -> None:
        """Begin with nothing to restore."""
        self.records = 0
        self._partition = partition
        self._left: dict[str, int] = {}
        self._told_at = 0.0

    def set(self, stream: str, left: int) -> None:
        """Say how much of a stream is left."""
        self._left[stream] = max(left, 0)
        self.records = sum(self._left.values())
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= TELL_S:
            self._told_at = now
            about = {"partition": self._partition, "remaining": self.records}
            _log.info("partition is being restored", extra=about)

    def __enter__(self) -> None:
        """Begin."""
        self._told_at = asyncio.get_running_loop().time()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is left, or nothing goes on."""
        self._left.clear()
        self.records = 0
