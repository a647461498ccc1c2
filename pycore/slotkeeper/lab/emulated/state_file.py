"""The one file that a fleet lives in: a round is in it as a whole or not at all."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import orjson

from slotkeeper.lab.emulated.member import Member
from slotkeeper.lab.emulated.parties import DS, KA, Holder
from slotkeeper.lab.emulated.sending import Asked, Sent
from slotkeeper.lab.events import Event
from slotkeeper.lab.terms import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from slotkeeper.lab.emulated.sending import Result

__all__ = ["StateFile", "StateFileError"]

_FORMAT: Final = "slotkeeper emulated fleet 1"
_PAGE: Final = 1_000

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS certificates (id INTEGER PRIMARY KEY, der BLOB UNIQUE);
CREATE TABLE IF NOT EXISTS devices (
  number INTEGER PRIMARY KEY, wake INTEGER, ds INTEGER, ka INTEGER, state BLOB);
CREATE INDEX IF NOT EXISTS waking ON devices (wake);
CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY, due INTEGER, place INTEGER, stream TEXT, key TEXT, value BLOB);
CREATE INDEX IF NOT EXISTS leaving ON outbox (due, place, id);
CREATE TABLE IF NOT EXISTS asked (
  request_id TEXT PRIMARY KEY, device INTEGER, told BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
  id INTEGER PRIMARY KEY, round INTEGER, device INTEGER, at TEXT, service TEXT, originator TEXT,
  counter TEXT, held TEXT, result TEXT, cause TEXT, valid INTEGER, left_by TEXT, request_id TEXT);
CREATE TABLE IF NOT EXISTS holders (
  id INTEGER PRIMARY KEY, device INTEGER, at TEXT, ds INTEGER, ka INTEGER);
CREATE TABLE IF NOT EXISTS owners (
  id INTEGER PRIMARY KEY, device INTEGER, at TEXT, operator INTEGER, supplier INTEGER);
"""


class StateFileError(ValueError):
    """The file is not one of an emulated fleet, or of another fleet than the one asked for."""


class StateFile:
    """The file, open. One thread at a time may use it, whichever that is."""

    def __init__(self, path: Path) -> None:
        """Open it, making it where there is none.

        Raises:
            StateFileError: it is no file of an emulated fleet, or another process has it.
        """
        # Beside SQLite's own locks, which are let go between transactions.
        self._lock = path.open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise StateFileError(f"another process has the fleet of {path}") from None
        # Autocommit, so that transactions are the ones that are written here.
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.executescript(_SCHEMA)
            if self.about("format") is None and not self.counts():
                self.note("format", _FORMAT)
        except sqlite3.DatabaseError as error:
            self.close()
            raise StateFileError(f"{path} is no file of an emulated fleet: {error}") from error
        if self.about("format") != _FORMAT:
            self.close()
            raise StateFileError(f"{path} is no file of an emulated fleet")
        rows = self._file.execute("SELECT id, der FROM certificates")
        self._certificates: dict[int, bytes] = dict(rows)
        self._ids = {der: number for number, der in self._certificates.items()}

    def close(self) -> None:
        """Close it."""
        self._file.close()
        self._lock.close()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Write what is written within as a whole, or nothing of it."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK")
            # Ids that the transaction gave out are void with it.
            self._certificates = dict(self._file.execute("SELECT id, der FROM certificates"))
            self._ids = {der: number for number, der in self._certificates.items()}
            raise
        self._file.execute("COMMIT")

    def about(self, name: str) -> Any:  # noqa: ANN401 - whatever was noted
        """Give what was noted under a name; None where nothing was."""
        found = self._file.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if found is None else found[0]

    def note(self, name: str, value: str | int) -> None:
        """Note something under a name."""
        self._file.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def counts(self) -> int:
        """Tell how many devices there are."""
        return int(self._file.execute("SELECT count(*) FROM devices").fetchone()[0])

    def members(self, wake: int | None = None) -> Iterator[Member]:
        """Give devices by number, all or those that wake in a round or before."""
        limit = (1 << 62) if wake is None else wake
        rows = self._file.execute(f"{_MEMBERS} WHERE wake <= ? ORDER BY number", (limit,))
        for row in rows.fetchall():
            yield self._member(*row)

    def member(self, number: int) -> Member:
        """Give one device.

        Raises:
            KeyError: there is none of that number.
        """
        found = self._file.execute(f"{_MEMBERS} WHERE number = ?", (number,)).fetchone()
        if found is None:
            raise KeyError(number)
        return self._member(*found)

    def keep(self, member: Member, at: datetime) -> None:
        """Write a device, and who came into its slot or became its owner since the last time."""
        ds, ka = (self.certificate_id(member.cells[cell]) for cell in (DS, KA))
        self._file.execute(
            "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?)",
            (member.number, member.wake, ds, ka, member.octets(self.certificate_id)),
        )
        if member.slot != (ds, ka):
            self._file.execute(
                "INSERT INTO holders VALUES (NULL, ?, ?, ?, ?)",
                (member.number, at.isoformat(timespec="seconds"), ds, ka),
            )
        if member.owned_by != member.owner:
            self._file.execute(
                "INSERT INTO owners VALUES (NULL, ?, ?, ?, ?)",
                (
                    member.number,
                    at.isoformat(timespec="seconds"),
                    member.owner,
                    member.supplier,
                ),
            )

    def certificate_id(self, der: bytes) -> int:
        """Give the id under which a certificate stands in the file."""
        if der not in self._ids:
            number = len(self._ids) + 1
            self._file.execute("INSERT INTO certificates VALUES (?, ?)", (number, der))
            self._certificates[number], self._ids[der] = der, number
        return self._ids[der]

    def certificate(self, number: int) -> bytes:
        """Give the certificate of an id."""
        return self._certificates[number]

    def send(self, sent: Iterable[Sent]) -> None:
        """Put records into the outbox."""
        self._file.executemany(
            "INSERT INTO outbox (due, place, stream, key, value) VALUES (?, ?, ?, ?, ?)",
            (
                (one.due, one.order, one.event.stream, one.event.key, one.event.octets)
                for one in sent
            ),
        )

    def outbox(self, due: int, orders: Iterable[int]) -> Iterator[list[Event]]:
        """Give the records of a round, by pages, in the order in which they are to be written."""
        for order in orders:
            last = 0
            while rows := self._file.execute(
                "SELECT id, stream, key, value FROM outbox INDEXED BY leaving"
                " WHERE due = ? AND place = ? AND id > ? ORDER BY id LIMIT ?",
                (due, order, last, _PAGE),
            ).fetchall():
                last = rows[-1][0]
                yield [Event(stream, key, value) for _, stream, key, value in rows]

    def sent(self, due: int) -> int:
        """Take the records of a round out of the outbox; give how many they were."""
        return self._file.execute("DELETE FROM outbox WHERE due = ?", (due,)).rowcount

    def bring_forward(self, due: int) -> None:
        """Let everything that is due later be due in this round."""
        self._file.execute("UPDATE outbox SET due = ? WHERE due > ?", (due, due))

    def ask(self, device: int, asked: Iterable[Asked]) -> None:
        """Note requests that wait for an answer."""
        self._file.executemany(
            "INSERT OR REPLACE INTO asked VALUES (?, ?, ?)",
            ((one.request_id, device, _octets(one)) for one in asked),
        )

    def asked(self) -> list[tuple[int, Asked]]:
        """Give the requests that wait for an answer, with their devices, in a fixed order."""
        rows = self._file.execute("SELECT device, request_id, told FROM asked ORDER BY 1, 2")
        return [(device, _asked(request_id, told)) for device, request_id, told in rows]

    def answered(self) -> None:
        """Forget the requests: all have been answered."""
        self._file.execute("DELETE FROM asked")

    def result(self, current: int, results: Iterable[Result]) -> None:
        """Note what became of commands and requests."""
        self._file.executemany(
            "INSERT INTO results VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    current,
                    one.device,
                    one.at.isoformat(timespec="seconds"),
                    one.service,
                    str(one.originator),
                    None if one.counter is None else str(one.counter),
                    str(one.held),
                    one.result,
                    one.cause,
                    one.valid,
                    one.left_by,
                    one.request_id,
                )
                for one in results
            ),
        )

    def _member(self, number: int, wake: int, ds: int, ka: int, state: bytes) -> Member:
        member = Member.of(number, wake, state, self._certificates)
        member.slot, member.owned_by = (ds, ka), member.owner
        return member

    def rows(self, query: str, *given: int) -> Iterator[dict[str, Any]]:
        """Give the rows of a query as objects."""
        found = self._file.execute(query, given)
        names = [column[0] for column in found.description]
        for row in found:
            yield dict(zip(names, row, strict=True))


_MEMBERS: Final = "SELECT number, wake, ds, ka, state FROM devices"


def _octets(asked: Asked) -> bytes:
    role, number, generation = asked.holder
    holder = [role.value, number, generation]
    return orjson.dumps([asked.supplier, asked.hint, holder, asked.floor, asked.key_agreement])


def _asked(request_id: str, told: bytes) -> Asked:
    supplier, hint, (role, number, generation), floor, key_agreement = orjson.loads(told)
    holder = Holder(Role(role), number, generation)
    return Asked(request_id, supplier, hint, holder, floor, key_agreement)
