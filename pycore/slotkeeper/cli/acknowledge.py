"""``slotkeeper acknowledge``: let a partition go on that stopped for an operator."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import click

from slotkeeper.cli.counters.transfer import MOST_LOSSES
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note
from slotkeeper.settings import Settings
from slotkeeper.streams import (
    StoppedForOperatorError,
    Streams,
    StreamsSettings,
    open_streams,
)
from slotkeeper.worker import acknowledge as accept
from slotkeeper.worker import examine
from slotkeeper.worker import losses as lost

_MEANING = """\
If you go on, what the store holds now becomes the truth. Numbers that were issued or recorded
since it was made are unknown, and devices may refuse the next command: publish the missing outcomes
again, or raise the numbers (slotkeeper counters raise), before the worker starts. What is issued
then is 2^20 above all that is known, so that no number of the lost commits comes again."""


@click.command(
    epilog="Example: slotkeeper acknowledge --partition 2 "
    "--reason 'restored from the copy of Sunday; outcomes since then published again'"
)
@click.option(
    "--partition",
    type=click.IntRange(min=0),
    help="Which; without it all, of which --losses is to be counted.",
)
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
@click.option(
    "--from-start",
    multiple=True,
    metavar="STREAM",
    help="An input that was made anew or cut: read on from its beginning. Requests that stand "
    "there are answered as repeats.",
)
@click.option(
    "--from-end",
    multiple=True,
    metavar="STREAM",
    help="The same, from its end: what it holds is skipped.",
)
@click.option("--reissue", is_flag=True, help="Answer those requests by new commands.")
@click.option(
    "--application",
    metavar="NEW",
    help="Kafka: who serves the streams from here on, in place of kafka.application.",
)
@click.option(
    "--losses",
    type=click.IntRange(1, MOST_LOSSES),
    metavar="TIMES",
    help="How often the store that this one takes the place of lost commits, as `counters export` "
    "and `counters rebuild` tell: numbers are issued above those that were lost there.",
)
@click.option("--by", metavar="PERSON", help="Who; without it the account's name.")
@settings_options
def acknowledge(
    *,
    partition: int | None,
    reason: str,
    by: str | None,
    from_start: tuple[str, ...],
    from_end: tuple[str, ...],
    reissue: bool,
    application: str | None,
    losses: int | None,
    settings: Settings,
) -> None:
    """Let a stopped partition go on (after exit status 3).

    Says first what speaks against it and what going on means; on a terminal, asks before it
    does. Who went on, and why, is written to the audit trail.

    With --losses also partitions against which nothing stands, before an import into a new store;
    with which other things stand, each is named by itself.
    """
    if not reason.strip():
        raise click.BadParameter("a reason is needed", param_hint="--reason")
    if partition is None and losses is None:
        raise click.UsageError("name the --partition; the message of exit status 3 has its number")
    accepting = partial(
        accept,
        reason=reason,
        by=by or getpass.getuser(),
        from_start=from_start,
        from_end=from_end,
        reissue=reissue,
        application=application,
        losses=losses or 0,
    )
    streams_settings = settings.streams_settings()
    if application is not None:
        streams_settings = replace(streams_settings, application=application)
    asyncio.run(_acknowledge(settings.streams, streams_settings, partition, losses or 0, accepting))


async def _acknowledge(
    url: str,
    settings: StreamsSettings,
    partition: int | None,
    losses: int,
    accepting: Callable[[Streams, int], Awaitable[list[str]]],
) -> None:
    async with open_streams(url, settings) as streams:
        if partition is not None and partition >= streams.partitions:
            raise click.BadParameter(
                f"there are partitions 0 to {streams.partitions - 1}", param_hint="--partition"
            )
        counted = await lost(streams) if losses else []
        for one in range(streams.partitions) if partition is None else [partition]:
            objections = await examine(streams, one)
            if objections and partition is None:
                raise StoppedForOperatorError(
                    f"partition {one}: {'; '.join(objections)}. Acknowledge it by itself, with "
                    f"--partition {one}",
                    partition=one,
                )
            if not objections and (not losses or losses <= counted[one]):
                note(f"nothing stands against partition {one}; the worker can serve it")
                continue
            for objection in objections:
                note(f"partition {one}: {objection}")
            if objections:
                note(_MEANING)
            else:
                note(
                    f"partition {one}: numbers will be issued {losses} times 2^20 above all that "
                    "is known, for ever"
                )
            if sys.stdin.isatty():
                click.confirm("Go on?", abort=True, err=True)
            await accepting(streams, one)
            note(f"partition {one} may be served again")
