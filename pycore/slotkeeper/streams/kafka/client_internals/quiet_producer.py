"""A producer that leaves nothing behind for the event loop to complain of.

aiokafka fails several futures for one error: those that its user awaits, and others that it keeps
for itself. Where a batch was refused, or fenced before its commit, nobody awaits the others, and
the loop logs each as an exception that was never retrieved, as if that were news.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer


class _MessageBatch(Protocol):
    """``aiokafka.producer.message_accumulator.MessageBatch``.

    Attributes:
        _drain_waiter: Done when the batch is taken to be sent. A batch that waits behind another
            one of its partition fails by it as well, and only a third one would await it.
    """

    _drain_waiter: asyncio.Future[None]


class _Accumulator(Protocol):
    """``aiokafka.producer.message_accumulator.MessageAccumulator``, the producer's queues.

    Attributes:
        fail_all: Fails every batch, when the producer is fenced or has lost a right.
        _batches: By partition, those that were not taken to be sent yet.
    """

    fail_all: Callable[[BaseException], None]
    _batches: Mapping[Any, Iterable[_MessageBatch]]


class _TransactionManager(Protocol):
    """``aiokafka.producer.transaction_manager.TransactionManager``."""

    fatal_error: Callable[[BaseException], None]
    """Ends the transaction for good; one that has ended gets another future, which fails too."""

    def wait_for_transaction_end(self) -> asyncio.Future[None]:
        """Give the future that a commit or an abort awaits; nobody does where neither is called."""


class QuietProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
    """Takes notice of those other futures. What its user awaits fails as ever."""

    _message_accumulator: _Accumulator
    _txn_manager: _TransactionManager

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        """Make one with aiokafka's options."""
        super().__init__(**options)
        self._fail_all = self._message_accumulator.fail_all
        self._message_accumulator.fail_all = self._fail_all_once
        self._end_for_good = self._txn_manager.fatal_error
        self._txn_manager.fatal_error = self._end_for_good_once

    async def begin_transaction(self) -> None:
        """Begin. The end is told by the call that sends, commits or aborts."""
        await super().begin_transaction()
        self._txn_manager.wait_for_transaction_end().add_done_callback(_look_at)

    def _fail_all_once(self, error: BaseException) -> None:
        """Fail all batches; those that were not sent yet have a future for the sending as well."""
        queues = self._message_accumulator._batches.values()  # noqa: SLF001
        sendings = [batch._drain_waiter for queue in queues for batch in queue]  # noqa: SLF001
        self._fail_all(error)
        for sending in sendings:
            _look_at(sending)

    def _end_for_good_once(self, error: BaseException) -> None:
        """End the transaction; each answer that tells of a fence does so once more."""
        self._end_for_good(error)
        _look_at(self._txn_manager.wait_for_transaction_end())


def _look_at(ended: asyncio.Future[None]) -> None:
    if ended.done() and not ended.cancelled():
        ended.exception()
