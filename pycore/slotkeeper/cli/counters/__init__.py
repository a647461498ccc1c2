"""``slotkeeper counters``: one device's numbers, the whole table, and how to raise them."""

import click

from slotkeeper.cli.counters.export import export
from slotkeeper.cli.counters.import_table import import_table, publish_parked
from slotkeeper.cli.counters.pending import pending
from slotkeeper.cli.counters.raise_number import raise_number
from slotkeeper.cli.counters.rebuild import rebuild
from slotkeeper.cli.counters.show import show
from slotkeeper.cli.counters.sign import sign
from slotkeeper.cli.groups import Commands


@click.group(cls=Commands)
def counters() -> None:
    """Show, list, export, import, rebuild and raise Originator Counters. Nothing lowers one."""


counters.add_command(export)
counters.add_command(import_table)
counters.add_command(pending)
counters.add_command(publish_parked)
counters.add_command(raise_number)
counters.add_command(rebuild)
counters.add_command(show)
counters.add_command(sign)
