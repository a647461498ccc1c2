"""``slotkeeper dead-letters``: what could not be read or decided, and how to send it again."""

import click

from slotkeeper.cli.dead_letters.commands import list_letters, retry, show
from slotkeeper.cli.groups import Commands


@click.group(cls=Commands)
def dead_letters() -> None:
    """List, show and send again what could not be read or decided."""


dead_letters.add_command(list_letters)
dead_letters.add_command(show)
dead_letters.add_command(retry)
