"""``slotkeeper registers``: parties, certificates and registrations, which reports judge by."""

import click

from slotkeeper.cli.groups import Commands

from .check import check
from .take_in import import_


@click.group(cls=Commands)
def registers() -> None:
    """Fill and check the registers that slots are judged by."""


registers.add_command(import_)
registers.add_command(check)
