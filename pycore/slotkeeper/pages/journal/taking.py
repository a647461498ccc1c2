"""Takes the worker's outputs into the journal, from where it stopped, for ever."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

import orjson

from slotkeeper._core import canonical_key, describe_change
from slotkeeper.explain.times import is_time
from slotkeeper.streams import Record, Streams

P = ParamSpec("P")
T = TypeVar("T")

AUDIT, COMMANDS = "audit-trail", "cs02b-commands"
REFUSALS, DEAD_LETTERS = "handover-refusals", "dead-letters"
TAKEN = (AUDIT, COMMANDS, REFUSALS, DEAD_LETTERS)

_TIMES = ("decided_at", "issued_at", "refused_at")
"""Whichever of them a record of an output has."""

MAX_TEXT = 200
"""Characters of a member that is searched for; ours are shorter."""

_RECORD = """
INSERT OR IGNORE INTO record VALUES (
    :stream, :partition, :offset, :device, :request, :word, :reason, :number, :at,
    :source_stream, :source_partition, :source_offset, :headers, :value)
"""


async def follow(streams: Streams, connection: sqlite3.Connection) -> None:
    """Take everything in for ever.

    Once it has ended, cancelled as well, nobody uses the connection any more, and it may be closed.

    Raises:
        StoreUnavailableError: The streams cannot be read now.
    """
    lock = asyncio.Lock()
    async with asyncio.TaskGroup() as group:
        for stream in (*TAKEN, streams.layout.changelog):
            group.create_task(_follow(streams, stream, connection, lock))


async def _follow(
    streams: Streams, stream: str, connection: sqlite3.Connection, lock: asyncio.Lock
) -> None:
    async with lock:
        since = await _to_its_end(_reached, connection, stream, streams.partitions)
    async for records in streams.read(stream, follow=True, since=since):
        async with lock:
            await _to_its_end(take, connection, stream, records, streams.layout.changelog)


async def _to_its_end(call: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Call in a thread, and wait for that also where it is cancelled meanwhile.

    A connection that is closed, or used by another thread, in the midst of a call ends the process.
    """
    running = asyncio.create_task(asyncio.to_thread(call, *given, **named))
    cancelled = None
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: BLE001  # it is raised below
            break
    if cancelled is not None:
        raise cancelled
    return running.result()


def _reached(connection: sqlite3.Connection, stream: str, partitions: int) -> dict[int, int]:
    known: dict[int, int] = dict(
        connection.execute("SELECT partition, next FROM reached WHERE stream = ?", (stream,))
    )
    return {number: known.get(number, 0) for number in range(partitions)}


def take(
    connection: sqlite3.Connection, stream: str, records: Sequence[Record], changelog: str
) -> None:
    """Take records of one partition in, in one transaction."""
    with connection:
        if stream == changelog:
            for record in records:
                _take_change(connection, record)
        else:
            connection.executemany(_RECORD, map(_row, records))
        last = records[-1]
        connection.execute(
            "INSERT OR REPLACE INTO reached VALUES (?, ?, ?)",
            (stream, last.partition, last.offset + 1),
        )


def _row(record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {
        "stream": record.stream,
        "partition": record.partition,
        "offset": record.offset,
        "device": _device(record.key),
        "at": _written(record.timestamp_ms),
        "headers": _headers(record),
        "value": record.value,
    } | dict.fromkeys(
        (
            "request",
            "word",
            "reason",
            "number",
            "source_stream",
            "source_partition",
            "source_offset",
        )
    )
    if record.stream == DEAD_LETTERS:
        return row | _of_dead_letter(record)
    told = _object(record.value)
    place = told if record.stream == AUDIT else told.get("source")
    source = place if isinstance(place, dict) else {}
    return row | {
        "request": _text(told.get("request_id")),
        "word": _text(told.get("disposition")),
        "reason": _text(told.get("reason")),
        "number": _text(told.get("originator_counter")),
        "at": next(
            (told[one] for one in _TIMES if told.get(one) and is_time(told[one])), row["at"]
        ),
        "source_stream": _text(source.get("stream")),
        "source_partition": _number(source.get("partition")),
        "source_offset": _number(source.get("offset")),
    }


def _of_dead_letter(record: Record) -> dict[str, Any]:
    told = {name: value.decode(errors="replace") for name, value in record.headers}
    return {
        "reason": _text(told.get("fault")),
        "source_stream": _text(told.get("stream")),
        "source_partition": _number(told.get("partition")),
        "source_offset": _number(told.get("offset")),
    }


def _take_change(connection: sqlite3.Connection, record: Record) -> None:
    if record.key is None:
        return
    if record.key.startswith(b"@"):
        if record.key == b"@positions" and record.value is not None:
            connection.execute(
                "INSERT OR REPLACE INTO positions VALUES (?, ?)",
                (record.partition, record.value.decode(errors="replace")),
            )
        return
    key = record.key.decode(errors="replace")
    if b"/" in record.key:
        connection.execute("DELETE FROM parked WHERE key = ?", (key,))
        if record.value is not None:
            told = orjson.loads(describe_change(record.key, record.value))
            members = ("stream", "offset", "disposition", "reason")
            stream, offset, disposition, reason = (told.get(name) for name in members)
            connection.execute(
                "INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    key.partition("/")[0],
                    stream,
                    record.partition,
                    _number(offset),
                    disposition,
                    reason,
                ),
            )
        return
    _take_device(connection, key, record)


def _take_device(connection: sqlite3.Connection, device: str, record: Record) -> None:
    connection.execute("DELETE FROM pending WHERE device = ?", (device,))
    if record.key is None or record.value is None:
        connection.execute("DELETE FROM device WHERE device = ?", (device,))
        return
    state = describe_change(record.key, record.value)
    connection.execute("INSERT OR REPLACE INTO device VALUES (?, ?)", (device, state))
    connection.executemany(
        "INSERT INTO pending VALUES (?, ?, ?)",
        [
            (device, role, marks["last_command"])
            for role, marks in orjson.loads(state).get("roles", {}).items()
            if marks["pending"] and marks["last_command"] is not None
        ],
    )


def _device(key: bytes | None) -> str | None:
    canonical = canonical_key(key) if key else None
    return canonical.decode() if canonical else None


def _headers(record: Record) -> str:
    return orjson.dumps(
        {name: value.decode(errors="replace") for name, value in record.headers}
    ).decode()


def _object(octets: bytes | None) -> dict[str, Any]:
    try:
        told = orjson.loads(octets or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _text(value: object) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _number(value: object) -> int | None:
    match value:
        case bool():
            return None
        case int() if 0 <= value < 1 << 63:
            return value
        case str() if value.isascii() and value.isdecimal() and len(value) < 19:  # noqa: PLR2004
            return int(value)
    return None


def _written(timestamp_ms: int) -> str | None:
    try:
        at = datetime.fromtimestamp(timestamp_ms / 1_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
