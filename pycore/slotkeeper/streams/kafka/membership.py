"""A worker's place in the consumer group: which partitions it should try to own."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition

from slotkeeper.streams.errors import StoppedForOperatorError

from .client_internals import give_up_joining
from .errors import translated

LOOK_MS = 20
"""How often a worker that waits for a change looks for one: fifty times a second, of no weight."""


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Follows the group by a consumer that subscribes to the gated topic and reads nothing.

    The group is no lock and needs none: a partition goes on being served while the group makes up
    its mind, and ends by being let go or by being fenced. So nothing stops for a rebalance but
    what changes hands.
    """

    def __init__(self, consumer: Any, topic: str, partitions: int, session_s: float) -> None:  # noqa: ANN401
        """Stand beside the group; the first ``share`` joins it.

        Args:
            consumer: Started, with the group's id, subscribed to nothing.
            topic: Whose partitions are shared out.
            partitions: How many there were when the streams were opened.
            session_s: After so many seconds the group gives a silent member's share away.
        """
        self._consumer = consumer
        self._topic = topic
        self._partitions = partitions
        self._session_s = session_s
        self._joined = False
        self._joining = False
        self._share: frozenset[int] = frozenset()
        self._told: frozenset[int] | None = None
        self._generation = 0
        self._changed = asyncio.Event()
        self._fenced: dict[int, int] = {}

    @property
    def joined(self) -> bool:
        """Whether this is a member, or wants to be."""
        return self._joined

    async def share(self) -> frozenset[int]:
        """Wait until the share differs from the one given last.

        Raises:
            StoppedForOperatorError: The topic has got more partitions.
            WrongUseError: The group refuses this member.
        """
        if not self._joined:
            self._joined = self._joining = True
            self._consumer.subscribe([self._topic], listener=self)
        while not self._generation or self._share == self._told:
            # A member that does not ask for records is taken for dead after a while.
            with translated("the group cannot be followed"):
                await self._consumer.getmany(timeout_ms=LOOK_MS)
        beyond = {number for number in self._share if number >= self._partitions}
        if beyond:
            raise StoppedForOperatorError(
                f"{self._topic} has got partitions {sorted(beyond)}, and had {self._partitions} "
                "before: devices would change their partition and lose their counters"
            )
        self._told = self._share
        return self._share

    def fenced(self, partition: int) -> None:
        """Remember that another has taken a partition."""
        self._fenced[partition] = self._generation

    async def entitled(self, partition: int) -> None:
        """Wait until it makes sense to take a partition over.

        A member that was fenced waits for the group's next word, or for as long as a silent member
        keeps its share: two that both believed in their share would fence each other in turns.
        """
        if not self._joined:
            return
        generation = self._fenced.pop(partition, None)
        if generation is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._session_s):
                    await self._until(lambda: self._generation != generation)
        await self._until(lambda: partition in self._share)

    def end(self) -> None:
        """Wait for the others no longer: one that stops needs no share."""
        if self._joining:
            give_up_joining(self._consumer)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        """Go on: what is lost will be known when the new shares are."""
        self._joining = True

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take the new share. Nothing here may fail or wait: the client would not tell anybody."""
        self._consumer.pause(*assigned)
        self._joining = False
        self._share = frozenset(place.partition for place in assigned)
        self._generation += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            await self._changed.wait()
