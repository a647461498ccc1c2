"""From input to committed output at a steady rate, also while one of two programs ends."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from slotkeeper.streams.partitioning import partition_of

from .cluster import Broker
from .contenders import Contender, Setting
from .load import PARTITIONS, Load
from .processes import Program, cost, ended

RATE = 1_000
"""Requests a second."""

TICK_S = 0.01
"""Requests are written so often, each time a hundredth of a second's worth."""

ANSWERED_S = 60.0
"""How long the last answers may take; a session timeout and a restore lie within."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """What one run found.

    Attributes:
        p50_ms: Half of the requests were committed sooner.
        p99_ms: All but one of a hundred.
        cpu_us: Processor time of the program for each request, microseconds.
        longest_ms: The longest of all.
    """

    p50_ms: float
    p99_ms: float
    longest_ms: float
    cpu_us: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """How long each part takes.

    Attributes:
        warm_s: Before what counts.
        measured_s: What counts.
        cores: Of the programs, as taskset takes them.
    """

    warm_s: float
    measured_s: float
    cores: str


async def measure(
    broker: Broker, contender: Contender, setting: Setting, load: Load, plan: Plan
) -> Latency:
    """Feed one program."""
    await _prepare(broker, setting, load)
    async with _Line(broker, setting, load).running() as line:
        with ended(_started(contender, setting, plan, 0)) as program:
            await line.feed(plan.warm_s)
            before = cost(program.pid)
            first = line.fed
            await line.feed(plan.measured_s)
            used = cost(program.pid).cpu_s - before.cpu_s
            last = line.fed
            await line.answered()
    return _latency(line.latencies(first, last), used)


async def take_over(
    broker: Broker,
    contender: Contender,
    setting: Setting,
    load: Load,
    plan: Plan,
    *,
    end: Callable[[Program], None],
) -> float:
    """Feed two programs, end one, and give the longest time to an answer since, in seconds."""
    await _prepare(broker, setting, load)
    async with _Line(broker, setting, load).running() as line:
        with (
            ended(_started(contender, setting, plan, 0)) as one,
            ended(_started(contender, setting, plan, 1)),
        ):
            await line.feed(plan.warm_s)
            await line.answered()
            first = line.fed
            feeding = asyncio.create_task(line.feed(plan.measured_s))
            await asyncio.to_thread(end, one)
            await feeding
            await line.answered()
    return max(line.latencies(first, line.fed))


async def _prepare(broker: Broker, setting: Setting, load: Load) -> None:
    await broker.create(setting.prefix)
    await broker.publish(setting.prefix, load.inventory())


def _started(contender: Contender, setting: Setting, plan: Plan, number: int) -> Program:
    own = replace(setting, folder=setting.folder / str(number))
    own.folder.mkdir(parents=True)
    return Program(
        contender.command(own),
        cores=plan.cores,
        log=Path(f"{own.folder}.log"),
        environment=contender.environment,
    )


def _latency(seconds: Sequence[float], used_s: float) -> Latency:
    ordered = sorted(seconds)
    at = [1_000 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99, 1)]
    return Latency(p50_ms=at[0], p99_ms=at[1], longest_ms=at[2], cpu_us=used_s / len(ordered) * 1e6)


@dataclass
class _Line:
    """A writer of requests and a reader of commands, with one clock."""

    broker: Broker
    setting: Setting
    load: Load
    fed: int = 0
    _sent: list[float] = field(default_factory=list)
    _seen: dict[int, float] = field(default_factory=dict)
    _producer: Any = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["_Line"]:
        commands = f"{self.setting.prefix}cs02b-commands"
        async with self.broker.producer() as self._producer, self.broker.reader(commands) as reader:
            reading = asyncio.create_task(self._read(reader))
            try:
                yield self
            finally:
                reading.cancel()
                await asyncio.wait([reading])

    async def feed(self, seconds: float) -> None:
        """Write requests at the rate; one that is late counts from when it was due."""
        begun = time.monotonic()
        written = 0
        requests = list(self.load.requests(self.fed, int(RATE * seconds)))
        topic = f"{self.setting.prefix}srv-6.21-requests"
        sending: list[Awaitable[Any]] = []
        while written < len(requests):
            now = time.monotonic()
            due = min(len(requests), int((now - begun) * RATE))
            for request in requests[written:due]:
                self._sent.append(begun + len(sending) / RATE)
                sending.append(
                    await self._producer.send(
                        topic,
                        request.value,
                        key=request.key,
                        partition=partition_of(request.key, PARTITIONS),
                    )
                )
            written = due
            await asyncio.sleep(TICK_S)
        await asyncio.gather(*sending)
        self.fed += len(requests)

    async def answered(self) -> None:
        """Wait until every request has its command."""
        async with asyncio.timeout(ANSWERED_S):
            while len(self._seen) < self.fed:  # noqa: ASYNC110  # remote
                await asyncio.sleep(TICK_S)

    def latencies(self, first: int, last: int) -> list[float]:
        return [self._seen[number] - self._sent[number] for number in range(first, last)]

    async def _read(self, reader: Any) -> None:  # noqa: ANN401
        while True:
            found = await reader.getmany(timeout_ms=1_000)
            now = time.monotonic()
            for messages in found.values():
                for message in messages:
                    # A RequestID ends with the number of the request.
                    request = orjson.loads(message.value)["request_id"]
                    number = int(request.rpartition(":")[2])
                    assert number not in self._seen, f"two commands for {request}"
                    self._seen[number] = now
