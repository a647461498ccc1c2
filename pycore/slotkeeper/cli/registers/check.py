"""``slotkeeper registers check``: what is odd about the registers themselves."""

import asyncio
from datetime import UTC, date, datetime

import click
from rich.table import Table

from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, tables, write_json_line
from slotkeeper.cli.store import looked_at
from slotkeeper.clock import system_clock
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.slots.registers.check import odd
from slotkeeper.slots.registers.reading import Registers, read_registers

from .shown import printable


@click.command(epilog="Example: slotkeeper registers check --days 90")
@click.option(
    "--days",
    type=click.IntRange(0, 36_500),
    default=30,
    show_default=True,
    help="Certificates in use that expire within so many days.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day at whose end it is asked, UTC; else today.",
)
@settings_options
@json_option
def check(*, days: int, as_of: datetime | None, settings: Settings, as_json: bool) -> None:
    """Look for what cannot be right in the registers of parties and certificates.

    Found are subscribers that are no DCC User (SUBSCRIBER_NOT_USER), parties with certificates of
    one usage only (HALF_SUBSCRIBED), certificates that expire soon (EXPIRING), one identity in two
    parties (EUI_IN_TWO_PARTIES), certificates that begin after their party's intent to leave
    (SUBSCRIBED_AFTER_INTENT), and records that cannot be read (UNREADABLE). The exit status is 1
    if anything is found.
    """
    day = as_of.date() if as_of else _today()
    registers = asyncio.run(_read(settings))
    found = odd(registers, day, days=days)
    if as_json:
        for one in found:
            write_json_line(one._asdict())
    elif found:
        table = Table("kind", "party", "serial", "since", "detail", title=f"as of {day}")
        for one in found:
            cells = (one.kind, one.party_id, one.serial, str(one.since or ""), one.detail)
            table.add_row(*(printable(cell).replace("[", r"\[") for cell in cells))
        tables().print(table)
    note(
        f"{len(registers.parties)} parties, {len(registers.certificates)} certificates, "
        f"{len(found)} findings as of {day}"
    )
    if found:
        raise FaultFoundError(f"{len(found)} findings")


async def _read(settings: Settings) -> Registers:
    async with looked_at(settings) as streams:
        return await read_registers(streams)


def _today() -> date:
    return datetime.fromtimestamp(system_clock() / 1_000, UTC).date()
