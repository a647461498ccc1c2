"""Which application serves a store that is only beginning.

From its first commit on, a partition's changelog names who serves it. Before that, another
application could begin a partition that the first one has not come to yet, and each would then be
refused by what the other has begun. So whoever begins a store writes its name down before all else,
once for all partitions.
"""

import asyncio
import json
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any

from slotkeeper.streams.errors import FencedError, StoppedForOperatorError

from .identity import told_by_changelog
from .offsets import Offsets
from .options import ClientOptions
from .reading import refuse_set_aside, scan_messages
from .topics import Topics
from .transaction import Transactions

KEY = b"@application"
"""Of the record, the first in the changelog of partition 0. It carries no identity of the store,
which the first commit draws."""

VERSION = 1
"""Of the record's form."""

PARTITION = 0

LOCK = "application"
"""Ends the transactional id under which the record is written, so that one writes at a time."""

ATTEMPTS = 10
AGAIN_S = 0.2
"""Workers that begin together shut each other out until one of them has written: that takes it some
50 ms after it has shut out the others."""

LOOK = 16
"""Records are read at once; the first one tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changelogs:
    """What is looked into.

    Attributes:
        options: Of every client.
        topics: Where streams are.
        offsets: Tells beginnings and ends.
    """

    options: ClientOptions
    topics: Topics
    offsets: Offsets

    async def begun_by(self) -> str | None:
        """Give the application that is written down; None if none is."""
        first = await self._first()
        if first is None:
            return None
        if first.key == KEY:
            return _name(first.value)
        told = await told_by_changelog(self.options, self.topics, self.offsets, PARTITION)
        return told and told.application

    async def precede_claims(self) -> bool:
        """Say whether partition 0 has a history that begins without that record.

        An earlier version began it, which wrote nobody's name down.
        """
        first = await self._first()
        return first is not None and first.key != KEY

    async def past_claim(self, since: int) -> int:
        """Give the end of partition 0's changelog if that record alone stands there, else since."""
        place = self.topics.at(self.topics.layout.changelog, PARTITION)
        end = (await self.offsets.ends([place]))[place]
        scanned = scan_messages(self.options, {place: since}, {place: end}, limit=LOOK)
        async with aclosing(scanned) as batches:
            async for _, messages in batches:
                if any(message.key != KEY for message in messages):
                    return since
        return end

    async def _first(self) -> Any:  # noqa: ANN401  # aiokafka has no types
        """Give partition 0's first record; None if there is none."""
        place = self.topics.at(self.topics.layout.changelog, PARTITION)
        begin = (await self.offsets.starts([place]))[place]
        end = (await self.offsets.ends([place]))[place]
        scanned = scan_messages(self.options, {place: begin}, {place: end}, limit=LOOK)
        async with aclosing(scanned) as batches:
            async for _, messages in batches:
                refuse_set_aside(place, messages)
                return messages[0]
        return None


class Claim:
    """One worker's word for who serves the store."""

    def __init__(
        self,
        changelogs: Changelogs,
        application: str,
        clock: Callable[[], int],
        lock: Callable[[str], AbstractAsyncContextManager[Transactions]],
    ) -> None:
        """Claim nothing yet.

        Args:
            changelogs: Of the store.
            application: In whose name.
            clock: Milliseconds since 1970 UTC.
            lock: Shuts out everybody else who holds the transactional id of this ending.
        """
        self.changelogs = changelogs
        self._application = application
        self._clock = clock
        self._lock = lock
        self._one_at_a_time = asyncio.Lock()

    async def holder(self, others: Collection[str]) -> str | None:
        """Say who serves the store, by what its ``others`` name, the partitions that have begun."""
        foreign = sorted({*others} - {self._application})
        if foreign:
            return foreign[0]
        return self._application if others else await self.changelogs.begun_by()

    async def take(self, others: Collection[str]) -> None:
        """Have the store served in this name, before anything else is written to it.

        What an earlier version began is served by whoever is named by its next commit.

        Raises:
            FencedError: Another application was faster.
        """
        async with self._one_at_a_time:
            holder = await self.holder(others)
            for _ in range(ATTEMPTS):
                if holder is not None:
                    break
                if await self.changelogs.precede_claims():
                    return
                try:
                    await self._write_down()
                except FencedError:
                    await asyncio.sleep(AGAIN_S)
                holder = await self.changelogs.begun_by()
        if holder != self._application:
            raise FencedError(f"another application has begun the store: {holder}")

    async def _write_down(self) -> None:
        changelog = self.changelogs.topics.layout.changelog
        value = json.dumps({"version": VERSION, "application": self._application}).encode()
        place = self.changelogs.topics.at(changelog, PARTITION)
        async with self._lock(LOCK) as transactions:
            # No claim is written from here on; somebody may have before. An owner may commit.
            end = (await self.changelogs.offsets.ends([place]))[place]
            begun = await self.changelogs.begun_by() or await self.changelogs.precede_claims()
            if not begun:
                record = (changelog, PARTITION, KEY, value, ())
                await transactions.commit([record], {}, self._clock(), expected={place: end})


def _name(value: bytes | None) -> str:
    try:
        content = json.loads(value or b"")
        if content["version"] == VERSION:
            return str(content["application"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StoppedForOperatorError("the changelog's record of the application is damaged") from (
            error
        )
    raise StoppedForOperatorError(
        f"the changelog's record of the application has form {content['version']!r:.20}, and this "
        f"program knows {VERSION}: use the program that wrote it, or a newer one"
    )
