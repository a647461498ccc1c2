"""A folder of builds for more devices than the disk has room for streams.

A build of few devices is repeated under other numbers: each copy has devices, meters, meter points
and audit records of its own. What rests on such a folder was measured; what reads streams was not.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from slotkeeper.slots.build.folder import Build, add_build
from slotkeeper.slots.build.layout import SEGMENTED, TABLES, Kept
from slotkeeper.slots.build.trail import STREAM, STRETCH
from slotkeeper.slots.build.work import Work
from slotkeeper.slots.tables import Tables, tables

_SHARED = ("parties", "certificates", "differing")
"""Tables that do not grow with the devices."""

_MACROS = """
CREATE MACRO other(device, octet) AS substr(device, 1, 12) || octet || substr(device, 15);
CREATE MACRO point(mprn, copy) AS (copy + 10)::VARCHAR || mprn;
"""
"""The last three octets of a device are its number, and the one before them is that of the copy: so
copies that follow each other are in order."""

_REPLACED = {
    "registrations": "point(key, {copy}) AS key",
    "devices": "other(device, '{octet}') AS device, other(gpf, '{octet}') AS gpf, "
    "point(mprn, {copy}) AS mprn",
    "meter_points": "point(mprn, {copy}) AS mprn, other(device, '{octet}') AS device, "
    "other(gpf, '{octet}') AS gpf",
    "cells": "other(device, '{octet}') AS device",
    "history": "other(device, '{octet}') AS device, audit_offset + {records} AS audit_offset",
    "decisions": "other(device, '{octet}') AS device, audit_offset + {records} AS audit_offset",
    "attempts": "other(device, '{octet}') AS device, audit_offset + {records} AS audit_offset, "
    "stream_offset + {add} AS stream_offset, "
    "replace(request_id, device, other(device, '{octet}')) AS request_id",
}


def enlarge(small: Build, root: Path, gpfs: int, copies: int) -> Build:
    """Make a folder of one build with the devices of a small one, so many times.

    Args:
        small: Its first build, without deltas and with one stretch a partition.
        root: The folder that is made.
        gpfs: How many devices the small one has, numbered from 0.
        copies: How often.
    """
    work = Work(root / ".making", {}, int(small.manifest["began_ms"]))
    with tables(small.reads, root.resolve(), spill=work.spill) as made:
        made.run(_MACROS)
        making = _Making(small, work, made, gpfs, copies)
        files = {table: making.table(table) for table in TABLES}
    work.move_into(root)
    cuts = {str(one.partition): one.about["cut"] for one in files["history"]}
    rows = {table: sum(one.rows for one in some) for table, some in files.items()}
    audit = {partition: cut["offset"] + 1 for partition, cut in cuts.items()}
    build = add_build(
        root,
        1,
        {
            **{key: value for key, value in small.manifest.items() if key != "format"},
            "build": "00000001",
            "enlarged": {"of": small.name, "copies": copies},
            "positions": {**small.manifest["positions"], STREAM: audit},
            "cuts": cuts,
            "rows": rows,
            "files": {table: [one.told() for one in some] for table, some in files.items()},
        },
    )
    work.end()
    return build


class _Making:
    def __init__(  # what ``enlarge`` was given
        self, small: Build, work: Work, made: Tables, gpfs: int, copies: int
    ) -> None:
        self._small, self._work, self._made = small, work, made
        self._gpfs, self._copies = gpfs, copies

    def table(self, name: str) -> list[Kept]:
        """Write all files of a table."""
        files: list[Kept] = []
        for one in self._small.files(name):
            if one.delta:
                raise ValueError(f"{name} has deltas: enlarge a first build")
            if name in _SHARED:
                files.append(self._write(one, f"FROM {self._rows(one)}", one.about))
            elif name in SEGMENTED:
                files += self._stretches(one)
            else:
                files.append(self._write(one, self._united(one, range(self._copies)), one.about))
        return files

    def _stretches(self, one: Kept) -> list[Kept]:
        """Write as many copies into a file as a stretch of a trail has room for."""
        records, cut = one.about["records"], one.about["cut"]
        if one.about["first"] != 0 or cut["offset"] + 1 != records:
            raise ValueError(f"{one.path} is not the only stretch of its partition")
        together = max(1, STRETCH // records)
        files = []
        for begin in range(0, self._copies, together):
            some = range(begin, min(begin + together, self._copies))
            more = some[-1] * records
            about = {
                "first": begin * records,
                "records": len(some) * records,
                "cut": {**cut, "offset": cut["offset"] + more, "number": cut["number"] + more},
            }
            files.append(self._write(one, self._united(one, some), about))
        return files

    def _united(self, one: Kept, copies: Sequence[int]) -> str:
        """Give the copies of a file's rows, in their order: first GPFs, whose numbers are lower."""
        kinds = ("device_type = 'GPF'", "device_type = 'GSME'")
        return " UNION ALL ".join(
            self._copy(one, copy, of_kind)
            for of_kind in (kinds if one.table == "devices" else ("true",))
            for copy in copies
        )

    def _copy(self, one: Kept, copy: int, where: str) -> str:
        replaced = _REPLACED[one.table].format(
            copy=copy,
            octet=f"{copy:02X}",
            add=copy * self._gpfs,
            records=copy * one.about.get("records", 0),
        )
        return f"SELECT * REPLACE ({replaced}) FROM {self._rows(one)} WHERE {where}"  # noqa: S608

    def _rows(self, one: Kept) -> str:
        return f"read_parquet('{self._small.root / one.path}', hive_partitioning = false)"

    def _write(self, one: Kept, select: str, about: Any) -> Kept:  # noqa: ANN401
        written = self._work.write(
            self._made, select, one.table, partition=one.partition, about=about
        )
        return replace(written, delta=False)
