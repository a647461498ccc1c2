"""One broker of three is killed while a worker works."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from tests.kafka.broker import Cluster, class_archive
from tests.kafka.harness import PARTITION, RESPONSES, Bench
from tests.kafka.test_zombie import Commands, ask_everywhere

from slotkeeper.streams import StreamsSettings, create_streams
from slotkeeper.worker import run


@pytest.mark.timeout(1_800)
async def test_a_lost_broker_costs_time_and_nothing_else(tmp_path: Path) -> None:
    class_archive()
    cluster = Cluster(tmp_path / "cluster", nodes=3)
    try:
        await cluster.start()
        bench = Bench(cluster.url, StreamsSettings())
        await create_streams(bench.url, bench.settings)
        async with bench.opened() as streams:
            commands = Commands(streams)
            stop = asyncio.Event()
            worker = asyncio.create_task(run(streams, bench.make, stop=stop))
            await ask_everywhere(streams)
            await commands.come(4)
            cluster.nodes[0].kill()
            await ask_everywhere(streams)
            await commands.come(4)
            stop.set()
            await worker
        for partition in range(4):
            found = [int(r.value or b"") for r in commands.found if r.partition == partition]
            assert found == sorted(set(found))
            assert len(found) == 2
        assert len(await bench.decisions()) == 8
    finally:
        cluster.kill()


async def test_a_broker_that_shuts_down_is_asked_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is about to go tells of no brokers, whereupon the client fails by an assertion."""
    start = AIOKafkaProducer.start
    unknown: list[None] = []

    async def nobody_at_first(producer: AIOKafkaProducer) -> None:
        known = producer.client.get_random_node

        def told() -> int | None:
            if unknown:
                return int(known())
            unknown.append(None)
            return None

        producer.client.get_random_node = told
        await start(producer)

    monkeypatch.setattr(AIOKafkaProducer, "start", nobody_at_first)
    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        await owned.commit([], {RESPONSES: 0})
    assert unknown == [None]
