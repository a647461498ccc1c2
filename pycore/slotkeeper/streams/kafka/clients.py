"""Clients that are always closed again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.producer import sender

from .errors import CLIENT, judged
from .options import ClientOptions
from .quiet import QuietProducer
from .refusal import refuse_if_told

sender.BACKOFF_OVERRIDE = 0.002
"""How long a producer sleeps when the broker still writes the markers of its last transaction.
aiokafka has it as a constant of 20 ms. Measured with transactions back to back on one id: 24.2 ms
each with the constant as it is, 1.1 ms with 2 ms."""

RETRY_BACKOFF_MS = 5
"""Of producers, in place of aiokafka's 100 ms, for the same reason. Measured in a pipeline of 1,000
messages a transaction: 92,000 messages a second with 100 ms, 251,000 with 5 ms."""

BATCH_OCTETS = 256 * 1024
"""Of a batch. Measured: 83,000 messages a second, against 44,000 with aiokafka's 16 KiB; a quarter
of what a broker takes by default."""

STOP_S = 5.0
"""How long a client may take to stop. It waits for its requests, which never end if the broker is
gone; what is unfinished then is settled by the next owner's fence."""


@asynccontextmanager
async def consumer(options: ClientOptions, **own: object) -> AsyncIterator[Any]:
    """Give a started consumer."""
    client = AIOKafkaConsumer(**options.consumer(**own))
    try:
        await _started(client, client._client, options)  # noqa: SLF001  # it has no other name
        yield client
    finally:
        await _stopped(client, client._client)  # noqa: SLF001


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
        await _started(client, client.client, options)
        yield client
    finally:
        await _stopped(client, client.client)


@asynccontextmanager
async def admin(options: ClientOptions) -> AsyncIterator[Any]:
    """Give a started admin client that has reached a broker by the name that brokers tell."""
    client = AIOKafkaAdminClient(**options.admin())
    network = client._client  # noqa: SLF001
    try:
        await _started(client, network, options)
        node = network.get_random_node()
        if node is None:
            await _ask_why(network, options)
        elif not await network.ready(node):
            broker = network.cluster.broker_metadata(node)
            await refuse_if_told(options, [(broker.host, broker.port)])
        yield client
    finally:
        await client.close()


async def _started(client: Any, network: Any, options: ClientOptions) -> None:  # noqa: ANN401  # aiokafka has no types
    """Start a client. Whoever is cancelled meanwhile waits for it to be stoppable.

    aiokafka forgets a connection, and leaves it open, if it is cancelled while it looks around. By
    an AssertionError it says that no broker is known, as one that shuts down has told it.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except (*CLIENT, AssertionError) as error:
        await _ask_why(network, options)
        raise judged(error, f"no connection to {options.servers}") from error
    finally:
        if not starting.done():
            await asyncio.wait([starting], timeout=STOP_S)
            starting.cancel()
            await asyncio.wait([starting])
        if not starting.cancelled():
            starting.exception()  # told above, or of no interest to one who is cancelled


async def _ask_why(network: Any, options: ClientOptions) -> None:  # noqa: ANN401
    """Ask the brokers of the given address why they let nobody in."""
    await refuse_if_told(options, [(host, port) for host, port, _ in network.hosts])


async def _stopped(client: Any, network: Any) -> None:  # noqa: ANN401
    """Stop a client, and close its connections whatever becomes of that.

    aiokafka cancels its own tasks and awaits them. One that had not begun yet takes whoever stops
    the client with it, before the connections are closed.
    """
    stopping = asyncio.ensure_future(client.stop())
    try:
        await asyncio.wait([stopping], timeout=STOP_S)
    finally:
        if not stopping.done():
            stopping.cancel()
            await asyncio.wait([stopping])
        if stopping.cancelled() or stopping.exception() is not None:
            await network.close()
