"""The registers as the streams have them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from slotkeeper.slots.facts import Certificate, Party
from slotkeeper.streams import Streams

from .certificate import certificate
from .kinds import CERTIFICATES, PARTIES, Register
from .records import RefusedError, party, read_record
from .whole import whole_record


class Unreadable(NamedTuple):
    """A record that cannot be used; anybody with the right to publish may have written it."""

    stream: str
    key: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Registers:
    """Parties and certificates.

    Attributes:
        parties: By id.
        certificates: By key of the register.
        unreadable: What had to be left out.
    """

    parties: dict[str, Party] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)


async def read_registers(streams: Streams) -> Registers:
    """Read parties and certificates whole.

    Raises:
        StoreUnavailableError: They cannot be read now.
        WrongUseError: The streams do not exist yet.
    """
    found = Registers()

    def take_party(key: str, octets: bytes) -> None:
        found.parties[key] = party(octets)

    def take_certificate(key: str, octets: bytes) -> None:
        # A revocation may have come before its certificate; it waits for it.
        if read_record(octets).get("certificate") is not None:
            found.certificates[key] = certificate(octets)

    await _each(streams, PARTIES, found, take_party)
    await _each(streams, CERTIFICATES, found, take_certificate)
    return found


async def _each(
    streams: Streams, register: Register, found: Registers, take: Callable[[str, bytes], None]
) -> None:
    for key, octets in (await newest(streams, register)).items():
        try:
            own, _ = whole_record(register, octets)
            _require_key(own, key)
            take(key, octets)
        except RefusedError as refused:
            found.unreadable.append(Unreadable(register.stream, key, str(refused)))


def _require_key(own: str, key: str) -> None:
    if own != key:
        raise RefusedError("it stands under another key than its own")


async def newest(streams: Streams, register: Register) -> dict[str, bytes]:
    """Give the newest record of each key, those that were deleted aside.

    For registers of parties and certificates, which fit into memory.
    """
    records: dict[str, bytes] = {}
    async for batch in streams.read(register.stream):
        for record in batch:
            key = (record.key or b"").decode(errors="replace")
            if record.value is None:
                records.pop(key, None)
            else:
                records[key] = record.value
    return records


def owners_of(parties: Mapping[str, Party]) -> dict[str, str | None]:
    """Give the party of each identity; None where two parties claim it."""
    owners: dict[str, str | None] = {}
    for one in parties.values():
        for identity in one.eui64:
            owners[identity] = None if identity in owners else one.party_id
    return owners
