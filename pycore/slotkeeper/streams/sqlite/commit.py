"""One batch of a partition's owner, in one transaction."""

import sqlite3
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from typing import NamedTuple

from slotkeeper.streams.errors import (
    CommitAbortedError,
    CommitInDoubtError,
    FencedError,
    StreamsError,
)
from slotkeeper.streams.interface import Output
from slotkeeper.streams.witness import Head, ServedTwiceError, Sighting, Witness

from .file import StoreFile
from .rows import Tables
from .thread import translated
from .transaction import roll_back


class OwnerEpoch(NamedTuple):
    """The right to commit to a partition, until a later owner raises the epoch.

    Attributes:
        partition: From 0.
        epoch: One more than that of the owner before.
        incarnation: The store's, at the time when the epoch was raised.
        ended: Those before it, which acknowledgements have ended.
    """

    partition: int
    epoch: int
    incarnation: str
    ended: tuple[str, ...]


class Renewal(NamedTuple):
    """What an acknowledgement lets the next commit of its partition do.

    Attributes:
        incarnation: That begins with it.
        forgiven: Those that end with it, and where.
    """

    incarnation: str
    forgiven: Sequence[Sighting]


class Commit:
    """Commits batches of one owner. Called on the connection's thread.

    Attributes:
        losses: For the witness, told with each commit.
    """

    def __init__(
        self,
        tables: Tables,
        owner: OwnerEpoch,
        *,
        file: StoreFile,
        clock: Callable[[], int],
        witness: Witness | None,
        losses: int,
        renewed: MutableMapping[int, Renewal],
    ) -> None:
        """Commit as long as this is the epoch of the partition.

        ``renewed`` loses what was acknowledged of the partition with the commit that does it.
        """
        self.losses = losses
        self._renewed = renewed
        self._tables = tables
        self._file = file
        self._owner = owner
        self._clock = clock
        self._witness = witness

    def __call__(
        self,
        connection: sqlite3.Connection,
        outputs: Sequence[Output],
        positions: Mapping[str, int],
        void: Collection[int],
        head: Head | None,
    ) -> int:
        """Write the batch; durable on return. Gives the changelog's end.

        Raises:
            CommitAbortedError: Nothing of it is in the file.
            CommitInDoubtError: COMMIT itself failed, or the witness after it.
            FencedError: A later owner has the partition.
            StoppedForOperatorError: The file is not the one any more that its name means; nothing
                is written.
        """
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._file.check()
            ends = self._write(connection, outputs, positions, void)
        except BaseException as error:
            roll_back(connection)
            if isinstance(error, sqlite3.Error):
                cause = translated(error, self._file.path)
                raise CommitAbortedError(f"the batch was not written: {cause}") from cause
            raise
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            roll_back(connection)
            # The commit frame may have reached the log before what failed, and a later recovery
            # of the log would then find it.
            cause = translated(error, self._file.path)
            raise CommitInDoubtError(f"the batch may or may not be written: {cause}") from cause
        self._renewed.pop(self._owner.partition, None)
        changelog = self._tables.shard(self._tables.layout.changelog, self._owner.partition)
        end = ends.get(changelog, 0)
        self._testify(end, head)
        return end

    def _write(
        self,
        connection: sqlite3.Connection,
        outputs: Sequence[Output],
        positions: Mapping[str, int],
        void: Collection[int],
    ) -> dict[int, int]:
        partition = self._owner.partition
        (epoch,) = connection.execute(
            "SELECT epoch FROM owners WHERE partition = ?", (partition,)
        ).fetchone()
        if epoch != self._owner.epoch:
            raise FencedError(
                f"partition {partition} has a later owner (epoch {epoch}, here {self._owner.epoch})"
            )
        renewal = self._renewed.get(partition)
        if renewal is not None:
            self._tables.forgive(connection, partition, renewal.incarnation, renewal.forgiven)
        ends = self._tables.append(connection, outputs, self._clock())
        table = self._tables.layout.table
        if table in positions:
            shard = self._tables.shard(table, partition)
            found = connection.execute(
                "SELECT position FROM positions WHERE shard = ?", (shard,)
            ).fetchone()
            passed = range(0 if found is None else found[0], positions[table])
            if passed or void:
                self._tables.prune_table(connection, partition, passed, void)
        connection.executemany(
            "INSERT OR REPLACE INTO positions VALUES (?, ?)",
            [
                (self._tables.shard(stream, partition), position)
                for stream, position in positions.items()
            ],
        )
        return ends

    def _testify(self, end: int, head: Head | None) -> None:
        if self._witness is None:
            return
        sighting = Sighting(self._owner.incarnation, end, losses=self.losses, audit=head)
        try:
            self._witness.record(self._owner.partition, sighting, alone=True)
        except ServedTwiceError:
            # Opened again this copy may agree with what the witness knows of the other one.
            raise
        except StreamsError as error:
            # The batch is written; opening the partition again tries the witness again and says
            # what is wrong with it before anything else is issued.
            raise CommitInDoubtError(
                f"the batch is written, its witness is not: {error}"
            ) from error
