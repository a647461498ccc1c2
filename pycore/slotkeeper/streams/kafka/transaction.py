"""One batch of a partition's owner, in one transaction of the cluster."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalOperation, ProducerFenced

from slotkeeper.streams.errors import (
    CommitAbortedError,
    CommitInDoubtError,
    FencedError,
    OutputTooLargeError,
)
from slotkeeper.streams.interface import Output, OutputBatch

from .batches import BatchTooLargeError, send, together
from .errors import CLIENT, REFUSED, judged
from .topics import Topics

TIMEOUT_MS = 15_000
"""After this the broker ends a transaction by itself. An open one holds back every read-committed
reader, and a rerouted record's partition with them, so it is short; a broker that was killed was
seen to hold transactions up for 7.9 s, so it is longer than that."""

ABORT_S = 5.0
"""How long an abort may take; one that takes longer ends in doubt, which costs a restore."""

_PAST_USE = (*CLIENT, AssertionError, IllegalOperation)
"""aiokafka says by the last two that a producer is past use, or that its transaction is."""


class Transactions:
    """Commits the batches of one owner.

    Whether a batch is aborted for certain or in doubt is decided by one thing: whether the commit
    was called. A commit that ran into its deadline had succeeded 10 times of 10 when that was
    tried, and to abort after it is an error of the client.

    After an abort the producer is past use, too: batches that it did not get acknowledged leave a
    gap in its sequence numbers, or stay in its queue. Only whoever fences and restores may have a
    new one, so the next commit is refused as if it were in doubt.
    """

    def __init__(self, producer: Any, topics: Topics, group: str, deadline_s: float) -> None:  # noqa: ANN401
        """Commit by a producer that has just fenced all earlier ones.

        Args:
            producer: Started, with the partition's transactional id.
            topics: Where records go.
            group: Whose offsets are written.
            deadline_s: For sending, and again for the commit.
        """
        self._producer = producer
        self._topics = topics
        self._group = group
        self._deadline_s = deadline_s
        self._past_use = False

    async def commit(
        self,
        records: Sequence[Output],
        offsets: Mapping[TopicPartition, int],
        timestamp_ms: int,
        finished: OutputBatch | None = None,
        expected: Mapping[TopicPartition, int] | None = None,
    ) -> dict[TopicPartition, int]:
        """Write records and offsets together; gives the offsets after the last records.

        Where the first record of a place is not at the offset that is ``expected``, somebody else
        has written meanwhile.

        Raises:
            CommitAbortedError: Nothing is visible, for certain.
            OutputTooLargeError: Likewise; a broker does not take one of the records.
            CommitInDoubtError: It may be; or the batch before was aborted.
            FencedError: Another owner has the partition; or the broker ended the transaction.
        """
        if self._past_use:
            raise CommitInDoubtError("a batch was aborted; the partition must be opened again")
        unanswered: set[TopicPartition] = set()
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._producer.begin_transaction()
                # Side by side: each is a way to the broker and back, or several.
                sending = send(
                    self._producer,
                    self._topics,
                    records,
                    timestamp_ms,
                    finished,
                    unanswered=unanswered,
                )
                sent = await together(sending, self._send_offsets(offsets))
                written: dict[TopicPartition, range] = sent[0]
        except ProducerFenced as error:
            raise _fenced(error) from error
        except _PAST_USE as error:
            await self._abort(error, unanswered)
        if any(written[place].start != first for place, first in (expected or {}).items()):
            await self._give_way()
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._producer.commit_transaction()
        except ProducerFenced as error:
            raise _fenced(error) from error
        except _PAST_USE as error:
            raise CommitInDoubtError(
                f"the batch may or may not be visible: {type(error).__name__} {error}"
            ) from error
        return {place: own.stop for place, own in written.items()}

    async def _send_offsets(self, offsets: Mapping[TopicPartition, int]) -> None:
        if offsets:
            await self._producer.send_offsets_to_transaction(dict(offsets), self._group)

    async def _give_way(self) -> None:
        """Abort what would have followed records that were never read; always raises."""
        told = "another program has written to the changelog since its end was read"
        try:
            await self._abort(IllegalOperation(told))
        except CommitAbortedError as error:
            raise FencedError(told) from error

    async def _abort(self, cause: Exception, unanswered: Collection[TopicPartition] = ()) -> None:
        """Abort and say so, and who did not answer; always raises."""
        self._past_use = True
        told = f"{type(cause).__name__} {cause}".rstrip()
        if unanswered:
            places = sorted(f"{place.topic} {place.partition}" for place in unanswered)
            told += f"; not acknowledged by {', '.join(places)}"
        try:
            async with asyncio.timeout(ABORT_S):
                await self._producer.abort_transaction()
        except ProducerFenced as error:
            raise _fenced(error) from error
        except _PAST_USE as error:
            raise CommitInDoubtError(
                f"the batch was not written ({told}), nor was its abort confirmed"
            ) from error
        if isinstance(cause, BatchTooLargeError):
            raise OutputTooLargeError(
                f"the batch was not written: {cause}",
                stream=self._topics.stream(cause.place),
                partition=cause.place.partition,
                octets=cause.octets,
            ) from cause
        refused = judged(cause, "the batch was refused") if isinstance(cause, REFUSED) else cause
        raise CommitAbortedError(f"the batch was not written: {told}") from refused


def _fenced(error: ProducerFenced) -> FencedError:
    return FencedError(
        f"the partition has a later owner, or its transaction took too long: {error}"
    )
