"""``slotkeeper counters show``: everything known about one device."""

import asyncio
from collections.abc import Iterator
from typing import Any

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from slotkeeper._core import describe_change
from slotkeeper.cli.counters.lookup import highest_told
from slotkeeper.cli.counters.table import DeviceId, newest_changes
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
        _print(tables(), story, is_signed=bool(settings.adjustments.signers))


async def _story(settings: Settings, device: str) -> dict[str, Any]:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        changes = await newest_changes(streams, device)
        history: list[dict[str, Any]] = []
        async for records in streams.read(AUDIT, from_start=True):
            history.extend(_decision(record) for record in records if _is_about(record, device))
        known = [
            orjson.loads(describe_change(key, value)) for key, value in sorted(changes.items())
        ]
        kept = next((change for change in known if change["kind"] in {"device", "damaged"}), None)
        damaged = _damaged_roles(kept)
        told = await highest_told(streams, device) if damaged else {}
    return {
        "device_id": device,
        "record": kept if kept is not None and kept["kind"] == "device" else None,
        "damaged": {role: told.get(role) for role in damaged},
        "parked": [change for change in known if change["kind"] == "parked"],
        "history": history,
    }


def _damaged_roles(kept: dict[str, Any] | None) -> list[str]:
    """Give the roles whose numbers are unknown: both where the record itself cannot be read."""
    if kept is None:
        return []
    if kept["kind"] == "damaged":
        return ["NetworkOperator", "Supplier"]
    return list(kept["damaged_roles"])


def _is_about(record: Record, device: str) -> bool:
    return record.key == device.encode() and record.value is not None


def _decision(record: Record) -> dict[str, Any]:
    decision = orjson.loads(record.value or b"{}")
    return {"at": {"partition": record.partition, "offset": record.offset}, **decision}


def _print(console: Console, story: dict[str, Any], *, is_signed: bool) -> None:
    tree = Tree(f"[bold]{story['device_id']}[/]")
    record = story["record"]
    for said in _notes(story):
        tree.add(said)
    for role, marks in record["roles"].items() if record else ():
        branch = tree.add(role)
        for mark in ("recorded", "seen", "issued"):
            branch.add(f"{mark}: {_known(marks[mark])}")
        for usage, cell in marks["slot"].items():
            branch.add(f"{usage.replace('_', ' ')} cell: {_cell(cell)}")
        if marks["exhausted"]:
            branch.add("[bold red]exhausted: no command can be numbered above this[/]")
    for parked in story["parked"]:
        tree.add(f"parked {parked['reason']}: {parked['stream']} offset {parked['offset']}")
    console.print(tree)
    _say_how_to_mend(console, story, is_signed=is_signed)
    if story["history"]:
        console.print(_history(story["history"]))


def _notes(story: dict[str, Any]) -> Iterator[str]:
    if story["damaged"]:
        roles = " and ".join(story["damaged"])
        yield f"[bold red]a record of it was damaged: its numbers are unknown for {roles}[/]"
    elif story["record"] is None:
        yield "nothing is known of this device"
    if story["record"] and story["record"]["dropped_from_inventory"]:
        yield "[yellow]no longer in the inventory[/]"


def _say_how_to_mend(console: Console, story: dict[str, Any], *, is_signed: bool) -> None:
    device, record = story["device_id"], story["record"]
    # A record that no worker has marked yet has no version to be named.
    mends = f"--mends {record['version']} " if record else ""
    who = "--sign KEY --out raise.json" if is_signed else "--by ONE --by ANOTHER"
    for role, number in story["damaged"].items():
        if number is None:
            console.print(f"Commands and audit trail tell no number of {role}.")
            continue
        console.print(
            f"To mend {role}, two persons name the highest number that commands and audit trail "
            "tell, or a higher one:"
        )
        # Not in the tree, whose lines could not be copied.
        console.print(
            f"slotkeeper counters raise {device} --kind issued --role {role} "
            f"--at-least {number} {mends}--reason 'damaged record' {who}",
            soft_wrap=True,
            highlight=False,
        )
        if is_signed:
            console.print("slotkeeper counters sign raise.json --key ANOTHER_KEY")


def _history(decisions: list[dict[str, Any]]) -> Table:
    table = Table(title="decisions, oldest first", title_justify="left")
    for heading in ("decided", "record", "decision", "numbers", "detail"):
        # A number that is cut short is worse than a wide table.
        table.add_column(heading, overflow="fold", no_wrap=heading in ("decided", "numbers"))
    for decision in decisions:
        numbers = (
            (name, decision.get(member))
            for name, member in (
                ("recorded", "recorded_counter"),
                ("seen", "seen_counter"),
                ("issued", "originator_counter"),
            )
        )
        table.add_row(
            str(decision.get("decided_at") or "").replace("T", "\n"),
            f"{decision.get('stream')}\n{decision.get('partition')}:{decision.get('offset')}",
            f"{decision.get('disposition')}\n{decision.get('reason')}"
            f"\n[dim]{decision.get('remote_party_role') or ''}[/]",
            "\n".join(f"{name} {number}" for name, number in numbers if number),
            escape(decision.get("detail") or _adjusted(decision.get("adjusted"))),
        )
    return table


def _adjusted(adjusted: dict[str, Any] | None) -> str:
    """Tell who raised a number, and why."""
    if adjusted is None:
        return ""
    by = "signed by" if adjusted.get("signed") else "by"
    lines = (
        f"{adjusted.get('kind')} at least {adjusted.get('at_least') or 'what it lists'}",
        f"{by} {', '.join(adjusted.get('by') or ()) or 'nobody named'}",
        adjusted.get("reason"),
        adjusted.get("source"),
    )
    return "\n".join(line for line in lines if line)


def _known(value: str | None) -> str:
    return "unknown" if value is None else value


def _cell(cell: dict[str, Any] | None) -> str:
    if cell is None or cell["occupant"] is None:
        return "unknown"
    holder = cell["occupant"]
    since = f", since {cell['device_time']}" if cell["device_time"] else ""
    proof = "" if cell["verified"] else ", not verified"
    return f"{holder['subject_unique_id']} {holder['subject_key_identifier'] or ''}{since}{proof}"
