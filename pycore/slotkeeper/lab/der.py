"""DER as devices write it and as GBCS reads it.

Commands use minimal lengths. Devices encode every SEQUENCE of 128 to 255 octets with a two-octet
length (``82 00 xx``), so the reader here takes any definite length of up to four octets, and the
writer knows both styles. Nesting is bounded by the readers that use this module: none of them
recurses on data.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

__all__ = [
    "DerError",
    "Lengths",
    "Reader",
    "bit_string",
    "boolean",
    "encode",
    "enumerated",
    "integer",
    "length",
    "null",
    "object_identifier",
    "octet_string",
    "sequence",
]

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
ENUMERATED: Final = 0x0A
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31

_SHORT_FORM: Final = 0x80
_LONGEST_LENGTH: Final = 4


class DerError(ValueError):
    """The octets are not the structure that was asked for."""


class Lengths(enum.Enum):
    """How a writer spells the length of a SEQUENCE."""

    MINIMAL = "minimal"
    """DER proper: commands, certificates."""
    DEVICE = "device"
    """``82 00 xx`` from 128 to 255 octets, as device responses and alerts have it."""


def length(octets: int) -> bytes:
    """Write a minimal BER length."""
    if octets < _SHORT_FORM:
        return bytes((octets,))
    body = octets.to_bytes((octets.bit_length() + 7) // 8, "big")
    return bytes((_SHORT_FORM | len(body),)) + body


def encode(tag: int, content: bytes) -> bytes:
    """Write tag, minimal length and content."""
    return bytes((tag,)) + length(len(content)) + content


def sequence(*parts: bytes, tag: int = SEQUENCE, lengths: Lengths = Lengths.MINIMAL) -> bytes:
    """Write a SEQUENCE, or an implicitly tagged one under its context ``tag``."""
    content = b"".join(parts)
    if lengths is Lengths.DEVICE and tag == SEQUENCE and _SHORT_FORM <= len(content) <= 0xFF:  # noqa: PLR2004
        return bytes((tag, 0x82, 0x00, len(content))) + content
    return encode(tag, content)


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Write a non-negative INTEGER, minimal, with a leading 00 where the top bit is set."""
    return encode(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def enumerated(value: int) -> bytes:
    """Write an ENUMERATED."""
    return integer(value, ENUMERATED)


def boolean(value: bool) -> bytes:  # noqa: FBT001 - the value itself
    """Write a BOOLEAN."""
    return encode(BOOLEAN, b"\xff" if value else b"\x00")


def bit_string(content: bytes) -> bytes:
    """Write a BIT STRING from its contents octets, the count of unused bits first."""
    return encode(BIT_STRING, content)


def octet_string(content: bytes) -> bytes:
    """Write an OCTET STRING."""
    return encode(OCTET_STRING, content)


def null() -> bytes:
    """Write a NULL."""
    return encode(NULL, b"")


def object_identifier(dotted: str) -> bytes:
    """Write an OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return encode(OBJECT_IDENTIFIER, bytes(content))


@dataclass(slots=True)
class Reader:
    """Takes one element after the other from ``octets``; never looks past ``end``."""

    octets: bytes
    at: int = 0
    end: int = -1

    def __post_init__(self) -> None:
        """Read to the end of ``octets`` unless told otherwise."""
        if self.end < 0:
            self.end = len(self.octets)

    def more(self) -> bool:
        """Whether anything is left."""
        return self.at < self.end

    def peek(self) -> int | None:
        """Give the next tag, or None at the end."""
        return self.octets[self.at] if self.more() else None

    def finish(self) -> None:
        """Refuse trailing octets.

        Raises:
            DerError: something is left.
        """
        if self.more():
            raise DerError(f"{self.end - self.at} octets too many at offset {self.at}")

    def enter(self, tag: int = SEQUENCE) -> Reader:
        """Take a constructed element and give a reader of its content."""
        start, end = self._element(tag)
        return Reader(self.octets, start, end)

    def take(self, tag: int) -> bytes:
        """Take a primitive element's content."""
        start, end = self._element(tag)
        return self.octets[start:end]

    def whole(self, tag: int) -> bytes:
        """Take an element with its tag and length, such as an embedded certificate."""
        begin = self.at
        _, end = self._element(tag)
        return self.octets[begin:end]

    def integer(self, tag: int = INTEGER) -> int:
        """Take a non-negative INTEGER in minimal form.

        Raises:
            DerError: negative, empty or padded.
        """
        content = self.take(tag)
        if not content or content[0] & 0x80:
            raise DerError(f"negative or empty INTEGER before offset {self.at}")
        if len(content) > 1 and content[0] == 0 and not content[1] & 0x80:
            raise DerError(f"padded INTEGER before offset {self.at}")
        return int.from_bytes(content, "big")

    def _element(self, tag: int) -> tuple[int, int]:
        if self.at + 2 > self.end:
            raise DerError(f"cut short at offset {self.at}, where tag {tag:02x} should stand")
        if self.octets[self.at] != tag:
            raise DerError(f"tag {self.octets[self.at]:02x} at offset {self.at}, not {tag:02x}")
        size, start = self._length(self.at + 1)
        if start + size > self.end:
            raise DerError(f"the element at offset {self.at} reaches past its surroundings")
        self.at = start + size
        return start, self.at

    def _length(self, at: int) -> tuple[int, int]:
        first = self.octets[at]
        if first < _SHORT_FORM:
            return first, at + 1
        count = first - _SHORT_FORM
        if not 1 <= count <= _LONGEST_LENGTH or at + 1 + count > self.end:
            raise DerError(f"length {first:02x} at offset {at} cannot be read")
        return int.from_bytes(self.octets[at + 1 : at + 1 + count], "big"), at + 1 + count
