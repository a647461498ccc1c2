"""What streams in memory consist of."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from slotkeeper.streams.interface import Output, StreamsSettings

from .log import Log

DEFAULT_PARTITIONS = 4
"""As many as the embedded kind makes."""


class Place(NamedTuple):
    """A partition of a stream."""

    stream: str
    partition: int


class Store:
    """Logs, positions, and who owns them.

    Attributes:
        offsets: The positions kept for lag tools.
        epochs: By partition; the highest is the owner's.
        incarnations: By partition.
        ended: By partition; those before, which acknowledgements have ended.
        owned: Whether a worker has its place here.
        changed: Set, and replaced by a new one, whenever something was written.
    """

    def __init__(self, settings: StreamsSettings) -> None:
        """Make empty logs."""
        self.settings = settings
        self.layout = settings.layout
        self.partitions = settings.partitions or DEFAULT_PARTITIONS
        self.offsets: dict[Place, int] = {}
        self.epochs = [0] * self.partitions
        self.incarnations = [self.draw() for _ in range(self.partitions)]
        self.ended: list[tuple[str, ...]] = [()] * self.partitions
        self.owned = False
        self.changed = asyncio.Event()
        self._logs = {
            Place(stream, partition): Log(stream, partition)
            for stream in self.layout.names
            for partition in range(self.partitions)
        }

    def log(self, stream: str, partition: int) -> Log:
        """Give one partition of one stream."""
        return self._logs[Place(stream, partition)]

    def append(self, records: Sequence[Output]) -> None:
        """Write records and wake those who wait."""
        now = self.settings.clock()
        for stream, partition, key, value, headers in records:
            self.log(stream, partition).append(key, value, headers, now)
        self.changed.set()
        self.changed = asyncio.Event()

    def draw(self) -> str:
        """Draw the name of an incarnation."""
        return self.settings.entropy(16).hex()
