"""The worker's side of a SQLite file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace

from slotkeeper.streams.interface import (
    Accepted,
    Fetched,
    Logs,
    Output,
    OutputBatch,
    Record,
    StreamsSettings,
)
from slotkeeper.streams.witness import Head, Presence, Sighting, Witness

from .commit import Commit, OwnerEpoch, Renewal
from .file import StoreFile
from .rows import Tables
from .thread import DatabaseThread
from .transaction import transaction

BATCH_RECORDS = 250
"""Measured with 200,000 mixed records on four partitions: 250, 500 and 1,000 take the same time,
and a process that peaks at 116, 145 and 179 MB."""

RESTORE_BATCH = 2_000
"""Records a batch while restoring: memory stays flat, and a batch takes some 10 ms."""

POLL_S = 0.01
"""How often a waiting worker looks for new records; half of it is added to a request's latency."""


class SqliteOwnership:
    """All partitions of the file, in the hands of the one worker that holds its lock."""

    def __init__(
        self,
        settings: StreamsSettings,
        partitions: int,
        tables: Tables,
        *,
        file: StoreFile,
        writer: DatabaseThread,
        reader: DatabaseThread,
    ) -> None:
        """Share the connections of the streams."""
        self._settings = settings
        self._partitions = partitions
        self._tables = tables
        self._file = file
        self._writer = writer
        self._reader = reader
        self._told = False
        self._renewed: dict[int, Renewal] = {}
        self._witness = None if settings.witness is None else Witness(settings.witness)

    async def assignment(self) -> frozenset[int]:
        """Give all partitions; nothing ever changes that."""
        if self._told:
            await asyncio.Event().wait()
        self._told = True
        return frozenset(range(self._partitions))

    async def open(self, partition: int) -> "SqlitePartition":
        """Raise the partition's epoch, and refuse a store that its witness contradicts."""
        owner, seen = await self._writer.run(self._admitted, partition)
        commit = Commit(
            self._tables,
            owner,
            file=self._file,
            clock=self._settings.clock,
            witness=self._witness,
            losses=0 if seen is None else seen.losses,
            renewed=self._renewed,
        )
        return SqlitePartition(
            self._tables,
            self._writer,
            self._reader,
            owner,
            commit,
            witnessed=None if seen is None else seen.audit,
        )

    async def undecided(self) -> int:
        """Count from the positions as the file keeps them."""

        def look(connection: sqlite3.Connection) -> int:
            kept = dict(connection.execute("SELECT shard, position FROM positions").fetchall())
            tables = self._tables
            return sum(
                max(
                    0,
                    tables.end(connection, stream, number)
                    - kept.get(
                        tables.shard(stream, number), tables.start(connection, stream, number)
                    ),
                )
                for stream in tables.layout.inputs
                for number in range(self._partitions)
            )

        return await self._reader.run(look)

    async def acknowledge(self, partition: int) -> Accepted:
        """Let the next commit of the partition begin a new incarnation with what the file holds.

        Until that commit nothing is acknowledged.
        """
        return await self._writer.run(self._renew, partition)

    def _admitted(
        self, connection: sqlite3.Connection, partition: int
    ) -> tuple[OwnerEpoch, Sighting | None]:
        """Give the new owner's epoch, and what the witness has seen."""
        owner, presence = self._fence(connection, partition)
        witness, renewal = self._witness, self._renewed.get(partition)
        if renewal is None:
            return owner, None if witness is None else witness.admit(partition, presence)
        ended = tuple(sighting.incarnation for sighting in renewal.forgiven)
        owner = owner._replace(incarnation=renewal.incarnation, ended=ended)
        # What it has seen of the audit trail was of another incarnation.
        return owner, None if witness is None else replace(witness.accept(partition), audit=None)

    def _renew(self, connection: sqlite3.Connection, partition: int) -> Accepted:
        _, presence = self._fence(connection, partition)
        objection, witnessed = "", None
        if self._witness is not None:
            objection = self._witness.objection(partition, presence)
            witnessed = self._witness.accept(partition)
        forgiven = presence.acknowledged(witnessed)
        self._renewed[partition] = Renewal(self._settings.entropy(16).hex(), forgiven)
        return Accepted(objection, None if witnessed is None else witnessed.audit)

    def _fence(self, connection: sqlite3.Connection, partition: int) -> tuple[OwnerEpoch, Presence]:
        with transaction(connection):
            self._file.check()
            epoch, incarnation = connection.execute(
                "UPDATE owners SET epoch = epoch + 1 WHERE partition = ?"
                " RETURNING epoch, incarnation",
                (partition,),
            ).fetchone()
            presence = self._tables.presence(connection, partition)
        ended = tuple(sighting.incarnation for sighting in presence.forgiven)
        return OwnerEpoch(partition, epoch, incarnation, ended), presence


class SqlitePartition:
    """One partition of every stream of the file; see the interface for what each call promises."""

    def __init__(
        self,
        tables: Tables,
        writer: DatabaseThread,
        reader: DatabaseThread,
        owner: OwnerEpoch,
        commit: Commit,
        *,
        witnessed: Head | None,
    ) -> None:
        """Own the partition, whose epoch was just raised."""
        self._tables = tables
        self._writer = writer
        self._reader = reader
        self._owner = owner
        self._commit = commit
        self._witnessed = witnessed

    @property
    def number(self) -> int:
        """The partition, from 0."""
        return self._owner.partition

    @property
    def incarnation(self) -> str:
        """Drawn when the file was made, and again by each acknowledgement."""
        return self._owner.incarnation

    @property
    def losses(self) -> int:
        """As the witness remembers them, or as the owner said since."""
        return self._commit.losses

    @losses.setter
    def losses(self, losses: int) -> None:
        self._commit.losses = losses

    @property
    def ended(self) -> Sequence[str]:
        """Those that the file says were acknowledged."""
        return self._owner.ended

    @property
    def application(self) -> str | None:
        """Nobody else can be here: the lock sees to that."""
        return None

    @property
    def witnessed(self) -> Head | None:
        """As the witness had it when the partition was opened."""
        return self._witnessed

    async def changelog(self, since: int = 0) -> AsyncIterator[list[Record]]:
        """Give the committed changelog in order, from an offset to its end."""
        end = await self.changelog_end()
        async for records in self._scan(self._tables.layout.changelog, since, end):
            yield records

    async def table(self, below: int, since: int = 0) -> AsyncIterator[list[Record]]:
        """Give the table's records from one offset to another, in order."""
        async for records in self._scan(self._tables.layout.table, since, below):
            yield records

    async def changelog_end(self) -> int:
        """Give the offset of the changelog's next record."""
        return await self._reader.run(self._tables.end, self._tables.layout.changelog, self.number)

    async def tombstones_ms(self) -> int | None:
        """Nothing is ever removed but what a later record of its key replaces."""
        return None

    @property
    def batch_records(self) -> int:
        """As many as pay."""
        return BATCH_RECORDS

    async def logs(self, *, now: bool = False) -> Logs:  # noqa: ARG002  # nothing can change
        """The file is one; that it is the same is known by its incarnation."""
        return Logs()

    async def starts(self) -> dict[str, int]:
        """Give the first offset of each input that is still kept."""

        def look(connection: sqlite3.Connection) -> dict[str, int]:
            # The table is compacted behind the position; its first offset says nothing about loss.
            events = {
                stream: self._tables.start(connection, stream, self.number)
                for stream in self._tables.layout.events
            }
            return {**events, self._tables.layout.table: 0}

        return await self._reader.run(look)

    async def ends(self) -> dict[str, int]:
        """Give the end of each input."""

        def look(connection: sqlite3.Connection) -> dict[str, int]:
            return {
                stream: self._tables.end(connection, stream, self.number)
                for stream in self._tables.layout.inputs
            }

        return await self._reader.run(look)

    async def written(self) -> list[str]:
        """Give the outputs in which records stand."""

        def look(connection: sqlite3.Connection) -> list[str]:
            tables = self._tables
            return [
                stream
                for stream in tables.layout.outputs
                if tables.start(connection, stream, self.number)
                < tables.end(connection, stream, self.number)
            ]

        return await self._reader.run(look)

    async def begun_by(self) -> str | None:
        """Give None: a file has one worker, whatever it calls itself."""
        return None

    async def last(self, output: str) -> Record | None:
        """Give the newest record of an output."""
        return await self._reader.run(self._tables.last, output, self.number)

    async def offsets(self) -> dict[str, int]:
        """Give the positions as the file keeps them for others to see."""

        def look(connection: sqlite3.Connection) -> dict[str, int]:
            kept = dict(connection.execute("SELECT shard, position FROM positions").fetchall())
            shards = {
                stream: self._tables.shard(stream, self.number)
                for stream in self._tables.layout.inputs
            }
            return {stream: kept[shard] for stream, shard in shards.items() if shard in kept}

        return await self._reader.run(look)

    async def fetch(
        self, wanted: Mapping[str, int], *, limit: int, wait_s: float = 0.0
    ) -> dict[str, Fetched[Record]]:
        """Read on in the wanted streams; look again until something is there or time is up."""

        def look(connection: sqlite3.Connection) -> dict[str, Fetched[Record]]:
            found = {
                stream: self._tables.fetch(connection, stream, self.number, position, limit=limit)
                for stream, position in wanted.items()
            }
            return {
                stream: fetched
                for stream, fetched in found.items()
                if fetched.position != wanted[stream]
            }

        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            found = await self._reader.run(look)
            if found or loop.time() >= until:
                return found
            await asyncio.sleep(POLL_S)

    async def commit(
        self,
        outputs: Sequence[Output],
        positions: Mapping[str, int],
        *,
        finished: OutputBatch | None = None,
        void: Collection[int] = (),
        head: Head | None = None,
    ) -> int:
        """Write one batch in one transaction of the file."""

        def commit(connection: sqlite3.Connection) -> int:
            before = () if finished is None else finished.records()
            return self._commit(connection, [*before, *outputs], positions, void, head)

        return await self._writer.run(commit)

    async def close(self) -> None:
        """Wait for a commit that still runs."""
        await self._writer.run(lambda _: None)

    async def _scan(self, stream: str, position: int, end: int) -> AsyncIterator[list[Record]]:
        while position < end:
            fetched = await self._reader.run(
                self._tables.fetch, stream, self.number, position, limit=RESTORE_BATCH, below=end
            )
            position = fetched.position
            if fetched.records:
                yield list(fetched.records)
