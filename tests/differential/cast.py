"""Who appears in the histories, and what their messages look like as octets.

Identities and messages are made once and kept: signing costs more than all that is decided.
"""

import functools
import hashlib
import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from slotkeeper.lab import anchors, certificates, messages, sealing
from slotkeeper.lab.commands import SeqNumberChange
from slotkeeper.lab.credentials import CredentialsResponse, RoleCredentials
from slotkeeper.lab.envelope import Envelope, dlms_date_time
from slotkeeper.lab.outcomes import CellOutcome, ExecutionOutcome, Occupant, ResponsePayload
from slotkeeper.lab.partitions import partition_of
from slotkeeper.lab.pki import Credential, Organisation, Pki
from slotkeeper.lab.terms import Cell, Cra, KeyUsage, MessageCode, Mode, Role, Status

PKI = Pki("differential")
STRANGERS_PKI = Pki("differential, somebody else's authorities")

ACB = PKI.acb
RETIRED_ACB = PKI.organisation(Role.ACCESS_CONTROL_BROKER, generation=1)
UNKNOWN_ACB = PKI.organisation(Role.ACCESS_CONTROL_BROKER, generation=2)
OPERATORS = tuple(PKI.organisation(Role.NETWORK_OPERATOR, number) for number in (1, 2))
RENEWED = PKI.organisation(Role.NETWORK_OPERATOR, 1, generation=1)
UNLISTED = PKI.organisation(Role.NETWORK_OPERATOR, 3)
SUPPLIERS = tuple(PKI.organisation(Role.SUPPLIER, number) for number in (1, 2))
RECOVERY = PKI.organisation(Role.RECOVERY)
TRANSITIONAL = PKI.organisation(Role.TRANSITIONAL_COS)
EXPIRED = PKI.organisation(Role.NETWORK_OPERATOR, 4, not_after=datetime(2020, 1, 1, tzinfo=UTC))
FOREIGN = replace(
    PKI.organisation(Role.NETWORK_OPERATOR, 5, issuer=PKI.other_issuing), path=OPERATORS[0].path
)
INVENTED = STRANGERS_PKI.organisation(Role.NETWORK_OPERATOR, 6)

ORGANISATIONS: dict[str, Organisation] = {
    "acb": ACB,
    "acb-retired": RETIRED_ACB,
    "acb-unknown": UNKNOWN_ACB,
    "A": OPERATORS[0],
    "A-renewed": RENEWED,
    "B": OPERATORS[1],
    "unlisted": UNLISTED,
    "S": SUPPLIERS[0],
    "T": SUPPLIERS[1],
    "recovery": RECOVERY,
    "transitional": TRANSITIONAL,
    "expired": EXPIRED,
    "foreign": FOREIGN,
    "invented": INVENTED,
}

LINE_OF_OPERATORS = {
    f"{letter}{generation}": PKI.organisation(
        Role.NETWORK_OPERATOR, 20 + place, generation=generation
    )
    for place, letter in enumerate("ABCDEF")
    for generation in range(3)
}
"""Six operators with three generations of certificates each, for long histories of one device."""
ORGANISATIONS |= LINE_OF_OPERATORS

PARTITIONS = 2
START = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _of_partition(partition: int, count: int) -> list[int]:
    numbers = (
        number
        for number in itertools.count(1)
        if partition_of(str(PKI.device(number).eui).encode(), PARTITIONS) == partition
    )
    return list(itertools.islice(numbers, count))


_NUMBERS = (*_of_partition(0, 3), *_of_partition(1, 1))
DEVICES = [PKI.device(number) for number in _NUMBERS]
"""Three of partition 0, which the engine serves, then one of partition 1."""

EXCHANGED = [PKI.device(number, shared_keys=1) for number in _NUMBERS]
"""The same devices with other keys, by the same authority."""

INVENTED_DEVICES = [STRANGERS_PKI.device(number) for number in _NUMBERS]
"""The same EUI-64s, certified by somebody else's authority."""

IMPOSTOR = PKI.device(10_000)
"""Its keys sign false messages in the names of the others."""


@dataclass(frozen=True)
class Told:
    """A device's message by its content; hashable, so that its octets are made once.

    Attributes:
        device: By its place in `DEVICES`.
        party: Who sent the command: a key of `ORGANISATIONS`.
        mode: credentialsReplacementMode.
        number: The authorising number in the payload; of an acceptance the header's alone.
        header: The header's counter; None: as ``number``.
        cells: Role, usage (``"ds"``, ``"ka"``), existing and replacing holder, replaced or not.
        floors: Role and number of each change reported.
        at: Seconds since `START`, the device's time; None: a clock that was never set.
        kind: ``"response"``, ``"accepted"`` or ``"alert"``.
        code: Message Code of a Response; None: the mode's.
    """

    device: int
    party: str
    mode: int = 3
    number: int = 1
    header: int | None = None
    cells: tuple[tuple[int, str, str, str, bool], ...] = ()
    floors: tuple[tuple[int, int], ...] = ()
    at: int | None = 0
    kind: str = "response"
    code: int | None = None


@dataclass(frozen=True)
class Read:
    """A device's answer to a read-back by its content; hashable, as `Told` is.

    Attributes:
        device: By its place in `DEVICES`.
        party: Who asked: a key of `ORGANISATIONS`. To the ACB it has a MAC, else a signature.
        number: The header's counter.
        roles: Role, its number (None: not told), and usage and holder of each cell.
        at: As in `Told`.
    """

    device: int
    party: str
    number: int
    roles: tuple[tuple[int, int | None, tuple[tuple[str, str], ...]], ...]
    at: int | None = None


USAGES = {"ds": KeyUsage.DIGITAL_SIGNATURE, "ka": KeyUsage.KEY_AGREEMENT}


def holder(name: str, usage: str) -> Occupant:
    return _credential(name, usage).occupant


def _credential(name: str, usage: str) -> Credential:
    organisation = ORGANISATIONS[name]
    return organisation.digital_signature if usage == "ds" else organisation.key_agreement


def sha1(name: str, usage: str) -> str:
    """Give how an alert names a certificate."""
    return hashlib.sha1(_credential(name, usage).certificate, usedforsecurity=False).hexdigest()


def register_record(name: str, usage: str) -> tuple[bytes, bytes]:
    """Give key and value of a certificate's record in the register."""
    certificate = _credential(name, usage).certificate
    details = certificates.read(certificate)
    value = {
        "subject_eui64": str(details.subject_unique_id),
        "key_usage": usage.upper(),
        "key_identifier": details.key_identifier.hex(),
        "sha1": sha1(name, usage),
        "sha256": hashlib.sha256(certificate).hexdigest(),
        "not_after": "2040-01-01",
        "status": [{"code": "I", "from": "2020-01-01", "source": "REPOSITORY"}],
    }
    return f"lab/{name}-{usage}".encode(), orjson.dumps(value)


PERIODS: dict[str, list[tuple[str, str | None]]] = {
    "always": [("2020-01-01", None)],
    "once": [("2020-01-01", "2021-01-01")],
    "again": [("2020-01-01", "2021-01-01"), ("2025-06-01", None)],
    "not yet": [("2027-01-01", None)],
    "never": [],
}
"""From when on and until when a party is a DCC User, or leaves."""


def party_record(key: str, party: dict[str, Any] | None) -> tuple[bytes, bytes | None]:
    """Give key and value of a party's record in the register; None: it is deleted."""
    if party is None:
        return key.encode(), None
    value = {
        "party_id": key,
        "eui64": [str(ORGANISATIONS[name].eui) for name in party["holders"]],
        "dcc_user": [{"from": begin, "until": end} for begin, end in PERIODS[party["user"]]],
        "exits": [
            {"intent_on": begin, "cancelled_on": end} for begin, end in PERIODS[party["exits"]]
        ],
    }
    return key.encode(), orjson.dumps(value)


UNSET = bytes.fromhex("FFFFFFFFFFFFFFFFFF8000FF")
"""The date-time of a clock that was never set."""


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


@functools.lru_cache(maxsize=100_000)
def octets(told: Told) -> bytes:
    """Write and sign a message."""
    device, recipient = DEVICES[told.device], ORGANISATIONS[told.party].eui
    outcome = None
    if told.kind != "accepted":
        outcome = ExecutionOutcome(
            seq_number=told.number,
            mode=Mode(told.mode),
            changes=tuple(SeqNumberChange(role=Role(r), floor=n) for r, n in told.floors),
            cells=tuple(
                CellOutcome(
                    Cell(Role(role), USAGES[usage]),
                    Status.SUCCESS if replaced else Status.RESOURCES_BUSY,
                    holder(existing, usage),
                    holder(replacing if replaced else existing, usage),
                )
                for role, usage, existing, replacing, replaced in told.cells
            ),
        )
    header = told.number if told.header is None else told.header
    moment = at(told.at or 0)
    if told.kind == "alert":
        assert outcome is not None
        return messages.alert(device, recipient, outcome, counter=header, at=moment)
    envelope = Envelope(
        cra=Cra.RESPONSE,
        counter=header,
        originator=device.eui,
        recipient=recipient,
        message_code=Mode(told.mode).message_code if told.code is None else told.code,
        date_time=UNSET if told.at is None else dlms_date_time(moment),
        payload=ResponsePayload(outcome).encode(),
    )
    return envelope.signed(sealing.sign(envelope, device.digital_signature.key)).encode()


@functools.lru_cache(maxsize=100_000)
def read_back(read: Read) -> bytes:
    """Write an answer of CS02a, and sign it, or give it the MAC that the ACB gets."""
    device = DEVICES[read.device]
    credentials = [
        RoleCredentials(
            Role(role),
            Status.SUCCESS,
            number,
            tuple((Cell(Role(role), USAGES[usage]), holder(who, usage)) for usage, who in cells),
        )
        for role, number, cells in read.roles
    ]
    envelope = Envelope(
        cra=Cra.RESPONSE,
        counter=read.number,
        originator=device.eui,
        recipient=ORGANISATIONS[read.party].eui,
        message_code=MessageCode.CS02A,
        date_time=UNSET if read.at is None else dlms_date_time(at(read.at)),
        payload=CredentialsResponse(tuple(credentials)).encode(),
        signature=b"",
    )
    if read.party.startswith("acb"):
        peer = ACB.key_agreement.key.public_key()
        return envelope.maced(sealing.mac(envelope, device.key_agreement.key, peer)).encode()
    return envelope.signed(sealing.sign(envelope, device.digital_signature.key)).encode()


# Order of P-256 (FIPS 186-4 D.1.2.3).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@functools.lru_cache(maxsize=100_000)
def twisted(message: bytes, twist: str) -> bytes:
    """Give the message as somebody else would have it.

    ``"forged"`` is signed by another device's key, ``"exchanged"`` by the key of `EXCHANGED`,
    ``"unsigned"`` has no signature, ``"mirrored"`` the other valid signature (r, n-s) over the same
    content, ``"cut"`` lacks its last octet. Commands are only cut.
    """
    if twist == "cut":
        return message[:-1]
    envelope = Envelope.decode(message)
    if not twist or envelope.cra is Cra.COMMAND:
        return message
    if envelope.mac is not None:
        return message if twist == "mirrored" else message[:-1] + bytes([message[-1] ^ 1])
    signature = envelope.signature or bytes(64)
    match twist:
        case "forged":
            signature = sealing.sign(envelope, IMPOSTOR.digital_signature.key)
        case "exchanged":
            device = next(one for one in EXCHANGED if one.eui == envelope.originator)
            signature = sealing.sign(envelope, device.digital_signature.key)
        case "unsigned":
            signature = b""
        case "mirrored":
            mirrored = _ORDER - int.from_bytes(signature[32:], "big")
            signature = signature[:32] + mirrored.to_bytes(32, "big")
    return envelope.signed(signature).encode()


def factory_cells(operator: str) -> dict[Cell, bytes]:
    """Give the cells of a device in whose Network Operator slot ``operator`` stands."""
    return anchors.factory_anchors(
        PKI, operator=ORGANISATIONS[operator], supplier=SUPPLIERS[0], acb=ACB
    )
