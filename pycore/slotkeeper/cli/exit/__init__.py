"""``slotkeeper exit``: a gas network party leaves, and the proof that it has gone."""

import click

from slotkeeper.cli.groups import Commands

from .deciding import cancel, close, open_, pause, record_revocation_request, resume
from .devices import devices
from .prepare import prepare
from .rehearse import rehearse
from .sign import sign
from .status import status


@click.group(name="exit", cls=Commands)
def exit_() -> None:
    """Plan the exit of a gas network party, follow it, and close it.

    Slotkeeper sends nothing to devices and revokes nothing: the party sends its 6.15.1 and its
    revocation request itself, and here stands whether it may.
    """


for _command in (
    open_,
    status,
    devices,
    pause,
    resume,
    cancel,
    record_revocation_request,
    close,
    prepare,
    sign,
    rehearse,
):
    exit_.add_command(_command)
