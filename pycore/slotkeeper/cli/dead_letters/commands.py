"""``dead-letters list``, ``show`` and ``retry``."""

import asyncio

import click
import orjson
from rich.text import Text
from rich.tree import Tree

from slotkeeper.cli.dead_letters.letter import Letter, Place, letter_at, letters
from slotkeeper.cli.lines import line_of
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, tables, write_lines
from slotkeeper.cli.store import looked_at
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams

_SHOWN = 4_096
"""Characters of a dead letter that are shown to people; --json has all of it."""


@click.command("list", epilog="Example: slotkeeper dead-letters list --json")
@settings_options
@json_option
def list_letters(*, settings: Settings, as_json: bool) -> None:
    """List dead letters with their place, where the record stood, and what was wrong."""
    asyncio.run(_list(settings, as_json=as_json))


async def _list(settings: Settings, *, as_json: bool) -> None:
    console, count = tables(), 0
    async with looked_at(settings) as streams:
        async for letter in letters(streams):
            count += 1
            if as_json:
                write_lines([orjson.dumps(letter.told())])
            else:
                console.print(_tree(letter))
    if not count:
        note("there is no dead letter")


@click.command(epilog="Example: slotkeeper dead-letters show 3:17")
@click.argument("place", metavar="PARTITION:OFFSET", type=Place())
@settings_options
@json_option
def show(*, place: tuple[int, int], settings: Settings, as_json: bool) -> None:
    """Show the dead letter at PARTITION:OFFSET with its octets."""
    letter = asyncio.run(_show(settings, place))
    if as_json:
        write_lines([line_of(letter.record)])
        return
    tree = _tree(letter)
    text = (letter.record.value or b"").decode(errors="backslashreplace")
    cut = "" if len(text) <= _SHOWN else f" ... ({len(text)} characters)"
    tree.add(Text(text[:_SHOWN] + cut))
    tables().print(tree)


async def _show(settings: Settings, place: tuple[int, int]) -> Letter:
    async with looked_at(settings) as streams:
        return await letter_at(streams, place)


@click.command(epilog="Example: slotkeeper dead-letters retry 3:17 3:18")
@click.argument("places", metavar="PARTITION:OFFSET...", nargs=-1, required=True, type=Place())
@settings_options
def retry(*, places: tuple[tuple[int, int], ...], settings: Settings) -> None:
    """Send the records of dead letters again, to the input where they stood.

    It helps where the cause is gone: a setting was changed, a defect mended, parking had no room.
    A record that cannot be read becomes a dead letter again. Of an inventory record a newer one may
    have come meanwhile: look before. All of them are sent, or none.
    """
    count = asyncio.run(_retry(settings, places))
    note(f"{count} records were sent again")


async def _retry(settings: Settings, places: tuple[tuple[int, int], ...]) -> int:
    async with looked_at(settings) as streams:
        messages = [(await letter_at(streams, place)).again(streams) for place in places]
    # As a writer: topics that a worker would refuse take nothing.
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        await streams.publish(messages)
    return len(messages)


def _tree(letter: Letter) -> Tree:
    told = letter.told()
    tree = Tree(Text(f"{told['at']} {told['fault']}", style="bold"))
    tree.add(Text(f"{told['stream']} {told['partition']}:{told['offset']}, key {told['key']}"))
    if told["detail"]:
        tree.add(Text(str(told["detail"])))
    if letter.is_cut:
        tree.add(Text("cut: not all of its octets are kept"))
    return tree
