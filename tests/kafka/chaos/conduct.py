"""A run: a broker, three workers, a load and faults; then peace, and the verdict."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import orjson
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tests.kafka.broker import Cluster, Site
from tests.kafka.chaos.hostile import HostileProducer
from tests.kafka.chaos.hostilities import Hostilities
from tests.kafka.chaos.journal import Journal
from tests.kafka.chaos.load import Load
from tests.kafka.chaos.plan import SESSION_S, plan, second_application
from tests.kafka.chaos.report import Report
from tests.kafka.chaos.stage import Stage
from tests.kafka.chaos.upstream import upstream, write_attacks
from tests.kafka.chaos.verify import CHANGELOG, Account, by_disposition, compacted, verify
from tests.kafka.chaos.workers import Worker, WorkerFailedError
from tests.kafka.distribution import Distribution
from tests.laws import each

from slotkeeper.lab import keystore
from slotkeeper.lab.pki import Organisation
from slotkeeper.streams import Streams, StreamsSettings, create_streams, open_streams
from slotkeeper.streams.errors import StoreUnavailableError

KAFKA = Distribution("4.2.1")
"""Not 4.3.0 or 4.3.1: a broker of these that is killed and started again may call a transaction
complete without having written its markers, where a partition of it has no leader at that moment
(KAFKA-20734). Nobody reads such a partition to its end any more until an operator helps. With one
broker every outage is such a moment; it took some fifty of them."""

WORKERS = 3
PARTITIONS = 4
RATE = 1_500
"""Records a second: a fraction of what a worker decides, so that it catches up after each fault."""

SNAPSHOT_S = 3
"""So often that workers die while they write one, and begin from one."""

COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.01",
    "segment.ms": "5000",
    "segment.bytes": str(1024 * 1024),
    "max.message.bytes": str(2 * 1024 * 1024),
    "delete.retention.ms": str(7 * 86_400_000),
}
"""Of the changelog: as ``streams create`` sets it, but at once and in the least segments."""

SETTINGS = StreamsSettings(application="chaos", topic_prefix="chaos.", partitions=PARTITIONS)


async def conduct(
    seed: int,
    seconds: float,
    folder: Path,
    tell: Callable[[str], None] = print,
    kafka: Distribution = KAFKA,
) -> Report:
    """Run chaos for so many seconds; the report says what came of it."""
    report = Report(seed, seconds, folder)
    # Twice as many as the pace gives, since the writer hurries after an outage.
    load = Load(seed, records=int(2 * RATE * seconds), partitions=PARTITIONS)
    hostile = await asyncio.to_thread(HostileProducer, load.pki, seed, PARTITIONS)
    journal, hostilities = Journal(), Hostilities()
    async with broker(folder / "broker", kafka) as cluster:
        await create_streams(cluster.url, SETTINGS)
        await compact_often(cluster.address, f"{SETTINGS.topic_prefix}{CHANGELOG}")
        workers = [
            Worker(machine(folder / f"worker-{number}", cluster.url, load.pki.acb))
            for number in range(WORKERS)
        ]
        for number in range(WORKERS):
            await begin_witness(cluster.url, folder / f"worker-{number}")
        second = Worker(machine(folder / "second", cluster.url, load.pki.acb, "chaos-too"))
        await begin_witness(cluster.url, folder / "second")
        stage = Stage(cluster.nodes[0], workers, second, tell)
        try:
            async with upstream(cluster.address, SETTINGS.topic_prefix, seed) as writer:
                await stage.play(
                    plan(seed, seconds, WORKERS),
                    writer.write(load.records(), journal, rate=RATE, seconds=seconds),
                    write_attacks(
                        cluster.address,
                        SETTINGS.topic_prefix,
                        hostile.attacks(),
                        hostilities,
                        seconds=seconds,
                    ),
                    stage.let_a_second_application_come(second_application(seed, seconds)),
                )
            report.drained_in = await stage.drain()
        except* (WorkerFailedError, TimeoutError) as failures:
            report.violations += [f"{type(one).__name__}: {one}" for one in failures.exceptions]
            # It may have been in the middle of an outage.
            await asyncio.to_thread(cluster.kill)
            cluster.nodes[0].start()
            await cluster.nodes[0].wait()
        async with open_streams(cluster.url, SETTINGS) as streams:
            report.faults = stage.faults
            report.records = journal.written.total()
            report.hostile = hostilities.written.total()
            report.hear([*workers, second])
            try:
                account = Account(journal, load.expected, load.dead_tables, hostilities)
                findings = await verify(streams, account)
                report.violations += findings.broken
                report.decisions = by_disposition(findings.decisions)
                report.commands = findings.commands
                report.compacted = await compacted(streams)
                if report.violations:
                    await keep(streams, folder / "streams")
            except StoreUnavailableError as error:
                report.violations.append(f"the streams cannot be read: {error}")
    return report


@asynccontextmanager
async def broker(folder: Path, kafka: Distribution) -> AsyncIterator[Cluster]:
    cluster = Cluster(
        folder, site=Site(settings={"log.cleaner.backoff.ms": "1000"}, distribution=kafka)
    )
    try:
        await cluster.start()
        yield cluster
    finally:
        cluster.kill()
        # Some 300 MB a minute; after a violation the records stand in files of their own.
        await asyncio.to_thread(shutil.rmtree, folder)


async def compact_often(servers: str, topic: str) -> None:
    """Let the changelog be compacted while it is written and restored."""
    client = AIOKafkaAdminClient(bootstrap_servers=servers)
    await client.start()
    try:
        # What is not named goes back to the cluster's default.
        (answer,) = await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, COMPACTED)]
        )
        assert not answer.resources[0][0], answer
    finally:
        await client.close()


async def begin_witness(url: str, machine: Path) -> None:
    """Do what an operator does on each machine before the first worker starts."""
    async with open_streams(url, replace(SETTINGS, witness=machine / "witness")) as streams:
        await streams.begin_witness()


def machine(
    folder: Path, url: str, acb: Organisation, application: str = SETTINGS.application
) -> Path:
    """Set a worker up as its operator would; gives the path of its settings."""
    return keystore.write_settings(
        folder,
        [acb],
        streams=url,
        more=f"""
[kafka]
application = "{application}"
topic_prefix = "{SETTINGS.topic_prefix}"
witness = "witness"
session_timeout_ms = {SESSION_S * 1_000:.0f}
heartbeat_interval_ms = 1000
[snapshot]
directory = "snapshots"
every_seconds = {SNAPSHOT_S}
""",
    )


async def keep(streams: Streams, folder: Path) -> None:
    """Write every record to files, one a stream, for whoever looks into a violation."""
    await asyncio.to_thread(folder.mkdir)
    for stream in streams.layout.names:
        with (folder / f"{stream}.jsonl").open("wb") as file:
            async for record in each(streams, stream):
                line = {
                    "partition": record.partition,
                    "offset": record.offset,
                    "key": record.key,
                    "value": record.value,
                    "headers": dict(record.headers),
                    "timestamp_ms": record.timestamp_ms,
                }
                file.write(orjson.dumps(line, default=_text, option=orjson.OPT_APPEND_NEWLINE))


def _text(octets: bytes) -> str:
    return octets.decode(errors="backslashreplace")
