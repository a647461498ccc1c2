"""Where topics begin and end."""

from collections.abc import Iterable
from typing import Any

from aiokafka import TopicPartition

from .errors import translated
from .topics import Topics


class Offsets:
    """Asks by a consumer of its own that reads nothing and belongs to no group.

    It is read-uncommitted on purpose. The end that a read-committed consumer is told was below an
    outcome whose transaction had been committed before the question in 14 of 300 trials, since a
    commit returns before its markers are written; a cached last stable offset in 135 of 300; the
    high watermark in none. A consumer that also fetches would answer only after its long poll.
    """

    ISOLATION = "read_uncommitted"

    def __init__(self, client: Any) -> None:  # noqa: ANN401  # aiokafka has no types
        """Ask by a started consumer of that isolation."""
        self._client = client

    async def starts(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Give the first offset that is kept."""
        with translated("the topics' beginnings are not known", needs="Describe"):
            found: dict[TopicPartition, int] = await self._client.beginning_offsets(list(places))
        return found

    async def ends(
        self, places: Iterable[TopicPartition], *, needs: str = "Describe"
    ) -> dict[TopicPartition, int]:
        """Give an offset above everything that was written, committed or not, before the call.

        ``needs`` is the right that its user has by which it may ask.
        """
        with translated("the topics' ends are not known", needs=needs):
            found: dict[TopicPartition, int] = await self._client.end_offsets(list(places))
        return found


def know_topics(client: Any, topics: Topics, partitions: int) -> None:  # noqa: ANN401
    """Let a client learn the leaders of a worker's topics, by an assignment that reads nothing.

    Otherwise each first question about a topic would cost a failed attempt and a pause.
    """
    places = [
        topics.at(stream, number) for stream in topics.layout.served for number in range(partitions)
    ]
    client.assign(places)
    for place in places:
        client.seek(place, 0)
    client.pause(*places)
