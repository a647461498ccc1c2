"""A line of an exported table: the numbers of one device and role, or a record that is parked."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from slotkeeper._core import canonical_key
from slotkeeper.settings import MAX_COUNTER
from slotkeeper.streams import Message
from slotkeeper.streams.layout import SLOTKEEPER

ROLES = ("NetworkOperator", "Supplier")

_PARKED = frozenset(SLOTKEEPER.events) - {SLOTKEEPER.gated, "counter-adjustments"}
"""Streams whose records wait; requests are answered, and what persons raise is taken or refused."""


class UnusableError(Exception):
    """A line that no worker would take."""


@dataclass(frozen=True)
class Entry:
    """Numbers of a device and role, each known to be one that an adjustment may name."""

    device_id: str
    role: str
    recorded: str | None
    seen: str | None
    issued: str | None
    """The highest number issued, or a floor that a command carried. None in format 1."""
    issued_numbers: list[str]
    """All issued numbers, in format 1 alone."""
    issued_blocks: list[list[str]]
    request_ids: dict[str, str]

    @classmethod
    def read(cls, value: object) -> "Entry":
        """Read a line of any format.

        Raises:
            UnusableError: Something is missing, or is no number or device.
        """
        if not isinstance(value, dict):
            raise UnusableError("it is no JSON object")
        device, role = _canonical(value.get("device_id")), value.get("remote_party_role")
        if device is None:
            raise UnusableError("device_id is no EUI-64")
        if role not in ROLES:
            raise UnusableError("remote_party_role is neither NetworkOperator nor Supplier")
        if value.get("damaged", False) is not False:
            raise UnusableError(
                f"the record of {device} is damaged, and its highest number unknown: mend it in "
                "the store that it comes from (`slotkeeper counters show` says how), and export "
                "again; where no worker runs there any more, `slotkeeper counters rebuild`"
            )
        entry = cls(
            device_id=device,
            role=role,
            recorded=_optional(value, "recorded"),
            seen=_optional(value, "seen"),
            issued=_optional(value, "issued"),
            issued_numbers=[
                _number(one, "issued_numbers") for one in _list(value, "issued_numbers")
            ],
            issued_blocks=[_block(one) for one in _list(value, "issued_blocks")],
            request_ids=_request_ids(value, device),
        )
        if "issued_blocks" not in value and "issued_numbers" not in value:
            raise UnusableError("it names no issued numbers, not even none")
        return entry

    def adjustments(self) -> Iterator[dict[str, Any]]:
        """Give what adjustments say of it: kind and numbers."""
        for kind, number in (("recorded", self.recorded), ("seen", self.seen)):
            if number is not None:
                yield {"kind": kind, "at_least": number}
        issued = {
            "issued_floor": self.issued,
            "issued_numbers": self.issued_numbers,
            "issued_blocks": self.issued_blocks,
            "request_ids": self.request_ids,
        }
        named = {name: numbers for name, numbers in issued.items() if numbers}
        if named:
            yield {"kind": "issued", **named}

    def highest(self) -> int:
        """Give the highest number in it, 0 where there is none."""
        single = (self.recorded, self.seen, self.issued)
        numbers = [number for number in single if number is not None]
        numbers += self.issued_numbers
        numbers += [last for _, last in self.issued_blocks]
        numbers += self.request_ids.values()
        return max(map(int, numbers), default=0)


@dataclass(frozen=True)
class Parked:
    """A record that was not decided: octets that wait for the inventory or a register."""

    device_id: str
    stream: str
    value: bytes

    @classmethod
    def read(cls, entry: dict[str, Any]) -> "Parked":
        """Read a line of an export.

        Raises:
            UnusableError: Something is missing, or is no record that can wait.
        """
        device, stream, value = (entry.get(name) for name in ("device_id", "stream", "value"))
        canonical = _canonical(device)
        if canonical is None:
            raise UnusableError("device_id is no EUI-64")
        if not isinstance(stream, str) or stream not in _PARKED:
            raise UnusableError("its stream is none whose records wait")
        try:
            octets = base64.b64decode(value if isinstance(value, str) else "", validate=True)
        except (binascii.Error, ValueError):
            octets = b""
        if not octets:
            raise UnusableError("value is no base64")
        return cls(canonical, stream, octets)

    def message(self) -> Message:
        """Give the record as it came; met once more it changes nothing."""
        return Message(self.stream, self.device_id.encode(), self.value)


def read(line: object) -> Entry | Parked:
    """Read a line of any format.

    Raises:
        UnusableError: No worker would take it.
    """
    if isinstance(line, dict) and "stream" in line:
        return Parked.read(line)
    return Entry.read(line)


def parts(numbers: dict[str, Any]) -> list[dict[str, Any]]:
    """Divide an adjustment in two, at its longest member.

    Raises:
        UnusableError: There is nothing left to divide.
    """
    sized = {name: len(value) for name, value in numbers.items() if isinstance(value, list | dict)}
    longest = max(sized, key=lambda name: sized[name], default=None)
    if longest is None or (sized[longest] == 1 and len(sized) == 1):
        raise UnusableError("its adjustment is longer than limits.message_bytes")
    if sized[longest] == 1:
        first = {name: value for name, value in numbers.items() if name != longest}
        return [first, {"kind": numbers["kind"], longest: numbers[longest]}]
    half = sized[longest] // 2
    whole = numbers[longest]
    if isinstance(whole, list):
        return [
            {**numbers, longest: whole[:half]},
            {"kind": numbers["kind"], longest: whole[half:]},
        ]
    items = iter(whole.items())
    return [
        {**numbers, longest: dict(islice(items, half))},
        {"kind": numbers["kind"], longest: dict(items)},
    ]


def _canonical(device_id: object) -> str | None:
    if not isinstance(device_id, str):
        return None
    canonical = canonical_key(device_id.encode(errors="replace"))
    return None if canonical is None else canonical.decode()


def _optional(value: dict[str, Any], name: str) -> str | None:
    number = value.get(name)
    return None if number is None else _number(number, name)


def _list(value: dict[str, Any], name: str) -> list[Any]:
    numbers = value.get(name, [])
    if not isinstance(numbers, list):
        raise UnusableError(f"{name} is no list")
    return numbers


def _block(block: object) -> list[str]:
    name = "issued_blocks"
    if not isinstance(block, list) or len(block) != 2:  # noqa: PLR2004
        raise UnusableError(f"{name} has something else than first and last number")
    first, last = (_number(number, name) for number in block)
    if int(first) > int(last):
        raise UnusableError(f"{name}: {first} to {last} is no run of numbers")
    return [first, last]


def _request_ids(value: dict[str, Any], device_id: str) -> dict[str, str]:
    request_ids = value.get("request_ids")
    if not isinstance(request_ids, dict):
        raise UnusableError("request_ids is no object")
    for request_id, number in request_ids.items():
        _number(number, "request_ids")
        match request_id.split(":"):
            case [originator, target, counter] if (
                _canonical(originator) is not None
                and _canonical(target) == device_id
                and _is_decimal(counter, (1 << 64) - 1)
            ):
                pass
            case _:
                raise UnusableError("request_ids has something that is no RequestID of the device")
    return request_ids


def _number(number: object, name: str) -> str:
    if not isinstance(number, str) or not _is_decimal(number, MAX_COUNTER):
        raise UnusableError(f"{name} has something that is no number from 0 to {MAX_COUNTER}")
    return number


def _is_decimal(text: str, highest: int) -> bool:
    longest = 20
    """Digits of 2^64."""
    return (
        0 < len(text) <= longest
        and text.isascii()
        and text.isdecimal()
        and (text == "0" or text[0] != "0")
        and int(text) <= highest
    )
