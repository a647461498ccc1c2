"""What is parked is judged again in portions: all of it may be more than a transaction takes."""

import asyncio
from functools import partial

import pytest

from slotkeeper.streams import Message
from slotkeeper.worker import run

from .conftest import Bench
from .fake_engine import REQUESTS, FakeEngine

PARTIES = "gas-network-parties"
PORTIONS = 3
MANY = 100_000


def crowded(bench: Bench, partition: int, partitions: int) -> FakeEngine:
    engine = bench.make(partition, partitions)
    engine.portions = PORTIONS
    return engine


async def test_all_of_it_is_judged_before_the_first_record(bench: Bench) -> None:
    await bench.publish(REQUESTS, b"")
    await run(bench.streams, partial(crowded, bench), until_idle=True)
    [asked] = [engine for engine in bench.engines if engine.partition == 1]
    assert [len(call) for call in asked.calls] == [*[0] * PORTIONS, 1]


async def test_a_stop_does_not_wait_for_all_of_it(bench: Bench) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    await bench.publish(REQUESTS, b"")

    def make(partition: int, partitions: int) -> FakeEngine:
        engine = bench.make(partition, partitions)
        engine.portions = MANY

        def on_stage() -> None:
            loop.call_soon_threadsafe(stop.set)

        engine.on_stage = on_stage
        return engine

    await run(bench.streams, make, stop=stop)
    assert all(engine.portions > 0 and not any(engine.calls) for engine in bench.engines)


@pytest.mark.parametrize("records", [0, 1])
async def test_what_a_register_brings_is_judged_to_its_end(bench: Bench, records: int) -> None:
    """Also where nothing is written any more."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    made: asyncio.Queue[None] = asyncio.Queue()
    told: asyncio.Queue[None] = asyncio.Queue()
    judged: asyncio.Queue[None] = asyncio.Queue()

    def make(partition: int, partitions: int) -> FakeEngine:
        engine = bench.make(partition, partitions)

        def on_registers() -> None:
            engine.portions = PORTIONS
            loop.call_soon_threadsafe(told.put_nowait, None)

        def on_stage() -> None:
            if engine.portions == 1:
                loop.call_soon_threadsafe(judged.put_nowait, None)

        engine.on_registers, engine.on_stage = on_registers, on_stage
        made.put_nowait(None)
        return engine

    worker = asyncio.create_task(run(bench.streams, make, stop=stop))
    # Engines are made once the registers were read.
    await made.get()
    await bench.streams.publish([Message(PARTIES, b"NORTH", b"1")])
    await bench.publish(REQUESTS, *[b""] * records)
    for _ in range(bench.streams.partitions):
        await told.get()
        await judged.get()
    stop.set()
    await worker
