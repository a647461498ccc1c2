"""A store as a year leaves it: devices, meters, registrations, and what was decided about slots.

Everything is a function of the number of a device, so that two stores of one size are the same.
Of ten devices two were never heard of, six handed their slot back, one got a new operator, and one
was also asked about when nothing changed. Inventory records have no certificates.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple, TypeVar

from aiokafka.record.util import calc_crc32c

from slotkeeper._core import link_audit, partition_for
from slotkeeper.engine.port import AuditHead
from slotkeeper.lab.certificates import read
from slotkeeper.lab.pki import Organisation, Pki
from slotkeeper.lab.terms import Role
from slotkeeper.streams import Message, OwnedPartition, Record, Streams
from slotkeeper.worker.positions import KEY, Positions

PARTITIONS = 16
AT_A_TIME = 20_000
MADE = datetime(2026, 11, 25, 12, tzinfo=UTC)
BEGAN = MADE - timedelta(days=364)
OPERATORS, SUPPLIERS = 6, 20

_BEGAN = BEGAN.replace(tzinfo=None)
_DAYS = [
    f"202{number % 6}-0{number % 9 + 1}-{number % 28 + 1:02d}".encode() for number in range(252)
]
"""On which devices were commissioned: 252 is the least number that 6, 9 and 28 divide."""

_GPFS, _METERS = 0x00DB_1234_0000_0000, 0x00DB_5678_0000_0000
_ROUTE = {0: "", 1: ""} | dict.fromkeys(range(2, 8), "H") | {8: "HN", 9: "HIPN"}
"""By the last digit of a device: H handed back, N a new operator, I a command, P a pre-command."""


@dataclass
class World:
    """Who there is, and how far the audit trail of each partition has come.

    Attributes:
        gpfs: How many.
        heads: Of the chains of audit records.
    """

    gpfs: int
    heads: dict[int, AuditHead] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the parties."""
        pki = Pki("benchmark of slots")
        begins = datetime(2025, 1, 1, tzinfo=UTC)
        self.acb = pki.acb
        self.operators = [
            pki.organisation(
                Role.NETWORK_OPERATOR,
                number,
                not_before=begins,
                not_after=begins + timedelta(days=3_650),
            )
            for number in range(OPERATORS)
        ]
        self._acb = _Held.of(self.acb)
        self._held = [_Held.of(one) for one in self.operators]
        self._bodies = {
            (what, by): self._template(what, by) for what in "HNIP" for by in range(OPERATORS)
        }

    def know(self, records: Iterable[Record]) -> None:
        """Learn from a changelog how far the audit trails have come."""
        for record in records:
            if record.key == KEY:
                head = Positions.decode(record.value).audit
                if head is not None:
                    self.heads[record.partition] = head

    def inventory(self, numbers: Iterable[int]) -> Iterator[Message]:
        """Give the records of these devices and of their meters."""
        for number in numbers:
            gpf, meter = gpf_of(number), _eui(_METERS + number)
            day = _DAYS[number % len(_DAYS)]
            told = (
                b'{"device_id":"%b","device_type":"GPF","status":"Commissioned",'
                b'"smets_version":"SMETS2","commissioned_on":"%b"}'
            ) % (gpf, day)
            yield Message("smart-metering-inventory", gpf, told)
            told = (
                b'{"device_id":"%b","device_type":"GSME","status":"Commissioned",'
                b'"smets_version":"SMETS2","commissioned_on":"%b","mprn":"%d","gpf":"%b"}'
            ) % (meter, day, number + 1_000_000, gpf)
            yield Message("smart-metering-inventory", meter, told)

    def registrations(
        self, numbers: Iterable[int], *, since: bytes = b"2025-01-01"
    ) -> Iterator[Message]:
        """Give who is responsible for the meter points of these devices."""
        for number in numbers:
            mprn = b"%d" % (number + 1_000_000)
            told = (
                b'{"mprn":"%b","history":[{"from":"%b","gas_network_party":"GNO%d",'
                b'"gas_supplier":"SUP%d"}],"source":"benchmark",'
                b'"asserted_at":"2026-11-01T00:00:00Z"}'
            ) % (mprn, since, number % OPERATORS, number % SUPPLIERS)
            yield Message("gas-registrations", mprn, told)

    def decisions(self, numbers: Iterable[int]) -> "Iterator[Decision]":
        """Give what a year decided of these devices."""
        numbers = list(numbers)
        for step in range(max(map(len, _ROUTE.values()))):
            for number in numbers:
                route = _ROUTE[number % 10]
                if step < len(route):
                    day = number * 7_919 % 300 + step * 15
                    last = step + 1 == len(route)
                    yield self._decision(number, route[step], day, version=step + 1, last=last)

    async def hand_back(self, owned: OwnedPartition, numbers: Iterable[int]) -> int:
        """Write that each of these slots of a partition was handed back once more.

        Gives how many audit records that made.
        """
        partition, written = owned.number, 0
        head = self.heads.get(partition)
        for some in _batched(numbers, AT_A_TIME):
            outputs = []
            for number in some:
                one = self._decision(number, "H", 363, version=5)
                record, head = link_audit(one.body, head)
                outputs.append(("audit-trail", partition, one.key, record, ()))
                outputs.append(("originator-counters", partition, one.key, one.image, ()))
            written += len(some)
            positions = Positions(
                sequence=written if head is None else head[0],
                partitions=PARTITIONS,
                incarnation=owned.incarnation,
                inputs={},
                audit=head,
            )
            outputs.append(("originator-counters", partition, KEY, positions.encode(), ()))
            await owned.commit(outputs, {})
        if head is not None:
            self.heads[partition] = head
        return written

    def _decision(
        self, number: int, what: str, day: int, *, version: int, last: bool = True
    ) -> "Decision":
        gpf, by = gpf_of(number), number % OPERATORS
        counter = b"%d" % (1_700_000_000_000 + number)
        at = (_BEGAN + timedelta(days=day, seconds=number % 80_000)).isoformat().encode()
        body = self._bodies[what, by] % {
            b"number": number,
            b"digest": b"%064x" % number,
            b"gpf": gpf,
            b"counter": counter,
            b"at": at,
        }
        held = self._held[by] if what == "N" else self._acb
        return Decision(gpf, body, _image(_GPFS + number, version, held), last)

    def _template(self, what: str, by: int) -> bytes:
        operator = self._held[by]
        held = operator if what == "N" else self._acb
        left = self._acb if what == "N" else operator
        disposition, reason = {
            "H": ("RECORDED", "ACB_IN_SLOT"),
            "N": ("HANDOVER_CONFIRMED", "SLOT_CHANGED"),
            "I": ("ISSUED", "NATURAL"),
            "P": ("SEEN", "PRE_COMMAND"),
        }[what]
        cells = ",".join(
            f'{{"key_usage":"{usage}","status":"success","existing_subject_unique_id":"{left.eui}",'
            f'"existing_subject_key_identifier":"{left.keys[place]}",'
            f'"replacing_subject_unique_id":"{held.eui}",'
            f'"replacing_subject_key_identifier":"{held.keys[place]}"}}'
            for place, usage in enumerate(("digitalSignature", "keyAgreement"))
            if what in "HN"
        )
        slot = ",".join(
            f'"{usage}":{{"subject_unique_id":"{held.eui}",'
            f'"subject_key_identifier":"{held.keys[place]}","source":"OUTCOME","verified":true,'
            f'"time":"%(at)b.000Z"}}'
            for place, usage in enumerate(("digital_signature", "key_agreement"))
        )
        return (
            f'{{"kind":"decision","stream":"srv-6.15.1-responses","partition":0,'
            f'"offset":%(number)d,"device_id":"%(gpf)b","remote_party_role":"NetworkOperator",'
            f'"request_id":"{operator.eui}:%(gpf)b:%(counter)b","disposition":"{disposition}",'
            f'"reason":"{reason}","detail":"the device reports what it did with the command",'
            f'"recorded_counter":"%(counter)b","seen_counter":"%(counter)b",'
            f'"originator_counter":null,'
            f'"slot":{{{slot},"state":"ACB"}},"evidence":"recorded","message":{{'
            f'"digest":"%(digest)b","kind":"RESPONSE","message_code":"0103",'
            f'"originator_id":"%(gpf)b","header_counter":"%(counter)b",'
            f'"authorising_seq_number":"%(counter)b","floor_seq_number":null,'
            f'"signature":"valid"}},'
            f'"cells":[{cells}],"flags":[],"decided_at":"%(at)b.250Z"}}'
        ).encode()


class Decision(NamedTuple):
    """What was decided of a device.

    Attributes:
        key: The device.
        body: The audit record, without its place in the chain.
        image: The device's record in the changelog.
        last: Whether no other comes after it.
    """

    key: bytes
    body: bytes
    image: bytes
    last: bool


def owners(gpfs: Iterable[int]) -> dict[int, list[int]]:
    """Give the devices of each partition."""
    found: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}
    for number in gpfs:
        found[partition_for(gpf_of(number), PARTITIONS)].append(number)
    return found


async def live_a_day(streams: Streams, world: World) -> int:
    """Write what a day changes: slots of one device in 300, and one record in a thousand."""
    changed = range(0, world.gpfs, 1_000)
    inventory = list(world.inventory(changed))
    await streams.publish(inventory)
    await streams.publish(list(world.registrations(changed, since=b"2026-11-01")))
    written = len(inventory) + len(changed)
    async with streams.own() as ownership:
        await ownership.assignment()
        for partition, own in owners(range(0, world.gpfs, 300)).items():
            owned = await ownership.open(partition)
            written += 2 * await world.hand_back(owned, own)
    return written


_T = TypeVar("_T")


def _batched(each: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(each)
    while some := list(islice(iterator, size)):
        yield some


@dataclass(frozen=True, slots=True)
class _Held:
    eui: str
    keys: tuple[str, str]
    octets: bytes

    @classmethod
    def of(cls, one: Organisation) -> "_Held":
        eui = str(one.eui).upper()
        keys = [
            read(credential.certificate).key_identifier
            for credential in (one.digital_signature, one.key_agreement)
        ]
        octets = b"".join(_OUTCOME + bytes.fromhex(eui.replace("-", "")) + key for key in keys)
        return cls(eui, (keys[0].hex(), keys[1].hex()), octets)


_OUTCOME = b"\x39"
"""A cell of the changelog: told by an outcome, verified; occupant and key identifier follow."""


def _image(device: int, version: int, held: _Held) -> bytes:
    """Give a changelog record of format 3 (docs/changelog-format.md)."""
    octets = struct.pack(">BQIHBB", 3, device, version, 0, 0, 0) + held.octets
    return octets + struct.pack(">I", calc_crc32c(octets))


def gpf_of(number: int) -> bytes:
    """Give the EUI-64 of a device."""
    return _eui(_GPFS + number)


def _eui(number: int) -> bytes:
    return number.to_bytes(8).hex("-").upper().encode()
