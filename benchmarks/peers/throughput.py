"""Requests a second from a backlog, and the processor time and memory that they take."""

import asyncio
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from . import sealing
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
        engine_us: Of that, the engines' own: stage, seal, fold. The worker's only.
        outside_us: The rest of ``cpu_us``. The worker's only.
        broker_cpu_us: Processor time of the broker for each.
        broker_busy: Share of its core that the broker used.
        resident_mib: Memory of the program at the end.
        device_b: The same for each device, octets.
        sealing_s: What the engine alone seals a second on the core, before and after. The worker's,
            where it signs.
        of_sealing: ``requests_s`` by ``sealing_s``.
        first_commit_s: From the start of the process, with nothing to restore but inventory.
        written: The records, all of them looked at.
    """

    requests_s: float
    cpu_us: float
    engine_us: float | None
    outside_us: float | None
    broker_cpu_us: float
    broker_busy: float
    resident_mib: float
    device_b: float
    sealing_s: float | None
    of_sealing: float | None
    first_commit_s: float
    written: Written


@dataclass(frozen=True)
class Plan:
    """How long each part takes.

    Attributes:
        warm_s: Between the first commit and the measuring.
        measured_s: At least.
        filled: Requests that stand in the topic.
        devices: Whose they are.
        core: Of the program.
    """

    warm_s: float
    measured_s: float
    filled: int
    devices: int
    core: str


async def measure(broker: Broker, contender: Contender, setting: Setting, plan: Plan) -> Throughput:
    """Run a program on a backlog that is larger than it can work off, and look at its output."""
    before = await sealing.alone(plan.core) if contender.signs else None
    watch = _Watch(broker, setting, plan.filled)
    with ended(_started(contender, setting, plan)) as program:
        first = await watch.next_commit(program, 0)
        await asyncio.sleep(plan.warm_s)
        begin = await watch.next_commit(program, await watch.total())
        spent = _Spent.until_now(program, broker, setting)
        await asyncio.sleep(plan.measured_s)
        end = await watch.next_commit(program, await watch.total())
        spent_end = _Spent.until_now(program, broker, setting)
        resident = cost(program.pid).resident
    count, seconds = end.total - begin.total, end.at - begin.at
    async with broker.admin() as admin:
        committed = await broker.committed(admin, setting.group, watch.topic)
    written = await verify(broker, setting.prefix, committed, contender.changelog(setting))
    sealed_s = (before + await sealing.alone(plan.core)) / 2 if before is not None else None
    each = spent_end.minus(spent).of_each(count)
    metered = contender.metered
    return Throughput(
        requests_s=count / seconds,
        cpu_us=each.program,
        engine_us=each.engines if metered else None,
        outside_us=each.program - each.engines if metered else None,
        broker_cpu_us=each.broker,
        broker_busy=each.broker / 1e6 * count / seconds,
        resident_mib=resident / 2**20,
        device_b=resident / plan.devices,
        sealing_s=sealed_s,
        of_sealing=count / seconds / sealed_s if sealed_s else None,
        first_commit_s=first.after,
        written=written,
    )


@dataclass(frozen=True)
class _Spent:
    """Processor time of those who take part."""

    program: float
    engines: float
    broker: float

    @classmethod
    def until_now(cls, program: Program, broker: Broker, setting: Setting) -> "_Spent":
        """Give seconds since each began."""
        return cls(cost(program.pid).cpu_s, engine_s(setting), cost(broker.pid).cpu_s)

    def minus(self, before: "_Spent") -> "_Spent":
        return _Spent(
            self.program - before.program,
            self.engines - before.engines,
            self.broker - before.broker,
        )

    def of_each(self, count: int) -> "_Spent":
        """Give microseconds."""
        return _Spent(*(value / count * 1e6 for value in (self.program, self.engines, self.broker)))


def engine_s(setting: Setting) -> float:
    """Read what ``programs/metered.py`` writes; 0 where it does not run."""
    try:
        octets = setting.meter.read_bytes()
    except FileNotFoundError:
        return 0.0
    (nanoseconds,) = struct.unpack("<Q", octets)
    return float(nanoseconds) / 1e9


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
    filled: int

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
                if now >= self.filled:
                    raise RuntimeError(
                        f"all {self.filled:,} requests were worked off before the measuring ended: "
                        "ask for more with --requests"
                    )
                if now > before:
                    at = time.monotonic()
                    return _Commit(at, at - begun, now)
                program.check()
                await asyncio.sleep(LOOK_S)


def _started(contender: Contender, setting: Setting, plan: Plan) -> Program:
    return Program(
        contender.command(setting),
        cores=plan.core,
        log=Path(f"{setting.folder}.log"),
        environment=contender.environment,
    )
