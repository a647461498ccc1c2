"""``slotkeeper read``: a stream as JSON lines."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from slotkeeper._core import canonical_key
from slotkeeper.cli.counters.table import DeviceId
from slotkeeper.cli.lines import line_of
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import write_lines
from slotkeeper.cli.store import chosen, looked_at
from slotkeeper.settings import Settings
from slotkeeper.streams import Record, Streams
from slotkeeper.streams.partitioning import partition_of


class Moment(click.ParamType[int]):
    """A time or a day; the command gets milliseconds since 1970."""

    name = "time"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """Read it, without a zone as UTC."""
        try:
            time = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time, such as 2026-11-26T14:00:00Z, and no day", param, ctx)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        return round(time.timestamp() * 1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which records are wanted.

    Attributes:
        device: Canonical; None: of every key.
        since: Milliseconds since 1970, as the writer's clock had them.
        until: The first that is not wanted.
        partition: None: of all.
        offset: The first that is wanted, in each partition.
        limit: So many at most.
    """

    device: str | None = None
    since: int | None = None
    until: int | None = None
    partition: int | None = None
    offset: int | None = None
    limit: int | None = None

    @property
    def is_any(self) -> bool:
        """Whether nothing is chosen."""
        return self == Choice()

    def takes(self, record: Record) -> bool:
        """Say whether a record is wanted."""
        return (
            (self.since is None or record.timestamp_ms >= self.since)
            and (self.until is None or record.timestamp_ms < self.until)
            and (self.device is None or _device_of(record) == self.device)
        )

    async def since_in(
        self, streams: Streams, stream: str, *, from_start: bool
    ) -> Mapping[int, int] | None:
        """Give from where which partitions are read; None: all of them, from where readers begin.

        Of what a worker writes a device's records stand in one partition; an input may have
        misplaced ones.

        Raises:
            WrongUseError: There is no such stream or partition.
        """
        written = (*streams.layout.outputs, streams.layout.changelog)
        partition = self.partition
        if partition is None and self.device is not None and stream in written:
            partition = partition_of(self.device.encode(), streams.partitions)
        if partition is None and self.offset is None:
            return None
        ends = await streams.ends(stream)
        least = self.offset or 0
        return {
            number: least if from_start else max(least, ends[number])
            for number in chosen(partition, len(ends))
        }


@click.command(
    epilog="Example: slotkeeper read audit-trail --device 00-DB-12-34-56-78-90-A3 --limit 3"
)
@click.argument("stream")
@click.option("--from-start", is_flag=True, help="Begin with the oldest record that is kept.")
@click.option("--follow", is_flag=True, help="Go on with what comes; stop with Ctrl-C.")
@click.option("--device", type=DeviceId(), help="Records of this device alone.")
@click.option("--since", type=Moment(), help="Written at this time or later.")
@click.option("--until", type=Moment(), help="Written before this time.")
@click.option("--partition", type=click.IntRange(0), help="Of this partition alone.")
@click.option("--offset", type=click.IntRange(0), help="Begin there, in each partition.")
@click.option("--limit", type=click.IntRange(1), help="Print so many at most.")
@settings_options
def read(
    *,
    stream: str,
    from_start: bool,
    follow: bool,
    device: str | None,
    since: int | None,
    until: int | None,
    partition: int | None,
    offset: int | None,
    limit: int | None,
    settings: Settings,
) -> None:
    """Print committed records of STREAM as JSON lines.

    A line is {"partition", "offset", "key", "value", "headers", "timestamp"}; octets that are no
    UTF-8 stand in key_base64 or value_base64. A timestamp is RFC 3339, or milliseconds where that
    has no such year. Records of one partition come in order. Without --follow the command ends
    with the last record that was there when it began, so that it prints nothing without
    --from-start, or an option that chooses records, which begins with the oldest as well.
    """
    choice = Choice(
        device=device, since=since, until=until, partition=partition, offset=offset, limit=limit
    )
    begins = from_start or not (follow or choice.is_any)
    asyncio.run(_print(settings, stream, choice, from_start=begins, follow=follow))


async def _print(
    settings: Settings, stream: str, choice: Choice, *, from_start: bool, follow: bool
) -> None:
    left = choice.limit
    async with looked_at(settings) as streams:
        reading = _chosen(streams, stream, choice, from_start=from_start, follow=follow)
        async for records in reading:
            wanted = records if left is None else records[:left]
            write_lines([line_of(record) for record in wanted])
            if left is not None:
                left -= len(wanted)
                if not left:
                    return


async def _chosen(
    streams: Streams, stream: str, choice: Choice, *, from_start: bool, follow: bool
) -> AsyncIterator[list[Record]]:
    async for records in streams.read(
        stream,
        from_start=from_start,
        follow=follow,
        since=await choice.since_in(streams, stream, from_start=from_start),
    ):
        if wanted := [record for record in records if choice.takes(record)]:
            yield wanted


def _device_of(record: Record) -> str | None:
    """Give the device of a record; what is parked stands under further keys of its device."""
    if record.key is None:
        return None
    key = record.key.partition(b"/")[0]
    found = canonical_key(key)
    return None if found is None else found.decode()
