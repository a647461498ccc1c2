"""Acts made and judged by another library: `cryptography`, and RFC 7515 as it is written."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

TYP = "slotkeeper-counter-adjustment"


def url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Person:
    """A name and a private key."""

    name: str
    key: Ed25519PrivateKey | EllipticCurvePrivateKey

    @classmethod
    def new(cls, name: str, algorithm: str = "EdDSA") -> "Person":
        made = Ed25519PrivateKey.generate() if algorithm == "EdDSA" else None
        return cls(name, made or generate_private_key(SECP256R1()))

    @property
    def algorithm(self) -> str:
        return "EdDSA" if isinstance(self.key, Ed25519PrivateKey) else "ES256"

    @property
    def jwk(self) -> dict[str, str]:
        if isinstance(self.key, Ed25519PrivateKey):
            return {
                "crv": "Ed25519",
                "kty": "OKP",
                "x": url(self.key.public_key().public_bytes_raw()),
            }
        numbers = self.key.public_key().public_numbers()
        x, y = (url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    @property
    def kid(self) -> str:
        """RFC 7638."""
        members = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True)
        return url(hashlib.sha256(members.encode()).digest())

    def sign(self, told: bytes) -> bytes:
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(told)
        r, s = decode_dss_signature(self.key.sign(told, ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def signature(self, payload: str, incarnation: str, **header: object) -> dict[str, str]:
        members = {"alg": self.algorithm, "typ": TYP, "kid": self.kid, "incarnation": incarnation}
        protected = url(json.dumps(members | header).encode())
        return {
            "protected": protected,
            "signature": url(self.sign(f"{protected}.{payload}".encode())),
        }

    def entry(self) -> str:
        """A table of the file of signers."""
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return (
            f'[[signer]]\nname = {json.dumps(self.name)}\nalgorithm = "{self.algorithm}"\n'
            f'public_key = """\n{pem.decode()}"""\n'
        )

    def write_key(self, path: Path) -> Path:
        path.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path


def act(payload: Mapping[str, Any], persons: Sequence[Person], incarnation: str) -> dict[str, Any]:
    """Make an act."""
    encoded = url(json.dumps(payload).encode())
    return {
        "payload": encoded,
        "signatures": [person.signature(encoded, incarnation) for person in persons],
    }


def verify(made: Mapping[str, Any], person: Person, place: int = 0) -> dict[str, Any]:
    """Judge one signature as RFC 7515, 5.2 says; gives its header.

    Raises:
        InvalidSignature: It does not verify.
    """
    signature = made["signatures"][place]
    told = f"{signature['protected']}.{made['payload']}".encode()
    octets = octets_of(signature["signature"])
    public = person.key.public_key()
    if isinstance(public, Ed25519PublicKey):
        public.verify(octets, told)
    else:
        assert isinstance(public, EllipticCurvePublicKey)
        r, s = (int.from_bytes(half, "big") for half in (octets[:32], octets[32:]))
        public.verify(encode_dss_signature(r, s), told, ECDSA(SHA256()))
    header: dict[str, Any] = json.loads(octets_of(signature["protected"]))
    assert (header["alg"], header["kid"]) == (person.algorithm, person.kid)
    return header
