"""Reads ``gno-exits``: the acts of persons, in order."""

from slotkeeper.acts import Signers
from slotkeeper.streams import Streams

from .acts import Act, Ignored, read_act

STREAM = "gno-exits"

PARTITION = 0
"""Of whose store the acts are: their stream has this one alone."""

_MOST = 10_000
"""Records under one party's key that are looked at; an exit has a dozen."""


async def read_acts(
    streams: Streams, party_id: str, signers: Signers | None
) -> list[Act | Ignored]:
    """Give the acts of a party's exits, and what counts for nothing.

    Raises:
        StoreUnavailableError: They cannot be read now.
        WrongUseError: The streams do not exist yet.
    """
    incarnation = await streams.incarnation(PARTITION)
    incarnations = [*([incarnation] if incarnation else []), *await streams.ended(PARTITION)]
    found: list[Act | Ignored] = []
    async for records in streams.read(STREAM):
        for record in records:
            if record.key != party_id.encode() or len(found) >= _MOST:
                continue
            found.append(read_act(record.value, record.offset, record.key, signers, incarnations))
    return found
