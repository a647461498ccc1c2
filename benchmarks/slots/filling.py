"""Fills a file with a year, as fast as two cores can: one makes the records, one writes the rows.

The file's rows are those that streams would have written, older ones of a key left out. Nothing is
safe from a loss of power until it is done, and the index by keys is made once, at the end.
"""

import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from slotkeeper._core import link_audit, partition_for
from slotkeeper.streams.layout import SLOTKEEPER
from slotkeeper.streams.sqlite.rows import Tables
from slotkeeper.streams.sqlite.schema import row_id
from slotkeeper.worker.positions import KEY, Positions

from .store import AT_A_TIME, MADE, PARTITIONS, World, gpf_of

if TYPE_CHECKING:
    from slotkeeper.engine.port import AuditHead

Row: TypeAlias = tuple[int, int, bytes, bytes]
Rows: TypeAlias = tuple[str, Sequence[Row]]

_AT_MS = int(MADE.timestamp() * 1_000)
_INDEX = "compacted_by_key"


def fill(file: Path, world: World) -> int:
    """Write a year into a file that streams have just made; give how many records that were."""
    here, there = Pipe(duplex=False)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        incarnations = dict(connection.execute("SELECT partition, incarnation FROM owners"))
        maker = Process(target=_send, args=(there, world, incarnations))
        maker.start()
        there.close()
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -262144"):
            connection.execute(f"PRAGMA {pragma}")
        [[index]] = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (_INDEX,))
        connection.execute("BEGIN")
        connection.execute(f"DROP INDEX {_INDEX}")
        while rows := here.recv():
            table, some = rows
            # One of two constants.
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, NULL)", some)  # noqa: S608
        ends: Mapping[int, int] = here.recv()
        connection.executemany("INSERT INTO ends VALUES (?, ?)", ends.items())
        connection.execute(index)
        connection.execute("COMMIT")
        maker.join()
    return sum(ends.values())


def _send(there: Connection, world: World, incarnations: Mapping[int, str]) -> None:
    """Send rows of tables, then None, then the next offset of each shard."""
    making = _Making(world, incarnations)
    for rows in making.rows():
        there.send(rows)
    there.send(None)
    there.send(making.ends)


class _Making:
    def __init__(self, world: World, incarnations: Mapping[int, str]) -> None:
        self._world, self._incarnations = world, incarnations
        self._shard = Tables(SLOTKEEPER).shard
        self.ends = Counter[int]()

    def rows(self) -> Iterator[Rows]:
        """Give what devices and meter points are told of, then what was decided."""
        owned = [array("I") for _ in range(PARTITIONS)]
        for begin in range(0, self._world.gpfs, AT_A_TIME):
            numbers = range(begin, min(begin + AT_A_TIME, self._world.gpfs))
            for number in numbers:
                owned[partition_for(gpf_of(number), PARTITIONS)].append(number)
            for told in (self._world.inventory(numbers), self._world.registrations(numbers)):
                yield (
                    "compacted",
                    [
                        self._row(
                            one.stream, partition_for(one.key, PARTITIONS), one.key, one.value
                        )
                        for one in told
                        if one.key and one.value
                    ],
                )
        for partition, own in enumerate(owned):
            yield from self._decided(partition, own)

    def _decided(self, partition: int, own: Sequence[int]) -> Iterator[Rows]:
        head: AuditHead | None = None
        trail, changes = list[Row](), list[Row]()
        for one in self._world.decisions(own):
            record, head = link_audit(one.body, head)
            trail.append(self._row("audit-trail", partition, one.key, record))
            change = self._row("originator-counters", partition, one.key, one.image)
            if one.last:
                changes.append(change)
            if len(trail) == AT_A_TIME:
                yield "log", trail
                trail = []
        positions = Positions(
            sequence=0 if head is None else head[0],
            partitions=PARTITIONS,
            incarnation=self._incarnations[partition],
            inputs={},
            audit=head,
        )
        changes.append(self._row("originator-counters", partition, KEY, positions.encode()))
        yield "log", trail
        yield "compacted", changes

    def _row(self, stream: str, partition: int, key: bytes, value: bytes) -> Row:
        shard = self._shard(stream, partition)
        offset = self.ends[shard]
        self.ends[shard] = offset + 1
        return row_id(shard, offset), _AT_MS, key, value
