"""Whether streams are those of which a folder of builds was made."""

from collections.abc import Mapping
from typing import Any

from slotkeeper.errors import FaultFoundError
from slotkeeper.streams import Streams

from .folder import Build
from .trail import STREAM as AUDIT
from .trail import Cut, foreign


async def begun_on(streams: Streams, before: Build | None, *, whole: bool) -> dict[str, Any]:
    """Say what a build rests on.

    Args:
        streams: To be read.
        before: The build before.
        whole: Whether registers and inventory are read from their beginning.

    Raises:
        FaultFoundError: The build before was made of another store, or of one that was put back.
    """
    incarnations = {
        str(number): await streams.incarnation(number) for number in range(streams.partitions)
    }
    if before is not None:
        await _require_same(streams, before, incarnations)
    return {
        "before": before.name if before else None,
        "incarnations": incarnations,
        "whole": whole,
    }


async def _require_same(
    streams: Streams, before: Build, incarnations: Mapping[str, str | None]
) -> None:
    """Refuse another store.

    An operator's word gives a store another name; its audit trail goes on all the same.
    """
    known = before.manifest["incarnations"]
    if len(known) != len(incarnations):
        raise FaultFoundError(
            f"{before.root} was made of a store with {len(known)} partitions, and this one has "
            f"{len(incarnations)}: build into another folder"
        )
    for stream, positions in before.manifest["positions"].items():
        ends = await streams.ends(stream)
        for partition, at in positions.items():
            if ends.get(int(partition), 0) < at:
                raise foreign(stream, int(partition), at)
    for partition, named in known.items():
        if named is None or named == incarnations[partition]:
            continue
        told = before.manifest["cuts"].get(partition)
        if told is None or not await _has(streams, int(partition), Cut(**told)):
            raise foreign(AUDIT, int(partition), told["offset"] if told else 0)


async def _has(streams: Streams, partition: int, cut: Cut) -> bool:
    async for records in streams.read(AUDIT, since={partition: cut.offset}):
        return Cut.of(records[0]) == cut
    return False
