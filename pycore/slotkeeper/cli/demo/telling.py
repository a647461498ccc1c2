"""The demo's story, told."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slotkeeper.cli.demo.story import Story


def print_story(console: Console, story: Story) -> None:
    """Print the groups, then the path of one device."""
    groups = Table(title="Handovers, by how the leaving operator counted", title_justify="left")
    groups.add_column("leaving operator")
    for heading in ("devices", "accepted\nwith tracking", "refused\nwithout tracking"):
        groups.add_column(heading, justify="right")
    for group, tally in story.groups:
        groups.add_row(
            f"{group.name}: {group.description}",
            str(tally.devices),
            str(tally.accepted),
            str(tally.refused_without_tracking),
        )
    console.print(groups)
    console.print(f"\nThe path of one device, {story.device_id}", style="bold")
    messages = Table()
    for heading in ("message", "decoded", "number", "cells", "proofs"):
        messages.add_column(heading, overflow="fold", no_wrap=heading in ("number", "proofs"))
    for what, message in story.messages:
        messages.add_row(what, *(escape(text) for text in _row(message)))
    console.print(messages)
    decisions = Table()
    for heading in ("stream", "decision", "recorded", "command", "slot", "detail"):
        decisions.add_column(heading)
    for decision in story.decisions:
        decisions.add_row(
            decision["stream"],
            f"{decision['disposition']} {decision['reason']}",
            decision.get("recorded_counter") or "",
            decision.get("originator_counter") or "",
            (decision.get("slot") or {}).get("state") or "",
            escape(decision.get("detail") or ""),
        )
    console.print(decisions)


def story_json(story: Story) -> dict[str, Any]:
    """Give the story for a program to read."""
    return {
        "groups": [
            {
                "group": group.name,
                "description": group.description,
                "devices": tally.devices,
                "handed_back": tally.handed_back,
                "accepted_with_tracking": tally.accepted,
                "refused_with_tracking": tally.refused,
                "refused_without_tracking": tally.refused_without_tracking,
            }
            for group, tally in story.groups
        ],
        "device": {
            "device_id": story.device_id,
            "messages": [{"what": what, **message} for what, message in story.messages],
            "decisions": story.decisions,
        },
    }


def _row(message: dict[str, Any]) -> tuple[str, str, str, str]:
    cells = [
        f"{cell['key_usage']} -> {cell['subject_unique_id']}"
        for cell in message.get("replacements") or ()
    ] + [
        f"{cell['key_usage']} {cell['status']} -> {cell['replacing_subject_unique_id']}"
        for cell in message.get("outcomes") or ()
    ]
    return (
        f"{message['kind']}\n{message.get('credentials_replacement_mode') or ''}",
        message.get("authorising_seq_number") or message["originator_counter"],
        "\n".join(cells),
        "\n".join(
            f"{proof} {_PROOFS[message[proof]['valid']]}"
            for proof in ("signature", "mac")
            if message[proof]["present"]
        ),
    )


_PROOFS = {True: "valid", False: "FALSE", None: "not checked"}
