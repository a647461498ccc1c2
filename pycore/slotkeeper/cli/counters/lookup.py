"""The highest number of a device that the outputs tell, for a person who mends a damaged record."""

from slotkeeper.cli.counters.rebuild.told import AUDIT, COMMANDS, ROLES, RecordFault, Told, told_by
from slotkeeper.streams import Streams


async def highest_told(streams: Streams, device: str) -> dict[str, str]:
    """Read commands and audit trail from their beginning; gives a decimal string for each role.

    A number of a command counts for both roles: originator, counter and device are key and nonce of
    its MAC, so that a command of the other role must not have it either (S1 to S5). A role for
    which nothing counts is missing.
    """
    highest: dict[str, int] = {}
    faults: list[RecordFault] = []
    for stream in (COMMANDS, AUDIT):
        async for records in streams.read(stream, from_start=True):
            for record in records:
                told = told_by(record, faults) if record.key == device.encode() else None
                if told is not None and told.device == device:
                    _raise(highest, told)
    return {role: str(number) for role, number in sorted(highest.items())}


def _raise(highest: dict[str, int], told: Told) -> None:
    of_its_role = (told.recorded, told.seen, told.floor)
    for role in ROLES:
        counted = [*told.used, *(of_its_role if role == told.role else ())]
        known = [number for number in counted if number is not None]
        if known:
            highest[role] = max(highest.get(role, 0), *known)
