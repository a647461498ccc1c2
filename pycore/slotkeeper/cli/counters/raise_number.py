"""``slotkeeper counters raise``: one number of one device."""

import asyncio
from pathlib import Path

import click

from slotkeeper.acts import PersonKey
from slotkeeper.cli.counters.adjustments import adjustment_options, message_of, person_key
from slotkeeper.cli.counters.signing import Signing, prepare
from slotkeeper.cli.counters.table import DeviceId
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note
from slotkeeper.settings import MAX_COUNTER, Settings
from slotkeeper.streams import Message, open_streams


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
@adjustment_options
@settings_options
def raise_number(
    *,
    device: str,
    at_least: int,
    kind: str,
    role: str,
    mends: int | None,
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
    asyncio.run(_raise(settings, message, key, out))
    if out is None:
        note(
            "published; a running worker applies it. "
            f"`slotkeeper counters show {device}` shows when"
        )


async def _raise(
    settings: Settings, message: Message, key: PersonKey | None, out: Path | None
) -> None:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        if key is not None:
            message = (await Signing.of(streams, key)).signed(message)
        if out is None:
            await streams.publish([message])
        else:
            prepare(out, [message])
