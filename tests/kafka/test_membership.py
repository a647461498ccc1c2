"""Static membership: a name instead of a place in the queue."""

import asyncio
import dataclasses
from typing import Any

import pytest
from aiokafka.protocol.group import LeaveGroupRequest
from tests.kafka.harness import Bench
from tests.worker.fake_engine import COMMANDS, REQUESTS

from slotkeeper.streams import LockedError, Message, WrongUseError
from slotkeeper.streams.kafka import clients
from slotkeeper.streams.kafka.client_internals import ask, give_up_joining
from slotkeeper.streams.kafka.clients import consumer
from slotkeeper.streams.kafka.instance import members
from slotkeeper.streams.kafka.options import ClientOptions
from slotkeeper.worker import Summary, examine, run
from slotkeeper.worker.group import Group

SESSION_MS = 20_000
"""Longer than a test waits for anything: what happens sooner does not happen by a time-out."""

LOOK_S = 0.01
"""How often is looked whether a worker has come as far as a test waits for."""


class Worker:
    """A worker that runs until it is stopped, with what it was told of its share."""

    group: asyncio.Future[Group]

    def __init__(self, bench: Bench, name: str = "", session_ms: int = SESSION_MS) -> None:
        static = {"group_instance_id": name} if name else {}
        kafka = {"heartbeat_interval_ms": 100, "session_timeout_ms": session_ms, **static}
        self.bench = Bench(bench.url, dataclasses.replace(bench.settings, kafka=kafka))
        self.group = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> Summary:
        async with self.bench.opened() as streams:
            return await run(
                streams,
                self.bench.make,
                stop=self._stop,
                watch=self.group.set_result,
            )

    async def shares(self, count: int) -> frozenset[int]:
        """Wait until it serves so many partitions."""
        group = await self.group
        while True:
            serving = [number for number, owner in group.partitions.items() if owner.serving]
            if group.share == frozenset(serving) and len(serving) == count:
                return group.share
            if self.task.done():
                await self.task
            await asyncio.sleep(LOOK_S)

    async def stop(self) -> Summary:
        self._stop.set()
        return await self.task


async def test_a_restart_within_the_session_keeps_its_share_and_disturbs_nobody(
    bench: Bench,
) -> None:
    here = Worker(bench, "here")
    await here.shares(4)
    there = Worker(bench, "there")
    kept, moved = await asyncio.gather(here.shares(2), there.shares(2))
    told = (await here.group).reassigned
    await there.stop()
    again = Worker(bench, "there")
    assert await again.shares(2) == moved
    await bench.ask()
    async with bench.opened() as streams:
        await streams.publish([Message(REQUESTS, b"d", b"", (), number) for number in range(4)])
    # All partitions are served, and the other was told nothing.
    await answered(bench, 5)
    group = await here.group
    assert (group.share, group.reassigned) == (kept, told)
    await asyncio.gather(here.stop(), again.stop())


async def test_a_stopped_workers_place_is_kept_until_its_session_ends(bench: Bench) -> None:
    worker = Worker(bench, "here", session_ms=1_000)
    await worker.shares(4)
    await worker.stop()
    async with bench.opened() as streams:
        # It did not leave, so tools are still refused.
        with pytest.raises(LockedError):
            await examine(streams, 1)
    heir = Worker(bench, "heir")
    assert await heir.shares(4) == {0, 1, 2, 3}
    await heir.stop()


async def test_without_a_name_a_stopped_workers_place_is_free_at_once(bench: Bench) -> None:
    worker = Worker(bench)
    await worker.shares(4)
    await worker.stop()
    async with bench.opened() as streams:
        assert await examine(streams, 1) == []


async def test_a_stop_does_not_wait_for_a_group_that_makes_up_its_mind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does when a member does not ask anew, as one that is frozen or just gone."""
    # So a stop that waits is seen by the time-out of the test.
    monkeypatch.setattr(clients, "STOP_S", 3_600)
    servers, group = bench.servers, bench.settings.application
    deaf = {"session_timeout_ms": 300_000, "heartbeat_interval_ms": 290_000}
    async with (
        consumer(ClientOptions(servers, deaf), group_id=group) as member,
        bench.admin() as it,
    ):
        member.subscribe([bench.topic(REQUESTS)])
        while not member.assignment():
            await member.getmany(timeout_ms=10)
        worker = Worker(bench)
        await worker.group
        while await state_of(it, group) != "PreparingRebalance":  # noqa: ASYNC110  # remote
            await asyncio.sleep(LOOK_S)
        await worker.stop()
        assert await state_of(it, group) == "PreparingRebalance"
        # It has nothing left to ask for.
        monkeypatch.undo()
        give_up_joining(member)


async def state_of(client: Any, group: str) -> str:  # noqa: ANN401
    [answer] = await client.describe_consumer_groups([group])
    return str(answer.groups[0][2])


async def test_of_two_workers_with_one_name_the_first_ends_and_says_so(bench: Bench) -> None:
    first = Worker(bench, "same")
    await first.shares(4)
    second = Worker(bench, "same")
    with pytest.raises(WrongUseError, match=r"as kafka\.group_instance_id 'same'"):
        await first.task
    assert await second.shares(4) == {0, 1, 2, 3}
    await bench.ask()
    await answered(bench, 1)
    await second.stop()


async def test_a_named_worker_that_the_group_forgot_joins_again(bench: Bench) -> None:
    worker = Worker(bench, "here")
    await worker.shares(4)
    told = (await worker.group).reassigned
    group = bench.settings.application
    async with bench.admin() as client:
        # As the group does by itself with a member that was silent for too long.
        (member,) = await members(ClientOptions(bench.servers, {}), group)
        coordinator = await client.find_coordinator(group)
        await ask(client, LeaveGroupRequest(group, member), coordinator)
    heir = Worker(bench, "heir")
    await asyncio.gather(worker.shares(2), heir.shares(2))
    assert (await worker.group).reassigned > told
    await asyncio.gather(worker.stop(), heir.stop())


async def answered(bench: Bench, count: int) -> None:
    """Wait until so many requests are answered."""
    async with bench.opened() as streams:
        found = 0
        async for batch in streams.read(COMMANDS, follow=True):
            found += len(batch)
            if found >= count:
                return
