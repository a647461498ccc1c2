"""A member that does not wait for the others of its group."""

import asyncio
from typing import Protocol

from aiokafka import AIOKafkaConsumer


class _Coordinator(Protocol):
    """``aiokafka.consumer.group_coordinator.GroupCoordinator``.

    Attributes:
        _coordination_task: Joins, and waits for the broker's answer as long as that takes.
    """

    _coordination_task: asyncio.Task[None]


def give_up_joining(consumer: AIOKafkaConsumer) -> None:
    """Have the next ``stop`` of a consumer not wait for the answer to its joining.

    Needed because a group answers when all of its members have asked anew, or when those that are
    silent have been so for their session. Without it a worker that is stopped meanwhile ends only
    when it is not waited for any more.

    Args:
        consumer: Started, with a ``group_id``.
    """
    coordinator: _Coordinator = consumer._coordinator  # noqa: SLF001
    coordinator._coordination_task.cancel()  # noqa: SLF001
