"""``slotkeeper streams``: make the streams."""

import asyncio
from dataclasses import replace
from typing import Any

import click

from slotkeeper.cli.groups import Commands
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, write_json_line
from slotkeeper.errors import StoppedForOperatorError, WrongUseError
from slotkeeper.settings import Settings
from slotkeeper.streams import create_streams


@click.group(cls=Commands)
def streams() -> None:
    """Make the streams that the worker reads and writes."""


@streams.command(
    epilog="Example: slotkeeper streams create --streams sqlite:///slots.db --partitions 8"
)
@click.option("--partitions", type=click.IntRange(1, 1024), help="Of a stream; 4 if not given.")
@click.option(
    "--replication-factor",
    type=click.IntRange(1, 32767),
    help="Of Kafka topics; 3 if not given, or as many as there are brokers.",
)
@settings_options
@json_option
def create(
    *, partitions: int | None, replication_factor: int | None, settings: Settings, as_json: bool
) -> None:
    """Make every stream, those of the worker with the same number of partitions.

    The number can never be changed afterwards: the key decides the partition, and a device's
    record must stay where it is. Streams that exist with that number are left as they are.
    The registers of parties and certificates have one partition each.
    """
    made = asyncio.run(_create(settings, partitions, replication_factor))
    if as_json:
        write_json_line(made)
    else:
        note(f"{len(made['streams'])} streams, {made['partitions']} partitions: {settings.streams}")


async def _create(
    settings: Settings, partitions: int | None, replication_factor: int | None
) -> dict[str, Any]:
    wanted = replace(settings.streams_settings(), partitions=partitions)
    try:
        made = await create_streams(settings.streams, wanted, replication_factor=replication_factor)
    except StoppedForOperatorError as differing:
        if partitions is None:
            raise
        # Nothing is wrong with the store: another number was asked for than it has for ever.
        raise WrongUseError(str(differing)) from None
    return {"streams": list(wanted.layout.names), "partitions": made}
