"""The highest number of a device that the outputs tell, for a person who mends a damaged record."""

from slotkeeper.cli.counters.rebuild.told import AUDIT, COMMANDS, RecordFault, told_by
from slotkeeper.streams import Record, Streams


async def highest_told(streams: Streams, device: str) -> dict[str, str]:
    """Read commands and audit trail from their beginning; gives a decimal string for each role.

    A role of which nothing is told is missing.
    """
    highest: dict[str, int] = {}
    faults: list[RecordFault] = []
    for stream in (COMMANDS, AUDIT):
        async for records in streams.read(stream, from_start=True):
            for record in records:
                if record.key == device.encode():
                    _raise(highest, device, record, faults)
    return {role: str(number) for role, number in sorted(highest.items())}


def _raise(highest: dict[str, int], device: str, record: Record, faults: list[RecordFault]) -> None:
    told = told_by(record, faults)
    if told is None or told.device != device or told.role is None:
        return
    numbers = (told.recorded, told.seen, told.floor, *told.used)
    known = [number for number in numbers if number is not None]
    if known:
        highest[told.role] = max(highest.get(told.role, 0), *known)
