"""``slotkeeper counters show``: everything known about one device."""

import asyncio
from typing import Any

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slotkeeper.cli.counters.table import DeviceId, described, newest_changes
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import tables, write_json_line
from slotkeeper.settings import Settings
from slotkeeper.streams import Record, open_streams

AUDIT = "audit-trail"


@click.command(epilog="Example: slotkeeper counters show 00-DB-12-34-56-78-90-A3")
@click.argument("device", type=DeviceId())
@settings_options
@json_option
def show(*, device: str, settings: Settings, as_json: bool) -> None:
    """Show DEVICE's record, what is parked for it, and every decision with its reason."""
    story = asyncio.run(_story(settings, device))
    if as_json:
        write_json_line(story)
    else:
        _print(tables(), story)


async def _story(settings: Settings, device: str) -> dict[str, Any]:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        changes = await newest_changes(streams, device)
        history: list[dict[str, Any]] = []
        async for records in streams.read(AUDIT, from_start=True):
            history.extend(_decision(record) for record in records if _is_about(record, device))
    known = [described(key, value) for key, value in sorted(changes.items())]
    return {
        "device_id": device,
        "record": next((change for change in known if change["kind"] == "device"), None),
        "parked": [change for change in known if change["kind"] == "parked"],
        "history": history,
    }


def _is_about(record: Record, device: str) -> bool:
    return record.key == device.encode() and record.value is not None


def _decision(record: Record) -> dict[str, Any]:
    decision = orjson.loads(record.value or b"{}")
    return {"at": {"partition": record.partition, "offset": record.offset}, **decision}


def _print(console: Console, story: dict[str, Any]) -> None:
    record = story["record"]
    if record is None:
        console.print(f"nothing is known of {story['device_id']}")
    else:
        numbers = Table(title=story["device_id"], title_justify="left")
        for heading in ("role", "recorded", "seen", "issued", "digital signature", "key agreement"):
            numbers.add_column(heading)
        for role, marks in record["roles"].items():
            numbers.add_row(
                role,
                *(_number(marks[mark]) for mark in ("recorded", "seen", "issued")),
                *(_cell(marks["slot"][usage]) for usage in ("digital_signature", "key_agreement")),
            )
        console.print(numbers)
    for parked in story["parked"]:
        console.print("parked:", orjson.dumps(parked).decode(), markup=False, soft_wrap=True)
    if not story["history"]:
        return
    history = Table(title="decisions, oldest first", title_justify="left")
    for heading in ("decided", "stream", "disposition", "reason", "recorded", "issued", "detail"):
        history.add_column(heading)
    for decision in story["history"]:
        history.add_row(
            *(
                escape(str(decision.get(member) or ""))
                for member in (
                    "decided_at",
                    "stream",
                    "disposition",
                    "reason",
                    "recorded_counter",
                    "originator_counter",
                    "detail",
                )
            )
        )
    console.print(history)


def _number(value: str | None) -> str:
    return "unknown" if value is None else value


def _cell(cell: dict[str, Any] | None) -> str:
    if cell is None or cell["occupant"] is None:
        return "unknown"
    proof = "" if cell["verified"] else " (unverified)"
    return f"{cell['occupant']['subject_unique_id']}{proof}"
