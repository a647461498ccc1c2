"""Registers beside the partitions: read whole at first, then followed."""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial

import pytest

from slotkeeper.streams import Message, Record
from slotkeeper.worker import run
from slotkeeper.worker.registers import LONGEST_KEY, LONGEST_VALUE, OVERHEAD, Registers

from .conftest import Bench
from .fake_engine import FakeEngine

PARTIES, CERTIFICATES = "gas-network-parties", "smki-organisation-certificates"
REQUESTS = "srv-6.21-requests"


async def publish(bench: Bench, stream: str, key: bytes, value: bytes | None) -> None:
    await bench.streams.publish([Message(stream, key, value)])


async def test_an_engine_knows_the_registers_before_it_decides(bench: Bench) -> None:
    await publish(bench, PARTIES, b"NORTH", b"1")
    await publish(bench, CERTIFICATES, b"01/CA", b"2")
    await publish(bench, PARTIES, b"NORTH", b"3")
    await bench.publish(REQUESTS, b"")
    await bench.run()
    for engine in bench.engines:
        assert engine.registers == [
            (PARTIES, 1, b"NORTH", b"3"),
            (CERTIFICATES, 0, b"01/CA", b"2"),
        ]
    (barrier,) = [one for engine in bench.engines for one in engine.barriers if one is not None]
    assert (barrier[PARTIES], barrier[CERTIFICATES]) == (2, 1)


async def test_no_partition_opens_before_the_registers_are_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, gate = asyncio.Event(), asyncio.Event()
    read = bench.streams.read

    async def slowly(
        stream: str, *, follow: bool = False, settled: bool = False
    ) -> AsyncIterator[list[Record]]:
        assert settled, "it would wait for transactions that somebody left open"
        if not follow:
            asked.set()
        await gate.wait()
        async for records in read(stream, follow=follow):
            yield records

    monkeypatch.setattr(bench.streams, "read", slowly)
    worker, asking = asyncio.create_task(bench.run()), asyncio.create_task(asked.wait())
    await asyncio.wait([worker, asking], return_when=asyncio.FIRST_COMPLETED)
    assert asking.done()
    assert not bench.engines
    gate.set()
    await worker


async def test_what_is_written_later_is_told_to_idle_partitions_as_well(bench: Bench) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    made: asyncio.Queue[None] = asyncio.Queue()
    told: asyncio.Queue[None] = asyncio.Queue()

    def make(partition: int, partitions: int) -> FakeEngine:
        engine = bench.make(partition, partitions)
        engine.on_registers = partial(loop.call_soon_threadsafe, told.put_nowait, None)
        made.put_nowait(None)
        return engine

    worker = asyncio.create_task(run(bench.streams, make, stop=stop))
    try:
        # Engines are made once the registers were read.
        await made.get()
        await publish(bench, PARTIES, b"NORTH", None)
        for _ in range(bench.streams.partitions):
            await told.get()
    finally:
        stop.set()
        await worker
    assert {engine.registers[0] for engine in bench.engines} == {(PARTIES, 0, b"NORTH", None)}


async def test_without_registers_nothing_is_said_of_them(bench: Bench) -> None:
    await bench.publish(REQUESTS, b"")
    await bench.run()
    assert not any(engine.registers for engine in bench.engines)
    (barrier,) = [one for engine in bench.engines for one in engine.barriers if one is not None]
    assert PARTIES not in barrier


async def test_what_is_newer_is_given_in_its_order(bench: Bench) -> None:
    for key, value in ((b"A", b"1"), (b"B", b"2"), (b"C", b"3"), (b"A", b"4")):
        await publish(bench, PARTIES, key, value)
    registers = Registers(bench.streams)
    await registers.read()
    assert [record[2:] for record in registers.since(0)] == [
        (b"B", b"2"),
        (b"C", b"3"),
        (b"A", b"4"),
    ]
    assert [record[2:] for record in registers.since(3)] == [(b"A", b"4")]
    assert not registers.since(registers.version)


async def test_what_is_too_long_is_not_kept_and_is_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await publish(bench, PARTIES, b"A", b"1")
    await publish(bench, PARTIES, b"B", bytes(LONGEST_VALUE))
    await publish(bench, PARTIES, b"A", bytes(LONGEST_VALUE + 1))
    await publish(bench, PARTIES, bytes(LONGEST_KEY + 1), b"2")
    registers = Registers(bench.streams)
    with caplog.at_level(logging.WARNING):
        await registers.read()
    assert registers.since(0) == [
        (PARTIES, 1, b"B", bytes(LONGEST_VALUE)),
        # As a tombstone: what was known before is no longer what the register says.
        (PARTIES, 2, b"A", None),
    ]
    assert registers.positions == {PARTIES: 4}
    assert told(caplog) == [(PARTIES, "value is too long", 1), (PARTIES, "key is too long", 1)]


async def test_all_that_is_kept_is_bounded_and_what_has_no_room_is_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    registers = Registers(bench.streams, most_octets=2 * (OVERHEAD + 10))
    for key in (b"A", b"B", b"C"):
        await publish(bench, PARTIES, key, bytes(9))
    # Of a key that is not kept there is nothing to be taken back.
    await publish(bench, PARTIES, b"D", None)
    await publish(bench, PARTIES, b"B", bytes(10))
    with caplog.at_level(logging.WARNING):
        await registers.read()
    kept = [(PARTIES, 0, b"A", bytes(9)), (PARTIES, 4, b"B", None)]
    assert registers.since(0) == kept
    assert told(caplog) == [(PARTIES, "no room is left", 2)]
    # What goes makes room.
    await publish(bench, PARTIES, b"B", bytes(9))
    await registers.read()
    assert registers.since(0)[-1] == (PARTIES, 5, b"B", bytes(9))


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[object, ...]]:
    return [
        tuple(vars(record)[name] for name in ("stream", "reason", "records"))
        for record in caplog.records
        if record.message == "register is followed in part"
    ]
