"""What the newest report and its build know of devices: the tables that pages read.

Everything is asked of Parquet files that never change, by a connection that cannot write. A new
build opens another one beside it.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.build.policy import policy_from_json
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.registers.reading import Registers
from slotkeeper.slots.report.judging import registers_of
from slotkeeper.slots.tables import Tables, tables

from .persons import Person
from .reports import Report

_VIEWS = """
CREATE VIEW device AS SELECT * FROM read_parquet('{report}');
CREATE VIEW history AS SELECT * FROM {history};
CREATE VIEW inventory AS SELECT * FROM {devices};
CREATE TABLE meter_point AS
    SELECT mprn, device_id FROM device WHERE mprn IS NOT NULL ORDER BY mprn;
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
                tables(build.reads, report.folder.resolve(), exits.resolve())
            )
            made.run(
                _VIEWS.format(
                    report=_quoted(str(report.folder.resolve() / "report.parquet")),
                    history=build.table("history"),
                    devices=build.table("devices"),
                )
            )
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
        """Give the rows of a query by column; from any thread."""
        yield from self._made.named(query, given)

    def one(self, query: str, given: Sequence[object] = ()) -> dict[str, Any] | None:
        """Give the first row; None if there is none."""
        return next(self.rows(query, given), None)

    def count(self, query: str, given: Sequence[object] = ()) -> int:
        """Give the only number that a query asks for."""
        return int(self._made.one(query, given) or 0)


STATES_DAYS = 90
"""Days that the course of slot states goes back: a quarter."""


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


def _quoted(path: str) -> str:
    return path.replace("'", "''")
