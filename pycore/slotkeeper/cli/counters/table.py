"""The counters as the changelog holds them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
import orjson

from slotkeeper._core import canonical_key, describe_change
from slotkeeper.cli.output import note
from slotkeeper.errors import FaultFoundError
from slotkeeper.streams import Record, Streams, StreamsError
from slotkeeper.worker import Losses


class DeviceId(click.ParamType[str]):
    """An EUI-64 in any spelling; the command gets the canonical one."""

    name = "device"

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's own signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """Spell it canonically, or say what an EUI-64 looks like."""
        canonical = canonical_key(str(value).encode())
        if canonical is None:
            self.fail(f"{value!r} is no EUI-64, such as 00-DB-12-34-56-78-90-A3", param, ctx)
        return canonical.decode()


@dataclass(frozen=True)
class Table:
    """All that a changelog holds.

    Attributes:
        changes: The newest record of every device, and all that is parked.
        losses: By partition, how often commits were lost; one that nobody has acknowledged yet is
            counted.
        objections: What the witness has against the store, by partition.
    """

    changes: dict[bytes, bytes]
    losses: list[int]
    objections: Mapping[int, str]


async def whole_table(streams: Streams) -> Table:
    """Read everything; an export needs it."""
    losses = Losses(streams.partitions)
    changes: dict[bytes, bytes] = {}
    async for records in _records(streams):
        for record in records:
            losses.take(record)
            _keep(changes, record)
    try:
        witnessed, objections = await streams.witnessed(), await streams.objections()
    except StreamsError as error:
        # The changelog was read: what it says goes out, whatever keeps the witness from speaking.
        note(f"whether commits were lost is told by the changelog alone: {error}")
        return Table(changes, losses.told, {})
    # A host that has never seen a partition has nothing against it.
    against = {one: objections[one] for one in objections if one in witnessed}
    told = [
        max(told, witnessed[partition].losses if partition in witnessed else 0)
        + (partition in against)
        for partition, told in enumerate(losses.told)
    ]
    return Table(changes, told, against)


async def newest_changes(streams: Streams) -> dict[bytes, bytes]:
    """Give the newest changelog record of every device.

    A compacted stream may still hold older ones; tombstones remove a key. What is parked stands
    under further keys of its device, and is left out: it is no number.
    """
    newest: dict[bytes, bytes] = {}
    async for records in _records(streams):
        for record in records:
            if b"/" not in (record.key or b""):
                _keep(newest, record)
    return newest


def described(key: bytes, value: bytes, *, damaged: bool = False) -> dict[str, Any]:
    """Decode a changelog record of the engine; its ``kind`` says what it is.

    Args:
        key: Of the record.
        value: Of the record.
        damaged: Give one that is damaged as well, of which nothing but the kind is known.

    Raises:
        FaultFoundError: It is damaged, of a newer format, or something else.
    """
    change: dict[str, Any] = orjson.loads(describe_change(key, value))
    readable = ("device", "parked", "damaged") if damaged else ("device", "parked")
    if change["kind"] not in readable:
        raise FaultFoundError(
            f"the changelog record of {key.decode(errors='replace')} cannot be read: "
            f"{change['kind']}; what is known of that device must be restored from elsewhere"
        )
    return change


def _records(streams: Streams) -> AsyncIterator[Sequence[Record]]:
    return streams.read(streams.layout.changelog, from_start=True)


def _keep(newest: dict[bytes, bytes], record: Record) -> None:
    # Keys with @ are the worker's: positions of the inputs.
    if record.key is None or record.key.startswith(b"@"):
        return
    if record.value is None:
        newest.pop(record.key, None)
    else:
        newest[record.key] = record.value
