"""Clients leave no connection and no task behind, whatever disturbs their start or their end."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from tests.kafka.harness import Bench
from tests.kafka.left_open import left_open
from tests.worker.fake_engine import COMMANDS

from slotkeeper.streams.kafka import clients
from slotkeeper.streams.kafka.clients import admin, consumer
from slotkeeper.streams.kafka.options import ClientOptions

OPENED: dict[str, Callable[[Bench], AbstractAsyncContextManager[Any]]] = {
    "admin": lambda bench: admin(ClientOptions(bench.servers, {})),
    "consumer": lambda bench: consumer(ClientOptions(bench.servers, {})),
    "member": lambda bench: bench.group(),
    "producer": lambda bench: bench.producer(),
    "owner": lambda bench: bench.producer("an-owner"),
}


async def opened_once(bench: Bench, kind: str) -> None:
    async with OPENED[kind](bench):
        pass


async def nothing_is_left() -> None:
    # What was cancelled, or has lost its connection, may take its last steps.
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
    assert left_open() == []


@pytest.mark.parametrize("kind", OPENED)
@pytest.mark.parametrize("times", [1, 2])
async def test_a_client_that_is_cancelled_at_any_moment_leaves_nothing(
    bench: Bench, kind: str, times: int
) -> None:
    """Each attempt is cancelled some turns of the event loop later than the one before."""
    for patience in itertools.count():
        using = asyncio.create_task(opened_once(bench, kind))
        for _ in range(times):
            for _ in range(int(1.5**patience)):
                await asyncio.sleep(0)
            using.cancel()
        await asyncio.wait([using])
        await nothing_is_left()
        if not using.cancelled():
            assert using.exception() is None
            return


@pytest.mark.parametrize("fails", [RuntimeError("defect"), asyncio.CancelledError()])
async def test_a_member_whose_stop_fails_does_not_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fails: BaseException
) -> None:
    """Its heartbeats would keep its place in the group."""

    async def failing(_: Any) -> None:  # noqa: ANN401
        raise fails

    monkeypatch.setattr(AIOKafkaConsumer, "stop", failing)
    async with bench.group() as client:
        client.subscribe([bench.topic(COMMANDS)])
        while not client.assignment():
            await client.getmany(timeout_ms=10)
    await nothing_is_left()


@pytest.mark.parametrize("kind", ["producer", "owner"])
async def test_what_a_producer_still_does_when_it_is_given_up_begins_no_connection(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(clients, "STOP_S", 0)
    async with OPENED[kind](bench) as client:
        if kind == "owner":
            await client.begin_transaction()
        await client.send(bench.topic(COMMANDS), b"x", partition=0)
    await nothing_is_left()


async def test_a_broker_that_takes_no_more_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last octets of a connection wait for as long as the other side is there."""
    monkeypatch.setattr(clients, "STOP_S", 0.01)
    monkeypatch.setattr(clients, "CLOSE_S", 0.01)
    asked = asyncio.Event()

    async def frozen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        asked.set()
        await answered.wait()
        writer.close()

    answered = asyncio.Event()
    async with await asyncio.start_server(frozen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        using = asyncio.create_task(begun(f"127.0.0.1:{port}"))
        await asked.wait()
        using.cancel()
        await asyncio.wait([using])
        assert using.cancelled()
        assert left_open() == []
        answered.set()


async def begun(servers: str) -> None:
    async with consumer(ClientOptions(servers, {})):
        pass
