"""Records of a batch whose writer kept to the format by the letter only, or which is large.

The client's reader gives up a whole batch for a header name that is no UTF-8. Kafka itself takes
names as octets and looks at none of them, so such a batch is whole, and its records are decided.
Nor has the client's reader a bound for what it makes of one record.

The format is Kafka's record batch, magic 2
(https://kafka.apache.org/documentation/#recordbatch).
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple, Self

from slotkeeper.streams.interface import Headers

from .inflating import DamagedError

HEADERS = 64
"""Of one record that are kept. Nothing is decided by a header, and a record may have millions,
which would take thirty times their octets in memory."""

HEADER_OCTETS = 131_072
"""Of all headers of a record, names and values: twice the longest record that is looked into."""

LEFT_OUT = "headers-left-out"
"""Names the header that says how many others are missing."""

BATCH_OVERHEAD = 61
"""Octets of a batch before its records, which alone are compressed."""

_BATCH = struct.Struct(">q13xhiqq14xi")
"""Of those 61 octets: base offset, attributes, last offset delta, base and greatest timestamp,
number of records."""

_LOG_APPEND_TIME = 0x08
"""Among the attributes: the broker's time counts, for all records."""

_VARINT_BITS = 63
"""How far a varint of 64 bits is shifted at most."""


class BatchHeader(NamedTuple):
    """What stands before a batch's records, as far as they are read by it."""

    base_offset: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    records: int

    @classmethod
    def of(cls, batch: bytes | memoryview) -> Self:
        """Read it off a batch of magic 2."""
        return cls(*_BATCH.unpack_from(batch))


class LooseRecord(NamedTuple):
    """A record, by the names of the client's own."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_type: int
    checksum: None = None


class Beginning(NamedTuple):
    """Where in a batch the records begin that are wanted.

    Attributes:
        passed: Records before it.
        at: Its place in the batch, octets from the start.
    """

    passed: int = 0
    at: int = BATCH_OVERHEAD


def beginning_of(batch: bytes | memoryview, since: int) -> Beginning:
    """Find the first record from an offset on, or the one that cannot be read.

    Of a record before it lengths and offset alone are looked at. A batch may have a million, which
    takes a second: it is nothing for the event loop.

    Args:
        batch: Of magic 2, its records inflated.
        since: The offset.
    """
    header = BatchHeader.of(batch)
    passed, at = Beginning()
    with suppress(DamagedError):
        while passed < header.records:
            length, fields = _varint(batch, at)
            _, place = _varint(batch, fields + 1)
            offset, _ = _varint(batch, place)
            if not 0 <= offset < min(since - header.base_offset, header.last_offset_delta + 1):
                break
            if not place < fields + length <= len(batch):
                break
            passed, at = passed + 1, fields + length
    return Beginning(passed, at)


def loose_records(
    batch: bytes | memoryview, since: int, begins: Beginning | None = None
) -> Iterator[LooseRecord]:
    """Give a batch's records from an offset on; one after the other, as they are asked for.

    Args:
        batch: Of magic 2, its records inflated.
        since: Records below it are passed over.
        begins: Of them at least those before this place, where that is known.

    Raises:
        DamagedError: What follows is no record. Those before it have been given.
    """
    header = BatchHeader.of(batch)
    passed, at = begins or Beginning()
    for _ in range(header.records - passed):
        length, at = _varint(batch, at)
        end = at + length
        if not at < end <= len(batch):
            raise DamagedError("a record is longer than its batch")
        record = _record(header, batch, at, end)
        at = end
        if record.offset >= since:
            yield record
    if at != len(batch):
        raise DamagedError("there is more than its records in the batch")


def bounded(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """Keep as many of a record's headers as are kept, and say how many are not."""
    kept: list[tuple[str, bytes]] = []
    room = HEADER_OCTETS
    for name, value in headers:
        room -= len(name) + len(value or b"")
        if room < 0 or len(kept) == HEADERS:
            kept.append(_left_out(len(headers) - len(kept)))
            break
        kept.append((name, value or b""))
    return kept


def _record(header: BatchHeader, octets: bytes | memoryview, at: int, end: int) -> LooseRecord:
    # One octet of attributes, of which none is defined.
    milliseconds, at = _varint(octets, at + 1)
    offset, at = _varint(octets, at)
    if not 0 <= offset <= header.last_offset_delta:
        raise DamagedError("a record's offset is outside of its batch")
    key, at = _nullable(octets, at, end)
    value, at = _nullable(octets, at, end)
    count, at = _varint(octets, at)
    headers: list[tuple[str, bytes]] = []
    room = HEADER_OCTETS
    for _ in range(min(count, HEADERS)):
        name, at = _nullable(octets, at, end)
        content, at = _nullable(octets, at, end)
        room -= len(name or b"") + len(content or b"")
        if room < 0:
            break
        headers.append(((name or b"").decode(errors="backslashreplace"), content or b""))
    if count > len(headers):
        headers.append(_left_out(count - len(headers)))
    by_broker = bool(header.attributes & _LOG_APPEND_TIME)
    return LooseRecord(
        offset=header.base_offset + offset,
        timestamp=header.max_timestamp if by_broker else header.base_timestamp + milliseconds,
        key=key,
        value=value,
        headers=headers,
        timestamp_type=int(by_broker),
    )


def _nullable(octets: bytes | memoryview, at: int, end: int) -> tuple[bytes | None, int]:
    length, at = _varint(octets, at)
    if length < 0:
        return None, at
    if at + length > end:
        raise DamagedError("a field is longer than its record")
    return bytes(octets[at : at + length]), at + length


def _varint(octets: bytes | memoryview, at: int) -> tuple[int, int]:
    """Read a number in groups of seven bits, the lowest first, its sign in the lowest bit."""
    number = 0
    for shift in range(0, _VARINT_BITS + 1, 7):
        if at >= len(octets):
            break
        octet = octets[at]
        at += 1
        number |= (octet & 0x7F) << shift
        if octet < 0x80:  # noqa: PLR2004  # the bit that says that more follow
            number &= (1 << 64) - 1
            return (number >> 1) ^ -(number & 1), at
    raise DamagedError("a number does not end")


def _left_out(count: int) -> tuple[str, bytes]:
    return LEFT_OUT, b"%d" % count
