"""``slotkeeper counters pending``: commands that no device has answered, oldest first."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import click
import orjson
from rich.markup import escape
from rich.table import Table

from slotkeeper.cli.counters.table import described, newest_changes
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, tables, write_lines
from slotkeeper.cli.store import looked_at
from slotkeeper.settings import Settings
from slotkeeper.streams import Record, Streams

COMMANDS = "cs02b-commands"


@click.command(epilog="Example: slotkeeper counters pending --json")
@settings_options
@json_option
def pending(*, settings: Settings, as_json: bool) -> None:
    """List commands without an answer by age: lost on the way, refused, or not yet there.

    A new request for such a device simply gets a higher number.
    """
    waiting = asyncio.run(_waiting(settings))
    if as_json:
        write_lines([orjson.dumps(command) for command in waiting])
    elif waiting:
        tables().print(_table(waiting))
    else:
        note("every command was answered")


async def _waiting(settings: Settings) -> list[dict[str, Any]]:
    async with looked_at(settings) as streams:
        changes = await newest_changes(streams)
        unanswered = {number for key, value in changes.items() for number in _issued(key, value)}
        found = await _commands(streams, unanswered)
    return sorted(found, key=lambda command: (command["issued_at"] or "", command["device_id"]))


def _issued(key: bytes, value: bytes) -> Iterator[tuple[str, str, str]]:
    """Give device, role and number of each role whose last command is unanswered."""
    record = described(key, value)
    for role, marks in record["roles"].items():
        if marks["pending"]:
            yield record["device_id"], role, marks["last_command"]


async def _commands(
    streams: Streams, unanswered: set[tuple[str, str, str]]
) -> list[dict[str, Any]]:
    """Find the commands themselves; an imported number has none here."""
    members = ("device_id", "remote_party_role", "originator_counter", "request_id", "issued_at")
    found: dict[tuple[Any, ...], dict[str, Any]] = {
        (device, role, number): dict(zip(members, (device, role, number, None, None), strict=True))
        for device, role, number in unanswered
    }
    async for records in streams.read(COMMANDS, from_start=True):
        for record in records:
            command = _read(record, members)
            which = (command[members[0]], command[members[1]], command[members[2]])
            if which in found:
                found[which] = command
    return list(found.values())


def _read(record: Record, members: Iterable[str]) -> dict[str, Any]:
    """Give texts of a command; None for what is none, since others may write there as well."""
    try:
        command = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        command = None
    told = command if isinstance(command, dict) else {}
    return {one: told[one] if isinstance(told.get(one), str) else None for one in members}


def _table(waiting: list[dict[str, Any]]) -> Table:
    table = Table(title="commands without an answer, oldest first", title_justify="left")
    for heading in ("device", "slot", "number", "request", "issued", "age"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "number")
    now = datetime.now(UTC)
    for command in waiting:
        issued = command["issued_at"]
        age = _age(now, issued) if issued else "imported"
        table.add_row(
            command["device_id"],
            command["remote_party_role"],
            command["originator_counter"],
            escape(command["request_id"] or ""),
            escape(issued or ""),
            age,
        )
    return table


def _age(now: datetime, issued: str) -> str:
    try:
        return str(now - datetime.fromisoformat(issued)).split(".")[0]
    except (TypeError, ValueError):  # no time, or one of no zone
        return "unknown"
