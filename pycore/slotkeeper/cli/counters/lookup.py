"""The highest number of a device that the outputs tell, for a person who mends a damaged record."""

from typing import NamedTuple

from slotkeeper.cli.counters.entry import ROLES
from slotkeeper.cli.counters.rebuild.told import AUDIT, COMMANDS, RecordFault, Told, told_by
from slotkeeper.streams import Record, Streams


class Highest(NamedTuple):
    """A number, and the first record that tells it.

    Attributes:
        number: 0 to 2^64-1.
        place: Stream, partition and offset, for people.
    """

    number: int
    place: str


async def highest_told(streams: Streams, device: str) -> dict[str, Highest]:
    """Read commands and audit trail from their beginning; gives the highest number of each role.

    A number of a command counts for both roles: originator, counter and device are key and nonce of
    its MAC, so that a command of the other role must not have it either (S1 to S5). A role for
    which nothing counts is missing.
    """
    highest: dict[str, Highest] = {}
    faults: list[RecordFault] = []
    for stream in (COMMANDS, AUDIT):
        async for records in streams.read(stream, from_start=True):
            for record in records:
                told = told_by(record, faults) if record.key == device.encode() else None
                if told is not None and told.device == device:
                    _raise(highest, told, record)
    return dict(sorted(highest.items()))


def _raise(highest: dict[str, Highest], told: Told, record: Record) -> None:
    of_its_role = (told.recorded, told.seen, told.floor)
    for role in ROLES:
        counted = [*told.used, *(of_its_role if role == told.role else ())]
        known = [number for number in counted if number is not None]
        if known and (role not in highest or max(known) > highest[role].number):
            place = f"{record.stream} partition {record.partition} offset {record.offset}"
            highest[role] = Highest(max(known), place)
