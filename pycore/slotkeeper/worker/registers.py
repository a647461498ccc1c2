"""The registers that decisions look at, read beside the partitions that a worker serves.

They belong to no partition: no group assigns them, no fence guards them, and no request waits for
them. What was read of them when a request was decided stands in its ``decided_after``.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, islice

from slotkeeper.engine.port import EngineInput
from slotkeeper.streams import Record, Streams, StreamsError, WrongUseError

_log = logging.getLogger(__name__)

FOLLOWED = ("gas-network-parties", "smki-organisation-certificates")
"""Parties before certificates, which name them."""

AGAIN_S = 5.0
"""Before a register that could not be read is tried once more: what it says is advice."""

LONGEST_KEY = 1_024
"""Octets, as the engine has it of its inputs; keys of registers have some dozen."""

LONGEST_VALUE = 65_536
"""Octets: the default of ``limits.message_bytes``. A certificate's record has about 2,000."""

MOST_OCTETS = 128 << 20
"""Of keys and values, with ``OVERHEAD`` each: room for 55,000 certificates."""

OVERHEAD = 300
"""Octets of a record's objects beside those of its key and value, and its place among the newest,
measured over 100,000 records."""


class Registers:
    """The newest record of each key, numbered in the order in which this process read them.

    What is too long, and what comes once there is no room, leaves nothing of its key, as a record
    that cannot be read does: it is advice. How much that was is logged.

    Attributes:
        version: Of the last record; rises with each.
    """

    def __init__(self, streams: Streams, *, most_octets: int = MOST_OCTETS) -> None:
        """Begin with nothing read."""
        self.version = 0
        self._streams = streams
        self._room = most_octets
        # In the order of their versions: a key that is written again goes to the end.
        self._newest: dict[tuple[str, bytes], EngineInput] = {}
        self._positions: dict[str, int] = {}
        self._absent: set[str] = set()

    @property
    def positions(self) -> Mapping[str, int]:
        """How far each register was read; nothing of one that holds nothing."""
        return dict(self._positions)

    def since(self, version: int) -> Sequence[EngineInput]:
        """Give what was read after that version, in its order.

        Where keys were written more than once since, some records before are among it: of a key
        the newest counts, so it does no harm, and nothing is compared on the event loop.
        """
        return list(islice(reversed(self._newest.values()), self.version - version))[::-1]

    async def read(self) -> None:
        """Read both registers as they are now.

        A cluster that has none is served without; of one that cannot be read it is said once. What
        stands behind a transaction that its writer left open comes later: no request waits for it.

        Raises:
            TryLaterError: The streams cannot be read now.
        """
        for stream in FOLLOWED:
            try:
                async for records in self._streams.read(stream, settled=True):
                    self._take(records)
            except WrongUseError as error:
                self._absent.add(stream)
                _log.warning("register is not followed", extra={"error": str(error)})

    async def follow(self) -> None:
        """Read on for ever."""
        async with asyncio.TaskGroup() as tasks:
            for stream in FOLLOWED:
                if stream not in self._absent:
                    tasks.create_task(self._follow(stream))

    async def _follow(self, stream: str) -> None:
        while True:
            try:
                async for records in self._streams.read(stream, follow=True, settled=True):
                    self._take(records)
            except StreamsError as error:
                _log.warning("register is read again", extra={"error": str(error)})
            await asyncio.sleep(AGAIN_S)

    def _take(self, records: Sequence[Record]) -> None:
        left_out: Counter[tuple[str, str]] = Counter()
        for record in records:
            known = self._positions.get(record.stream, 0)
            if record.offset < known or record.key is None:
                continue
            self._positions[record.stream] = record.offset + 1
            if len(record.key) > LONGEST_KEY:
                left_out[record.stream, "key is too long"] += 1
                continue
            value = record.value
            if value is not None and len(value) > LONGEST_VALUE:
                left_out[record.stream, "value is too long"] += 1
                value = None
            if not self._keep(record.stream, record.offset, record.key, value):
                left_out[record.stream, "no room is left"] += 1
        for (stream, why), count in left_out.items():
            about = {"stream": stream, "reason": why, "records": count}
            _log.warning("register is followed in part", extra=about)

    def _keep(self, stream: str, offset: int, key: bytes, value: bytes | None) -> bool:
        """Put a record in the place of its key's last one; False if only its absence has room."""
        place = (stream, key)
        before = self._newest.pop(place, None)
        if before is not None:
            self._room += _octets(before)
        record: EngineInput = (stream, offset, key, value)
        has_room = _octets(record) <= self._room
        if not has_room:
            if before is None:
                # Nothing is known of it, which its absence says as well.
                return value is None
            record = (stream, offset, key, None)
        self._room -= _octets(record)
        self.version += 1
        self._newest[place] = record
        return has_room


def _octets(record: EngineInput) -> int:
    _, _, key, value = record
    return len(key or b"") + len(value or b"") + OVERHEAD


def decided_after(
    barrier: Mapping[str, int] | None, registers: Registers | None
) -> Mapping[str, int] | None:
    """Say how far everything had been read that a request was decided by."""
    if barrier is None or registers is None or not registers.version:
        return barrier
    return dict(chain(barrier.items(), registers.positions.items()))
