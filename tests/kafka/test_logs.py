"""Topics that are not any more what was read stop a worker, at the start and while it works."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import NewPartitions
from tests.kafka.harness import CHANGELOG, INVENTORY, RESPONSES, Bench
from tests.kafka.test_operator import add_partitions
from tests.kafka.test_zombie import Commands, ask_everywhere
from tests.worker.fake_engine import COMMANDS, REQUESTS

from slotkeeper.streams import StoppedForOperatorError, Streams, create_streams
from slotkeeper.worker import run


async def made_anew(bench: Bench, stream: str) -> None:
    """Replace a topic by an empty one of its name and its partition count."""
    await bench.delete(stream)
    await create_streams(bench.url, bench.settings)


@asynccontextmanager
async def working(bench: Bench) -> AsyncIterator[tuple[asyncio.Task[object], Streams]]:
    """Have a worker that has answered one request in each partition."""
    async with bench.opened() as streams:
        worker = asyncio.create_task(run(streams, bench.make))
        try:
            commands = Commands(streams)
            await ask_everywhere(streams)
            await commands.come(4)
            yield worker, streams
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


async def stops(worker: asyncio.Task[object], why: str) -> None:
    with pytest.raises(StoppedForOperatorError, match=why):
        await worker


@pytest.mark.parametrize("stream", [RESPONSES, INVENTORY, REQUESTS])
async def test_an_input_made_anew_and_filled_past_the_position_is_refused(
    bench: Bench, stream: str
) -> None:
    await bench.publish(RESPONSES, b"5")
    await bench.publish(INVENTORY, b"x")
    await bench.ask()
    await bench.run()
    await made_anew(bench, stream)
    await bench.publish(stream, b"8", b"9")
    await bench.publish(REQUESTS, b"", b"")
    for _ in range(2):  # restarting changes nothing
        with pytest.raises(StoppedForOperatorError, match=f"{stream} is not the log that was read"):
            await bench.run()
    assert await bench.numbers() == [6]


async def test_an_input_made_anew_stops_the_worker_that_reads_it(bench: Bench) -> None:
    async with working(bench) as (worker, _):
        await made_anew(bench, RESPONSES)
        await bench.publish(RESPONSES, b"50")
        await bench.ask()
        await stops(worker, "not the log that was read")
    with pytest.raises(StoppedForOperatorError, match="not the log that was read"):
        await bench.run()
    assert await bench.numbers() == [1] * 4


async def test_the_changelog_made_anew_stops_the_worker_that_writes_it(bench: Bench) -> None:
    async with working(bench) as (worker, _):
        await made_anew(bench, CHANGELOG)
        await bench.ask()
        await stops(worker, f"{CHANGELOG} is not the log")
    with pytest.raises(StoppedForOperatorError):
        await bench.run()
    assert await bench.numbers() == [1] * 4


async def test_an_input_that_grows_stops_the_worker_before_its_next_command(bench: Bench) -> None:
    async with working(bench) as (worker, streams):
        async with bench.admin() as client:
            await add_partitions(client, [bench.topic(RESPONSES)])
        # Who knows of the new partitions writes outcomes there, and who does not asks as before:
        # a number that was given without them would be too low.
        await ask_everywhere(streams)
        await stops(worker, "partitions were added")
        decided = [record async for batch in streams.read(COMMANDS) for record in batch]
        assert [record.value for record in decided] == [b"1"] * 4
    with pytest.raises(StoppedForOperatorError, match="same number of partitions"):
        await bench.run()


async def test_an_idle_worker_looks_as_well(bench: Bench) -> None:
    async with working(bench) as (worker, _):
        async with bench.admin() as client:
            await client.create_partitions({bench.topic(CHANGELOG): NewPartitions(5)})
        await stops(worker, "partitions were added")
