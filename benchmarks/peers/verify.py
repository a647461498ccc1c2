"""Whether a program did its job: every decision once, numbers rising, records complete."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from aiokafka import TopicPartition

from .cluster import Broker
from .load import PARTITIONS


class WrongOutputError(Exception):
    """A program's output is wrong; its figures are worth nothing."""


@dataclass
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

    decided: int = 0
    commands: int = 0
    audit: int = 0
    changelog: int = 0
    devices: int = 0
    command_octets: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Seen:
    """Which requests were decided, by partition and offset."""

    what: str
    offsets: list[set[int]] = field(default_factory=lambda: [set() for _ in range(PARTITIONS)])

    def add(self, partition: int, offset: int) -> None:
        if offset in self.offsets[partition]:
            raise WrongOutputError(f"two {self.what} for request {partition}:{offset}")
        self.offsets[partition].add(offset)

    def require(self, committed: list[int]) -> None:
        for partition, end in enumerate(committed):
            missing = set(range(end)) ^ self.offsets[partition]
            if missing:
                raise WrongOutputError(
                    f"{len(missing)} {self.what} of partition {partition} do not go with the "
                    f"committed offset {end}, the first for request {min(missing)}"
                )


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
    written = Written(decided=sum(committed))
    numbers: dict[str, int] = {}
    octets = 0
    commands, audit = _Seen("commands"), _Seen("audit records")
    async for value in _committed_records(broker, f"{prefix}cs02b-commands"):
        command = orjson.loads(value)
        commands.add(command["source"]["partition"], command["source"]["offset"])
        device, number = command["device_id"], int(command["originator_counter"])
        if number <= numbers.get(device, 0):
            raise WrongOutputError(f"{device} got {number} after {numbers[device]}")
        numbers[device] = number
        octets += len(value)
        written.commands += 1
    async for value in _committed_records(broker, f"{prefix}audit-trail"):
        decision = orjson.loads(value)
        if decision["stream"] != "srv-6.21-requests":
            continue
        if decision["disposition"] != "ISSUED":
            raise WrongOutputError(f"a request was not served: {value!r}")
        audit.add(decision["partition"], decision["offset"])
        written.audit += 1
    commands.require(committed)
    audit.require(committed)
    async for _ in _committed_records(broker, changelog):
        written.changelog += 1
    written.devices = len(numbers)
    if written.changelog < written.devices:
        raise WrongOutputError(
            f"{written.changelog} records of the state for {written.devices} devices"
        )
    written.command_octets = round(octets / max(1, written.commands), 1)
    return written


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
