"""Records into batches. A future for each record would cost seven times as much."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from itertools import groupby
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalOperation

from slotkeeper.streams.interface import Output, OutputBatch

from .client_internals import PackedBatch
from .topics import Topics

PACK_OCTETS = 768 * 1024
"""Of a batch that comes packed. Three quarters of what a broker takes by default, and so few that
a transaction of a thousand commands is sent in four requests."""


async def send(
    producer: Any,  # noqa: ANN401  # aiokafka has no types
    topics: Topics,
    records: Sequence[Output],
    timestamp_ms: int,
    finished: OutputBatch | None = None,
) -> dict[TopicPartition, range]:
    """Send records, each partition's in order; return once all are acknowledged.

    Gives the offsets of each partition, from the first record's to the one after the last record.
    Others may have written in between. Within a transaction nobody sees the records yet. What is
    ``finished`` precedes ``records``.
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
    written = await together(
        *(
            _send_in_order(
                producer, place, batches.get(place, ()), placed.get(place, ()), timestamp_ms
            )
            for place in places
        )
    )
    return dict(zip(places, written, strict=True))


async def together(*sending: Awaitable[Any]) -> list[Any]:
    """Wait for all, also after a failure: an error that nobody looks at would be logged later."""
    ends = await asyncio.gather(*sending, return_exceptions=True)
    failures = [end for end in ends if isinstance(end, BaseException)]
    if failures:
        # What came after the first failure was refused by the client itself, which says nothing.
        raise min(failures, key=lambda failure: isinstance(failure, IllegalOperation))
    return ends


async def _send_in_order(
    producer: Any,  # noqa: ANN401
    place: TopicPartition,
    ready: Sequence[PackedBatch],
    records: Sequence[Output],
    timestamp_ms: int,
) -> range:
    sent: list[tuple[asyncio.Future[Any], int]] = []
    for batch in (*ready, *_built(producer, records, timestamp_ms)):
        delivery = await producer.send_batch(batch, place.topic, partition=place.partition)
        delivery.add_done_callback(_look_at)
        sent.append((delivery, batch.record_count()))
        # A batch takes a millisecond to build; other tasks get the loop between two.
        await asyncio.sleep(0)
    acknowledged = await asyncio.gather(*(delivery for delivery, _ in sent))
    return range(int(acknowledged[0].offset), int(acknowledged[-1].offset) + sent[-1][1])


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
