"""``slotkeeper counters show``: the short form of ``slotkeeper why``, and how to mend a record."""

import asyncio
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from slotkeeper.cli.counters.lookup import highest_told
from slotkeeper.cli.counters.table import DeviceId
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import tables, write_json_line
from slotkeeper.cli.store import looked_at
from slotkeeper.cli.why.gathering import gathered
from slotkeeper.cli.why.telling import print_story, story_json
from slotkeeper.explain.story import Story
from slotkeeper.settings import Settings
from slotkeeper.streams.address import shown


@click.command(epilog="Example: slotkeeper counters show 00-DB-12-34-56-78-90-A3")
@click.argument("device", type=DeviceId())
@settings_options
@json_option
def show(*, device: str, settings: Settings, as_json: bool) -> None:
    """Show DEVICE's record, what waits for it, and a line for every decision.

    `slotkeeper why` tells the whole of each decision.
    """
    story, told = asyncio.run(_story(settings, device))
    if as_json:
        write_json_line({**story_json(story), "damaged": told, "streams": shown(settings.streams)})
        return
    console = tables()
    print_story(console, story, brief=True)
    _say_how_to_mend(console, story, told, is_signed=bool(settings.adjustments.signers))


async def _story(settings: Settings, device: str) -> tuple[Story, dict[str, str | None]]:
    """Give the story, and for each damaged role the highest number that the outputs tell."""
    story = await gathered(settings, device)
    if not story.damaged_roles:
        return story, {}
    async with looked_at(settings) as streams:
        told = await highest_told(streams, device)
    numbers = {role: str(highest.number) for role, highest in told.items()}
    return story, {role: numbers.get(role) for role in story.damaged_roles}


def _say_how_to_mend(
    console: Console, story: Story, told: dict[str, str | None], *, is_signed: bool
) -> None:
    record: dict[str, Any] | None = story.record
    # A record that no worker has marked yet has no version to be named.
    mends = f"--mends {record['version']} " if record else ""
    for role, number in told.items():
        if number is None:
            console.print(
                f"Commands and audit trail tell no number of {role}. If none was ever given, two "
                "persons say so; else they name a higher one than any device met:"
            )
        else:
            console.print(
                f"To mend {role}, two persons name the highest number that commands and audit "
                "trail tell, or a higher one:"
            )
        prepared = f"raise-{role}.json"
        who = f"--sign KEY --out {prepared}" if is_signed else "--by ONE --by ANOTHER"
        # Not in the tree, whose lines could not be copied.
        console.print(
            Text(
                f"slotkeeper counters raise {story.device_id} --kind issued --role {role} "
                f"--at-least {number or 1} {mends}--reason 'damaged record' {who}"
            ),
            soft_wrap=True,
        )
        if is_signed:
            console.print(f"slotkeeper counters sign {prepared} --key ANOTHER_KEY")
