"""What tools use of a SQLite file: publish and read, beside a running worker."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from slotkeeper.streams.errors import WrongUseError
from slotkeeper.streams.interface import Message, Ownership, Record, StreamsSettings
from slotkeeper.streams.layout import Layout
from slotkeeper.streams.partitioning import placed
from slotkeeper.streams.witness import Sighting, Witness

from .file import StoreFile, held_file
from .ownership import SqliteOwnership
from .rows import Tables
from .schema import prepare, refuse_changed
from .thread import DatabaseThread
from .transaction import transaction

READ_BATCH = 1_000
"""Records a batch for readers: some milliseconds of the database's thread, megabytes at most."""

POLL_S = 0.02
"""How often one who waits looks whether another process has committed. Looking costs some
microseconds of the database's thread, so fifty times a second is nothing, and a latency of 10 ms
on average is below that of the commit that follows."""


@asynccontextmanager
async def open_sqlite(path: Path, settings: StreamsSettings) -> AsyncIterator["SqliteStreams"]:
    """Open the file, making it if there is none; see ``open_streams``."""
    path = _resolved(path)
    if settings.witness is not None:
        Witness(settings.witness).refuse_files_of(path)
    # Outlives the connections: see there.
    with held_file(path) as file:
        writer = await DatabaseThread(path, "writer").open()
        try:
            partitions = await writer.run(
                prepare, path, wanted=settings.partitions, entropy=settings.entropy
            )
            file.settle()
            reader = await DatabaseThread(path, "reader").open()
            try:
                file.check()
                yield SqliteStreams(settings, partitions, file, writer, reader)
            finally:
                await reader.close()
        finally:
            await writer.close()


def _resolved(path: Path) -> Path:
    """Give the one name of a file, whichever links lead to it."""
    try:
        resolved = path.resolve()
        if resolved.parent.is_dir():
            return resolved
    except (OSError, RuntimeError, ValueError) as error:
        raise WrongUseError(f"{str(path)!r} cannot be followed: {error}") from error
    raise WrongUseError(
        f"{path} cannot be made: there is no folder {resolved.parent} "
        "(a path from the root has four slashes, sqlite:////var/lib/slotkeeper.db)"
    )


class SqliteStreams:
    """Open streams of one file: a connection that writes and one that reads."""

    def __init__(
        self,
        settings: StreamsSettings,
        partitions: int,
        file: StoreFile,
        writer: DatabaseThread,
        reader: DatabaseThread,
    ) -> None:
        """Take open connections over; ``open_sqlite`` closes them."""
        self._settings = settings
        self._partitions = partitions
        self._tables = Tables(settings.layout)
        self._file = file
        self._writer = writer
        self._reader = reader

    @property
    def layout(self) -> Layout:
        """Which streams there are."""
        return self._settings.layout

    @property
    def partitions(self) -> int:
        """How many partitions each stream of the worker has; pinned in the file."""
        return self._partitions

    async def publish(self, messages: Sequence[Message]) -> None:
        """Append the messages in one transaction: all or none."""
        records = [
            placed(message, self.layout, self._partitions_of(message.stream))
            for message in messages
        ]

        def write(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                self._file.check()
                self._tables.append(connection, records, self._settings.clock())

        if records:
            await self._writer.run(write)

    async def read(
        self,
        stream: str,
        *,
        from_start: bool = True,
        follow: bool = False,
        since: Mapping[int, int] | None = None,
        settled: bool = False,  # noqa: ARG002  # no transaction is seen while it is open
    ) -> AsyncIterator[list[Record]]:
        """Give committed records; see the interface."""
        self.layout.require(stream)
        ends = await self._reader.run(self._ends, stream)
        positions = dict.fromkeys(ends, 0) if from_start else dict(ends)
        if since is not None:
            positions = dict(since)
        while True:
            for partition in positions:
                end = ends.get(partition, 0)
                while positions[partition] < end:
                    fetched = await self._reader.run(
                        self._tables.fetch,
                        stream,
                        partition,
                        positions[partition],
                        limit=READ_BATCH,
                        below=end,
                    )
                    positions[partition] = fetched.position
                    if fetched.records:
                        yield list(fetched.records)
            if not follow:
                return
            await asyncio.sleep(POLL_S)
            ends = await self._reader.run(self._ends, stream)

    async def ends(self, stream: str) -> Mapping[int, int]:
        """Ask the file; see the interface."""
        self.layout.require(stream)
        return await self._reader.run(self._ends, stream)

    async def witnessed(self) -> Mapping[int, Sighting]:
        """Read the witness; see the interface."""
        path = self._settings.witness
        return {} if path is None else await asyncio.to_thread(Witness(path).seen)

    async def objections(self) -> Mapping[int, str]:
        """Compare the file with the witness; see the interface."""
        await self._reader.run(refuse_changed, self._file.path, partitions=self._partitions)
        path = self._settings.witness
        if path is None:
            return {}
        objection = await asyncio.to_thread(Witness(path).as_of_now)

        def compare(connection: sqlite3.Connection) -> dict[int, str]:
            found = {
                number: objection(number, self._tables.presence(connection, number))
                for number in range(self._partitions)
            }
            return {number: objection for number, objection in found.items() if objection}

        return await self._reader.run(compare)

    async def incarnation(self, partition: int) -> str | None:
        """It stands in the file from the beginning."""
        presence = await self._reader.run(self._tables.presence, partition)
        return presence.seen.incarnation

    async def ended(self, partition: int) -> Sequence[str]:
        """They stand beside it; see the interface."""
        presence = await self._reader.run(self._tables.presence, partition)
        return [sighting.incarnation for sighting in presence.forgiven]

    async def begin_witness(self) -> list[int]:
        """Write what the file holds into the witness; see the interface."""
        witness = Witness(self._settings.witness_path)

        def begin(connection: sqlite3.Connection) -> list[int]:
            present = {
                number: self._tables.presence(connection, number).seen
                for number in range(self._partitions)
            }
            return witness.begin(present)

        return await self._reader.run(begin)

    @asynccontextmanager
    async def own(self) -> AsyncIterator[Ownership]:
        """Become the file's only worker, and the only one that has its witness."""
        with ExitStack() as held:
            held.enter_context(self._file.worker_lock())
            if self._settings.witness is not None:
                held.enter_context(Witness(self._settings.witness).in_use())
            await self._writer.run(refuse_changed, self._file.path, partitions=self._partitions)
            yield SqliteOwnership(
                self._settings,
                self._partitions,
                self._tables,
                file=self._file,
                writer=self._writer,
                reader=self._reader,
            )

    def _ends(self, connection: sqlite3.Connection, stream: str) -> dict[int, int]:
        return {
            partition: self._tables.end(connection, stream, partition)
            for partition in range(self._partitions_of(stream))
        }

    def _partitions_of(self, stream: str) -> int:
        return self.layout.partitions_of(stream, self._partitions)
