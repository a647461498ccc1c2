"""A member of a consumer group that the group does not know any more."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiokafka import AIOKafkaConsumer


class _Coordinator(Protocol):
    """``aiokafka.consumer.group_coordinator.GroupCoordinator``, once a consumer has a group.

    Attributes:
        member_id: Drawn by the group; empty before the first joining, and after it was reset.
        reset_generation: Forgets the member's id and has the member join again.
        _do_heartbeat: Sends one heartbeat; gives whether the group knows the member.
    """

    member_id: str
    reset_generation: Callable[[], None]
    _do_heartbeat: Callable[[], Awaitable[bool]]


def before_joining_again(
    consumer: AIOKafkaConsumer, may_join: Callable[[str], Awaitable[bool]]
) -> None:
    """Ask before a member that its group has forgotten joins again.

    Needed because aiokafka joins again by itself and tells nobody. Without it two members with one
    name (``group_instance_id``) take the place from each other for ever.

    The heartbeat's answer is where the client learns it, and ``reset_generation`` is what it does
    then. So each heartbeat runs with a ``reset_generation`` that takes a note only, and the real
    one is called when the answer allows it.

    Args:
        consumer: Started, with a ``group_id``.
        may_join: Gets the member's id. If it gives False, the next heartbeat asks again; what it
            raises ends the consumer, whose user gets it from the next call.
    """
    coordinator: _Coordinator = consumer._coordinator  # noqa: SLF001
    send = coordinator._do_heartbeat  # noqa: SLF001

    async def heartbeat() -> bool:
        forgotten = False

        def take_note() -> None:
            nonlocal forgotten
            forgotten = True

        coordinator.reset_generation = take_note
        try:
            known = await send()
        finally:
            del coordinator.reset_generation  # the attribute that hides the class's method
        if forgotten:
            if not await may_join(coordinator.member_id):
                return False
            coordinator.reset_generation()
        return known

    coordinator._do_heartbeat = heartbeat  # noqa: SLF001
