"""Batches as a consumer takes them apart: bounded, and none that nothing follows.

aiokafka inflates whatever a batch says that it holds, and gives up a whole answer of the broker for
one name that it cannot decode: the consumer then asks for the same answer again, for ever. So its
loop over the batches of an answer is ours.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from types import FunctionType, MethodType
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from slotkeeper.streams.interface import Headers, SetAside
from slotkeeper.streams.kafka.inflating import DamagedError, InflatesTooFarError, inflate
from slotkeeper.streams.kafka.loose_records import (
    BATCH_OVERHEAD,
    BatchHeader,
    bounded,
    loose_records,
)

KEPT_OCTETS = 512 * 1024
"""Of a batch that is set aside: half of what a broker takes by default, so that it fits into a
record of another topic."""

_LENGTH = struct.Struct(">8xi")
"""Of every batch, whatever its magic: what follows these twelve octets."""

_MAGIC_AT = 16
_DEFAULT_MAGIC = 2
_LEGACY_ATTRIBUTES_AT = 17
_ATTRIBUTES_AT = 22
"""The lower octet of the two."""

_CODEC = 0x07
"""Of the attributes, of every magic."""

_LEGACY_OVERHEAD = (18, 26)
"""Octets of a message before its key, by its magic, 0 and 1."""

_NULLABLE = struct.Struct(">i")

_NO_TIME = -1
"""Kafka's own value for it."""


class _Batch(Protocol):
    """``DefaultRecordBatch`` or ``LegacyRecordBatch`` of ``aiokafka.record``."""

    producer_id: int | None
    is_control_batch: bool
    is_transactional: bool
    base_offset: int
    next_offset: int

    def validate_crc(self) -> bool: ...

    def __iter__(self) -> Iterator[Any]: ...


class _Fetcher(Protocol):
    """``aiokafka.consumer.fetcher.Fetcher``, once a consumer is started.

    Attributes:
        _proc_fetch_request: Sends one request and takes the answer apart, by the two classes that
            are named in its module.
    """

    _proc_fetch_request: Callable[..., Any]


def bound_batches(consumer: AIOKafkaConsumer, most: int) -> None:
    """Have a consumer inflate no batch beyond a bound, and pass over those that it cannot read.

    In place of the records of such a batch its user gets one `SetAside`. Needed because 300 kB of
    gzip can be 300 MB of one octet, and because a header's name may be any octets. Without it one
    record costs gigabytes, or stops its partition for ever.

    The other consumers of the process are let alone: the method is bound anew with its own view of
    its module, in which the two classes are ours.

    Args:
        consumer: Started.
        most: Octets to which one batch is inflated.
    """
    fetcher: _Fetcher = consumer._fetcher  # noqa: SLF001
    plain = type(fetcher)._proc_fetch_request  # noqa: SLF001
    view: Mapping[str, Any] = {
        **plain.__globals__,
        "MemoryRecords": Answer,
        "PartitionRecords": partial(BoundedRecords, most),
    }
    own = FunctionType(
        plain.__code__, dict(view), plain.__name__, plain.__defaults__, plain.__closure__
    )
    fetcher._proc_fetch_request = MethodType(own, fetcher)  # noqa: SLF001


class Answer:
    """``MemoryRecords`` of an answer, which keeps the octets in reach.

    Attributes:
        octets: All batches, one after the other; the last may be cut off.
    """

    def __init__(self, octets: bytes) -> None:
        """Look at them as the client does."""
        records = MemoryRecords(octets)
        self.octets = octets
        self.has_next: Callable[[], bool] = records.has_next
        self.next_batch: Callable[[], Any] = records.next_batch
        self.size_in_bytes: Callable[[], int] = records.size_in_bytes


class BoundedRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """Gives the records of one partition's answer; each is unpacked when it is asked for.

    Attributes:
        next_fetch_offset: Where the client asks on after what was given.
    """

    next_fetch_offset: int
    _tp: TopicPartition
    _check_crcs: bool
    _isolation_level: int
    _aborted_producers: set[int]
    _records: Answer
    _consume_aborted_up_to: Callable[[int], None]
    _contains_abort_marker: Callable[[_Batch], bool]

    def __init__(self, most: int, *answer: Any) -> None:  # noqa: ANN401
        """Take what the client gives to its own class, behind the bound."""
        super().__init__(*answer)
        self._most = most
        self._inflated = 0

    def _unpack_records(self) -> Iterator[Any]:
        """Go through the batches as the client does, but for those that are compressed.

        An answer whose batches inflate beyond the bound together is left half read; the client asks
        again for the rest.
        """
        records = self._records
        end = 0
        while records.has_next():
            begin = end
            end = begin + _LENGTH.size + _LENGTH.unpack_from(records.octets, begin)[0]
            batch: _Batch = records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if self._is_passed_over(batch):
                self.next_fetch_offset = batch.next_offset
                continue
            whole = memoryview(records.octets)[begin:end]
            is_legacy = whole[_MAGIC_AT] < _DEFAULT_MAGIC
            codec = whole[_LEGACY_ATTRIBUTES_AT if is_legacy else _ATTRIBUTES_AT] & _CODEC
            try:
                if not codec:
                    yield from self._given(batch, whole)
                elif self._inflated >= self._most:
                    return
                elif is_legacy:
                    # Ancient and rare: the client may inflate it a second time.
                    self._inflate(codec, _legacy_value(whole))
                    yield from self._given(batch, whole)
                else:
                    plain = _uncompressed(whole, self._inflate(codec, whole[BATCH_OVERHEAD:]))
                    yield from self._given(DefaultRecordBatch(plain), plain)
            except InflatesTooFarError:
                # So much of the event loop's time was taken as well.
                self._inflated += self._most
                why = f"it inflates to more than {self._most} octets (limits.batch_bytes)"
                yield from self._set_aside(batch, whole, "TOO_LARGE", why)
            except (CorruptRecordException, DamagedError) as error:
                why = f"it is damaged: {error}"
                yield from self._set_aside(batch, whole, "MALFORMED", why)
            self.next_fetch_offset = batch.next_offset

    def _is_passed_over(self, batch: _Batch) -> bool:
        """Say whether a batch was aborted, or is a marker of the broker's."""
        if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return True
        return batch.is_control_batch

    def _inflate(self, codec: int, octets: memoryview) -> bytes:
        try:
            inflated = inflate(codec, octets, self._most)
        except UnsupportedCodecError as error:
            place = f"{self._tp.topic} {self._tp.partition} from offset {self.next_fetch_offset} on"
            raise UnsupportedCodecError(f"{place} is {error.args[0]}") from None
        self._inflated += len(inflated)
        return inflated

    def _given(self, batch: _Batch, octets: bytes | memoryview) -> Iterator[Any]:
        """Give a batch's records, in another way if the client's own does not get through."""
        try:
            for record in batch:
                if self._is_next(record, batch):
                    yield self._made(record, bounded(record.headers) if record.headers else ())
        except UnicodeDecodeError:
            header = BatchHeader.of(octets)
            inflated = bytes(octets[BATCH_OVERHEAD:])
            for loose in loose_records(header, inflated, self.next_fetch_offset):
                if self._is_next(loose, batch):
                    yield self._made(loose, loose.headers)

    def _is_next(self, record: Any, batch: _Batch) -> bool:  # noqa: ANN401
        """Say whether a record was asked for, and move past it."""
        offset = record.offset
        # A batch is given whole, also to whoever asked for one in its middle.
        if offset < self.next_fetch_offset:
            return False
        # Brokers count the records of a batch, and let it say any offsets.
        if offset >= batch.next_offset:
            raise DamagedError(f"it holds offset {offset}")
        self.next_fetch_offset = offset + 1
        return True

    def _made(self, record: Any, headers: Headers) -> ConsumerRecord:  # noqa: ANN401
        """Make the client's record for its user."""
        key, value = record.key, record.value
        return ConsumerRecord(
            self._tp.topic,
            self._tp.partition,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            key,
            value,
            record.checksum,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
            headers,
        )

    def _set_aside(
        self, batch: _Batch, whole: memoryview, reason: str, why: str
    ) -> Iterator[SetAside]:
        """Stand for what was not given of a batch, if that is anything."""
        first, last = self.next_fetch_offset, batch.next_offset - 1
        if first > last:
            return
        self.next_fetch_offset = batch.next_offset
        is_legacy = whole[_MAGIC_AT] < _DEFAULT_MAGIC
        yield SetAside(
            partition=self._tp.partition,
            offset=last,
            first=first,
            value=bytes(whole[:KEPT_OCTETS]),
            timestamp=_NO_TIME if is_legacy else BatchHeader.of(whole).max_timestamp,
            reason=reason,
            detail=f"offsets {first} to {last}, a batch of {len(whole)} octets with SHA-256 "
            f"{sha256(whole).hexdigest()}: {why}",
        )


def _uncompressed(batch: memoryview, records: bytes) -> bytes:
    """Give a batch of magic 2 as if its writer had not compressed it; its checksum is wrong."""
    attributes = bytes((batch[_ATTRIBUTES_AT] & ~_CODEC,))
    after = batch[_ATTRIBUTES_AT + 1 : BATCH_OVERHEAD]
    return b"".join((batch[:_ATTRIBUTES_AT], attributes, after, records))


def _legacy_value(message: memoryview) -> memoryview:
    """Give what a message of magic 0 or 1 holds: other messages, compressed."""
    at = _LEGACY_OVERHEAD[message[_MAGIC_AT]]
    try:
        at += _NULLABLE.size + max(0, _NULLABLE.unpack_from(message, at)[0])
        length = _NULLABLE.unpack_from(message, at)[0]
    except struct.error:
        raise DamagedError("it ends too early") from None
    at += _NULLABLE.size
    return message[at : at + max(0, length)]
