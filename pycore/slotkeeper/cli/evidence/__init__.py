"""``slotkeeper evidence``: what devices have signed, for people without Slotkeeper."""

import click

from slotkeeper.cli.evidence.export import export
from slotkeeper.cli.evidence.prove import prove
from slotkeeper.cli.evidence.verify import verify
from slotkeeper.cli.groups import Commands


@click.group(cls=Commands)
def evidence() -> None:
    """Make and check packages of what devices have signed about their slots."""


evidence.add_command(export)
evidence.add_command(verify)
evidence.add_command(prove)
