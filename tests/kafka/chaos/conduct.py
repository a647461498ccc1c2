"""A run: a broker, three workers, a load and faults; then peace, and the verdict."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import orjson
from tests.kafka.broker import Cluster, Site
from tests.kafka.chaos.hostile import HostileProducer
from tests.kafka.chaos.hostilities import Hostilities
from tests.kafka.chaos.journal import Journal
from tests.kafka.chaos.load import Load, Planned
from tests.kafka.chaos.operating import CommandFailedError, Operator
from tests.kafka.chaos.plan import SESSION_S, Interventions, interventions, plan
from tests.kafka.chaos.report import Report
from tests.kafka.chaos.stage import SERVES, Stage
from tests.kafka.chaos.upstream import upstream, write_attacks
from tests.kafka.chaos.verify import CHANGELOG, Account, compacted, verify, verify_what_stands
from tests.kafka.chaos.workers import Worker, WorkerFailedError
from tests.kafka.distribution import Distribution
from tests.laws import each

from slotkeeper.lab import keystore
from slotkeeper.lab.pki import Organisation
from slotkeeper.streams import Streams, StreamsSettings, create_streams, open_streams
from slotkeeper.streams.errors import StoreUnavailableError
from slotkeeper.streams.kafka.options import ClientOptions
from slotkeeper.streams.kafka.streams import opened
from slotkeeper.streams.kafka.topics import Topics

KAFKA = Distribution("4.2.1")
"""Not 4.3.0 or 4.3.1: a broker of these that is killed and started again may call a transaction
complete without having written its markers, where a partition of it has no leader at that moment
(KAFKA-20734). Nobody reads such a partition to its end any more until an operator helps. With one
broker every outage is such a moment; it took some fifty of them."""

BROKER = {
    "log.cleaner.backoff.ms": "1000",
    # A broker that is killed forgets what was deleted since it last wrote that down: a minute ago,
    # and never within the first half minute after each start.
    "log.flush.start.offset.checkpoint.interval.ms": "200",
    "log.initial.task.delay.ms": "200",
}

WORKERS = 3
PARTITIONS = 4
RATE = 1_500
"""Records a second: a fraction of what a worker decides, so that it catches up after each fault."""

GROWTH_S = 12.0
"""Of writing on while an input grows."""

SNAPSHOT_S = 3
"""So often that workers die while they write one, and begin from one."""

SETTINGS = StreamsSettings(application=SERVES, topic_prefix="chaos.", partitions=PARTITIONS)


async def conduct(
    seed: int,
    seconds: float,
    folder: Path,
    tell: Callable[[str], None] = print,
    kafka: Distribution = KAFKA,
) -> Report:
    """Run chaos for so many seconds; the report says what came of it."""
    report = Report(seed, seconds, folder)
    async with broker(folder / "broker", kafka) as cluster:
        run = await Run.prepare(seed, seconds, cluster, folder, tell)
        async with told(report):
            report.drained_in = await run.chaos()
        if report.violations:
            # It may have been in the middle of an outage.
            await asyncio.to_thread(cluster.kill)
            cluster.nodes[0].start()
            await cluster.nodes[0].wait()
        run.tell_of_inputs(report)
        async with told(report), open_streams(cluster.url, SETTINGS) as streams:
            findings = await verify(streams, run.account)
            report.take(findings)
            report.compacted = await compacted(streams)
            if report.violations:
                await keep(streams, folder / "streams")
        if not report.violations:
            async with told(report):
                await run.growth()
            async with told(report), as_it_was(cluster.address, SETTINGS, PARTITIONS) as streams:
                report.violations += (await verify_what_stands(streams, run.account)).broken
                if report.violations:
                    await keep(streams, folder / "streams")
        run.tell_of_workers(report)
    return report


@dataclass(frozen=True, slots=True)
class Run:
    """Who takes part.

    Attributes:
        seconds: Of chaos.
        cluster: The broker.
        load: What the honest producer writes.
        records: The same, one after the other.
        hostile: What the hostile one writes.
        journal: What was acknowledged to the former.
        hostilities: And to the latter.
        workers: Of the application.
        second: Of another one.
        operator: Puts right what can be.
        people: What they do who should not.
        stage: Where all of it happens.
    """

    seconds: float
    cluster: Cluster
    load: Load
    records: Iterator[Planned]
    hostile: HostileProducer
    journal: Journal
    hostilities: Hostilities
    workers: Sequence[Worker]
    second: Worker
    operator: Operator
    people: Interventions
    stage: Stage

    @classmethod
    async def prepare(
        cls,
        seed: int,
        seconds: float,
        cluster: Cluster,
        folder: Path,
        tell: Callable[[str], None],
    ) -> Self:
        """Make the topics, and set up each machine as its operator would."""
        # Twice as many as the pace gives, since the writer hurries after an outage.
        load = Load(seed, records=int(2 * RATE * (seconds + GROWTH_S)), partitions=PARTITIONS)
        await create_streams(cluster.url, SETTINGS)
        acb = load.pki.acb
        homes = [folder / f"worker-{number}" for number in range(WORKERS)]
        workers = [Worker(machine(home, cluster.url, acb)) for home in homes]
        second = Worker(machine(folder / "second", cluster.url, acb, "chaos-too"))
        for home in (*homes, folder / "second"):
            await begin_witness(cluster.url, home)
        changelog = f"{SETTINGS.topic_prefix}{CHANGELOG}"
        operator = Operator(cluster.address, changelog, homes[0] / "slotkeeper.toml")
        await operator.compact_often()
        return cls(
            seconds=seconds,
            cluster=cluster,
            load=load,
            records=load.records(),
            hostile=await asyncio.to_thread(HostileProducer, load.pki, seed, PARTITIONS),
            journal=Journal(),
            hostilities=Hostilities(),
            workers=workers,
            second=second,
            operator=operator,
            people=interventions(
                seed, seconds, partitions=PARTITIONS, inputs=len(SETTINGS.layout.inputs)
            ),
            stage=Stage(cluster.nodes[0], workers, second, operator, tell),
        )

    async def chaos(self) -> float:
        """Let everything go wrong that can be put right; gives how long the drain took."""
        people, stage = self.people, self.stage
        seed, seconds = self.load.seed, self.seconds
        async with upstream(self.cluster.address, SETTINGS.topic_prefix, seed) as writer:
            await stage.play(
                plan(seed, seconds, WORKERS),
                seconds,
                writer.write(self.records, self.journal, rate=RATE, seconds=seconds),
                write_attacks(
                    self.cluster.address,
                    SETTINGS.topic_prefix,
                    self.hostile.attacks(),
                    self.hostilities,
                    seconds=seconds,
                ),
                stage.let_a_second_application_come(people.second_at),
                stage.let_the_changelog_lose_its_beginning(people.loss_at, people.loses),
            )
        return await stage.drain()

    async def growth(self) -> None:
        """Let an input grow partitions while it is written: workers must stop."""
        topic = f"{SETTINGS.topic_prefix}{SETTINGS.layout.inputs[self.people.grows]}"
        seed = self.load.seed
        async with upstream(self.cluster.address, SETTINGS.topic_prefix, seed) as writer:
            await self.stage.let_an_input_grow(
                topic, writer.write(self.records, self.journal, rate=RATE, seconds=GROWTH_S)
            )

    @property
    def account(self) -> Account:
        """Give what the writers know by now."""
        return Account(
            self.journal,
            self.load.expected,
            self.load.dead_tables,
            self.hostilities,
            Counter(self.operator.acknowledged),
            self.operator.imported,
        )

    def tell_of_inputs(self, report: Report) -> None:
        report.faults = self.stage.faults
        report.records = self.journal.written.total()
        report.hostile = self.hostilities.written.total()

    def tell_of_workers(self, report: Report) -> None:
        report.hear([*self.workers, self.second], self.operator.acknowledged)


@asynccontextmanager
async def told(report: Report) -> AsyncIterator[None]:
    """Have the report tell what should not have happened."""
    try:
        yield
    except* (
        CommandFailedError,
        StoreUnavailableError,
        TimeoutError,
        WorkerFailedError,
    ) as failures:
        # A task's error is that of whoever waited for it as well.
        found = dict.fromkeys(f"{type(one).__name__}: {one}" for one in each_of(failures))
        report.violations += found


def each_of(failures: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """Give the errors of a group of groups."""
    for one in failures.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from each_of(one)
        else:
            yield one


@asynccontextmanager
async def as_it_was(
    servers: str, settings: StreamsSettings, partitions: int
) -> AsyncIterator[Streams]:
    """Read streams of which one has got partitions since, which nobody else may."""
    options, topics = ClientOptions(servers, {}), Topics(settings.layout, settings.topic_prefix)
    counts = dict.fromkeys(settings.layout.names, partitions)
    async with opened(options, topics, settings, counts) as streams:
        yield streams


@asynccontextmanager
async def broker(folder: Path, kafka: Distribution) -> AsyncIterator[Cluster]:
    cluster = Cluster(folder, site=Site(settings=BROKER, distribution=kafka))
    try:
        await cluster.start()
        yield cluster
    finally:
        cluster.kill()
        # Some 300 MB a minute; after a violation the records stand in files of their own.
        await asyncio.to_thread(shutil.rmtree, folder)


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
