"""Tables of the newest record of each key: written once as a base, then as what has changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from slotkeeper._core import ArrowRows
from slotkeeper.slots.tables import Tables
from slotkeeper.streams import Record

from .layout import NEWEST, Kept
from .work import Bench

HANDED_OVER = 100
"""Batches of a thousand records after which their rows go from the extension to the tables."""

DELTAS = 16
"""Files of changes that a reader looks through, at most."""

SHARE = 4
"""A base is made anew when its changes have a fourth of its rows."""


class Decoder(Protocol):
    """What the extension offers for each kind of records."""

    def rows(self) -> ArrowRows:
        """Give the rows since the last call."""


class Told:
    """Rows on their way into the table ``told``.

    Attributes:
        batches: How many were taken.
    """

    def __init__(
        self, made: Tables, decoder: Decoder, take: Callable[[list[Record]], object]
    ) -> None:
        """Begin an empty table; ``take`` gives records to the decoder."""
        self._made, self._decoder, self._take = made, decoder, take
        self.batches = 0
        made.run("DROP TABLE IF EXISTS told")
        self.flush()

    def take(self, records: list[Record]) -> None:
        """Take records."""
        self._take(records)
        self.batches += 1
        if self.batches % HANDED_OVER == 0:
            self.flush()

    def flush(self) -> None:
        """Hand over what the decoder has."""
        self._made.hand_over("told", self._decoder.rows())


def write_newest(bench: Bench, table: str, partition: int, earlier: Sequence[Kept]) -> list[Kept]:
    """Write what the table ``told`` has; give all files of the partition, old ones among them.

    Args:
        bench: With that table.
        table: One of ``NEWEST``.
        partition: Of the stream.
        earlier: The files of the build before, of ``devices`` those of ``meter_points`` too; none
            where a base is wanted.
    """
    key, columns = NEWEST[table].key, NEWEST[table].columns
    newest = (
        f"FROM told SEMI JOIN (SELECT {key}, max(place) AS place FROM told GROUP BY {key}) "  # noqa: S608
        f"USING ({key}, place)"
    )
    came, last = next(bench.made.rows("SELECT count(*), coalesce(max(place), 0) FROM told"))
    about = {"place": max(last, *(one.about["place"] for one in earlier), 0)}
    files = _Files(bench, table, partition, about)
    if not earlier:
        return files.write(f"{newest} WHERE NOT gone ORDER BY {key}", delta=False)
    if not came:
        return list(earlier)
    own = [one for one in earlier if one.table == table]
    changed = sum(one.rows for one in own if one.delta) + came
    base = sum(one.rows for one in own if not one.delta)
    if len(own) <= DELTAS and changed * SHARE <= base:
        return [*earlier, *files.write(f"{newest} ORDER BY {key}", delta=True)]
    united = (
        f"SELECT 0::BIGINT AS place, false AS gone, {columns} FROM "  # noqa: S608
        f"(SELECT {columns} FROM {bench.read(table, own)} ANTI JOIN told USING ({key}) "
        f"UNION ALL SELECT {columns} FROM ({newest}) WHERE NOT gone) ORDER BY {key}"
    )
    return files.write(united, delta=False)


@dataclass(frozen=True, slots=True)
class _Files:
    bench: Bench
    table: str
    partition: int
    about: Mapping[str, int]

    def write(self, select: str, *, delta: bool) -> list[Kept]:
        """Write rows; those of devices once more by meter point, where they have one."""
        one = self._write(select, self.table, delta=delta)
        if self.table != "devices":
            return [one]
        # A change of a device that has no meter point any more must show as well.
        here = "" if delta else "WHERE mprn IS NOT NULL"
        points = (
            f"SELECT place, gone, mprn, device, device_type, gpf FROM {self.bench.rows(one)} "  # noqa: S608
            f"{here} ORDER BY mprn, device"
        )
        return [one, self._write(points, "meter_points", delta=delta)]

    def _write(self, select: str, table: str, *, delta: bool) -> Kept:
        bench = self.bench
        return bench.work.write(
            bench.made, select, table, partition=self.partition, delta=delta, about=self.about
        )
