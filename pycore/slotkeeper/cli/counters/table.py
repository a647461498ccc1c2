"""The counters as the changelog holds them."""

from collections.abc import AsyncIterator
from typing import Any

import click
import orjson

from slotkeeper._core import canonical_key, describe_change
from slotkeeper.errors import FaultFoundError
from slotkeeper.streams import Streams


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


async def newest_changes(streams: Streams, device_id: str | None = None) -> dict[bytes, bytes]:
    """Give the newest changelog record of every device, or all records of one.

    A compacted stream may still hold older ones; tombstones remove a key. What is parked stands
    under further keys of its device, and is left out of the whole table: it is no number.
    """
    newest: dict[bytes, bytes] = {}
    async for key, value in _changes(streams):
        if b"/" in key if device_id is None else not key.startswith(device_id.encode()):
            continue
        if value is None:
            newest.pop(key, None)
        else:
            newest[key] = value
    return newest


def described(key: bytes, value: bytes) -> dict[str, Any]:
    """Decode a changelog record of the engine.

    Raises:
        FaultFoundError: It is damaged, of a newer format, or something else.
    """
    change: dict[str, Any] = orjson.loads(describe_change(key, value))
    if change["kind"] not in ("device", "parked"):
        raise FaultFoundError(
            f"the changelog record of {key.decode(errors='replace')} cannot be read: "
            f"{change['kind']}; what is known of that device must be restored from elsewhere"
        )
    return change


async def _changes(streams: Streams) -> AsyncIterator[tuple[bytes, bytes | None]]:
    async for records in streams.read(streams.layout.changelog, from_start=True):
        for record in records:
            # Keys with @ are the worker's: positions of the inputs.
            if record.key is not None and not record.key.startswith(b"@"):
                yield record.key, record.value
