"""The programs that write the inputs: one record after another, by transactions, or in batches that
no client makes.
"""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from aiokafka.errors import KafkaError
from tests.kafka.chaos.hostile import Attack
from tests.kafka.chaos.hostilities import Hostilities
from tests.kafka.chaos.journal import Journal
from tests.kafka.chaos.load import Planned

from slotkeeper.clock import system_clock
from slotkeeper.streams.kafka.client_internals import PackedBatch
from slotkeeper.streams.kafka.clients import producer
from slotkeeper.streams.kafka.options import ClientOptions

CHUNK = 200
"""Records written together."""

IN_TRANSACTIONS = 0.4
ABORTED = 0.1
"""Of the chunks, and of those in transactions: aborted ones are written again, as programs do."""

LINGERING = 0.03
LINGER_S = 1.5
"""Of the transactions; for so long one stays open when all of it is written."""

SENDER_ENDED = "Unexpected error during batch delivery"

PATIENCE_MS = 60_000
"""A broker that is started again takes seconds."""

ATTACK_EVERY_S = 0.2
"""So that every kind comes several times between two faults, and honest records are still most of
what a worker has to do."""


class Upstream:
    """Writes a load at a steady pace, and faster after an outage."""

    def __init__(
        self,
        plain: Any,  # noqa: ANN401
        begin: Callable[[], AbstractAsyncContextManager[Any]],
        prefix: str,
        seed: int,
    ) -> None:
        """Write by a started producer, and by one of transactions that is begun."""
        self._plain = plain
        self._begin = begin
        self._open = AsyncExitStack()
        self._transactional: Any = None
        self._prefix = prefix
        self._draw = random.Random(f"upstream {seed}")  # noqa: S311  # a load, no secret

    async def write(
        self, records: Iterator[Planned], journal: Journal, *, rate: float, seconds: float
    ) -> None:
        """Write ``rate`` records a second for so many seconds; all are acknowledged on return."""
        loop = asyncio.get_running_loop()
        begin, written = loop.time(), 0
        while loop.time() < begin + seconds:
            chunk = await asyncio.to_thread(lambda: list(itertools.islice(records, CHUNK)))
            if self._draw.random() < IN_TRANSACTIONS:
                offsets = await self._write_in_a_transaction(chunk)
            else:
                offsets = await self._send(self._plain, chunk)
            journal.acknowledged(chunk, offsets)
            written += len(chunk)
            await asyncio.sleep(begin + written / rate - loop.time())

    async def begin(self) -> None:
        """Begin the producer of transactions, in the place of one that has ended."""
        await self._open.aclose()
        self._transactional = await self._open.enter_async_context(self._begin())

    async def end(self) -> None:
        """End the producer of transactions."""
        await self._open.aclose()

    async def _write_in_a_transaction(self, chunk: Sequence[Planned]) -> list[int]:
        if self._draw.random() < ABORTED:
            await self._ended(chunk, self._abort)
        is_late = self._draw.random() < LINGERING
        return await self._ended(chunk, self._commit_late if is_late else self._commit)

    async def _abort(self) -> None:
        await self._transactional.abort_transaction()

    async def _commit(self) -> None:
        await self._transactional.commit_transaction()

    async def _commit_late(self) -> None:
        await asyncio.sleep(LINGER_S)
        await self._commit()

    async def _ended(
        self, chunk: Sequence[Planned], end: Callable[[], Awaitable[None]]
    ) -> list[int]:
        """Write in a transaction, and end it; gives the offsets.

        aiokafka's sender ends for good where it loses the broker while it asks for the coordinator,
        which it does before it writes and before it ends a transaction. Nothing was committed:
        who begins anew aborts what there is.
        """
        while True:
            try:
                await self._transactional.begin_transaction()
                offsets = await self._send(self._transactional, chunk)
                await end()
            except KafkaError as error:
                if SENDER_ENDED not in str(error):
                    raise
                await self.begin()
            else:
                return offsets

    async def _send(self, producer: Any, chunk: Sequence[Planned]) -> list[int]:  # noqa: ANN401
        sent = [
            await producer.send(
                f"{self._prefix}{record.event.stream}",
                key=record.key,
                value=record.event.octets,
                partition=record.partition,
            )
            for record in chunk
        ]
        return [delivered.offset for delivered in await asyncio.gather(*sent)]


@asynccontextmanager
async def upstream(servers: str, prefix: str, seed: int) -> AsyncIterator[Upstream]:
    options = ClientOptions(servers, {"request_timeout_ms": PATIENCE_MS})
    async with producer(options) as plain:
        writer = Upstream(
            plain,
            lambda: producer(options, transactional_id=f"{prefix}upstream"),
            prefix,
            seed,
        )
        await writer.begin()
        try:
            yield writer
        finally:
            await writer.end()


async def write_attacks(
    servers: str, prefix: str, attacks: Iterator[Attack], account: Hostilities, *, seconds: float
) -> None:
    """Write hostile batches for so many seconds; all are acknowledged on return."""
    loop = asyncio.get_running_loop()
    options = ClientOptions(servers, {"request_timeout_ms": PATIENCE_MS})
    async with producer(options) as client:
        end = loop.time() + seconds
        while loop.time() < end:
            attack = next(attacks)
            batch = PackedBatch(attack.batch, system_clock())
            topic = f"{prefix}{attack.stream}"
            written = await client.send_batch(batch, topic, partition=attack.partition)
            account.acknowledged(attack, (await written).offset)
            await asyncio.sleep(ATTACK_EVERY_S)
