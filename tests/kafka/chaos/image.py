"""Reads a device's changelog record by its documented format, for the numbers in it."""

from dataclasses import dataclass
from typing import TypeAlias

FORMATS = (1, 2, 3)
"""That begin alike. What follows the roles differs, and is not looked at."""

SUPPLIER = 1
"""Bit 0 of the sections that are present."""

Marks: TypeAlias = dict[str, int]
"""``recorded``, ``seen`` and ``issued``, as far as they are known."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a device's record says.

    Attributes:
        version: Rises with each change.
        marks: By role.
    """

    version: int
    marks: dict[str, Marks]


def read_image(octets: bytes) -> Image:
    """Read a record.

    Raises:
        ValueError: It is of another format, which has to be looked at first.
    """
    if octets[0] not in FORMATS:
        raise ValueError(f"format {octets[0]}")
    reader = _Reader(octets, at=9)
    version = reader.number(4)
    reader.number(2)
    sections = reader.number(1)
    marks = {"NetworkOperator": reader.role()}
    if sections & SUPPLIER:
        marks["Supplier"] = reader.role()
    return Image(version, marks)


@dataclass(slots=True)
class _Reader:
    octets: bytes
    at: int

    def number(self, octets: int) -> int:
        self.at += octets
        return int.from_bytes(self.octets[self.at - octets : self.at], "big")

    def role(self) -> Marks:
        present = self.number(1)
        marks = {
            name: self.number(8)
            for bit, name in enumerate(("recorded", "seen", "issued"))
            if present & 1 << bit
        }
        for _cell in ("digital signature", "key agreement"):
            follows = self.number(1)
            for bit, octets in ((4, 8), (5, 8), (6, 4)):
                self.at += octets if follows & 1 << bit else 0
        return marks
