"""``slotkeeper audit``: whether the audit trail is what was written."""

import click

from slotkeeper.cli.audit.verify import verify
from slotkeeper.cli.groups import Commands


@click.group(cls=Commands)
def audit() -> None:
    """Check the audit trail."""


audit.add_command(verify)
