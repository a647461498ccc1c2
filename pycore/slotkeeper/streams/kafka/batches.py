"""Records into batches. A future for each record would cost seven times as much."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from itertools import groupby
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from slotkeeper.streams.interface import Output, OutputBatch

from .client_internals import PackedBatch
from .topics import Topics

PACK_OCTETS = 768 * 1024
"""Of a batch that comes packed. Three quarters of what a broker takes by default, and so few that
a transaction of a thousand commands is sent in four requests."""


class BatchTooLargeError(MessageSizeTooLargeError):  # type: ignore[misc]  # aiokafka has no types
    """A broker does not take a batch for its size.

    Attributes:
        place: Where it should have gone.
        octets: Of the batch.
    """

    def __init__(self, place: TopicPartition, records: int, octets: int) -> None:
        """Say what was refused."""
        super().__init__(
            f"{place.topic} {place.partition} takes no batch of {octets} octets, {records} "
            "records (MessageSizeTooLarge: its max.message.bytes)"
        )
        self.place = place
        self.octets = octets

    def __str__(self) -> str:
        """Give the sentence alone."""
        return str(self.args[0])


async def send(
    producer: Any,  # noqa: ANN401  # aiokafka has no types
    topics: Topics,
    records: Sequence[Output],
    timestamp_ms: int,
    finished: OutputBatch | None = None,
    *,
    unanswered: set[TopicPartition] | None = None,
) -> dict[TopicPartition, range]:
    """Send records, each partition's in order; return once all are acknowledged.

    Gives the offsets of each partition, from the first record's to the one after the last record.
    Others may have written in between. Within a transaction nobody sees the records yet. What is
    ``finished`` precedes ``records``. At any moment, ``unanswered`` has the places that have not
    acknowledged theirs.
    """
    batches: dict[TopicPartition, list[Any]] = {}
    if finished is not None:
        for stream, partition, pack in finished.packed(PACK_OCTETS):
            ready = PackedBatch(pack, timestamp_ms)
            batches.setdefault(topics.at(stream, partition), []).append(ready)
    placed: dict[TopicPartition, list[Output]] = {}
    for (stream, partition), own in groupby(records, key=lambda record: record[:2]):
        placed.setdefault(topics.at(stream, partition), []).extend(own)
    places = dict.fromkeys((*batches, *placed))
    unanswered = set() if unanswered is None else unanswered
    unanswered.update(places)

    async def sent(place: TopicPartition) -> range:
        ready, own = batches.get(place, ()), placed.get(place, ())
        written = await _send_in_order(producer, place, ready, own, timestamp_ms)
        unanswered.discard(place)
        return written

    written = await together(*map(sent, places))
    return dict(zip(places, written, strict=True))


async def together(*sending: Awaitable[Any]) -> list[Any]:
    """Wait for all, also after a failure: an error that nobody looks at would be logged later."""
    ends = await asyncio.gather(*sending, return_exceptions=True)
    failures = [end for end in ends if isinstance(end, BaseException)]
    if failures:
        raise min(failures, key=_says_little)
    return ends


def _says_little(failure: BaseException) -> int:
    """Put first what names its record, and last what the client refused since others had failed."""
    if isinstance(failure, BatchTooLargeError):
        return 0
    return 2 if isinstance(failure, IllegalOperation) else 1


async def _send_in_order(
    producer: Any,  # noqa: ANN401
    place: TopicPartition,
    ready: Sequence[PackedBatch],
    records: Sequence[Output],
    timestamp_ms: int,
) -> range:
    sent: list[tuple[asyncio.Future[Any], Any]] = []
    for batch in (*ready, *_built(producer, records, timestamp_ms)):
        delivery = await producer.send_batch(batch, place.topic, partition=place.partition)
        delivery.add_done_callback(_look_at)
        sent.append((delivery, batch))
        # A batch takes a millisecond to build; other tasks get the loop between two.
        await asyncio.sleep(0)
    taken: list[range] = []
    for delivery, batch in sent:
        count = batch.record_count()
        try:
            first = int((await delivery).offset)
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            raise BatchTooLargeError(place, count, batch.size()) from error
        taken.append(range(first, first + count))
    return range(taken[0].start, taken[-1].stop)


def _look_at(delivery: asyncio.Future[Any]) -> None:
    """Take notice of a failure: nobody awaits it where the next batch could not be handed over."""
    if not delivery.cancelled():
        delivery.exception()


def _built(
    producer: Any,  # noqa: ANN401
    records: Sequence[Output],
    timestamp_ms: int,
) -> Iterator[Any]:
    first = 0
    while first < len(records):
        batch = producer.create_batch()
        for _, _, key, value, headers in records[first:]:
            fits = batch.append(key=key, value=value, headers=list(headers), timestamp=timestamp_ms)
            if fits is None:
                break
        batch.close()
        yield batch
        first += batch.record_count()
