"""Clients that are always closed again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from .client_internals import (
    Client,
    KeptConnections,
    QuietProducer,
    bootstrap_addresses,
    bound_batches,
    shorten_transaction_pause,
    unreached_brokers,
)
from .errors import CLIENT, judged
from .options import ClientOptions
from .refusal import refuse_if_told

shorten_transaction_pause()

RETRY_BACKOFF_MS = 5
"""A producer's pause before it tries again, in place of aiokafka's 100 ms: it also tries again
while a broker still writes the markers of the last transaction. Measured in a pipeline of 1,000
messages a transaction: 92,000 messages a second with 100 ms, 251,000 with 5 ms."""

BATCH_OCTETS = 256 * 1024
"""The size of a full batch. Measured: 83,000 messages a second, against 44,000 with aiokafka's
16 KiB; a quarter of what a broker takes by default."""

STOP_S = 5.0
"""How long a client may take to stop. It waits for its requests, which never end if the broker is
gone; what is unfinished then is settled by the next owner's fence."""


CLOSE_S = 1.0
"""How long connections may take to close once everything else has ended: the broker takes the last
octets in a moment, or not at all."""


@asynccontextmanager
async def consumer(options: ClientOptions, **own: object) -> AsyncIterator[Any]:
    """Give a started consumer, which holds no more of a batch than ``options`` allow."""
    client = AIOKafkaConsumer(**options.consumer(**own))
    async with _ended_at_last(client, client.stop):
        await _started(client, options)
        bound_batches(client, options.batch_bytes)
        yield client


@asynccontextmanager
async def producer(options: ClientOptions, **own: object) -> AsyncIterator[Any]:
    """Give a started producer. With a transactional id, earlier ones of that id are fenced."""
    client = QuietProducer(
        **options.producer(
            retry_backoff_ms=RETRY_BACKOFF_MS,
            max_batch_size=BATCH_OCTETS,
            enable_idempotence=True,
            **own,
        )
    )
    async with _ended_at_last(client, client.stop):
        await _started(client, options)
        yield client


@asynccontextmanager
async def admin(options: ClientOptions) -> AsyncIterator[Any]:
    """Give a started admin client that has reached a broker by the name that brokers tell."""
    client = AIOKafkaAdminClient(**options.admin())
    async with _ended_at_last(client, client.close):
        await _started(client, options)
        await refuse_if_told(options, await unreached_brokers(client))
        yield client


async def _started(client: Client, options: ClientOptions) -> None:
    """Start a client.

    By an AssertionError aiokafka says that no broker is known, as one that shuts down has told it.
    """
    try:
        await client.start()
    except (*CLIENT, AssertionError) as error:
        await refuse_if_told(options, bootstrap_addresses(client))
        raise judged(error, f"no connection to {options.servers}") from error


@asynccontextmanager
async def _ended_at_last(
    client: Client, stop: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncIterator[None]:
    """Stop a client, and leave nothing of it also where the start or the stop is disturbed.

    aiokafka cancels its own tasks and awaits them. A task that had not begun yet cancels the call
    of ``stop`` with it, before the connections are closed.
    """
    connections = KeptConnections(client)
    try:
        yield
    finally:
        stopping = asyncio.ensure_future(stop())
        stopping.add_done_callback(_look_at)
        try:
            await asyncio.wait([stopping], timeout=STOP_S)
        finally:
            stopping.cancel()
            ending = connections.end()
            try:
                await asyncio.wait([stopping, *ending], timeout=CLOSE_S)
            finally:
                connections.abort()


def _look_at(stopped: asyncio.Future[None]) -> None:
    """Take notice of why a stop failed: nothing is left to do about it."""
    if not stopped.cancelled():
        stopped.exception()
