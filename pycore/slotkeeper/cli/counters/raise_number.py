"""``slotkeeper counters raise``: one number of one device."""

import asyncio
from pathlib import Path

import click

from slotkeeper.acts import PersonKey
from slotkeeper.cli.counters.adjustments import adjustment_options, message_of, person_key
from slotkeeper.cli.counters.lookup import highest_told
from slotkeeper.cli.counters.signing import Signing, prepare
from slotkeeper.cli.counters.table import DeviceId
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note
from slotkeeper.explain.story import damaged_roles_of
from slotkeeper.settings import MAX_COUNTER, Settings
from slotkeeper.streams import Message, Streams, TryLaterError, WrongUseError, open_streams


@click.command(
    "raise",
    epilog="Example: slotkeeper counters raise 00-DB-12-34-56-78-90-A3 --at-least 1700000000000 "
    "--reason 'hand-back before tracking, log of 2023' --by ann --by bob\n\n"
    "Signed: slotkeeper counters raise 00-DB-12-34-56-78-90-A3 --at-least 1700000000000 "
    "--reason 'log of 2023' --sign ann.key --out raise.json",
)
@click.argument("device", type=DeviceId())
@click.option(
    "--at-least",
    type=click.IntRange(0, MAX_COUNTER),
    required=True,
    help="The number, 0 to 2^63-1.",
)
@click.option(
    "--kind",
    type=click.Choice(["recorded", "seen", "issued"]),
    default="recorded",
    show_default=True,
    help="Recorded: a hand-back. Seen: used, whatever came of it. Issued: used by the ACB itself.",
)
@click.option(
    "--role",
    type=click.Choice(["NetworkOperator", "Supplier"]),
    default="NetworkOperator",
    show_default=True,
)
@click.option(
    "--mends",
    type=click.IntRange(0, 2**32 - 1),
    metavar="VERSION",
    help="Of the damaged record that this makes up for, as `counters show` tells it.",
)
@click.option(
    "--below-outputs",
    is_flag=True,
    help="Mend a damaged record by a number below one that commands or audit trail tell, after "
    "having looked at the record that tells it: only workers write there.",
)
@adjustment_options
@settings_options
def raise_number(
    *,
    device: str,
    at_least: int,
    kind: str,
    role: str,
    mends: int | None,
    below_outputs: bool,
    reason: str,
    by: tuple[str, ...],
    key_file: Path | None,
    out: Path | None,
    settings: Settings,
) -> None:
    """Publish a raise of DEVICE's number. It cannot be taken back: nothing lowers a number."""
    key = person_key(settings, by=by, key_file=key_file, out=out, highest=at_least)
    message = message_of(
        device,
        role,
        kind=kind,
        at_least=str(at_least),
        **({} if mends is None else {"mends": str(mends)}),
        reason=reason,
        by=by,
        source="slotkeeper counters raise",
    )
    vouched = len(set(by)) > 1 or out is not None
    may_mend = kind == "issued" and vouched and not below_outputs
    asyncio.run(_raise(settings, message, key, out, (device, role, at_least) if may_mend else None))
    if out is None:
        note(
            "published; a running worker applies it. "
            f"`slotkeeper counters show {device}` shows when"
        )


async def _raise(
    settings: Settings,
    message: Message,
    key: PersonKey | None,
    out: Path | None,
    mending: tuple[str, str, int] | None,
) -> None:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        if mending is not None:
            await _refuse_too_low(streams, *mending)
        if key is not None:
            message = (await Signing.of(streams, key)).signed(message)
        if out is None:
            await streams.publish([message])
        else:
            prepare(out, [message])


async def _refuse_too_low(streams: Streams, device: str, role: str, at_least: int) -> None:
    """Let nobody take the mark off a damaged record by a number that was given out below others.

    The worker cannot see that: what it knows of the device is what is damaged. Where it cannot be
    found out now, people are told so: a raise may be what mends the reason.

    Raises:
        WrongUseError: The outputs tell of a higher number.
    """
    try:
        if role not in await damaged_roles_of(streams, device):
            return
        told = (await highest_told(streams, device)).get(role)
    except TryLaterError as error:
        note(f"not compared with what the store and its outputs tell: {error}")
        return
    if told is not None and at_least < told.number:
        raise WrongUseError(
            f"the stored record of {device} is damaged, and {told.place} tells the number "
            f"{told.number} of {role}: after {at_least} it would be given out again. Name at least "
            f"{told.number}; `slotkeeper counters show {device}` prints the command. If that "
            "record is no worker's, add --below-outputs"
        )
