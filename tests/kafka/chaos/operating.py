"""A person with the rights of an administrator: what goes wrong by one, and how it is put right.

What is done about it is what docs/operating.md says, by the commands that it names.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import PolicyViolationError
from tests.kafka.chaos.verify import POSITIONS
from tests.kafka.chaos.workers import COMMAND, FOR_AN_OPERATOR, TRY_LATER

from slotkeeper.streams.kafka.clients import admin, consumer
from slotkeeper.streams.kafka.options import ClientOptions

COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.01",
    "segment.ms": "5000",
    "segment.bytes": str(1024 * 1024),
    "max.message.bytes": str(2 * 1024 * 1024),
    "delete.retention.ms": str(7 * 86_400_000),
}
"""Of the changelog: as ``streams create`` sets it, but at once and in the least segments."""

LOST_SHARE = 3
"""Every third offset of the changelog is deleted, from its beginning on."""

LEAST = 100
"""Offsets of it, before any is deleted."""

AGAIN_S = 0.5
"""What is told to try later does so after this."""

APPLICATION = b"@application"
"""The key under which the first application says that it serves the store."""

FETCH_MS = 1_000
"""After which nothing more is expected of a partition."""

BEGINS = "the changelog begins at"
CAUSES = (
    BEGINS,
    "the changelog's topic is not compacted",
    "Records were deleted before they were read",
)
"""Why workers stop: a broker deletes nothing of a topic that only compacts, so that it had not to
for a moment; and one that restores the partition just then misses what it has begun to read."""

MORE_PARTITIONS = 6
GROWN = ("partitions were added", "has got partitions", "the same number of partitions")
"""Why workers stop then: of a session, of the group, and of one that has just started."""

PERSONS = ("--by", "ann", "--by", "bob")

_PUBLISHED = re.compile(r"(\d+) adjustments published")


class CommandFailedError(Exception):
    """A command of the runbook did not do what the runbook says."""


@dataclass(slots=True)
class Operator:
    """What an operator did.

    Attributes:
        servers: The cluster.
        changelog: The topic.
        settings: Of a worker, with its witness.
        acknowledged: Partitions.
        imported: How many adjustments were published.
    """

    servers: str
    changelog: str
    settings: Path
    acknowledged: list[int] = field(default_factory=list)
    imported: int = 0

    async def compact_often(self) -> None:
        """Let the changelog be compacted while it is written and restored."""
        async with self._admin() as client:
            await self._configure(client, COMPACTED)

    async def is_begun(self) -> bool:
        """Say whether an application has said that it serves the store, which it does once."""
        place = TopicPartition(self.changelog, 0)
        async with self._reader() as client:
            client.assign([place])
            return await _has(client, place, 0, APPLICATION)

    async def delete_beginning(self, partition: int) -> None:
        """Delete records of the changelog, as a slip of the administrator would."""
        place = TopicPartition(self.changelog, partition)
        below = RecordsToDelete(before_offset=await self._within(place))
        async with self._admin() as client:
            await self._configure(client, {**COMPACTED, "cleanup.policy": "compact,delete"})
            while not await _deleted(client, place, below):  # noqa: ASYNC110  # told by a broker
                await asyncio.sleep(0)
            await self._configure(client, COMPACTED)

    async def add_partitions(self, topic: str) -> None:
        """Give a topic more partitions, as somebody may who wants more workers."""
        async with self._admin() as client:
            await client.create_partitions({topic: NewPartitions(MORE_PARTITIONS)})

    async def cannot_acknowledge(self) -> None:
        """See that an acknowledgement of partition 0 is refused, and by what.

        Raises:
            CommandFailedError: It is not.
        """
        status, told = await self._try("acknowledge", "--partition", "0", "--reason", "more")
        if status != FOR_AN_OPERATOR or not any(cause in told for cause in GROWN):
            raise CommandFailedError(f"acknowledge ends with {status}: {told!r}")

    async def put_right(self, partition: int) -> None:
        """Acknowledge, and bring the lost numbers back from the outputs; no worker may run.

        Raises:
            CommandFailedError: A command does not do its part.
        """
        told = await self._command(
            "acknowledge", "--partition", str(partition), "--reason", "the beginning was deleted"
        )
        if BEGINS not in told:
            raise CommandFailedError(f"what is acknowledged is {told!r}")
        self.acknowledged.append(partition)
        numbers = str(self.settings.with_name("numbers.jsonl"))
        await self._command("counters", "rebuild", numbers)
        told = await self._command("counters", "import", numbers, "--reason", "lost", *PERSONS)
        published = _PUBLISHED.search(told)
        if published is None:
            raise CommandFailedError(f"what is imported is {told!r}")
        self.imported += int(published[1])

    async def _command(self, *arguments: str) -> str:
        """Have a command do its work; gives what it tells people."""
        status, told = await self._try(*arguments)
        if status:
            raise CommandFailedError(f"{arguments}: {status} {told}")
        return told

    async def _try(self, *arguments: str) -> tuple[int | None, str]:
        """Run a command until it has not to be tried later; gives its exit status as well."""
        while True:
            process = await asyncio.create_subprocess_exec(
                *(str(COMMAND), *arguments, "--config", str(self.settings)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            _, octets = await process.communicate()
            if process.returncode != TRY_LATER:
                return process.returncode, octets.decode()
            await asyncio.sleep(AGAIN_S)

    async def _configure(self, client: Any, settings: Mapping[str, str]) -> None:  # noqa: ANN401
        # What is not named goes back to the cluster's default.
        (answer,) = await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, self.changelog, dict(settings))]
        )
        assert not answer.resources[0][0], answer

    async def _within(self, place: TopicPartition) -> int:
        """Give an offset that lies some way into what a partition holds, once it holds much.

        Something is committed beyond it: without any positions an operator would have to say from
        where all inputs are read.
        """
        async with self._reader() as client:
            client.assign([place])
            while True:
                begin = (await client.beginning_offsets([place]))[place]
                end = (await client.end_offsets([place]))[place]
                within = int(begin + (end - begin) // LOST_SHARE)
                if end - begin >= LEAST and await _has(client, place, within, POSITIONS):
                    return within
                await asyncio.sleep(AGAIN_S)

    def _reader(self) -> AbstractAsyncContextManager[Any]:
        return consumer(ClientOptions(self.servers, {}), isolation_level="read_committed")

    def _admin(self) -> AbstractAsyncContextManager[Any]:
        return admin(ClientOptions(self.servers, {}))


async def _has(client: Any, place: TopicPartition, begin: int, key: bytes) -> bool:  # noqa: ANN401
    """Say whether a record of a key is committed from an offset on."""
    client.seek(place, begin)
    while found := await client.getmany(place, timeout_ms=FETCH_MS):
        if any(record.key == key for record in found[place]):
            return True
    return False


async def _deleted(client: Any, place: TopicPartition, below: RecordsToDelete) -> bool:  # noqa: ANN401
    """Delete records, unless the broker does not know yet that it may."""
    try:
        await client.delete_records({place: below})
    except PolicyViolationError:
        return False
    return True
