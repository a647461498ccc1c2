"""Restores one partition as the worker does, or reads the same topics and drops what it gets.

``restoring.py CONFIG restore|bare`` prints an object: seconds and records of changelog and
inventory. The bare reader is an aiokafka consumer whose ``getmany`` is called in a loop, with
aiokafka's own fetch size and with one four times as large; the faster of the two is what the worker
is compared with.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from slotkeeper.clock import system_clock
from slotkeeper.engine.port import engines
from slotkeeper.settings import Settings
from slotkeeper.streams import Streams, open_streams
from slotkeeper.streams.address import kafka_servers
from slotkeeper.worker import Summary
from slotkeeper.worker.engine_thread import EngineThread
from slotkeeper.worker.recovery import Restorer

FETCH_OCTETS = (1024 * 1024, 4 * 1024 * 1024)
"""aiokafka's own ``max_partition_fetch_bytes``, and more."""


async def main() -> None:
    config, what = sys.argv[1:]
    settings = Settings.load(Path(config), environment={})
    print(json.dumps(await {"restore": read_and_restored, "bare": read_bare}[what](settings)))


async def read_bare(settings: Settings) -> dict[str, Any]:
    """Read changelog and inventory, each to its end."""
    prefix = settings.kafka.topic_prefix
    servers = kafka_servers(settings.streams)
    found = {}
    for what, topic in (
        ("changelog", "originator-counters"),
        ("inventory", "smart-metering-inventory"),
    ):
        runs = [await bare(servers, prefix + topic, octets) for octets in FETCH_OCTETS]
        found[f"bare_{what}_s"] = min(seconds for seconds, _ in runs)
        found[f"bare_{what}_records"] = runs[0][1]
    return found


async def bare(servers: str, topic: str, octets: int) -> tuple[float, int]:
    """Give seconds of a started client to the end of the topic, and records."""
    client = AIOKafkaConsumer(
        bootstrap_servers=servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=octets,
    )
    await client.start()
    try:
        place = TopicPartition(topic, 0)
        # Before it fetches: the answer would wait for what is fetched.
        (end,) = (await client.end_offsets([place])).values()
        begun = time.perf_counter()
        client.assign([place])
        records = 0
        while await client.position(place) < end:
            found = await client.getmany(place, timeout_ms=100)
            records += sum(map(len, found.values()))
        return time.perf_counter() - begun, records
    finally:
        await client.stop()


async def read_and_restored(settings: Settings) -> dict[str, Any]:
    """Restore partition 0 of streams that nobody else owns."""
    async with (
        open_streams(settings.streams, settings.streams_settings()) as streams,
        streams.own() as ownership,
    ):
        partition = TimedPartition(await ownership.open(0))
        try:
            return await restored_partition(settings, streams, partition)
        finally:
            await partition.close()


async def restored_partition(
    settings: Settings, streams: Streams, partition: "TimedPartition"
) -> dict[str, Any]:
    before = resident()
    engine = engines(settings.authority(), settings.engine_json())(0, streams.partitions)
    restorer = Restorer(
        0,
        layout=streams.layout,
        partitions=streams.partitions,
        clock=system_clock,
        summary=Summary(),
    )
    with EngineThread(0) as engine_thread:
        begun, cpu = time.perf_counter(), time.process_time()
        restored = await restorer.restore(partition, engine, engine_thread)
        end, cpu_end = time.perf_counter(), time.process_time()
    held = engine.statistics()
    return {
        "changelog_s": partition.table_at - begun,
        "changelog_records": restored.replayed,
        "inventory_s": end - partition.table_at,
        "inventory_records": partition.table_records,
        "cpu_s": cpu_end - cpu,
        "devices": held["devices"],
        "counted_b": held["table_bytes"] + held["directory_bytes"],
        "resident_b": resident() - before,
    }


class TimedPartition:
    """An owned partition that remembers when its table began to be read.

    By then all of the changelog is in the engine: what the table is read up to stands in it.
    """

    def __init__(self, partition: Any) -> None:  # noqa: ANN401
        self.table_at = 0.0
        self.table_records = 0
        self._partition = partition

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._partition, name)

    async def table(self, *given: Any, **named: Any) -> AsyncIterator[Any]:  # noqa: ANN401
        self.table_at = time.perf_counter()
        async for records in self._partition.table(*given, **named):
            self.table_records += len(records)
            yield records


def resident() -> int:
    """Give octets of memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    asyncio.run(main())
