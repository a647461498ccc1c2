"""Reading from one offset to another, committed records only."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition

from slotkeeper.streams.errors import StoppedForOperatorError, StoreUnavailableError
from slotkeeper.streams.interface import Record, SetAside

from .clients import consumer
from .errors import translated
from .options import ClientOptions

COMMITTED: dict[str, object] = {
    "isolation_level": "read_committed",
    # Where a position is missing or out of range, an error: never a silent jump.
    "auto_offset_reset": "none",
}

STALL_S = 60.0
"""How long a reading may stand still. A transaction that its producer left open holds readers back
until the broker ends it: after its time-out, 15 s here, and at most 10 s more."""

POLL_MS = 100
"""How often a waiting reader looks whether markers alone have brought it to its end."""


async def scan(
    options: ClientOptions,
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    streams: Mapping[TopicPartition, str],
    *,
    limit: int,
) -> AsyncIterator[list[Record]]:
    """Give every committed record between the offsets, in batches of one partition each.

    Raises:
        StoreUnavailableError: Not all of it can be read now; what was given is in order.
    """
    async for place, messages in scan_messages(options, begins, ends, limit=limit):
        yield [record_of(message, streams[place]) for message in messages]


async def scan_messages(
    options: ClientOptions,
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    *,
    limit: int,
) -> AsyncGenerator[tuple[TopicPartition, list[Any]], None]:
    """As ``scan``, with the client's own records, for which nothing is done one by one."""
    left = {place for place, end in ends.items() if begins[place] < end}
    if not left:
        return
    async with consumer(options, **COMMITTED) as client:
        await place_at(client, {place: begins[place] for place in left})
        loop = asyncio.get_running_loop()
        stands, moved = dict(begins), loop.time()
        while left:
            with translated("the records were not read", needs="Read"):
                found = await client.getmany(*left, timeout_ms=POLL_MS, max_records=limit)
            for place, messages in found.items():
                end = ends[place]
                below = (
                    messages
                    if messages[-1].offset < end
                    else [message for message in messages if message.offset < end]
                )
                if below:
                    yield place, below
            # Not the last record's offset: markers and aborted records take offsets as well.
            reached = {place: await client.position(place) for place in left}
            left = {place for place, position in reached.items() if position < ends[place]}
            if reached.items() - stands.items():
                stands, moved = reached, loop.time()
            elif loop.time() - moved > STALL_S:
                raise await _stalled(client, reached, ends)


async def settled_ends(
    options: ClientOptions, places: Iterable[TopicPartition]
) -> Mapping[TopicPartition, int]:
    """Give the offsets below which no transaction is open: Kafka's last stable offsets."""
    async with consumer(options, **COMMITTED) as client:
        with translated("the topics' ends are not known", needs="Describe"):
            ends: Mapping[TopicPartition, int] = await client.end_offsets(list(places))
    return ends


async def _stalled(
    client: Any,  # noqa: ANN401
    stands: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> StoreUnavailableError:
    """Say what holds a reading back: a transaction, or whoever should give its records."""
    places = [place for place, at in stands.items() if at < ends[place]]
    with translated("what holds a reading back is not known", needs="Describe"):
        stable = await client.end_offsets(places)
    told = [
        f"{place.topic} {place.partition} is read to {stands[place]} of {ends[place]}, "
        + (
            f"and a transaction is open from {stable[place]} on"
            if stable[place] < ends[place]
            else "and no transaction is open"
        )
        for place in places
    ]
    return StoreUnavailableError(f"nothing came for {STALL_S:.0f} s: {'; '.join(told)}")


async def place_at(client: Any, positions: Mapping[TopicPartition, int]) -> None:  # noqa: ANN401
    """Assign partitions and stand at these positions, for certain.

    Nothing is awaited between assigning and seeking. A consumer that gets the time begins to look
    up a position by itself, and what it finds replaces the one that was sought meanwhile: a restore
    then begins at the end and gives nothing, without any error.
    """
    client.assign(list(positions))
    for place, position in positions.items():
        client.seek(place, position)
    for place, position in positions.items():
        stands = await client.position(place)
        if stands != position:
            raise StoreUnavailableError(
                f"{place.topic} {place.partition} is read from {stands} in place of {position}"
            )


def record_of(message: Any, stream: str) -> Record:  # noqa: ANN401  # aiokafka has no types
    """Give the streams' record for the client's, or for what stands for several."""
    return Record(
        stream,
        message.partition,
        message.offset,
        message.key,
        message.value,
        list(message.headers),
        message.timestamp,
    )


def refuse_set_aside(place: TopicPartition, messages: Iterable[Any]) -> None:
    """Refuse to go on without what was set aside: nobody but workers writes the changelog.

    Raises:
        StoppedForOperatorError: Something was.
    """
    for message in messages:
        if isinstance(message, SetAside):
            raise StoppedForOperatorError(
                f"{place.topic} {place.partition} cannot be read, {message.detail}. Workers write "
                "no such thing: find out who did",
                partition=place.partition,
            )
