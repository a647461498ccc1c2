"""What is measured, one class a kind: what stands ready for all contenders, and one run of one."""

import asyncio
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from benchmarks import snapshot

from . import latency, restore, takeover, throughput
from .cluster import Broker
from .contenders import CONTENDERS, Contender, Setting
from .line import Plan as LinePlan
from .load import Load
from .processes import Program
from .results import Row

TAKEOVER_WARM_S = 20.0
"""At most: a program that is to take over knows no state anyway, and restores what the other wrote
meanwhile."""

PUBLISHED_S = 50_000
"""Requests that are written into a backlog in a second; for the expected duration only."""

MADE_S = 8_000
"""Devices made in a second; likewise."""

SAVED_S = 60_000
"""Devices filled into an engine and saved in a second; likewise."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long, how much, and where.

    Attributes:
        warm_s: Before what counts.
        measured_s: What counts.
        repeats: How often.
        devices: Of the backlog on four partitions; a quarter of them stand in the hot one.
        requests: Of a backlog.
        restored: Devices of the partition that is restored from the streams.
        saved: Devices of the partition that is restored from a snapshot.
        broker_core: The broker's.
        program_core: The programs'.
    """

    warm_s: float
    measured_s: float
    repeats: int
    devices: int
    requests: int
    restored: int
    saved: int
    broker_core: str
    program_core: str

    def of(self, contender: Contender) -> "Plan":
        """Give a third of the time before and half of the time during to one who is slow."""
        if not contender.brief:
            return self
        return replace(self, warm_s=self.warm_s / 3, measured_s=self.measured_s / 2)

    def __str__(self) -> str:
        return (
            f"warmed {self.warm_s:g} s, measured {self.measured_s:g} s, broker on core "
            f"{self.broker_core}, programs on core {self.program_core}"
        )


class Scenario(Protocol):
    """One thing to measure."""

    @property
    def goal_contenders(self) -> tuple[str, ...]:
        """Those whose figures a goal needs."""

    @property
    def contenders(self) -> tuple[str, ...]:
        """Those who can take part."""

    @property
    def preparing_s(self) -> float:
        """How long ``prepare`` is expected to take."""

    def expected_s(self, plan: Plan) -> float:
        """How long a run is expected to take."""

    async def prepare(self, broker: Broker, folder: Path) -> None:
        """Make what all runs share."""

    async def measure(self, broker: Broker, name: str, key: str, folder: Path, repeat: int) -> Row:
        """Run one contender once.

        Args:
            broker: Which everybody uses.
            name: Of the run: of its consumer group, in its topics.
            key: The contender's.
            folder: Its own.
            repeat: From 0.
        """

    async def finish(self, broker: Broker) -> None:
        """Delete what ``prepare`` made."""


FEW_DEVICES = 100_000
"""Where an answer's time is measured: 25,000 a partition."""


def scenarios(plan: Plan) -> dict[str, Scenario]:
    """Give all of them, by the names that options give, in the order in which they run."""
    few = Load(FEW_DEVICES)
    return {
        "even": Backlog("even.", Load(plan.devices), plan),
        "hot": Backlog("hot.", Load(plan.devices // 4, hot=True), plan),
        "latency": Latency(few, plan),
        "takeover": TakeOver(few, plan),
        "restore": Restore(Load(plan.restored), plan),
        "snapshot": Snapshot(plan),
    }


class Backlog:
    """Requests a second. The requests are written once and read by everybody."""

    goal_contenders = ("unsigned", "streams-memory", "signed", "quix")
    contenders = (*goal_contenders, "streams-rocksdb", "faust")

    def __init__(self, prefix: str, load: Load, plan: Plan) -> None:
        self._prefix = prefix
        self._load = load
        self._plan = plan

    @property
    def preparing_s(self) -> float:
        made = self._load.count / MADE_S * (4 if self._load.hot else 1)
        return made + self._plan.requests / PUBLISHED_S + 10

    def expected_s(self, plan: Plan) -> float:
        return plan.warm_s + plan.measured_s + 20

    async def prepare(self, broker: Broker, folder: Path) -> None:
        del folder
        await broker.create(self._prefix)
        await broker.publish(self._prefix, self._load.inventory())
        await broker.publish(self._prefix, self._load.requests(0, self._plan.requests))

    async def measure(self, broker: Broker, name: str, key: str, folder: Path, repeat: int) -> Row:
        del repeat
        contender = CONTENDERS[key]
        plan = self._plan.of(contender)
        own = throughput.Plan(
            warm_s=plan.warm_s,
            measured_s=plan.measured_s,
            filled=plan.requests,
            devices=self._load.count,
            core=plan.program_core,
        )
        setting = _setting(broker, name, self._prefix, folder)
        try:
            found = await throughput.measure(broker, contender, setting, own)
        finally:
            await broker.renew(self._prefix)
        return {**asdict(found), "how": f"{plan}, {self._load.count:,} devices"}

    async def finish(self, broker: Broker) -> None:
        await broker.remove(self._prefix)


class _Live:
    """Requests come at a steady rate, into topics of each run's own."""

    preparing_s = 0.0

    def __init__(self, load: Load, plan: Plan) -> None:
        self._load = load
        self._plan = plan

    async def prepare(self, broker: Broker, folder: Path) -> None:
        """Each run makes its own."""

    async def finish(self, broker: Broker) -> None:
        """Each run's topics were deleted after it."""


class Latency(_Live):
    """From input to committed output."""

    goal_contenders = ("unsigned", "streams-memory", "signed")
    contenders = (*goal_contenders, "quix", "streams-rocksdb", "faust")

    def expected_s(self, plan: Plan) -> float:
        return plan.warm_s + plan.measured_s + 20

    async def measure(self, broker: Broker, name: str, key: str, folder: Path, repeat: int) -> Row:
        del repeat
        plan = self._plan.of(CONTENDERS[key])
        setting = _setting(broker, name, f"{name}.", folder, live=True)
        own = LinePlan(plan.warm_s, plan.measured_s, plan.program_core)
        found = await latency.measure(broker, CONTENDERS[key], setting, self._load, own)
        return {**asdict(found), "how": str(plan)}


class TakeOver(_Live):
    """One of two programs is stopped in order, and in a second run killed."""

    goal_contenders = ("signed",)
    contenders = ("unsigned", "signed", "streams-memory", "streams-rocksdb", "quix", "faust")

    def expected_s(self, plan: Plan) -> float:
        return 2 * (min(plan.warm_s, TAKEOVER_WARM_S) + plan.measured_s + 25)

    async def measure(self, broker: Broker, name: str, key: str, folder: Path, repeat: int) -> Row:
        del repeat
        plan = replace(self._plan, warm_s=min(self._plan.warm_s, TAKEOVER_WARM_S))
        own = LinePlan(plan.warm_s, plan.measured_s, plan.program_core)
        row: Row = {"session_s": takeover.SESSION_S, "how": f"{plan}, {self._load.count:,} devices"}
        for end in (Program.stop, Program.kill):
            what = f"{name}-{end.__name__}"
            (folder / what).mkdir()
            setting = _setting(broker, what, f"{what}.", folder / what, live=True)
            found = await takeover.measure(
                broker, CONTENDERS[key], setting, self._load, own, end=end
            )
            row |= {f"{end.__name__}_{figure}": value for figure, value in asdict(found).items()}
        return row


class Restore:
    """A partition is restored by the worker's own code, once for each repetition."""

    goal_contenders = ("signed",)
    contenders = ("signed",)

    def __init__(self, load: Load, plan: Plan) -> None:
        self._load = load
        # Both sides on both cores: a broker hardly works while somebody reads, and the engine
        # decodes beside the reading.
        cores = f"{plan.broker_core},{plan.program_core}"
        self._plan = restore.Plan(plan.restored, cores)
        self._how = (
            f"{plan.restored:,} devices, {restore.REQUESTS_A_DEVICE} decisions a device, "
            f"on cores {cores}"
        )
        self._setting: Setting | None = None

    @property
    def preparing_s(self) -> float:
        return self._load.count / MADE_S + self._load.count / 5_000

    def expected_s(self, plan: Plan) -> float:
        del plan
        return self._load.count / 10_000

    async def prepare(self, broker: Broker, folder: Path) -> None:
        self._setting = _setting(broker, "restore", "restore.", folder)
        await restore.fill(broker, self._setting, self._load, self._plan)

    async def measure(self, broker: Broker, name: str, key: str, folder: Path, repeat: int) -> Row:
        del broker, name, key, folder
        assert self._setting is not None, "prepare comes first"
        order = (("bare", "restore"), ("restore", "bare"))[repeat % 2]
        return {**await restore.measure(self._setting, self._plan, order), "how": self._how}

    async def finish(self, broker: Broker) -> None:
        await broker.remove("restore.")


TEN_MILLION = 10_000_000


class Snapshot:
    """A partition is loaded from a snapshot, on the broker's core as well: no broker takes part."""

    goal_contenders = ("signed",)
    contenders = ("signed",)

    def __init__(self, plan: Plan) -> None:
        self._devices = plan.saved
        self._cores = f"{plan.broker_core},{plan.program_core}"
        self._how = f"{plan.saved:,} devices, on cores {self._cores}"
        self._folder = Path()
        self._saved: Row = {}

    @property
    def preparing_s(self) -> float:
        return self._devices / SAVED_S

    def expected_s(self, plan: Plan) -> float:
        del plan
        return 2 + self._devices / 1_000_000

    async def prepare(self, broker: Broker, folder: Path) -> None:
        del broker
        self._folder = folder
        self._saved = await self._done("save")

    async def measure(self, broker: Broker, name: str, key: str, folder: Path, repeat: int) -> Row:
        del broker, name, key, folder, repeat
        found = await self._done("load")
        return {
            **found,
            # The goal is one for so many; fewer say nothing about it.
            "ten_million_s": found["load_s"] if self._devices == TEN_MILLION else None,
            "file_device_b": self._saved["file_bytes"] / self._devices,
            "counted_device_b": self._saved["engine_bytes"] / self._devices,
            "peak_device_b": found["load_peak_bytes"] / self._devices,
            "how": self._how,
        }

    async def _done(self, step: str) -> Row:
        taskset = ("taskset", "-c", self._cores)
        return await asyncio.to_thread(snapshot.done, step, self._devices, self._folder, *taskset)

    async def finish(self, broker: Broker) -> None:
        """The folder goes by itself."""


def _setting(
    broker: Broker, name: str, prefix: str, folder: Path, *, live: bool = False
) -> Setting:
    own = folder / "program"
    own.mkdir()
    return Setting(servers=broker.servers, group=name, prefix=prefix, folder=own, live=live)
