"""Requests at a steady rate, and when each was answered."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from slotkeeper.streams.partitioning import partition_of

from .cluster import Broker
from .contenders import Contender, Setting
from .load import PARTITIONS, Load
from .processes import Program
from .verify import WrongOutputError

RATE = 1_000
"""Requests a second."""

TICK_S = 0.01
"""Requests are written so often, each time a hundredth of a second's worth."""

ANSWERED_S = 60.0
"""How long the last answers may take; a session timeout and a restore lie within."""


@dataclass(frozen=True)
class Plan:
    """How long each part takes.

    Attributes:
        warm_s: Before what counts.
        measured_s: What counts.
        core: Of the programs.
    """

    warm_s: float
    measured_s: float
    core: str


async def prepare(broker: Broker, setting: Setting, load: Load) -> None:
    """Make the topics, with an inventory."""
    await broker.create(setting.prefix)
    await broker.publish(setting.prefix, load.inventory())


def started(contender: Contender, setting: Setting, plan: Plan, number: int) -> Program:
    """Start one of the programs that share the work."""
    own = replace(setting, folder=setting.folder / str(number))
    own.folder.mkdir(parents=True)
    return Program(
        contender.command(own),
        cores=plan.core,
        log=Path(f"{own.folder}.log"),
        environment=contender.environment,
    )


@dataclass
class Line:
    """A writer of requests and a reader of commands, with one clock."""

    broker: Broker
    setting: Setting
    load: Load
    fed: int = 0
    _sent: list[float] = field(default_factory=list)
    _seen: dict[int, float] = field(default_factory=dict)
    _producer: Any = None
    _reading: Any = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Line"]:
        commands = f"{self.setting.prefix}cs02b-commands"
        async with self.broker.producer() as self._producer, self.broker.reader(commands) as reader:
            self._reading = asyncio.create_task(self._read(reader))
            try:
                yield self
            finally:
                self._reading.cancel()
                await asyncio.wait([self._reading])

    async def feed(self, seconds: float) -> None:
        """Write requests at the rate; one that is late counts from when it was due."""
        requests = list(self.load.requests(self.fed, int(RATE * seconds)))
        topic = f"{self.setting.prefix}srv-6.21-requests"
        written = 0
        begun = time.monotonic()
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
        """Wait until every request has its command.

        Raises:
            WrongOutputError: Some have none, or two.
        """
        until = time.monotonic() + ANSWERED_S
        while len(self._seen) < self.fed:
            if self._reading.done():
                self._reading.result()
            if time.monotonic() > until:
                raise WrongOutputError(
                    f"{self.fed - len(self._seen)} of {self.fed} requests have no command "
                    f"{ANSWERED_S:.0f} s after the last"
                )
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
                    if number in self._seen:
                        raise WrongOutputError(f"two commands for {request}")
                    self._seen[number] = now
