"""What a hostile producer writes, from a seed, and what must become of each record.

All of it is about devices that nobody else names: whatever it costs, it may cost those alone.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import orjson
from tests.kafka.raw_batches import CODECS, Raw, bomb, record

from slotkeeper.lab import events
from slotkeeper.lab.events import (
    ADJUSTMENTS,
    HANDOVER_REQUESTS,
    HANDOVER_RESPONSES,
    INVENTORY,
    PRE_COMMANDS,
    UPDATE_RESPONSES,
)
from slotkeeper.lab.partitions import partition_of
from slotkeeper.lab.pki import Pki
from slotkeeper.lab.terms import Eui64, Role

_OUTCOMES = (UPDATE_RESPONSES, PRE_COMMANDS, HANDOVER_RESPONSES)
_EVENTS = (*_OUTCOMES, ADJUSTMENTS, HANDOVER_REQUESTS)

_FIRST_DEVICE = 0x021A_B0FE_0000_0000
_DEVICES = 40
"""Few, so that what is kept of each would grow if it could."""

_MIB = 1 << 20
_TOO_FAR = 9 * _MIB
"""One more than the default of ``limits.batch_bytes``."""

_NEARLY_A_BATCH = 1_048_400
"""Of zeros in one record: a broker takes 1,048,588 octets, and with a header more it would not."""

_CROWDED = 5_000
"""Headers of a record, or attributes of an element."""

_NUMBERS = 2_500
"""Issued numbers of one adjustment: as many as the default of ``limits.message_bytes`` lets in."""

_TOGETHER = 15
"""Such adjustments in one batch."""

Headers: TypeAlias = list[tuple[bytes, bytes | None]]

_NO_UTF8: Headers = [(b"\xff\xfe", b"x"), (b"null", None)]
_KEYS = (None, b"", b"meter 7", b"\xff\xfe\0", b"02-1A-B0-FE-00-00-00-0G")

_TOO_LARGE = "DEAD_LETTER TOO_LARGE"
_MALFORMED = "DEAD_LETTER MALFORMED"
_BAD_KEY = "DEAD_LETTER BAD_KEY"

# Of an outcome without a message.
_ERROR = dict.fromkeys(_OUTCOMES, "NOT_RECORDED ERROR_RESPONSE") | {
    HANDOVER_RESPONSES: "HANDOVER_FAILED ERROR_RESPONSE"
}


@dataclass(frozen=True, slots=True)
class Attack:
    """A batch to be written.

    Attributes:
        stream: Where.
        partition: Of the stream.
        batch: As it is sent.
        decisions: What the decision of a record begins with, by the record's offset in the batch.
            Where several get one together, as a batch that is set aside does, it is that of the
            last. Of the inventory a dead letter, which has no decision.
        rerouted: Likewise, of what a record of a wrong partition becomes at home; empty if none is.
    """

    stream: str
    partition: int
    batch: Raw
    decisions: Mapping[int, str]
    rerouted: str = ""


class HostileProducer:
    """Makes batches."""

    def __init__(self, pki: Pki, seed: int, partitions: int) -> None:
        """Draw from the seed alone, so that others draw what they would without it."""
        self._pki = pki
        self._draw = random.Random(f"hostile {seed}")  # noqa: S311  # a load, no secret
        self._partitions = partitions
        self._requests = 0
        self._makers: tuple[Callable[[], Attack], ...] = (
            self._bomb,
            self._bomb_of_several,
            self._claimed_offset,
            self._odd_headers,
            self._bad_key,
            self._long_key,
            self._large,
            self._nearly_a_batch,
            self._misplaced,
            self._malformed,
            self._adjustments,
            self._beyond_the_ceiling,
            self._request,
            self._inventory,
        )
        one = [record(0, bytes(_TOO_FAR))]
        self._zeros = {codec: Raw.of(one, codec=codec) for codec in _codecs()}
        three = [record(at, bytes(_TOO_FAR // 3 + 1)) for at in range(3)]
        self._three = {codec: Raw.of(three, codec=codec) for codec in _codecs()}
        self._bomb_of_gzip = bomb(64 * _MIB)

    def attacks(self) -> Iterator[Attack]:
        """Give batches without an end, every kind as often."""
        while True:
            makers = list(self._makers)
            self._draw.shuffle(makers)
            for make in makers:
                yield make()

    def _bomb(self) -> Attack:
        batch = self._draw.choice([*self._zeros.values(), self._bomb_of_gzip])
        return Attack(self._any(_EVENTS), self._anywhere(), batch, {0: _TOO_LARGE})

    def _bomb_of_several(self) -> Attack:
        batch = self._three[self._draw.choice(_codecs())]
        return Attack(self._any(_EVENTS), self._anywhere(), batch, {2: _TOO_LARGE})

    def _claimed_offset(self) -> Attack:
        """Let a record say the offset of another batch; what stands before it counts."""
        key, home = self._device()
        far = self._draw.choice((2, 100, 2**31 - 1))
        records = [record(0, _error(key), key=key), record(far, _error(key), key=key)]
        stream = self._any(_OUTCOMES)
        return Attack(stream, home, Raw.of(records), {0: _ERROR[stream], 1: _MALFORMED})

    def _odd_headers(self) -> Attack:
        key, home = self._device()
        many: Headers = [(self._draw.choice((b"", b"\xff")), None)] * _CROWDED
        headers = self._draw.choice((_NO_UTF8, many))
        records = [record(0, _error(key), key=key, headers=headers), record(1, b"{", key=key)]
        stream, batch = self._any(_OUTCOMES), Raw.of(records, codec=self._codec())
        return Attack(stream, home, batch, {0: _ERROR[stream], 1: _MALFORMED})

    def _bad_key(self) -> Attack:
        records = [record(at, b"{}", key=key) for at, key in enumerate(_KEYS)]
        batch = Raw.of(records, codec=self._codec())
        decisions = dict.fromkeys(range(len(_KEYS)), _BAD_KEY)
        return Attack(self._any(_EVENTS), self._anywhere(), batch, decisions)

    def _long_key(self) -> Attack:
        octets = self._draw.choice((1_025, _MIB // 2))
        batch = Raw.of([record(0, b"{}", key=b"k" * octets)], codec=self._codec())
        return Attack(self._any(_EVENTS), self._anywhere(), batch, {0: _TOO_LARGE})

    def _large(self) -> Attack:
        """Write 3 MB in some kB: more than any topic takes uncompressed."""
        key, _ = self._device()
        codec = self._draw.choice(_codecs())
        batch = Raw.of([record(0, bytes(3 * _MIB), key=key)], codec=codec)
        return Attack(self._any(_EVENTS), self._anywhere(), batch, {0: _TOO_LARGE})

    def _nearly_a_batch(self) -> Attack:
        key, home = self._device()
        batch = Raw.of([record(0, bytes(_NEARLY_A_BATCH), key=key)])
        return Attack(self._any(_EVENTS), self._beside(home), batch, {0: _TOO_LARGE})

    def _misplaced(self) -> Attack:
        """Have a record written again that is as large as it may be, with as many headers."""
        key, home = self._device()
        headers = [*_NO_UTF8, *([(b"padding", bytes(1_000))] * 60)]
        value = _error(key, padding="x" * 60_000)
        batch = Raw.of([record(0, value, key=key, headers=headers)], codec=self._codec())
        stream, beside = self._any(_OUTCOMES), self._beside(home)
        return Attack(stream, beside, batch, {0: "REROUTED"}, rerouted=_ERROR[stream])

    def _malformed(self) -> Attack:
        key, home = self._device()
        crowded = b" ".join(b'a%d=""' % number for number in range(_CROWDED))
        values = (None, b"", b'{"request_id":' * 2_000, b"<a " + crowded + b"/>", b"\0" * 60_000)
        records = [record(at, value, key=key) for at, value in enumerate(values)]
        batch = Raw.of(records, codec=self._codec())
        return Attack(self._any(_EVENTS), home, batch, dict.fromkeys(range(5), _MALFORMED))

    def _adjustments(self) -> Attack:
        """Name so many numbers of one device that its record would be larger than any batch."""
        key, home = self._device()
        numbers = [
            [str(self._draw.randrange(2**60)) for _ in range(_NUMBERS)] for _ in range(_TOGETHER)
        ]
        records = [
            record(at, _adjustment(key, "1", issued_numbers=few), key=key)
            for at, few in enumerate(numbers)
        ]
        batch = Raw.of(records, codec=CODECS["gzip"])
        return Attack(ADJUSTMENTS, home, batch, dict.fromkeys(range(_TOGETHER), "SEEN"))

    def _beyond_the_ceiling(self) -> Attack:
        key, home = self._device()
        batch = Raw.of([record(0, _adjustment(key, str(2**63 - 2)), key=key)])
        return Attack(ADJUSTMENTS, home, batch, {0: "REJECTED NOT_AUTHORISED"})

    def _request(self) -> Attack:
        """Ask for what no inventory names."""
        key, home = self._device()
        self._requests += 1
        event = events.handover_request(
            self._pki.organisation(Role.SUPPLIER, 11),
            Eui64.parse(key.decode()),
            self._pki.organisation(Role.NETWORK_OPERATOR, 12),
            number=self._requests,
        )
        batch = Raw.of([record(0, event.octets, key=key, headers=_NO_UTF8)], codec=self._codec())
        return Attack(HANDOVER_REQUESTS, home, batch, {0: "REFUSED UNKNOWN_DEVICE"})

    def _inventory(self) -> Attack:
        key, home = self._device()
        codec = self._draw.choice(_codecs())
        three = Raw.of([record(at, b"{", key=key, headers=_NO_UTF8) for at in range(3)])
        batch, decisions = self._draw.choice(
            (
                (self._zeros[codec], {0: _TOO_LARGE}),
                (self._three[codec], {2: _TOO_LARGE}),
                (Raw(3, three.octets), dict.fromkeys(range(3), _MALFORMED)),
                (Raw.of([record(0, b"{}", key=b"meter 7")]), {0: _BAD_KEY}),
            )
        )
        return Attack(INVENTORY, home, batch, decisions)

    def _device(self) -> tuple[bytes, int]:
        """Give a device's key, and where it belongs."""
        eui = Eui64.of(_FIRST_DEVICE + self._draw.randrange(_DEVICES))
        key = str(eui).encode()
        return key, partition_of(key, self._partitions)

    def _anywhere(self) -> int:
        return self._draw.randrange(self._partitions)

    def _beside(self, home: int) -> int:
        return (home + self._draw.randrange(1, self._partitions)) % self._partitions

    def _codec(self) -> int:
        return self._draw.choice((0, *_codecs()))

    def _any(self, choices: tuple[str, ...]) -> str:
        return self._draw.choice(choices)


def _codecs() -> tuple[int, ...]:
    return tuple(CODECS.values())


def _error(key: bytes, **more: str) -> bytes:
    """Make an outcome without a message, by which nothing of a device changes."""
    device = Eui64.parse(key.decode())
    request = events.request_id(device, device, 1)
    return orjson.dumps({"request_id": request, "response_code": "E21", **more})


def _adjustment(key: bytes, at_least: str, **more: list[str]) -> bytes:
    return orjson.dumps(
        {
            "device_id": key.decode(),
            "remote_party_role": "NetworkOperator",
            "kind": "issued",
            "at_least": at_least,
            "reason": "none",
            "by": ["a person"],
            "source": "nowhere",
            **more,
        }
    )
