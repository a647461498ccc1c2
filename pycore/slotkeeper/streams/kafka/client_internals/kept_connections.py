"""Connections and tasks that end with their client, however it ends.

aiokafka closes the connections that it knows of when it is told to stop. It does not know of one
that it is just beginning, it forgets the one by which it looks around if it is cancelled there, and
a stop that is cancelled or fails leaves its tasks at work: each begins a connection anew. The
socket, the task and a place in a group then outlive the client for as long as the process lives.
"""

import asyncio
from collections.abc import Iterable, Iterator
from types import FunctionType, MethodType
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError

from .connections import Client, network_of


class _Connection(Protocol):
    """``aiokafka.conn.AIOKafkaConnection``.

    Attributes:
        _writer: Gives the transport; None once it is closed.
    """

    _writer: asyncio.StreamWriter

    def close(self) -> asyncio.Future[None]: ...


class _Coordinator(Protocol):
    """``GroupCoordinator`` or ``NoGroupCoordinator``; each has some of these, or None."""

    _coordination_task: asyncio.Task[None] | None
    _heartbeat_task: asyncio.Task[None] | None
    _commit_refresh_task: asyncio.Task[None] | None
    _reset_committed_task: asyncio.Task[None] | None


class _Fetcher(Protocol):
    """``Fetcher``, of a consumer that was started."""

    _fetch_task: asyncio.Task[None]
    _pending_tasks: Iterable[asyncio.Task[None]]


class KeptConnections:
    """All connections that one client has begun."""

    def __init__(self, client: Client) -> None:
        """Have the client begin its connections here.

        The other clients of the process are let alone: the two methods that connect are bound anew,
        with their own view of their module, in which ``create_conn`` is ours.

        Args:
            client: Not started yet.
        """
        self._client = client
        self._kept: list[tuple[_Connection, asyncio.WriteTransport]] = []
        self._ended = False
        network = network_of(client)
        network.bootstrap = self._seen_from_here(network.bootstrap)
        network._get_conn = self._seen_from_here(network._get_conn)  # noqa: SLF001

    def end(self) -> set[asyncio.Future[Any]]:
        """Close all connections, let none begin any more, and cancel the client's tasks.

        Nothing is awaited, so that whoever is cancelled again and again still comes this far. Gives
        what is to be awaited where there is time.
        """
        self._ended = True
        network = network_of(self._client)
        network.force_metadata_update = _never
        if network._md_update_fut is not None:  # noqa: SLF001
            network._md_update_fut.cancel()  # noqa: SLF001
        if isinstance(self._client, AIOKafkaProducer):
            # Who awaits what was never sent would wait for ever.
            self._client._message_accumulator.fail_all(_ended())  # noqa: SLF001
        tasks = set(_tasks(self._client))
        for task in tasks:
            task.cancel()
            task.add_done_callback(_look_at)
        return tasks | {connection.close() for connection, _ in self._kept}

    def abort(self) -> None:
        """Drop the connections whose last octets nobody has taken: a broker is gone or frozen."""
        for _, transport in self._kept:
            transport.abort()
        self._kept.clear()

    async def _begin(self, *place: object, **options: object) -> _Connection:
        """Stand for ``create_conn``."""
        if self._ended:
            raise _ended()
        connection: _Connection = await create_conn(*place, **options)
        if self._ended:
            await connection.close()
            raise _ended()
        self._kept = [kept for kept in self._kept if not kept[1].is_closing()]
        self._kept.append((connection, connection._writer.transport))  # noqa: SLF001
        return connection

    def _seen_from_here(self, method: Any) -> MethodType:  # noqa: ANN401  # bound, of the client
        plain = method.__func__
        own = FunctionType(
            plain.__code__,
            {**plain.__globals__, "create_conn": self._begin},
            plain.__name__,
            plain.__defaults__,
            plain.__closure__,
        )
        own.__kwdefaults__ = plain.__kwdefaults__
        return MethodType(own, method.__self__)


def _ended() -> KafkaConnectionError:
    return KafkaConnectionError("the client has ended")


def _never() -> asyncio.Future[bool]:
    """Stand for ``force_metadata_update``: nothing refreshes any more, so who waits for it ends."""
    refused = asyncio.get_running_loop().create_future()
    refused.cancel()
    return refused


def _tasks(client: Client) -> Iterator[asyncio.Task[Any]]:
    """Give the tasks that go on until they are cancelled; the others fail without a connection."""
    found: list[asyncio.Task[Any] | None] = [network_of(client)._sync_task]  # noqa: SLF001
    if isinstance(client, AIOKafkaConsumer):
        coordinator: _Coordinator | None = client._coordinator  # noqa: SLF001
        fetcher: _Fetcher | None = client._fetcher  # noqa: SLF001
        if coordinator is not None:
            found += [
                getattr(coordinator, "_coordination_task", None),
                getattr(coordinator, "_heartbeat_task", None),
                getattr(coordinator, "_commit_refresh_task", None),
                getattr(coordinator, "_reset_committed_task", None),
            ]
        if fetcher is not None:
            found += [fetcher._fetch_task, *fetcher._pending_tasks]  # noqa: SLF001
    elif isinstance(client, AIOKafkaProducer):
        found.append(client._sender._sender_task)  # noqa: SLF001
    return (task for task in found if task is not None and not task.done())


def _look_at(task: asyncio.Task[Any]) -> None:
    """Take notice of what a task failed with: nobody else will."""
    if not task.cancelled():
        task.exception()
