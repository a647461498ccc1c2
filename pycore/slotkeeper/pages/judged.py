"""What the newest report and its build know of devices: the tables that pages read.

Everything is asked of Parquet files that never change, by a connection that cannot write. A new
build opens another one beside it.
"""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from slotkeeper.errors import StoreUnavailableError
from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.build.policy import policy_from_json
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.registers.reading import Registers
from slotkeeper.slots.report.judging import registers_of
from slotkeeper.slots.tables import Tables, tables

from .listed import is_word, make_listed
from .persons import Person
from .reports import Report

_VIEWS = """
CREATE VIEW device AS SELECT * FROM read_parquet('{report}');
CREATE VIEW history AS SELECT * FROM {history};
CREATE VIEW inventory AS SELECT * FROM {devices};
"""

_HELD = """
CREATE TABLE held AS
SELECT key, usage, count(*) AS devices FROM (
    SELECT ds_key_identifier AS key, 'DS' AS usage FROM device WHERE ds_key_identifier IS NOT NULL
    UNION ALL
    SELECT ka_key_identifier, 'KA' FROM device WHERE ka_key_identifier IS NOT NULL
) GROUP BY ALL
"""

_TOTALS = """
CREATE TABLE total AS
SELECT gas_supplier, gas_network_party, ds_party, ka_party, finding, action_by,
    coalesce(overdue_days > 0, false) AS late, count(*) AS devices,
    min(due_on) AS first_due, max(overdue_days) AS most_overdue
FROM device GROUP BY ALL
"""
"""A row for each combination that is counted: pages add these up and never read all devices."""

_DUE = """
CREATE TABLE due AS
SELECT gas_supplier, gas_network_party, ds_party, ka_party, due_on,
    coalesce(overdue_days > 0, false) AS late, count(*) AS devices
FROM device WHERE action_by = 'SUPPLIER' GROUP BY ALL
"""
"""The same for what suppliers must place, by the day until which."""

_STATES = """
CREATE TABLE slot_day AS
WITH holder AS (
    SELECT device, "at", audit_partition, audit_offset,
        CASE WHEN ds_doubtful OR ds_eui IS NULL THEN 'UNKNOWN'
            WHEN list_contains($1, ds_key) THEN 'ACB' ELSE 'OPERATOR' END AS held
    FROM history
), changed AS (
    SELECT greatest("at"::DATE, $2::DATE) AS day, held,
        lag(held) OVER (PARTITION BY device ORDER BY "at", audit_partition, audit_offset) AS was
    FROM holder WHERE "at"::DATE <= $3::DATE
)
SELECT day, held, sum(more)::BIGINT AS more FROM (
    SELECT day, held, 1 AS more FROM changed WHERE was IS DISTINCT FROM held
    UNION ALL SELECT day, was, -1 FROM changed WHERE was <> held
) GROUP BY day, held
"""


@dataclass(slots=True)
class Judged:
    """A report and the build it was made of, opened.

    Attributes:
        report: As of which day, and how many.
        build: What it was made of.
        registers: Parties and certificates.
        policy: By which it was judged.
    """

    report: Report
    build: Build
    registers: Registers
    policy: Policy
    _made: Tables
    _open: ExitStack = field(repr=False)
    _counts: dict[tuple[str, ...], int] = field(default_factory=dict, repr=False)
    _loaded: dict[tuple[str, int], str] = field(default_factory=dict, repr=False)
    _loading: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(cls, report: Report, build: Build, exits: Path) -> "Judged":
        """Open the files, and add up what every page needs.

        Args:
            report: That is shown.
            build: What it was made of.
            exits: The folder of the exits that are worked out of builds.

        Raises:
            StoreUnavailableError: There is no room for it.
        """
        with ExitStack() as stack:
            made = stack.enter_context(
                tables(build.reads, report.folder.resolve(), exits.resolve(), memory=MEMORY)
            )
            file = quoted(report.folder.resolve() / "report.parquet")
            made.run(
                _VIEWS.format(
                    report=file,
                    history=build.table("history"),
                    devices=build.table("devices"),
                )
            )
            make_listed(made, file)
            made.run(_HELD)
            made.run(_TOTALS)
            made.run(_DUE)
            policy = policy_from_json(build.manifest["policy"])
            since = date.fromordinal(report.as_of.toordinal() - STATES_DAYS)
            made.run(_STATES, [sorted(policy.acb_keys["DS"]), since, report.as_of])
            return cls(report, build, registers_of(made, build), policy, made, stack.pop_all())

    def close(self) -> None:
        """Close the files."""
        self._open.close()

    @property
    def as_of(self) -> date:
        """The day at whose end everything is judged."""
        return self.report.as_of

    def rows(self, query: str, given: Sequence[object] = ()) -> Iterator[dict[str, Any]]:
        """Give the rows of a query by column; from any thread.

        Raises:
            StoreUnavailableError: There is no room for it now.
        """
        try:
            yield from self._made.named(query, given)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise StoreUnavailableError(f"no room for a question: {error}") from error

    def one(self, query: str, given: Sequence[object] = ()) -> dict[str, Any] | None:
        """Give the first row; None if there is none."""
        return next(self.rows(query, given), None)

    def count(self, query: str, given: Sequence[object] = ()) -> int:
        """Give the only number that a query asks for; it is asked for once, as nothing changes."""
        asked = (query, *map(str, given))
        found = self._counts.get(asked)
        if found is None:
            found = int(self._made.one(query, given) or 0)
            if len(self._counts) >= _MOST_COUNTS:
                self._counts.pop(next(iter(self._counts)), None)
            self._counts[asked] = found
        return found

    def loaded(self, file: Path) -> str:
        """Give the name of a table with the rows of a CSV file, which is read once.

        A file that was written anew is another one.
        """
        known = (str(file.resolve()), file.stat().st_mtime_ns)
        with self._loading:
            name = self._loaded.get(known)
            if name is None:
                name = f"loaded_{len(self._loaded)}"
                source = f"read_csv('{quoted(file.resolve())}', header = true, all_varchar = true)"
                self._made.run(f"CREATE TABLE {name} AS SELECT * FROM {source}")  # noqa: S608
                self._loaded[known] = name
        return name


MEMORY = "700MB"
"""Of the tables that pages read: with Python, pages in hand and a build's change less than 1.5 GB;
beyond it they go to disk."""

_MOST_COUNTS = 2_000
"""Numbers that are remembered; the oldest goes."""

STATES_DAYS = 90
"""Days that the course of slot states goes back: a quarter."""


def own_listed(person: Person) -> tuple[str, list[object]]:
    """Give the condition that a row of ``listed`` may be seen, and its values."""
    where, given = own_devices(person)
    return re.sub(r"(\w+) = \?", lambda found: is_word(found[1]), where), given


def own_devices(person: Person) -> tuple[str, list[object]]:
    """Give the condition that a row of ``device`` or ``total`` may be seen, and its values.

    A supplier sees the devices of its meter points; a network party those of its meter points and
    those in whose slot its certificates stand.
    """
    if person.sees_all:
        return "true", []
    parts = ["false"]
    given: list[object] = []
    for supplier in person.suppliers:
        parts.append("gas_supplier = ?")
        given.append(supplier)
    for party in person.parties:
        parts.append("gas_network_party = ? OR ds_party = ? OR ka_party = ?")
        given += [party] * 3
    return f"({' OR '.join(parts)})", given


def quoted(path: Path) -> str:
    """Write a path so that it can stand between the quotation marks of a statement."""
    return str(path).replace("'", "''")
