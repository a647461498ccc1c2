"""Records into batches. A future for each record would cost seven times as much."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition

from slotkeeper.streams.interface import Output

from .topics import Topics


async def send(
    producer: Any,  # noqa: ANN401  # aiokafka has no types
    topics: Topics,
    records: Sequence[Output],
    timestamp_ms: int,
) -> dict[TopicPartition, int]:
    """Send records, each partition's in order; return once all are acknowledged.

    Gives the offset after the last record of each partition. Within a transaction nobody sees them
    yet.
    """
    placed: dict[TopicPartition, list[Output]] = {}
    for record in records:
        placed.setdefault(topics.at(record[0], record[1]), []).append(record)
    # All are waited for, also after a failure: an error that nobody looks at would be logged later.
    ends = await asyncio.gather(
        *(_send_in_order(producer, place, own, timestamp_ms) for place, own in placed.items()),
        return_exceptions=True,
    )
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return dict(zip(placed, ends, strict=True))


async def _send_in_order(
    producer: Any,  # noqa: ANN401
    place: TopicPartition,
    records: Sequence[Output],
    timestamp_ms: int,
) -> int:
    sent: list[tuple[asyncio.Future[Any], int]] = []
    first = 0
    while first < len(records):
        batch = producer.create_batch()
        count = 0
        for _, _, key, value, headers in records[first:]:
            fits = batch.append(key=key, value=value, headers=list(headers), timestamp=timestamp_ms)
            if fits is None:
                break
            count += 1
        batch.close()
        delivery = await producer.send_batch(batch, place.topic, partition=place.partition)
        sent.append((delivery, count))
        first += count
        # A batch takes a millisecond to build; whoever waits for the loop gets it between two.
        await asyncio.sleep(0)
    acknowledged = await asyncio.gather(*(delivery for delivery, _ in sent))
    return int(acknowledged[-1].offset) + sent[-1][1]
