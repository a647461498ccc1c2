"""DCC's public vectors: read where they are, skipped with a word where they are not."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from slotkeeper.lab import certificates
from slotkeeper.lab.certificates import Certificate
from slotkeeper.lab.pki import Credential, Organisation
from slotkeeper.lab.terms import Eui64, KeyUsage, Role

ACB = Eui64.parse("90B3D51F30000002")
GPF = Eui64.parse("00DB1234567890A3")
ESME = Eui64.parse("00DB1234567890A0")
NETWORK_OPERATOR = Eui64.parse("90B3D51F30020000")
SUPPLIER = Eui64.parse("90B3D51F30010000")


def folder() -> Path:
    """Give the folder of the vectors, or skip the test."""
    fallback = Path(__file__).parents[2].parent / "shared" / "rtds"
    found = Path(os.environ.get("SLOTKEEPER_RTDS", fallback))
    if not (found / "vectors").is_dir():
        pytest.skip(f"no RTDS vectors in {found}; SLOTKEEPER_RTDS names their folder")
    return found


def vector(name: str) -> bytes:
    """Read a message by the beginning of its file name."""
    return bytes.fromhex((folder() / "vectors" / f"{name}_GBCS.HEX").read_text().strip())


def vector_files() -> list[Path]:
    """List all messages; empty where the vectors are absent, so that collecting goes on."""
    try:
        return sorted((folder() / "vectors").glob("*.HEX"))
    except pytest.skip.Exception:
        return []


@dataclass(frozen=True)
class Identities:
    """The vectors' parties: certificates by the EUI-64 inside them, keys by public key."""

    certificates: dict[tuple[Eui64 | None, KeyUsage], Certificate]
    keys: dict[bytes, EllipticCurvePrivateKey]

    def certificate(self, eui: Eui64, usage: KeyUsage) -> Certificate:
        return self.certificates[eui, usage]

    def key(self, eui: Eui64, usage: KeyUsage) -> EllipticCurvePrivateKey:
        return self.keys[self.certificate(eui, usage).point]


def identities() -> Identities:
    """Read certificates and scalars of the test parties."""
    keystore = folder() / "keystore"
    found: dict[tuple[Eui64 | None, KeyUsage], Certificate] = {}
    for file in sorted(keystore.glob("*.pem")):
        if "-pp-" in file.name:
            continue
        octets = x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)
        one = certificates.read(octets)
        found.setdefault((one.subject_unique_id, one.key_usage), one)
    scalars = json.loads((keystore / "test-scalars.json").read_text())["scalars"]
    keys = {}
    for scalar in scalars.values():
        key = ec.derive_private_key(int(scalar, 16), ec.SECP256R1())
        numbers = key.public_key().public_numbers()
        point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        keys[point] = key
    return Identities(found, keys)


def organisation(eui: Eui64, role: Role) -> Organisation:
    """Give a test party with its published keys."""
    parties = identities()

    def credential(usage: KeyUsage) -> Credential:
        return Credential(parties.certificate(eui, usage).octets, parties.key(eui, usage))

    return Organisation(
        eui,
        role,
        credential(KeyUsage.DIGITAL_SIGNATURE),
        credential(KeyUsage.KEY_AGREEMENT),
        (),
    )
