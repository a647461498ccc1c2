"""Reads ``gno-exits``: the acts of persons, in order."""

from collections import Counter

from slotkeeper.acts import Signers
from slotkeeper.streams import Streams

from .acts import Act, Ignored, read_act

STREAM = "gno-exits"

PARTITION = 0
"""Of whose store the acts are: their stream has this one alone."""

_MOST = 10_000
"""Acts under one party's key that count, and as many records that do not; an exit has a dozen."""


async def read_acts(
    streams: Streams, party_id: str, signers: Signers | None
) -> list[Act | Ignored]:
    """Give the acts of a party's exits, and what counts for nothing.

    Raises:
        StoreUnavailableError: They cannot be read now.
        WrongUseError: The streams do not exist yet.
    """
    incarnations = await _incarnations(streams)
    looked_at = Counter[type]()
    found: list[Act | Ignored] = []
    async for records in streams.read(STREAM):
        for record in records:
            if record.key != party_id.encode() or looked_at[Act] >= _MOST:
                continue
            act = read_act(record.value, record.offset, record.key, signers, incarnations)
            looked_at[type(act)] += 1
            if looked_at[type(act)] <= _MOST:
                found.append(act)
    return found


async def proven_acts(streams: Streams, signers: Signers) -> list[Act]:
    """Give what counts of all parties' acts, in order.

    Raises:
        StoreUnavailableError: They cannot be read now.
        WrongUseError: The streams do not exist yet.
    """
    incarnations = await _incarnations(streams)
    looked_at = Counter[bytes | None]()
    found: list[Act] = []
    async for records in streams.read(STREAM):
        for record in records:
            if looked_at[record.key] >= _MOST:
                continue
            act = read_act(record.value, record.offset, record.key, signers, incarnations)
            if isinstance(act, Act):
                looked_at[record.key] += 1
                found.append(act)
    return found


async def _incarnations(streams: Streams) -> list[str]:
    """Give the names of the store for which acts may be signed."""
    incarnation = await streams.incarnation(PARTITION)
    return [*([incarnation] if incarnation else []), *await streams.ended(PARTITION)]
