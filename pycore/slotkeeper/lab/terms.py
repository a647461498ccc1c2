"""The numbers that CS02b gives to roles, cells, modes and statuses, and the EUI-64.

Source: GBCS 13.3.3 (message codes, credentialsReplacementMode), the CS02b ASN.1 enumerations, and
RFC 5934 for the status codes. ``label`` is the name used in JSON.
"""

from __future__ import annotations

import enum
import re
from typing import NamedTuple, Self

__all__ = [
    "MAX_SEQ_NUMBER",
    "AlertCode",
    "Cell",
    "CellUsage",
    "Cra",
    "Eui64",
    "KeyUsage",
    "MessageCode",
    "Mode",
    "Role",
    "Status",
]

MAX_SEQ_NUMBER = 2**63 - 1
"""Largest SeqNumber of a CS02b body (DUIS type floorSequenceNumber); headers go to 2**64 - 1."""

_EUI_TEXT = re.compile(r"(?:[0-9A-Fa-f]{2}-?){7}[0-9A-Fa-f]{2}")


class Eui64(bytes):
    """An entity identifier of exactly eight octets, as it stands in a Grouping Header."""

    __slots__ = ()

    def __new__(cls, octets: bytes) -> Self:
        """Take eight octets.

        Raises:
            ValueError: any other length.
        """
        if len(octets) != 8:  # noqa: PLR2004 - an EUI-64 by definition
            raise ValueError(f"an EUI-64 has 8 octets, not {len(octets)}")
        return super().__new__(cls, octets)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read hexadecimal digits of either case, with or without hyphens (N26).

        Raises:
            ValueError: the text is not an EUI-64.
        """
        if not _EUI_TEXT.fullmatch(text):
            raise ValueError(f"not an EUI-64: {text!r}")
        return cls(bytes.fromhex(text.replace("-", "")))

    @classmethod
    def of(cls, number: int) -> Self:
        """Make the identifier whose big-endian value is ``number``."""
        return cls(number.to_bytes(8, "big"))

    @property
    def compact(self) -> str:
        """Lower-case digits without hyphens, as keystore file names have it."""
        return self.hex()

    def __str__(self) -> str:
        """Upper-case pairs with hyphens: the canonical form of DUIS and of record keys."""
        return self.hex("-").upper()


class _Labelled(enum.IntEnum):
    """An enumeration whose names read in JSON as GBCS writes them."""

    @property
    def label(self) -> str:
        return _LABELS.get(self.name) or _camel(self.name)


class Role(_Labelled):
    """Remote Party Role (remotePartyRole)."""

    ROOT = 0
    RECOVERY = 1
    SUPPLIER = 2
    NETWORK_OPERATOR = 3
    ACCESS_CONTROL_BROKER = 4
    TRANSITIONAL_COS = 5
    WAN_PROVIDER = 6
    ISSUING_AUTHORITY = 7
    LOAD_CONTROLLER = 8
    OTHER = 127


class Mode(_Labelled):
    """credentialsReplacementMode; the Message Code is 0x0100 more."""

    ROOT_BY_SUPPLIER = 0
    ROOT_BY_WAN_PROVIDER = 1
    SUPPLIER_BY_SUPPLIER = 2
    NETWORK_OPERATOR_BY_NETWORK_OPERATOR = 3
    ACCESS_CONTROL_BROKER_BY_ACB = 4
    WAN_PROVIDER_BY_WAN_PROVIDER = 5
    TRANS_COS_BY_TRANS_COS = 6
    SUPPLIER_BY_TRANS_COS = 7
    ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY = 8
    ANY_BY_CONTINGENCY = 9

    @property
    def message_code(self) -> int:
        """The Message Code of a command of this mode."""
        return 0x0100 + self.value

    @property
    def authorising_role(self) -> Role:
        """The role whose cell authorises a command of this mode."""
        return _AUTHORISING_ROLE[self]


class Status(_Labelled):
    """statusCode of one Trust Anchor Cell's replacement."""

    SUCCESS = 0
    BAD_CERTIFICATE = 5
    NO_TRUST_ANCHOR = 10
    INSUFFICIENT_MEMORY = 17
    TRUST_ANCHOR_NOT_FOUND = 25
    RESOURCES_BUSY = 30
    OTHER = 127


class CellUsage(_Labelled):
    """cellUsage: the second key agreement cell of a supplier takes top-ups."""

    MANAGEMENT = 0
    PRE_PAYMENT_TOP_UP = 1


class KeyUsage(enum.Enum):
    """keyUsage of a cell, by the contents octets of its DER BIT STRING."""

    DIGITAL_SIGNATURE = bytes.fromhex("0780")
    KEY_AGREEMENT = bytes.fromhex("0308")
    KEY_CERT_SIGN = bytes.fromhex("0204")
    CERTIFICATION_AUTHORITY = bytes.fromhex("0106")
    """keyCertSign with cRLSign: in CA certificates only, never a cell's."""

    @property
    def label(self) -> str:
        """The name used in JSON."""
        return _camel(self.name)


class Cra(enum.IntEnum):
    """The CRA flag of a Grouping Header: command, response or alert."""

    COMMAND = 1
    RESPONSE = 2
    ALERT = 3


class MessageCode(enum.IntEnum):
    """Message Codes that do not follow from a mode."""

    CS02A = 0x0008
    FUTURE_DATED_ALERT = 0x00CB


class AlertCode(enum.IntEnum):
    """Alert codes of an executed future-dated CS02b command."""

    ALL_REPLACED = 0x8F66
    SOME_FAILED = 0x8F67


class Cell(NamedTuple):
    """A Trust Anchor Cell's identifier."""

    role: Role
    key_usage: KeyUsage
    cell_usage: CellUsage = CellUsage.MANAGEMENT

    def __str__(self) -> str:
        """Read as ``networkOperator/digitalSignature/management``."""
        return f"{self.role.label}/{self.key_usage.label}/{self.cell_usage.label}"


_AUTHORISING_ROLE = {
    Mode.ROOT_BY_SUPPLIER: Role.SUPPLIER,
    Mode.ROOT_BY_WAN_PROVIDER: Role.WAN_PROVIDER,
    Mode.SUPPLIER_BY_SUPPLIER: Role.SUPPLIER,
    Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR: Role.NETWORK_OPERATOR,
    Mode.ACCESS_CONTROL_BROKER_BY_ACB: Role.ACCESS_CONTROL_BROKER,
    Mode.WAN_PROVIDER_BY_WAN_PROVIDER: Role.WAN_PROVIDER,
    Mode.TRANS_COS_BY_TRANS_COS: Role.TRANSITIONAL_COS,
    Mode.SUPPLIER_BY_TRANS_COS: Role.TRANSITIONAL_COS,
    Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY: Role.RECOVERY,
    Mode.ANY_BY_CONTINGENCY: Role.ROOT,
}

# Names whose capitals do not follow from their words.
_LABELS = {
    "TRANSITIONAL_COS": "transitionalCoS",
    "ACCESS_CONTROL_BROKER_BY_ACB": "accessControlBrokerByACB",
    "TRANS_COS_BY_TRANS_COS": "transCoSByTransCoS",
    "SUPPLIER_BY_TRANS_COS": "supplierByTransCoS",
}


def _camel(name: str) -> str:
    head, *tail = name.lower().split("_")
    return head + "".join(word.capitalize() for word in tail)
