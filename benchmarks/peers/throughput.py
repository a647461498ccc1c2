"""Requests a second from a backlog, the processor time of each, and how long a start takes."""

import asyncio
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .cluster import Broker
from .contenders import Contender, Setting
from .processes import Program, cost, ended
from .verify import Written, verify

LOOK_S = 0.02

PATIENCE_S = 180.0
"""How long a program may take until its first commit, or until its next."""


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """What one run found.

    Attributes:
        requests_s: Committed requests a second, between two commits.
        cpu_us: Processor time of the program for each, microseconds.
        broker_cpu_us: That of the broker for each.
        resident_mib: Memory of the program at the end.
        first_commit_s: From the start of the process, with nothing to restore.
        restored_commit_s: The same after an orderly end, with local files gone.
        written: The records, all of them looked at.
    """

    requests_s: float
    cpu_us: float
    broker_cpu_us: float
    resident_mib: float
    first_commit_s: float
    restored_commit_s: float
    written: Written

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """How long each part takes.

    Attributes:
        warm_s: Between the first commit and the measuring.
        measured_s: At least.
        filled: Requests that stand in the topic.
        cores: Of the program, as taskset takes them.
    """

    warm_s: float
    measured_s: float
    filled: int
    cores: str


async def measure(broker: Broker, contender: Contender, setting: Setting, plan: Plan) -> Throughput:
    """Run a program on a backlog that is larger than it can work off, and look at its output."""
    await broker.renew(setting.prefix)
    watch = _Watch(broker, setting, plan)
    with ended(_started(contender, setting, plan)) as program:
        first = await watch.next_commit(program, 0)
        await asyncio.sleep(plan.warm_s)
        begin = await watch.next_commit(program, await watch.total())
        cpu, broker_cpu = cost(program.pid), cost(broker.pid)
        await asyncio.sleep(plan.measured_s)
        end = await watch.next_commit(program, await watch.total())
        cpu_end, broker_cpu_end = cost(program.pid), cost(broker.pid)
    count = end.total - begin.total
    # What a program keeps locally is a cache; the changelog is what a new machine would have.
    shutil.rmtree(setting.folder)
    setting.folder.mkdir()
    await broker.left(setting.group)
    before = await watch.total()
    if before >= plan.filled:
        raise RuntimeError(f"{contender.name} worked off all requests: there must be more")
    with ended(_started(contender, setting, plan)) as program:
        restored = await watch.next_commit(program, before)
    async with broker.admin() as admin:
        committed = await broker.committed(admin, setting.group, watch.topic)
    return Throughput(
        requests_s=count / (end.at - begin.at),
        cpu_us=(cpu_end.cpu_s - cpu.cpu_s) / count * 1e6,
        broker_cpu_us=(broker_cpu_end.cpu_s - broker_cpu.cpu_s) / count * 1e6,
        resident_mib=cpu_end.resident / 2**20,
        first_commit_s=first.after,
        restored_commit_s=restored.after,
        written=await verify(broker, setting.prefix, committed, contender.changelog(setting)),
    )


@dataclass(frozen=True)
class _Commit:
    """A commit that was seen: when, how long after the start of looking, and how far."""

    at: float
    after: float
    total: int


@dataclass
class _Watch:
    """Looks at a group's committed offsets from outside."""

    broker: Broker
    setting: Setting
    plan: Plan

    @property
    def topic(self) -> str:
        return f"{self.setting.prefix}srv-6.21-requests"

    async def total(self) -> int:
        async with self.broker.admin() as client:
            return sum(await self.broker.committed(client, self.setting.group, self.topic))

    async def next_commit(self, program: Program, before: int) -> _Commit:
        begun = time.monotonic()
        async with self.broker.admin() as client, asyncio.timeout(PATIENCE_S):
            while True:
                now = sum(await self.broker.committed(client, self.setting.group, self.topic))
                if now > before:
                    at = time.monotonic()
                    return _Commit(at, at - begun, now)
                program.check()
                await asyncio.sleep(LOOK_S)


def _started(contender: Contender, setting: Setting, plan: Plan) -> Program:
    return Program(
        contender.command(setting),
        cores=plan.cores,
        log=Path(f"{setting.folder}.log"),
        environment=contender.environment,
    )
