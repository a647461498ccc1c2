"""What is written into the inputs, from a seed, and what must become of it.

Half of it is the lab's mixed load, in which each device is asked for once; the other half are busy
devices, whose numbers would meet if one were used twice. Some of both stand in a wrong partition.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.kafka.chaos.busy import BusyDevices, Saying

from slotkeeper.lab.events import INVENTORY, Event
from slotkeeper.lab.mixed import MixedLoad
from slotkeeper.lab.partitions import partition_of
from slotkeeper.lab.pki import Pki

MESSAGE_BYTES = 65_536
"""The default of ``limits.message_bytes``."""

MISPLACED = 0.03
"""Of the events whose key has a home."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One record to be written.

    Attributes:
        event: The record.
        partition: Where it is written.
        home: Where its device belongs; where it is written, if the lab has put it there.
        tells: What the device's next command must exceed once this stands at home; None if it
            tells no number.
    """

    event: Event
    partition: int
    home: int
    tells: int | None

    @property
    def key(self) -> bytes:
        key = self.event.key
        return key.encode() if isinstance(key, str) else key


class Load:
    """Records, and what should become of those that were given so far.

    Attributes:
        seed: Whence they are drawn.
    """

    def __init__(self, seed: int, *, records: int, partitions: int) -> None:
        """Prepare for ``records`` records at most; the same seed begins with the same ones."""
        self.seed = seed
        self._mixed = MixedLoad(records // 2 + 1, seed=seed, partitions=partitions)
        self._partitions = partitions
        self._draw = random.Random(f"load {seed}")  # noqa: S311  # a load, no secret
        self._busy = BusyDevices(self.pki, self._draw)
        self._misplaced = 0

    @property
    def pki(self) -> Pki:
        """Whose ACB's keys the workers need."""
        return self._mixed.pki

    @property
    def expected(self) -> Counter[str]:
        """Decisions by disposition.

        Reasons differ with the order of streams and with numbers that were burned.
        """
        found = Counter({"REROUTED": self._misplaced}) + self._busy.expected
        for reason, count in self._mixed.expected.items():
            found[reason.partition(" ")[0]] += count
        return found

    @property
    def dead_tables(self) -> int:
        """How many inventory records must become dead letters."""
        return self._busy.dead_tables

    def records(self) -> Iterator[Planned]:
        sayings = self._busy.sayings()
        for event in self._mixed.events():
            yield self._place(Saying(event))
            yield self._place(next(sayings))

    def _place(self, saying: Saying) -> Planned:
        event, tells = saying.event, saying.tells
        if event.partition is not None:
            return Planned(event, event.partition, event.partition, tells)
        home = partition_of(str(event.key).encode(), self._partitions)
        # Size is judged before the place: a record that is too large is rerouted from nowhere.
        stays = saying.stays or len(event.octets or b"") > MESSAGE_BYTES
        if stays or event.stream == INVENTORY or self._draw.random() >= MISPLACED:
            return Planned(event, home, home, tells)
        self._misplaced += 1
        step = self._draw.randrange(1, self._partitions)
        return Planned(event, (home + step) % self._partitions, home, tells)
