"""What was acknowledged to the writer of the inputs, and what workers owe to it since."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.kafka.chaos.load import Planned
from tests.laws import Place

from slotkeeper.lab.events import HANDOVER_REQUESTS


@dataclass(frozen=True, slots=True)
class Promise:
    """What stood in the partition of a request's device before the request was written.

    Attributes:
        read: How far its other inputs must have been read when it is decided.
        above: The command's number must exceed this.
    """

    read: Mapping[str, int]
    above: int


@dataclass(slots=True)
class Journal:
    """Kept by the writer alone, so that nothing in it comes from the workers.

    Attributes:
        written: Records by stream.
        promises: By the request's place.
    """

    written: Counter[str] = field(default_factory=Counter)
    promises: dict[Place, Promise] = field(default_factory=dict)
    _ends: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    _told: dict[bytes, int] = field(default_factory=dict)

    def acknowledged(self, records: Sequence[Planned], offsets: Sequence[int]) -> None:
        """Note records that were written together: none of them stood before any other."""
        for record, offset in zip(records, offsets, strict=True):
            self.written[record.event.stream] += 1
            if record.event.stream == HANDOVER_REQUESTS:
                place = (HANDOVER_REQUESTS, record.partition, offset)
                self.promises[place] = Promise(
                    dict(self._ends[record.home]), self._told.get(record.key, -1)
                )
        for record, offset in zip(records, offsets, strict=True):
            if record.event.stream != HANDOVER_REQUESTS:
                self._ends[record.partition][record.event.stream] = offset + 1
            # One that has to be written again counts from the time when it stands at home.
            if record.tells is not None and record.partition == record.home:
                told = self._told.get(record.key, -1)
                self._told[record.key] = max(told, record.tells)
