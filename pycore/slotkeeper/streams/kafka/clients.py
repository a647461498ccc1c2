"""Clients that are always closed again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from .client_internals import (
    Client,
    QuietProducer,
    bootstrap_addresses,
    bound_batches,
    close_connections,
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


@asynccontextmanager
async def consumer(options: ClientOptions, **own: object) -> AsyncIterator[Any]:
    """Give a started consumer, which holds no more of a batch than ``options`` allow."""
    client = AIOKafkaConsumer(**options.consumer(**own))
    try:
        await _started(client, options)
        bound_batches(client, options.batch_bytes)
        yield client
    finally:
        await _stopped(client)


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
    try:
        await _started(client, options)
        yield client
    finally:
        await _stopped(client)


@asynccontextmanager
async def admin(options: ClientOptions) -> AsyncIterator[Any]:
    """Give a started admin client that has reached a broker by the name that brokers tell."""
    client = AIOKafkaAdminClient(**options.admin())
    try:
        await _started(client, options)
        await refuse_if_told(options, await unreached_brokers(client))
        yield client
    finally:
        await client.close()


async def _started(client: Client, options: ClientOptions) -> None:
    """Start a client. A caller that is cancelled meanwhile waits until the client can be stopped.

    aiokafka forgets a connection, and leaves it open, if it is cancelled while it looks around. By
    an AssertionError it says that no broker is known, as one that shuts down has told it.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except (*CLIENT, AssertionError) as error:
        await refuse_if_told(options, bootstrap_addresses(client))
        raise judged(error, f"no connection to {options.servers}") from error
    finally:
        if not starting.done():
            await asyncio.wait([starting], timeout=STOP_S)
            starting.cancel()
            await asyncio.wait([starting])
        if not starting.cancelled():
            starting.exception()  # raised above, or of no interest to a caller that is cancelled


async def _stopped(client: Client) -> None:
    """Stop a client, and close its connections also where the stop fails.

    aiokafka cancels its own tasks and awaits them. A task that had not begun yet cancels the call
    of ``stop`` with it, before the connections are closed.
    """
    stopping = asyncio.ensure_future(client.stop())
    try:
        await asyncio.wait([stopping], timeout=STOP_S)
    finally:
        if not stopping.done():
            stopping.cancel()
            await asyncio.wait([stopping])
        if stopping.cancelled() or stopping.exception() is not None:
            await close_connections(client)
