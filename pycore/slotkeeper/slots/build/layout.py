"""What tables a folder of builds has, which files hold them, and how DuckDB reads them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a table; never written again.

    Attributes:
        path: From the folder of builds on.
        sha256: Of its octets, hexadecimal.
        rows: How many it has.
        partition: Of the stream; 0 for registers, whose partitions are one.
        delta: Whether its rows replace those of files before it.
        about: What else is told of it.
    """

    path: str
    sha256: str
    rows: int
    partition: int
    delta: bool
    about: Mapping[str, Any]

    @property
    def table(self) -> str:
        """Whose it is."""
        return self.path.split("/", 1)[0]

    def told(self) -> dict[str, Any]:
        """Write it down."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "rows": self.rows,
            "partition": self.partition,
            "delta": self.delta,
            "about": dict(self.about),
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Read it back."""
        return cls(**told)


@dataclass(frozen=True, slots=True)
class Newest:
    """A table of which the newest row of a key counts: bases, and deltas that replace their rows.

    Attributes:
        key: The column by which rows replace each other.
        columns: What readers see.
    """

    key: str
    columns: str


NEWEST: Mapping[str, Newest] = {
    "parties": Newest("key", "key, record"),
    "certificates": Newest("key", "key, record"),
    "registrations": Newest("key", "key, record"),
    "devices": Newest(
        "device",
        "device, partition, device_type, status, smets_version, commissioned_on, mprn, "
        "gas_network_party, gpf, replaces",
    ),
    "meter_points": Newest("device", "mprn, device, device_type, gpf"),
    "cells": Newest(
        "device",
        "device, partition, readable, ds_eui, ds_key, ds_verified, ds_source, ds_doubtful, "
        "ka_eui, ka_key, ka_verified, ka_source, ka_doubtful",
    ),
}

SEGMENTED = ("history", "attempts", "decisions")
"""Tables that grow: a file for each stretch of a partition's audit trail."""

PLACE = (
    '(epoch_us("at")::HUGEINT + 70000000000000000) * 18446744073709551616 '
    "+ audit_partition::HUGEINT * 1099511627776 + audit_offset"
)
"""Of a row of ``history`` its ``at``, then its place in the audit trail, as one number: 2^64 for a
microsecond, with the year 1 above zero, and 2^40 for a partition. A greatest number of each device
is found in bounded memory; a greatest row, or a greatest triple, is not."""

WHOLE = ("differing",)
"""Tables that each build writes anew."""

LATER: Mapping[str, tuple[str, str]] = {"history": ("unanchored", "BOOLEAN")}
"""A column that files of earlier releases do not have: there it is not known. Files that have it
say so in ``about``."""

TABLES = (*SEGMENTED, *NEWEST, *WHOLE)
"""What a build has; docs/slots-folder.md tells their columns."""


def query(table: str, files: Iterable[Kept], place: Callable[[Kept], Path]) -> str:
    """Give what stands behind FROM for a table that these files hold; ``place`` finds them."""
    kept = list(files)
    if table in LATER:
        return _with_later(*LATER[table], kept, place)
    bases = rows_of([one for one in kept if not one.delta], place)
    deltas = [one for one in kept if one.delta]
    newest = NEWEST.get(table)
    if newest is None:
        return bases
    columns, key = newest.columns, newest.key
    base = f"SELECT {columns} FROM {bases}"  # noqa: S608  # names and paths are our own
    if not deltas:
        return f"({base})"
    changed = rows_of(deltas, place)
    last = (
        f"(FROM {changed} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY place DESC) = 1)"
    )
    here = " AND mprn IS NOT NULL" if table == "meter_points" else ""
    return (
        f"({base} AS base ANTI JOIN {changed} AS changed USING ({key}) "  # noqa: S608
        f"UNION ALL SELECT {columns} FROM {last} WHERE NOT gone{here})"
    )


def _with_later(
    column: str, kind: str, files: Sequence[Kept], place: Callable[[Kept], Path]
) -> str:
    newer = [one for one in files if one.about.get("has") == column]
    older = [one for one in files if one not in newer]
    if not older:
        return rows_of(newer, place)
    rows = f"SELECT *, NULL::{kind} AS {column} FROM {rows_of(older, place)}"  # noqa: S608
    if newer:
        rows += f" UNION ALL BY NAME FROM {rows_of(newer, place)}"
    return f"({rows})"


def rows_of(files: Sequence[Kept], place: Callable[[Kept], Path]) -> str:
    """Give what stands behind FROM for all rows of these files, whichever replaces another."""
    paths = ", ".join("'" + str(place(one)).replace("'", "''") + "'" for one in files)
    # Paths name the partition for people; the rows have it where it is wanted.
    return f"read_parquet([{paths}], hive_partitioning = false)"
