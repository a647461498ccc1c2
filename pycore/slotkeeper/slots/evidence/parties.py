"""A gas network party that a package is about."""

from dataclasses import dataclass

from slotkeeper.errors import WrongUseError
from slotkeeper.slots.registers.kinds import PARTIES
from slotkeeper.slots.registers.reading import newest
from slotkeeper.slots.registers.records import RefusedError, party, party_id
from slotkeeper.streams import Streams


@dataclass(frozen=True, slots=True)
class PartySubject:
    """A gas network party, and the identities by which messages name it."""

    party_id: str
    eui64: tuple[str, ...]


async def party_subject(streams: Streams, name: str) -> PartySubject:
    """Look a party up in the register.

    Raises:
        WrongUseError: It is not there, or has no identity.
    """
    try:
        octets = (await newest(streams, PARTIES)).get(party_id(name, "PARTY"))
        if octets is None:
            raise WrongUseError(f"no party {name} in {PARTIES.stream}, and no such folder")
        found = party(octets)
    except RefusedError as refused:
        raise WrongUseError(f"{name}: {refused}, and there is no such folder") from None
    if not found.eui64:
        raise WrongUseError(f"{PARTIES.stream} names no EUI-64 of {name}")
    return PartySubject(found.party_id, found.eui64)
