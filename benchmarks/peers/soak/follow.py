"""Reads everything that the worker writes, while it writes it, and holds it against the laws.

What is read may be deleted behind the reader, so that a soak of any length needs no more disk than
one of a few minutes. Every command and every audit record is looked at; one command in a few
hundred is also decoded, and its signature and its MAC are checked by code that shares nothing with
the worker.
"""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from benchmarks.peers.cluster import Broker
from benchmarks.peers.load import PARTITIONS, Load, acb
from benchmarks.peers.verify import WrongOutputError
from tests.contract.judge import judge_command

from slotkeeper.lab.pki import Device

JUDGED_EVERY = 500
"""A judgement takes half a millisecond, most of it for the device's agreement."""

LOOK_S = 0.05


@dataclass
class Trail:
    """What has been read of one stream.

    Attributes:
        what: Its records, for people.
        count: How many.
        offsets: Of the next request that is to be decided, by partition.
        digests: Of the numbers in their order, by partition.
    """

    what: str
    count: int = 0
    offsets: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    digests: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def add(self, partition: int, offset: int, number: str) -> None:
        """Take the next decision; each request of a partition has one, in their order."""
        if offset != self.offsets[partition]:
            raise WrongOutputError(
                f"{self.what}: request {partition}:{offset} comes where "
                f"{self.offsets[partition]} is due"
            )
        self.offsets[partition] += 1
        self.digests[partition] = zlib.crc32(number.encode(), self.digests[partition])
        self.count += 1


@dataclass
class Follower:
    """The reader of commands and audit trail.

    Attributes:
        load: What the requests were made from.
        commands: What has been read.
        audit: What has been read.
        judged: Commands whose signature and MAC were checked.
    """

    load: Load
    commands: Trail = field(default_factory=lambda: Trail("commands"))
    audit: Trail = field(default_factory=lambda: Trail("audit records"))
    judged: int = 0
    _numbers: dict[str, int] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def running(self, broker: Broker, prefix: str) -> AsyncIterator[None]:
        """Read for as long as the context lasts.

        Raises:
            WrongOutputError: A law is broken; from whatever runs in the context, cancelled.
        """
        async with (
            broker.reader(f"{prefix}cs02b-commands") as commands,
            broker.reader(f"{prefix}audit-trail") as audit,
            asyncio.TaskGroup() as tasks,
        ):
            reading = [
                tasks.create_task(self._read_commands(commands)),
                tasks.create_task(self._read_audit(audit)),
            ]
            yield
            for task in reading:
                task.cancel()

    async def until(self, count: int) -> None:
        """Wait for so many commands and audit records.

        Raises:
            WrongOutputError: They do not tell of the same numbers.
        """
        while min(self.commands.count, self.audit.count) < count:  # noqa: ASYNC110  # remote
            await asyncio.sleep(LOOK_S)
        if self.commands.digests != self.audit.digests:
            raise WrongOutputError("commands and audit trail have different numbers")

    async def _read_commands(self, reader: Any) -> None:  # noqa: ANN401
        while True:
            for messages in (await reader.getmany(timeout_ms=1_000)).values():
                for message in messages:
                    self._take_command(message.partition, orjson.loads(message.value))
                await asyncio.sleep(0)

    async def _read_audit(self, reader: Any) -> None:  # noqa: ANN401
        while True:
            for messages in (await reader.getmany(timeout_ms=1_000)).values():
                for message in messages:
                    self._take_decision(message.partition, orjson.loads(message.value))
                await asyncio.sleep(0)

    def _take_command(self, partition: int, command: dict[str, Any]) -> None:
        source, number = command["source"], command["originator_counter"]
        if source["partition"] != partition:
            raise WrongOutputError(f"a command of {source} stands in partition {partition}")
        device = command["device_id"]
        if int(number) <= self._numbers.get(device, 0):
            raise WrongOutputError(f"{device} got {number} after {self._numbers[device]}")
        self._numbers[device] = int(number)
        self.commands.add(partition, source["offset"], number)
        if self.commands.count % JUDGED_EVERY == 0:
            judge_command(command, [acb()], self._devices[device])
            self.judged += 1

    def _take_decision(self, partition: int, decision: dict[str, Any]) -> None:
        if decision["kind"] != "decision":
            return
        if decision["disposition"] != "ISSUED":
            raise WrongOutputError(f"a request was not served: {decision}")
        self.audit.add(partition, decision["offset"], decision["originator_counter"])

    @cached_property
    def _devices(self) -> dict[str, Device]:
        return {str(device.eui): device for device in self.load.devices}
