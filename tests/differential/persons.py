"""Who signs adjustments, and how signatures fail."""

import functools
import hashlib
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.contract.acts import Person, url

Json = dict[str, Any]

STORES = ("first", "second", "third", "fourth")
"""What a store is called at first, and after each acknowledged rollback."""


def _seed(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


PERSONS = {
    "ann": Person("Ann", Ed25519PrivateKey.from_private_bytes(_seed("ann"))),
    "ann again": Person(
        "ANN", derive_private_key(int.from_bytes(_seed("ann")[:31], "big"), SECP256R1())
    ),
    "bob": Person("Bob", Ed25519PrivateKey.from_private_bytes(_seed("bob"))),
}
"""The signers; one of them has two keys, under names in two spellings."""

_NOBODY = Person("Eve", Ed25519PrivateKey.from_private_bytes(_seed("eve")))


@functools.cache
def signers() -> tuple[Json, ...]:
    """Give the setting ``adjustments.signers``."""
    return tuple(
        {
            "name": one.name,
            "algorithm": one.algorithm,
            "public_key": one.key.public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode(),
        }
        for one in PERSONS.values()
    )


def signed(value: Json, by: list[tuple[str, str]], stores: list[str]) -> tuple[Json, Json]:
    """Make a signed act; ``by`` names each signer and the fault of the signature, ``""`` for none.

    Args:
        value: What is signed.
        by: Signer and fault: of a key that nobody has, for another store or for one that an
            acknowledgement has ended, of another kind, or over something else.
        stores: That of the partition, and before it those that acknowledgements have ended.

    Returns:
        The act; and the persons whose signatures count, with whether they signed for the store as
        it is now.
    """
    payload = url(orjson.dumps(value))
    signatures: list[Json] = []
    persons: Json = {}
    for name, fault in by:
        person = _NOBODY if fault == "stranger" else PERSONS[name]
        store = {"elsewhere": "elsewhere", "earlier": stores[0]}.get(fault, stores[-1])
        kind = {"typ": "slotkeeper-dead-letter-replay"} if fault == "kind" else {}
        told = payload[:-1] if fault == "content" else payload
        signatures.append(person.signature(told, store, **kind))
        if fault in ("", "earlier"):
            own = person.name.lower()
            persons[own] = persons.get(own, False) or store == stores[-1]
    return {"payload": payload, "signatures": signatures}, persons
