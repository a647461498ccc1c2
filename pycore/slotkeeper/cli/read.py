"""``slotkeeper read``: a stream as JSON lines."""

import asyncio

import click

from slotkeeper.cli.lines import line_of
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import write_lines
from slotkeeper.cli.store import looked_at
from slotkeeper.settings import Settings


@click.command(
    epilog="Example: slotkeeper read audit-trail --from-start | grep 00-DB-12-34-56-78-90-A3"
)
@click.argument("stream")
@click.option("--from-start", is_flag=True, help="Begin with the oldest record that is kept.")
@click.option("--follow", is_flag=True, help="Go on with what comes; stop with Ctrl-C.")
@settings_options
def read(*, stream: str, from_start: bool, follow: bool, settings: Settings) -> None:
    """Print committed records of STREAM as JSON lines.

    A line is {"partition", "offset", "key", "value", "headers", "timestamp"}; octets that are no
    UTF-8 stand in key_base64 or value_base64. A timestamp is RFC 3339, or milliseconds where that
    has no such year. Records of one partition come in order. Without
    --follow the command ends with the last record that was there when it began, so that without
    --from-start it prints nothing.
    """
    asyncio.run(_read(stream, settings, from_start=from_start, follow=follow))


async def _read(stream: str, settings: Settings, *, from_start: bool, follow: bool) -> None:
    async with looked_at(settings) as streams:
        async for records in streams.read(stream, from_start=from_start, follow=follow):
            write_lines([line_of(record) for record in records])
