"""Acts that persons sign: JWS (RFC 7515), general JSON serialisation, ES256 or EdDSA.

A protected header has four members: ``alg``; ``typ``, the kind of act; ``incarnation``, the store
that it is for; ``kid``, the JWK thumbprint (RFC 7638) of the key. Signing and verifying happen in
the extension: a private key never becomes a Python object.

Example::

    key = PersonKey("ann.key")
    octets = key.sign(COUNTER_ADJUSTMENT, incarnation, payload)
    octets = PersonKey("bob.key").countersign(octets)
    act = Act.read(octets)                                   # what it says of itself
    payload, persons, ignored = signers.prove(octets, act.typ, [incarnation])
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from slotkeeper._core import COUNTER_ADJUSTMENT, ActError, PersonKey, Signers, describe_act
from slotkeeper.errors import ConfigurationError

__all__ = [
    "COUNTER_ADJUSTMENT",
    "DEAD_LETTER_REPLAY",
    "Act",
    "ActError",
    "PersonKey",
    "Signers",
    "read_signers",
]

DEAD_LETTER_REPLAY = "slotkeeper-dead-letter-replay"
"""Kind of an act: octets that could not be read are given to their input once more."""

_LARGEST_FILE = 1 << 20
"""Octets of a file of signers: some 4,000 persons."""


@dataclass(frozen=True, slots=True)
class Act:
    """What a signed act says of itself; nothing of it is proven.

    Attributes:
        octets: As it was made.
        typ: The kind of act.
        incarnation: Of the store that it is for.
        payload: What was signed, read; a JSON object.
        kids: Of the keys that its signatures name, in their order.
    """

    octets: bytes
    typ: str
    incarnation: str
    payload: dict[str, Any]
    kids: tuple[str, ...]

    @classmethod
    def read(cls, octets: bytes) -> Self:
        """Read an act, whose size the caller has bounded.

        Raises:
            ActError: It is none, or what was signed is no JSON object.
        """
        told = orjson.loads(describe_act(octets))
        try:
            payload = orjson.loads(told["payload"] or "")
        except orjson.JSONDecodeError:
            payload = None
        if not isinstance(payload, dict):
            raise ActError("no signed act: what was signed is no JSON object")
        return cls(octets, told["typ"], told["incarnation"], payload, tuple(told["kids"]))


def read_signers(path: Path) -> list[dict[str, Any]]:
    """Read a file of signers: TOML, a table ``[[signer]]`` for each key.

    Each has ``name``, ``algorithm`` and ``public_key``; whether they can be used `Signers` tells.

    Raises:
        ConfigurationError: It cannot be read, or has another form.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    if len(text) > _LARGEST_FILE:
        raise ConfigurationError(f"{path} is longer than {_LARGEST_FILE} bytes")
    try:
        content = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path} is no TOML: {error}") from None
    named = content.pop("signer", [])
    if content or not isinstance(named, list) or not all(isinstance(one, dict) for one in named):
        raise ConfigurationError(f"{path} has something else than tables [[signer]]")
    return named
