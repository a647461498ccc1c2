"""Spoils sound records in the ways that careless or hostile producers do (N21)."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from slotkeeper.lab.events import Event

__all__ = ["KINDS", "spoil"]

_OVERSIZED: Final = 70_000  # above the default [limits] message_bytes

_XML_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in zip("acdefghi", "cdefghij", strict=True)
    )
    + "]><b>&j;</b>"
)
"""Ten to the ninth characters once its entities are expanded."""

_BAD_KEYS = ("", "meter 7", "02-1A-B0-01-00-00-00", "02-1A-B0-01-00-00-00-0G", b"\xff\xfe\x00")


def spoil(event: Event, chance: random.Random, partitions: int) -> tuple[Event, str]:
    """Spoil an outcome; give it with the reason of the dead letter that it must become."""
    kind = chance.choice(tuple(KINDS))
    if kind == "bad key":
        # A key that names no device has no partition of its own.
        spoilt = replace(
            event, key=chance.choice(_BAD_KEYS), partition=chance.randrange(partitions)
        )
        return spoilt, "BAD_KEY"
    spoilt = replace(event, value=KINDS[kind](_object(event), chance))
    return spoilt, "TOO_LARGE" if kind == "oversized" else "MALFORMED"


def _payload(value: Mapping[str, Any], change: Callable[[bytes], bytes]) -> dict[str, Any]:
    octets = change(b64decode(value["gbcs_payload"]))
    return {**value, "gbcs_payload": b64encode(octets).decode()}


def _truncated(value: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    # A cut at the signature part would leave a whole, unsigned message.
    return _payload(value, lambda octets: octets[: chance.randrange(1, len(octets) - 65)])


def _trailing(value: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    return _payload(value, lambda octets: octets + chance.randbytes(chance.randrange(1, 32)))


def _wrong_base64(value: Mapping[str, Any], _chance: random.Random) -> dict[str, Any]:
    return {**value, "gbcs_payload": "*" + value["gbcs_payload"]}


def _bad_json(value: Mapping[str, Any], chance: random.Random) -> str:
    text = orjson.dumps(value).decode()
    return text[: chance.randrange(1, len(text))]


def _no_text(_value: Mapping[str, Any], chance: random.Random) -> bytes:
    return b"\xff" + chance.randbytes(40)


def _nested(_value: Mapping[str, Any], chance: random.Random) -> str:
    depth = chance.randrange(1_000, 20_000)
    return "[" * depth + "]" * depth


def _oversized(value: Mapping[str, Any], _chance: random.Random) -> dict[str, Any]:
    return {**value, "gbcs_payload": "A" * _OVERSIZED}


def _object(event: Event) -> Mapping[str, Any]:
    if event.value is None or isinstance(event.value, str | bytes):
        raise TypeError("only a JSON record can be spoilt")
    return event.value


KINDS: Final[
    Mapping[str, Callable[[Mapping[str, Any], random.Random], Mapping[str, Any] | str | bytes]]
] = {
    "truncated": _truncated,
    "trailing octets": _trailing,
    "wrong base64": _wrong_base64,
    "bad JSON": _bad_json,
    "XML bomb": lambda _value, _chance: _XML_BOMB,
    "no text": _no_text,
    "nested": _nested,
    "oversized": _oversized,
    "bad key": lambda value, _chance: value,
}
"""Ways to spoil a record's value, by name; a bad key leaves the value sound."""
