"""``python -m benchmarks.peers.soak``: one worker, signing, under a steady load for a long time."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import throughput
from benchmarks.peers.cluster import Broker, quiet, running_broker
from benchmarks.peers.contenders import CONTENDERS, Contender, Setting, build
from benchmarks.peers.load import Load
from benchmarks.peers.measured import described
from benchmarks.peers.processes import Cost, Program, cost, ended
from benchmarks.peers.verify import WrongOutputError

from slotkeeper.streams import StreamsSettings, open_streams

from .follow import Follower
from .judgement import Sample, judge
from .report import Soak

WORKER = CONTENDERS["signed"]

SHARE = 0.8
"""Of the rate from a backlog that is written since."""

DEVICES = 5_000
"""A device's state remembers 24 requests of a role and covers the numbers before them. With so few
devices that is so after some minutes, so that memory that grows afterwards is not state; and half
an hour at several thousand requests a second makes more than 1,000 commands of each."""

RATE_WARM_S = 20.0
RATE_MEASURED_S = 20.0
RATE_REQUESTS = 1_000_000
"""How the rate is measured; more than a core can seal in that time."""

SAMPLE_S = 5.0
TICK_S = 0.02
"""Requests are written so often."""

SEGMENT_OCTETS = 64 * 2**20
RETAINED_OCTETS = 512 * 2**20
"""Of each partition of requests, commands and audit trail; the reader is never so far behind."""

DELETED = {
    "cleanup.policy": "delete",
    "retention.bytes": str(RETAINED_OCTETS),
    "segment.bytes": str(SEGMENT_OCTETS),
    "max.message.bytes": str(2 * 2**20),
}
COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(SEGMENT_OCTETS),
    "max.message.bytes": str(2 * 2**20),
}
"""The changelog's own settings but for smaller segments: only a closed one is compacted."""

DISK_OCTETS = 12 * 2**30
"""Three topics of four partitions with a segment above what is kept are 7 GiB; the rest is the
changelog, and what comes between two looks of the broker, 5 s apart."""

DRAIN_S = 60.0


def main() -> None:
    given = _arguments()
    # As an exception, so that the broker and its data go, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    quiet()
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < DISK_OCTETS:
        sys.exit(f"{DISK_OCTETS >> 30} GiB of disk are needed, {free >> 30} GiB are free")
    build()
    plan = {
        "minutes": given.minutes,
        "devices": DEVICES,
        "broker on core": given.broker_core,
        "worker on core": given.program_core,
    }
    soak = Soak(described(), plan)
    print(f"{given.minutes:g} min, and 2 min to begin", flush=True)
    asyncio.run(_soaked(soak, given))
    print("\n".join(soak.lines()))
    if given.results is not None:
        soak.write(given.results)
    if not soak.passed:
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.peers.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--broker-core", default="2")
    parser.add_argument("--program-core", default="3")
    parser.add_argument("--results", type=Path, help="folder; nothing is written without it")
    return parser.parse_args()


async def _soaked(soak: Soak, given: argparse.Namespace) -> None:
    cores = {int(given.broker_core), int(given.program_core)}
    os.sched_setaffinity(0, (os.sched_getaffinity(0) - cores) or cores)
    load = Load(DEVICES)
    with tempfile.TemporaryDirectory(prefix="slotkeeper-soak-") as folder:
        async with running_broker({int(given.broker_core)}) as broker:
            soak.measured_s = await _rate(broker, load, Path(folder), given.program_core)
            soak.rate = SHARE * soak.measured_s
            print(f"{soak.measured_s:,.0f} requests/s from a backlog", flush=True)
            setting = _setting(broker, "soak", Path(folder))
            await broker.create(setting.prefix)
            for streams, kept in (
                (("srv-6.21-requests", "cs02b-commands", "audit-trail"), DELETED),
                (("originator-counters",), COMPACTED),
            ):
                await broker.bound(setting.prefix, streams, kept)
            await broker.publish(setting.prefix, load.inventory())
            await _feed(soak, Line(broker, setting, load, given.program_core), given.minutes * 60)


async def _rate(broker: Broker, load: Load, folder: Path, core: str) -> float:
    setting = _setting(broker, "rate", folder)
    await broker.create(setting.prefix)
    await broker.publish(setting.prefix, load.inventory())
    await broker.publish(setting.prefix, load.requests(0, RATE_REQUESTS))
    plan = throughput.Plan(
        warm_s=RATE_WARM_S,
        measured_s=RATE_MEASURED_S,
        filled=RATE_REQUESTS,
        devices=DEVICES,
        core=core,
    )
    found = await throughput.measure(broker, WORKER, setting, plan)
    await broker.remove(setting.prefix)
    return found.requests_s


def _setting(broker: Broker, name: str, folder: Path) -> Setting:
    own = folder / name
    own.mkdir()
    return Setting(servers=broker.servers, group=name, prefix=f"{name}.", folder=own)


@dataclass(frozen=True)
class Line:
    """Who takes part in the soak."""

    broker: Broker
    setting: Setting
    load: Load
    core: str
    contender: Contender = WORKER


async def _feed(soak: Soak, line: Line, seconds: float) -> None:
    program = Program(
        line.contender.command(line.setting),
        cores=line.core,
        log=Path(f"{line.setting.folder}.log"),
        environment=line.contender.environment,
    )
    follower = Follower(line.load)
    feeder = _Feeder(line, soak.rate)
    try:
        with ended(program):
            async with (
                follower.running(line.broker, line.setting.prefix),
                asyncio.TaskGroup() as tasks,
            ):
                feeding = tasks.create_task(feeder.feed(seconds))
                sampler = _Sampler(line, program, feeder, follower)
                while not feeding.done():
                    await asyncio.wait([feeding], timeout=SAMPLE_S)
                    soak.samples.append(await sampler.sample())
                    program.check()
                async with asyncio.timeout(DRAIN_S):
                    await follower.until(feeder.fed)
    except* (RuntimeError, TimeoutError, WrongOutputError, AssertionError) as errors:
        soak.failure = "; ".join(_told(errors))
    soak.commands, soak.judged = follower.commands.count, follower.judged
    soak.judgement = judge(soak.samples, soak.rate) if len(soak.samples) > 5 else None


def _told(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [line for one in error.exceptions for line in _told(one)]
    return [f"{type(error).__name__}: {error}"]


@dataclass
class _Feeder:
    """Writes requests at a steady rate; one that was late is written as soon as can be.

    Attributes:
        fed: Requests that the broker has acknowledged.
    """

    line: Line
    rate: float
    fed: int = 0

    async def feed(self, seconds: float) -> None:
        settings = StreamsSettings(topic_prefix=self.line.setting.prefix)
        async with open_streams(f"kafka://{self.line.broker.servers}", settings) as streams:
            begun = time.monotonic()
            while (passed := time.monotonic() - begun) < seconds:
                due = int(passed * self.rate) - self.fed
                await streams.publish(list(self.line.load.requests(self.fed, due)))
                self.fed += due
                await asyncio.sleep(TICK_S)


class _Sampler:
    """Looks at all of them."""

    def __init__(self, line: Line, program: Program, feeder: _Feeder, follower: Follower) -> None:
        self._line = line
        self._program = program
        self._feeder = feeder
        self._follower = follower
        self._begun = self._last = time.monotonic()
        self._costs = self._look()

    async def sample(self) -> Sample:
        setting = self._line.setting
        async with self._line.broker.admin() as client:
            committed = await self._line.broker.committed(
                client, setting.group, f"{setting.prefix}srv-6.21-requests"
            )
        now, costs = time.monotonic(), self._look()
        worker, broker = (
            (cost.cpu_s - before.cpu_s) / (now - self._last)
            for cost, before in zip(costs, self._costs, strict=True)
        )
        self._last, self._costs = now, costs
        return Sample(
            at_s=now - self._begun,
            fed=self._feeder.fed,
            answered=self._follower.commands.count,
            lag=max(0, self._feeder.fed - sum(committed)),
            resident_mib=costs[0].resident / 2**20,
            cpu=worker,
            broker_cpu=broker,
            disk_mib=self._line.broker.stored() / 2**20,
        )

    def _look(self) -> tuple[Cost, Cost]:
        return cost(self._program.pid), cost(self._line.broker.pid)


if __name__ == "__main__":
    main()
