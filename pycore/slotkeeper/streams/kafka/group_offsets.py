"""How far a group has read, asked so that no answer is not taken for none.

While a group's coordinator moves, or loads what it keeps, brokers answer for the whole group with
an error and name no partition. aiokafka 0.14 looks at the errors of partitions alone, and gives an
answer without any: as if nothing had ever been committed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NoError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest

from .client_internals import ask
from .clients import admin
from .errors import translated
from .options import ClientOptions

PATIENCE_S = 120.0
"""A coordinator that moves is found again within some seconds; one that loads much takes longer. A
worker that waits serves its other partitions meanwhile, and one that gives up serves none."""

AGAIN_S = 0.5


async def group_offsets(
    options: ClientOptions, group: str, places: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """Give the offsets of those places that the group has one for.

    Raises:
        WrongUseError: No right to see them.
        StoreUnavailableError: The coordinator does not tell now.
    """
    wanted = defaultdict(list)
    for place in places:
        wanted[place.topic].append(place.partition)
    until = asyncio.get_running_loop().time() + PATIENCE_S
    async with admin(options) as client:
        while True:
            with translated("the group's offsets are not known"):
                try:
                    return await _asked(client, group, wanted)
                except KafkaError as error:
                    if not error.retriable or asyncio.get_running_loop().time() > until:
                        raise
            await asyncio.sleep(AGAIN_S)


async def _asked(
    client: Any,  # noqa: ANN401  # aiokafka has no types
    group: str,
    wanted: dict[str, list[int]],
) -> dict[TopicPartition, int]:
    coordinator = await client.find_coordinator(group)
    answer = await ask(client, OffsetFetchRequest(group, list(wanted.items())), coordinator)
    # Brokers before 0.11 tell it by partition.
    _refuse(getattr(answer, "error_code", NoError.errno), group)
    found: dict[TopicPartition, int] = {}
    for topic, partitions in answer.topics:
        for partition, offset, _, code in partitions:
            if for_code(code) is UnknownTopicOrPartitionError:
                continue
            _refuse(code, group)
            if offset >= 0:
                found[TopicPartition(topic, partition)] = offset
    return found


def _refuse(code: int, group: str) -> None:
    error = for_code(code)
    if error is not NoError:
        raise error(group)
