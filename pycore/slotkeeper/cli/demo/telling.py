"""The demo's story, told."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from slotkeeper.cli.demo.second_half import SecondHalf
from slotkeeper.cli.demo.story import Story
from slotkeeper.explain.findings import FINDINGS, plain_day


def print_story(console: Console, story: Story) -> None:
    """Print the groups, then the path of one device, on a terminal of 80 columns as well."""
    groups = Table(title="Handovers, by how the leaving operator counted", title_justify="left")
    groups.add_column("leaving operator")
    for heading in ("devices", "accepted\nwith tracking", "refused\nwithout tracking"):
        groups.add_column(heading, justify="right")
    for group, tally in story.groups:
        groups.add_row(
            group.description,
            str(tally.devices),
            str(tally.accepted),
            str(tally.refused_without_tracking),
        )
    console.print(groups)
    console.print()
    console.print(_path(story))


def print_report(console: Console, second: SecondHalf) -> None:
    """Print what the report found, and where it is."""
    found = Table(
        title=f"Slots of {second.totals['judged']} devices as of {plain_day(second.as_of)}",
        title_justify="left",
    )
    found.add_column("finding")
    found.add_column("devices", justify="right")
    found.add_column("what it means")
    for finding, devices in sorted(
        second.totals["findings"].items(), key=lambda told: (-told[1], told[0])
    ):
        found.add_row(finding, str(devices), FINDINGS[finding])
    console.print()
    console.print(found)
    # The path stays whole, however narrow the terminal is.
    console.print("The report as a page, to be opened in a browser:", soft_wrap=True)
    console.print(second.page.resolve().as_uri(), soft_wrap=True)


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


_PATH = (
    ("6.15.1 command", None),
    ("6.15.1 response", "srv-6.15.1-responses"),
    (None, "srv-6.21-requests"),
    ("6.21 command", None),
    ("6.21 response", "srv-6.21-responses"),
)
"""What happened to the device: a message, the decision about a record, or both."""

_PROOFS = {True: "valid", False: "FALSE", None: "not checked"}


def _path(story: Story) -> Tree:
    tree = Tree(f"[bold]The path of one device, {story.device_id}[/]")
    messages = dict(story.messages)
    for what, stream in _PATH:
        if what in messages:
            branch = tree.add(f"[cyan]{what}[/] with number {_number(messages[what])}")
            _message(branch, messages[what], story.parties)
        else:
            branch = tree.add(f"[cyan]6.21 request[/], the DCC's own clock says {story.natural}")
        for decision in story.decisions:
            if decision["stream"] == stream:
                branch.add(_decision(decision))
    return tree


def _message(branch: Tree, message: dict[str, Any], parties: dict[str, str]) -> None:
    for cell in message["replacements"]:
        branch.add(f"{cell['key_usage']} cell: to {_party(cell['subject_unique_id'], parties)}")
    for cell in message["outcomes"]:
        before = _party(cell["existing_subject_unique_id"], parties)
        after = _party(cell["replacing_subject_unique_id"], parties)
        branch.add(f"{cell['key_usage']} cell: {cell['status']}, {before} -> {after}")
    proofs = (
        f"{name} {_PROOFS[message[name]['valid']]}"
        for name in ("signature", "mac")
        if message[name]["present"]
    )
    branch.add(", ".join(proofs))


def _decision(decision: dict[str, Any]) -> str:
    numbers = (
        f", {name} {decision[member]}"
        for name, member in (("recorded", "recorded_counter"), ("issued", "originator_counter"))
        if decision.get(member)
    )
    slot = (decision.get("slot") or {}).get("state")
    return f"[bold]{decision['disposition']} {decision['reason']}[/]{''.join(numbers)}, slot {slot}"


def _number(message: dict[str, Any]) -> str:
    return str(message["authorising_seq_number"] or message["originator_counter"])


def _party(eui: str, parties: dict[str, str]) -> str:
    return parties.get(eui, eui)
