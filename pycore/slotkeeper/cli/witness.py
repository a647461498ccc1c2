"""``slotkeeper witness``: what remembers, outside the store, how far it had come."""

import asyncio

import click

from slotkeeper.cli.groups import Commands
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, write_json_line
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams


@click.group(cls=Commands)
def witness() -> None:
    """Make the file by which a restored older store is found out."""


@witness.command(epilog="Example: slotkeeper witness init --config slotkeeper.toml")
@settings_options
@json_option
def init(*, settings: Settings, as_json: bool) -> None:
    """Make this host's witness of a store that has a history.

    For a new host, and for the first witness of an existing store; a new store's is made by
    itself. What the store holds now is written down as seen, so make sure that it is the newest.
    What a witness has seen already stays as it is. Workers may run meanwhile.
    """
    added = asyncio.run(_init(settings))
    if as_json:
        write_json_line({"partitions": added})
    elif added:
        note(f"the witness begins with partitions {', '.join(map(str, added))}")
    else:
        note("the witness knows every partition already; nothing was changed")


async def _init(settings: Settings) -> list[int]:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        return await streams.begin_witness()
