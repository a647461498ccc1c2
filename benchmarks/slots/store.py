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
from typing import TypeVar

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
            gpf, meter = _eui(_GPFS + number), _eui(_METERS + number)
            day = f"202{number % 6}-0{number % 9 + 1}-{number % 28 + 1:02d}"
            told = (
                f'{{"device_id":"{gpf}","device_type":"GPF","status":"Commissioned",'
                f'"smets_version":"SMETS2","commissioned_on":"{day}"}}'
            )
            yield Message("smart-metering-inventory", gpf.encode(), told.encode())
            told = (
                f'{{"device_id":"{meter}","device_type":"GSME","status":"Commissioned",'
                f'"smets_version":"SMETS2","commissioned_on":"{day}",'
                f'"mprn":"{number + 1_000_000}","gpf":"{gpf}"}}'
            )
            yield Message("smart-metering-inventory", meter.encode(), told.encode())

    def registrations(
        self, numbers: Iterable[int], *, since: str = "2025-01-01"
    ) -> Iterator[Message]:
        """Give who is responsible for the meter points of these devices."""
        for number in numbers:
            mprn = str(number + 1_000_000)
            told = (
                f'{{"mprn":"{mprn}","history":[{{"from":"{since}",'
                f'"gas_network_party":"GNO{number % OPERATORS}",'
                f'"gas_supplier":"SUP{number % SUPPLIERS}"}}],'
                f'"source":"benchmark","asserted_at":"2026-11-01T00:00:00Z"}}'
            )
            yield Message("gas-registrations", mprn.encode(), told.encode())

    async def decide(
        self, owned: OwnedPartition, numbers: Iterable[int], *, again: bool = False
    ) -> int:
        """Write what was decided of these devices; give how many audit records that made.

        Args:
            owned: Their partition.
            numbers: The devices.
            again: Each slot is handed back once more, at the end.
        """
        partition, written = owned.number, 0
        head = self.heads.get(partition)
        for some in _batched(self._decisions(list(numbers), again=again), AT_A_TIME):
            outputs = []
            for key, body, image in some:
                record, head = link_audit(body, head)
                outputs.append(("audit-trail", partition, key, record, ()))
                outputs.append(("originator-counters", partition, key, image, ()))
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

    def _decisions(
        self, numbers: list[int], *, again: bool
    ) -> Iterator[tuple[bytes, bytes, bytes]]:
        for step in range(1 if again else 4):
            for number in numbers:
                route = "H" if again else _ROUTE[number % 10]
                if step < len(route):
                    day = 363 if again else number * 7_919 % 300 + step * 15
                    yield self._decision(number, route[step], day, version=step + 1 + 4 * again)

    def _decision(
        self, number: int, what: str, day: int, *, version: int
    ) -> tuple[bytes, bytes, bytes]:
        gpf = _eui(_GPFS + number)
        operator = self._held[number % OPERATORS]
        held = operator if what == "N" else self._acb
        left = self._acb if what == "N" else operator
        disposition, reason = {
            "H": ("RECORDED", "ACB_IN_SLOT"),
            "N": ("HANDOVER_CONFIRMED", "SLOT_CHANGED"),
            "I": ("ISSUED", "NATURAL"),
            "P": ("SEEN", "PRE_COMMAND"),
        }[what]
        at = (BEGAN + timedelta(days=day, seconds=number % 80_000)).strftime("%Y-%m-%dT%H:%M:%S")
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
            f'"time":"{at}.000Z"}}'
            for place, usage in enumerate(("digital_signature", "key_agreement"))
        )
        counter = 1_700_000_000_000 + number
        body = (
            f'{{"kind":"decision","stream":"srv-6.15.1-responses","partition":0,"offset":{number},'
            f'"device_id":"{gpf}","remote_party_role":"NetworkOperator",'
            f'"request_id":"{operator.eui}:{gpf}:{counter}","disposition":"{disposition}",'
            f'"reason":"{reason}","detail":"the device reports what it did with the command",'
            f'"recorded_counter":"{counter}","seen_counter":"{counter}","originator_counter":null,'
            f'"slot":{{{slot},"state":"ACB"}},"evidence":"recorded","message":{{'
            f'"digest":"{number:064x}","kind":"RESPONSE","message_code":"0103",'
            f'"originator_id":"{gpf}","header_counter":"{counter}",'
            f'"authorising_seq_number":"{counter}","floor_seq_number":null,"signature":"valid"}},'
            f'"cells":[{cells}],"flags":[],"decided_at":"{at}.250Z"}}'
        )
        return gpf.encode(), body.encode(), _image(_GPFS + number, version, held)


def owners(gpfs: Iterable[int]) -> dict[int, list[int]]:
    """Give the devices of each partition."""
    found: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}
    for number in gpfs:
        found[partition_for(_eui(_GPFS + number).encode(), PARTITIONS)].append(number)
    return found


async def fill(streams: Streams, world: World) -> int:
    """Write a year; give how many records that made, registers of parties apart."""
    numbers = range(world.gpfs)
    written = 0
    for some in _batched(world.inventory(numbers), AT_A_TIME):
        await streams.publish(some)
        written += len(some)
    for some in _batched(world.registrations(numbers), AT_A_TIME):
        await streams.publish(some)
        written += len(some)
    async with streams.own() as ownership:
        await ownership.assignment()
        for partition, own in owners(numbers).items():
            written += 2 * await world.decide(await ownership.open(partition), own)
    return written


async def live_a_day(streams: Streams, world: World) -> int:
    """Write what a day changes: slots of one device in 300, and one record in a thousand."""
    changed = range(0, world.gpfs, 1_000)
    inventory = list(world.inventory(changed))
    await streams.publish(inventory)
    await streams.publish(list(world.registrations(changed, since="2026-11-01")))
    written = len(inventory) + len(changed)
    async with streams.own() as ownership:
        await ownership.assignment()
        for partition, own in owners(range(0, world.gpfs, 300)).items():
            owned = await ownership.open(partition)
            written += 2 * await world.decide(owned, own, again=True)
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
    return octets + struct.pack(">I", _crc(octets))


_POLYNOMIAL = 0x82F6_3B78
"""Of CRC-32C, reflected."""


def _remainders() -> list[int]:
    table = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_REMAINDERS = _remainders()


def _crc(octets: bytes) -> int:
    value = 0xFFFF_FFFF
    for octet in octets:
        value = _REMAINDERS[(value ^ octet) & 0xFF] ^ value >> 8
    return value ^ 0xFFFF_FFFF


def _eui(number: int) -> str:
    digits = f"{number:016X}"
    return "-".join(digits[at : at + 2] for at in range(0, 16, 2))
