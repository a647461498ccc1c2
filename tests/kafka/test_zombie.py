"""The epoch of a partition's transactional id is its owner's lock."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.kafka.harness import CHANGELOG, PARTITION, RESPONSES, Bench
from tests.worker.fake_engine import AUDIT, COMMANDS, REQUESTS

from slotkeeper.streams import FencedError, LockedError, Message, Record, Streams
from slotkeeper.streams.kafka.batches import send
from slotkeeper.worker import examine, run

Send = Callable[..., Awaitable[Any]]


class HeldBack:
    """The first batch that is sent stays where it is until it is let go: a worker that sleeps."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._first = True
        self.asleep = asyncio.Event()
        self.awake = asyncio.Event()

    async def __call__(self, *arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        first, self._first = self._first, False
        ends = await self._send(*arguments, **more)
        if first:
            self.asleep.set()
            await self.awake.wait()
        return ends


async def test_what_a_zombie_wrote_is_aborted_and_it_learns_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.begin()
    held = HeldBack(send)
    monkeypatch.setattr("slotkeeper.streams.kafka.transaction.send", held)
    async with bench.opened() as here, bench.opened() as there:
        async with here.own() as mine, there.own() as theirs:
            zombie = await mine.open(PARTITION)
            batch = asyncio.create_task(
                zombie.commit(
                    [
                        (AUDIT, PARTITION, b"k", b"zombie", []),
                        (CHANGELOG, PARTITION, b"k", b"1", []),
                    ],
                    {RESPONSES: 1},
                )
            )
            await held.asleep.wait()
            heir = await theirs.open(PARTITION)
            assert [record async for batch in heir.changelog() for record in batch] == []
            await heir.commit(
                [(AUDIT, PARTITION, b"k", b"heir", []), (CHANGELOG, PARTITION, b"k", b"1", [])],
                {RESPONSES: 1},
            )
            held.awake.set()
            with pytest.raises(FencedError):
                await batch
        visible = [record.value for record in await bench.read(AUDIT)]
        assert visible == [b"heir"]
        kept = [record.value for record in await bench.read(CHANGELOG) if record.key == b"k"]
        assert kept == [b"1"]


async def test_two_workers_share_the_partitions_and_one_takes_over(bench: Bench) -> None:
    other = Bench(bench.url, bench.settings)
    async with bench.opened() as first, bench.opened() as second:
        stop, leave = asyncio.Event(), asyncio.Event()
        staying = asyncio.create_task(run(first, bench.make, stop=stop))
        await bench.working.wait()
        leaving = asyncio.create_task(run(second, other.make, stop=leave))
        await other.working.wait()
        commands = Commands(first)
        for _ in range(3):
            await ask_everywhere(first)
            await commands.come(4)
        leave.set()
        await leaving
        await ask_everywhere(first)
        await commands.come(4)
        stop.set()
        await staying
    assert {engine.partition for engine in bench.engines} == {0, 1, 2, 3}
    assert 0 < len(other.engines) < 4
    for partition in range(4):
        found = [record.value for record in commands.found if record.partition == partition]
        assert found == [b"1", b"2", b"3", b"4"]


async def test_a_fenced_worker_waits_and_goes_on_if_nobody_else_does(bench: Bench) -> None:
    quick = {"session_timeout_ms": 1_000, "heartbeat_interval_ms": 100}
    async with bench.opened(kafka=quick) as streams:
        stop = asyncio.Event()
        worker = asyncio.create_task(run(streams, bench.make, stop=stop))
        commands = Commands(streams)
        await ask_everywhere(streams)
        await commands.come(4)
        async with bench.producer(f"{bench.topic(CHANGELOG)}-{PARTITION}"):
            pass  # which fences the worker
        await ask_everywhere(streams)
        await commands.come(4)
        stop.set()
        summary = await worker
    assert summary.fenced == 1
    # The number of the batch that was fenced off stays burned.
    assert [r.value for r in commands.found if r.partition == PARTITION] == [b"1", b"3"]


async def test_tools_take_nothing_away_from_workers(bench: Bench) -> None:
    async with bench.opened() as streams, bench.opened() as tools:
        stop = asyncio.Event()
        worker = asyncio.create_task(run(streams, bench.make, stop=stop))
        await bench.working.wait()
        with pytest.raises(LockedError, match="workers"):
            await examine(tools, PARTITION)
        stop.set()
        summary = await worker
        assert summary.in_doubt == 0
        assert await examine(tools, PARTITION) == []


async def ask_everywhere(streams: Streams) -> None:
    await streams.publish([Message(REQUESTS, b"d", b"", (), partition) for partition in range(4)])


class Commands:
    """Follows the commands as they become visible."""

    def __init__(self, streams: Streams) -> None:
        self.found: list[Record] = []
        self._batches = aiter(streams.read(COMMANDS, follow=True))

    async def come(self, count: int) -> None:
        wanted = len(self.found) + count
        while len(self.found) < wanted:
            self.found += await anext(self._batches)
