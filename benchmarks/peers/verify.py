"""Whether a program did its job: every decision once, numbers rising, records complete."""

import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import orjson
from aiokafka import TopicPartition

from .cluster import Broker
from .load import PARTITIONS


class WrongOutputError(Exception):
    """A program's output is wrong; its figures are worth nothing."""


@dataclass(frozen=True)
class Written:
    """How many committed records a program wrote.

    Attributes:
        decided: Requests whose offset is committed.
        commands: Records.
        audit: Records.
        changelog: Records, those of devices and any others.
        devices: That got a number.
        command_octets: The mean of a command's record.
    """

    decided: int
    commands: int
    audit: int
    changelog: int
    devices: int
    command_octets: float


async def verify(broker: Broker, prefix: str, committed: list[int], changelog: str) -> Written:
    """Read everything that a program, which has ended, has written.

    Args:
        broker: Where.
        prefix: Of the topics.
        committed: The group's offsets in the requests, from 0 in each partition.
        changelog: The topic of the program's state.

    Raises:
        WrongOutputError: A request without decision or with two, a number that does not rise, or
            fewer records of the state than devices.
    """
    loop = asyncio.get_running_loop()
    # Nothing is measured meanwhile, and three processes read three times as fast.
    with ProcessPoolExecutor(
        3, multiprocessing.get_context("spawn"), initializer=_use_all_cores
    ) as processes:
        (commands, devices, octets), audit, states = await asyncio.gather(
            loop.run_in_executor(
                processes, _commands, broker, f"{prefix}cs02b-commands", committed
            ),
            loop.run_in_executor(processes, _audit, broker, f"{prefix}audit-trail", committed),
            loop.run_in_executor(processes, _count, broker, changelog),
        )
    if states < devices:
        raise WrongOutputError(f"{states} records of the state for {devices} devices")
    return Written(
        decided=sum(committed),
        commands=commands,
        audit=audit,
        changelog=states,
        devices=devices,
        command_octets=round(octets / max(1, commands), 1),
    )


class Decided:
    """Which requests were decided, by partition and offset."""

    def __init__(self, what: str, committed: Sequence[int]) -> None:
        self._what = what
        self._seen = [bytearray(end) for end in committed]

    def add(self, partition: int, offset: int) -> None:
        seen = self._seen[partition]
        if offset >= len(seen):
            raise WrongOutputError(f"{self._what} for {partition}:{offset}, which is not committed")
        if seen[offset]:
            raise WrongOutputError(f"two {self._what} for request {partition}:{offset}")
        seen[offset] = 1

    def require_all(self) -> int:
        """Give how many there are."""
        for partition, seen in enumerate(self._seen):
            missing = seen.find(0)
            if missing >= 0:
                raise WrongOutputError(
                    f"{seen.count(0)} of {len(seen)} {self._what} of partition {partition} are "
                    f"missing, the first for request {missing}"
                )
        return sum(map(len, self._seen))


def _commands(broker: Broker, topic: str, committed: Sequence[int]) -> tuple[int, int, int]:
    """Give how many commands, for how many devices, of how many octets."""

    async def read() -> tuple[int, int, int]:
        decided = Decided("commands", committed)
        numbers: dict[str, int] = {}
        octets = 0
        async for value in _committed_records(broker, topic):
            command = orjson.loads(value)
            decided.add(command["source"]["partition"], command["source"]["offset"])
            device, number = command["device_id"], int(command["originator_counter"])
            if number <= numbers.get(device, 0):
                raise WrongOutputError(f"{device} got {number} after {numbers[device]}")
            numbers[device] = number
            octets += len(value)
        return decided.require_all(), len(numbers), octets

    return asyncio.run(read())


def _audit(broker: Broker, topic: str, committed: Sequence[int]) -> int:
    async def read() -> int:
        decided = Decided("audit records", committed)
        async for value in _committed_records(broker, topic):
            decision = orjson.loads(value)
            if decision["stream"] != "srv-6.21-requests":
                continue
            if decision["disposition"] != "ISSUED":
                raise WrongOutputError(f"a request was not served: {value!r}")
            decided.add(decision["partition"], decision["offset"])
        return decided.require_all()

    return asyncio.run(read())


def _count(broker: Broker, topic: str) -> int:
    async def read() -> int:
        return sum([1 async for _ in _committed_records(broker, topic)])

    return asyncio.run(read())


async def _committed_records(broker: Broker, topic: str) -> AsyncIterator[bytes]:
    async with broker.reader(topic) as client:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        ends = await client.end_offsets(places)
        for place in places:
            client.seek(place, 0)
        while any([await client.position(place) < ends[place] for place in places]):
            for messages in (await client.getmany(timeout_ms=100)).values():
                for message in messages:
                    yield message.value or b""


def _use_all_cores() -> None:
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
