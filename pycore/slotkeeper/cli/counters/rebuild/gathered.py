"""What was found, in a file of its own, so that memory does not grow with the fleet."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from slotkeeper.cli.counters.rebuild.told import AUDIT, Told
from slotkeeper.streams import StoreUnavailableError

CACHE_KIB = 65_536
"""Memory of the file's pages. A number takes some 150 octets of the file, its request included."""

LINE_OCTETS = 32_768
"""Of the numbers in a line, at most. The adjustment that becomes of a line also carries reason,
persons and source, and must stay below the default of ``limits.message_bytes``, 65,536."""

_BLOCKS_A_LINE = LINE_OCTETS // 48
"""Two numbers of at most 19 digits, their quotes, commas and brackets."""

EXAMPLES = 20
"""Of each kind in a report: enough to see a pattern, whatever stands in the outputs."""

IN_AUDIT, IN_COMMANDS = 1, 2
"""Which output told of a number."""

_TABLES = """
CREATE TABLE marks (device TEXT, role TEXT, recorded INTEGER, seen INTEGER, floor INTEGER,
                    PRIMARY KEY (device, role)) WITHOUT ROWID;
CREATE TABLE used (device TEXT, role TEXT, number INTEGER, request TEXT, told INTEGER,
                   PRIMARY KEY (device, role, number)) WITHOUT ROWID;
CREATE TABLE blocks (device TEXT, role TEXT, first INTEGER, last INTEGER,
                     PRIMARY KEY (device, role, first, last)) WITHOUT ROWID;
CREATE TABLE parked (stream TEXT, partition INTEGER, offset INTEGER, device TEXT, reason TEXT,
                     PRIMARY KEY (stream, partition, offset)) WITHOUT ROWID;
"""

_SLOTS = (
    "SELECT device, role FROM marks UNION SELECT device, role FROM used "
    "UNION SELECT device, role FROM blocks"
)

_MARK = """
INSERT INTO marks VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    recorded = coalesce(max(recorded, excluded.recorded), recorded, excluded.recorded),
    seen = coalesce(max(seen, excluded.seen), seen, excluded.seen),
    floor = coalesce(max(floor, excluded.floor), floor, excluded.floor)
"""

_USE = """
INSERT INTO used VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    request = coalesce(request, excluded.request), told = told | excluded.told
"""


@contextmanager
def gathering(folder: Path | None) -> Iterator["Gathered"]:
    """Make the file in a folder of its own inside ``folder``, and remove it at the end.

    Raises:
        StoreUnavailableError: No room.
    """
    with TemporaryDirectory(prefix=".rebuild-", dir=folder) as work:
        # One thread at a time uses it: that of the batch in hand.
        connection = sqlite3.connect(
            Path(work) / "numbers.db", isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in (f"cache_size = -{CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF"):
                connection.execute(f"PRAGMA {pragma}")
            connection.executescript(_TABLES)
            yield Gathered(connection)
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(
                f"the numbers cannot be gathered in {work}: {error}; it takes some 150 octets for "
                "each command"
            ) from error
        finally:
            connection.close()


class Gathered:
    """Numbers by device and role, and what is still parked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take an empty file."""
        self._connection = connection

    def add(self, stream: str, found: list[tuple[int, Told]]) -> None:
        """Unite what records of one output told, in their order: partition and finding."""
        told = IN_AUDIT if stream == AUDIT else IN_COMMANDS
        marks: list[tuple[object, ...]] = []
        used: list[tuple[object, ...]] = []
        blocks: list[tuple[object, ...]] = []
        run = self._connection
        run.execute("BEGIN")
        for partition, one in found:
            if one.event is not None:
                self._park((one.event[0], partition, one.event[1]), one)
            if one.device is None or one.role is None:
                continue
            if (one.recorded, one.seen, one.floor) != (None, None, None):
                marks.append((one.device, one.role, one.recorded, one.seen, one.floor))
            blocks += [(one.device, one.role, *block) for block in one.blocks]
            requests = (one.request, *(None for _ in one.used[1:]))
            used.extend(
                (one.device, one.role, number, request, told)
                for number, request in zip(one.used, requests, strict=False)
            )
        run.executemany(_MARK, marks)
        run.executemany(_USE, used)
        run.executemany("INSERT OR IGNORE INTO blocks VALUES (?, ?, ?, ?)", blocks)
        run.execute("COMMIT")

    def _park(self, event: tuple[str, int, int], told: Told) -> None:
        if told.parked is None:
            self._connection.execute(
                "DELETE FROM parked WHERE (stream, partition, offset) = (?, ?, ?)", event
            )
        else:
            self._connection.execute(
                "INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?, ?)",
                (*event, told.device, told.parked),
            )

    def entries(self) -> Iterator[dict[str, Any]]:
        """Give the lines of an export, devices in order; one with many numbers has several."""
        devices = self._connection.execute(
            f"SELECT device, role, recorded, seen, floor FROM ({_SLOTS}) "  # noqa: S608 - of this file
            "LEFT JOIN marks USING (device, role) ORDER BY device, role"
        )
        for device, role, recorded, seen, floor in devices:
            of_role = (device, role)
            [highest] = self._connection.execute(
                "SELECT max(number) FROM (SELECT number FROM used WHERE device = ?1 AND role = ?2 "
                "UNION ALL SELECT last FROM blocks WHERE device = ?1 AND role = ?2)",
                of_role,
            ).fetchone()
            issued = max((one for one in (floor, highest) if one is not None), default=None)
            marks = {"recorded": _text(recorded), "seen": _text(seen), "issued": _text(issued)}
            numbers = self._connection.execute(
                "SELECT number, request FROM used WHERE device = ? AND role = ? ORDER BY number",
                of_role,
            )
            blocks = self._connection.execute(
                "SELECT first, last FROM blocks WHERE device = ? AND role = ? ORDER BY first, last",
                of_role,
            )
            for lines in chain(lines_of(device, numbers), _blocks_of(blocks)):
                yield {"device_id": device, "remote_party_role": role, **marks, **lines}
                marks = dict.fromkeys(marks)

    def totals(self) -> dict[str, int]:
        """Say how many roles of devices, numbers of commands and answered requests there are."""
        return {
            "slots": self._one(f"SELECT count(*) FROM ({_SLOTS})"),  # noqa: S608 - of this file
            "issued_numbers": self._one("SELECT count(*) FROM used"),
            "requests": self._one("SELECT count(request) FROM used"),
        }

    def told_only(self, output: int) -> "Some":
        """Give the numbers that ``output`` alone tells, `IN_AUDIT` or `IN_COMMANDS`."""
        return self._some("device, role, number FROM used WHERE told = ?", output)

    def above(self, ceiling: int) -> "Some":
        """Give the numbers above ``ceiling``."""
        return self._some(
            "device, role, number FROM (SELECT device, role, recorded AS number FROM marks "
            "UNION SELECT device, role, seen FROM marks "
            "UNION SELECT device, role, floor FROM marks "
            "UNION SELECT device, role, number FROM used "
            "UNION SELECT device, role, last FROM blocks) WHERE number > ?",
            ceiling,
        )

    def still_parked(self) -> "Some":
        """Give the events that were never decided for good."""
        return self._some("reason, device, stream, partition, offset FROM parked")

    def _some(self, query: str, *values: object) -> "Some":
        columns, _, rest = query.partition(" FROM ")
        return Some(
            self._one(f"SELECT count(*) FROM {rest}", *values),  # noqa: S608 - of this file
            self._connection.execute(
                f"SELECT {columns} FROM {rest} ORDER BY {columns} LIMIT {EXAMPLES}",  # noqa: S608
                values,
            ).fetchall(),
        )

    def _one(self, query: str, *values: object) -> int:
        return int(self._connection.execute(query, values).fetchone()[0])


class Some(NamedTuple):
    """How many there are, and the first of them, at most `EXAMPLES`."""

    total: int
    first: list[tuple[Any, ...]]


def lines_of(device: str, numbers: Iterator[tuple[int, str | None]]) -> Iterator[dict[str, Any]]:
    """Spread one role's issued numbers over lines, at least one, none above `LINE_OCTETS`.

    Args:
        device: Canonical EUI-64.
        numbers: Issued numbers in rising order, each with originator and counter of its request.
    """
    issued: list[str] = []
    requests: dict[str, str] = {}
    octets = 0
    for number, request in numbers:
        text = str(number)
        takes = len(text) + 3
        if request is not None:
            takes += len(request) + len(device) + len(text) + 7
        if issued and octets + takes > LINE_OCTETS:
            yield {"issued_numbers": issued, "request_ids": requests}
            issued, requests, octets = [], {}, 0
        issued.append(text)
        octets += takes
        if request is not None:
            originator, counter = request.split(":")
            # Of one that was asked again after it was forgotten, the last command counts.
            requests[f"{originator}:{device}:{counter}"] = text
    yield {"issued_numbers": issued, "request_ids": requests}


def _blocks_of(blocks: Iterator[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Spread one role's blocks over lines, none above `LINE_OCTETS`."""
    while some := [[str(first), str(last)] for first, last in islice(blocks, _BLOCKS_A_LINE)]:
        yield {"issued_numbers": [], "issued_blocks": some, "request_ids": {}}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
