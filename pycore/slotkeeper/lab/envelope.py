"""The frame of a GBCS message: MAC Header, Grouping Header, payload, signature part and MAC.

Source: GBCS 7.2.5 (MAC Header), 7.2.7 (Grouping Header) and 13.3.3.1 (which parts a message has).
An :class:`Envelope` holds the parts and writes them back octet for octet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slotkeeper.lab import der
from slotkeeper.lab.terms import Cra, Eui64

if TYPE_CHECKING:
    from typing import Self

__all__ = ["MAC_OCTETS", "SIGNATURE_OCTETS", "Envelope", "EnvelopeError", "dlms_date_time"]

MAC_OCTETS = 12
SIGNATURE_OCTETS = 64

_GENERAL_CIPHERING = 0xDD
_GENERAL_SIGNING = 0xDF
_EMPTY_CIPHERING_FIELDS = bytes(6)
_SECURITY_HEADER = bytes.fromhex("1100000000")
_TRANSACTION_ID_OCTETS = 9
_DATE_TIME_OCTETS = 12
_OTHER_INFORMATION_OCTETS = 2


class EnvelopeError(ValueError):
    """The octets are no GBCS message, or not the whole of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message's parts.

    Attributes:
        cra: command, response or alert.
        counter: Originator Counter of the Grouping Header, 0 to 2**64 - 1.
        originator: Business Originator ID.
        recipient: Business Target ID.
        date_time: 12 octets in CS02b responses, empty elsewhere.
        message_code: the two octets of other-information.
        payload: DER.
        signature: 64 octets; ``b""`` for a signature part of ``00``; None where the part is absent.
        mac: 12 octets, or None where the message has no MAC Header.
    """

    cra: Cra
    counter: int
    originator: Eui64
    recipient: Eui64
    message_code: int
    payload: bytes
    date_time: bytes = b""
    signature: bytes | None = None
    mac: bytes | None = None

    @classmethod
    def decode(cls, message: bytes) -> Self:
        """Take a message apart.

        Raises:
            EnvelopeError: a field is missing, has another length than GBCS gives it, or octets are
                left over.
        """
        cursor = _Cursor(message)
        with_mac = message[:1] == bytes((_GENERAL_CIPHERING,))
        if with_mac:
            cursor.expect(bytes((_GENERAL_CIPHERING,)), "MAC Header")
            cursor.expect(_EMPTY_CIPHERING_FIELDS, "empty MAC Header fields")
            size = cursor.length()
            if size != cursor.left():
                raise EnvelopeError(f"MAC Header tells of {size} octets, {cursor.left()} follow")
            cursor.expect(_SECURITY_HEADER, "security control and invocation counter")
        cursor.expect(bytes((_GENERAL_SIGNING, _TRANSACTION_ID_OCTETS)), "Grouping Header")
        cra, counter = cursor.take(1)[0], int.from_bytes(cursor.take(8), "big")
        if cra not in tuple(Cra):
            raise EnvelopeError(f"CRA flag {cra:02x}")
        originator, recipient = Eui64(cursor.sized((8,))), Eui64(cursor.sized((8,)))
        date_time = cursor.sized((0, _DATE_TIME_OCTETS))
        message_code = int.from_bytes(cursor.sized((_OTHER_INFORMATION_OCTETS,)), "big")
        payload = cursor.take(cursor.length())
        mac_octets = MAC_OCTETS if with_mac else 0
        signature = None if cursor.left() == mac_octets else cursor.sized((0, SIGNATURE_OCTETS))
        mac = cursor.take(mac_octets) if with_mac else None
        if cursor.left():
            raise EnvelopeError(f"{cursor.left()} octets after the message")
        return cls(
            cra=Cra(cra),
            counter=counter,
            originator=originator,
            recipient=recipient,
            message_code=message_code,
            payload=payload,
            date_time=date_time,
            signature=signature,
            mac=mac,
        )

    def encode(self) -> bytes:
        """Write the message."""
        if self.mac is None:
            return self.maced_octets()
        body = self.maced_octets()
        size = der.length(len(_SECURITY_HEADER) + len(body) + MAC_OCTETS)
        head = bytes((_GENERAL_CIPHERING,)) + _EMPTY_CIPHERING_FIELDS + size + _SECURITY_HEADER
        return head + body + self.mac

    def signed_octets(self) -> bytes:
        """What a KRP or device signature covers: after the ``DF`` tag to the payload's end."""
        return b"".join(
            (
                bytes((_TRANSACTION_ID_OCTETS, self.cra)),
                self.counter.to_bytes(8, "big"),
                _sized(self.originator),
                _sized(self.recipient),
                _sized(self.date_time),
                _sized(self.message_code.to_bytes(_OTHER_INFORMATION_OCTETS, "big")),
                der.length(len(self.payload)),
                self.payload,
            )
        )

    def maced_octets(self) -> bytes:
        """What a MAC covers: from the ``DF`` tag to the end of the signature part."""
        part = b"" if self.signature is None else _sized(self.signature)
        return bytes((_GENERAL_SIGNING,)) + self.signed_octets() + part

    def signed(self, signature: bytes) -> Self:
        """Give the message with a signature part."""
        return replace(self, signature=signature)

    def maced(self, mac: bytes) -> Self:
        """Give the message with MAC Header and MAC."""
        return replace(self, mac=mac)


def dlms_date_time(moment: datetime) -> bytes:
    """Write a moment as 12 DLMS octets; day of week, deviation and status stay unspecified."""
    utc = moment.astimezone(UTC)
    stamp = (utc.month, utc.day, 0xFF, utc.hour, utc.minute, utc.second, utc.microsecond // 10_000)
    return utc.year.to_bytes(2, "big") + bytes(stamp) + bytes.fromhex("8000ff")


class _Cursor:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def left(self) -> int:
        return len(self._octets) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left():
            raise EnvelopeError(f"cut short: {count} octets wanted, {self.left()} left")
        self._at += count
        return self._octets[self._at - count : self._at]

    def expect(self, octets: bytes, name: str) -> None:
        if self.take(len(octets)) != octets:
            raise EnvelopeError(f"no {name} before offset {self._at}")

    def sized(self, allowed: tuple[int, ...]) -> bytes:
        size = self.take(1)[0]
        if size not in allowed:
            raise EnvelopeError(f"a field of {size} octets before offset {self._at}")
        return self.take(size)

    def length(self) -> int:
        first = self.take(1)[0]
        if first < 0x80:  # noqa: PLR2004 - the short form of a BER length
            return first
        size = int.from_bytes(self.take(first & 0x7F), "big")
        if der.length(size)[0] != first:
            raise EnvelopeError(f"a length that is not minimal before offset {self._at}")
        return size


def _sized(field: bytes) -> bytes:
    return bytes((len(field),)) + field
