"""Batches as a consumer takes them apart: bounded, and none that nothing follows.

aiokafka gives up a whole answer of the broker for one name that it cannot decode: the consumer then
asks for the same answer again, for ever. So its loop over the batches of an answer is ours.
"""

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from types import FunctionType, MethodType
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch

from slotkeeper.streams.interface import Headers, SetAside
from slotkeeper.streams.kafka.inflating import DamagedError
from slotkeeper.streams.kafka.loose_records import (
    BatchHeader,
    Beginning,
    bounded,
    loose_records,
)

from .opened_answers import Answer, Refused, codec_of, end_of, is_legacy, open_answers

KEPT_OCTETS = 512 * 1024
"""Of a batch that is set aside: half of what a broker takes by default, so that it fits into a
record of another topic."""

READ_BY_THE_CLIENT = 1 << 20
"""Octets of a batch, inflated, whose records the client's own reader takes apart. It makes an
object of every header, and a record may have one for each two octets: 80 ms for a million."""

RECORDS_READ_BY_THE_CLIENT = 10_000
"""Of such a batch: its reader can begin with the first alone, and gives up a batch for one name."""

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
    open_answers(consumer._client, most)  # noqa: SLF001
    fetcher: _Fetcher = consumer._fetcher  # noqa: SLF001
    plain = type(fetcher)._proc_fetch_request  # noqa: SLF001
    view: Mapping[str, Any] = {
        **plain.__globals__,
        "MemoryRecords": _as_it_is,
        "PartitionRecords": BoundedRecords,
    }
    own = FunctionType(
        plain.__code__, dict(view), plain.__name__, plain.__defaults__, plain.__closure__
    )
    fetcher._proc_fetch_request = MethodType(own, fetcher)  # noqa: SLF001


def _as_it_is(answer: Answer) -> Answer:
    """Stand for ``MemoryRecords``, which has been made when the answer came."""
    return answer


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

    def _unpack_records(self) -> Iterator[Any]:
        """Go through the batches as the client does, but for those that are compressed.

        An answer that was not opened to its end is left half read; the client asks again for the
        rest.
        """
        records = self._records
        end = 0
        while records.has_next():
            begin = end
            end = end_of(records.octets, begin)
            batch: _Batch = records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            whole = memoryview(records.octets)[begin:end]
            if self._is_passed_over(batch, whole):
                self.next_fetch_offset = batch.next_offset
                continue
            opened = records.take(begin) if codec_of(whole) else whole
            if opened is None:
                return
            if isinstance(opened, UnsupportedCodecError):
                place = f"{self._tp.topic} {self._tp.partition}"
                found = f"from offset {self.next_fetch_offset} on is {opened.args[0]}"
                raise UnsupportedCodecError(f"{place} {found}")
            if isinstance(opened, Refused):
                yield from self._set_aside(batch, whole, opened)
            else:
                try:
                    begins = None if begin else records.begins
                    yield from self._given(batch, opened, begins)
                except (CorruptRecordException, DamagedError) as error:
                    damaged = Refused("MALFORMED", f"it is damaged: {error}")
                    yield from self._set_aside(batch, whole, damaged)
            self.next_fetch_offset = batch.next_offset

    def _is_passed_over(self, batch: _Batch, whole: memoryview) -> bool:
        """Say whether a batch was aborted, or is a marker of the broker's."""
        if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            # Compaction removes a marker before its batch. For the client that is an error, which
            # would come again for ever.
            has_marker = batch.is_control_batch and BatchHeader.of(whole).records > 0
            if has_marker and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return True
        return batch.is_control_batch

    def _given(
        self,
        batch: _Batch,
        opened: bytes | memoryview | LegacyRecordBatch,
        begins: Beginning | None,
    ) -> Iterator[Any]:
        """Give a batch's records, in another way where the client's own does not serve.

        Args:
            batch: As the client has it.
            opened: The same without compression.
            begins: Where in it the records begin that were asked for, if far from its start.
        """
        if isinstance(opened, LegacyRecordBatch):
            yield from self._by_the_client(opened, batch)
        elif is_legacy(opened):
            yield from self._by_the_client(batch, batch)
        elif (
            begins is not None
            or len(opened) > READ_BY_THE_CLIENT
            or BatchHeader.of(opened).records > RECORDS_READ_BY_THE_CLIENT
        ):
            yield from self._loose(opened, batch, begins)
        else:
            try:
                plain = DefaultRecordBatch(opened) if isinstance(opened, bytes) else batch
                yield from self._by_the_client(plain, batch)
            except UnicodeDecodeError:
                yield from self._loose(opened, batch)

    def _by_the_client(self, plain: Any, batch: _Batch) -> Iterator[Any]:  # noqa: ANN401
        for record in plain:
            if self._is_next(record, batch):
                yield self._made(record, bounded(record.headers) if record.headers else ())

    def _loose(
        self, opened: bytes | memoryview, batch: _Batch, begins: Beginning | None = None
    ) -> Iterator[Any]:
        for record in loose_records(opened, self.next_fetch_offset, begins):
            if self._is_next(record, batch):
                yield self._made(record, record.headers)

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

    def _set_aside(self, batch: _Batch, whole: memoryview, why: Refused) -> Iterator[SetAside]:
        """Stand for what was not given of a batch, if that is anything."""
        first, last = self.next_fetch_offset, batch.next_offset - 1
        if first > last:
            return
        self.next_fetch_offset = batch.next_offset
        yield SetAside(
            partition=self._tp.partition,
            offset=last,
            first=first,
            value=bytes(whole[:KEPT_OCTETS]),
            timestamp=_NO_TIME if is_legacy(whole) else BatchHeader.of(whole).max_timestamp,
            reason=why.reason,
            detail=f"offsets {first} to {last}, a batch of {len(whole)} octets with SHA-256 "
            f"{sha256(whole).hexdigest()}: {why.why}",
        )
