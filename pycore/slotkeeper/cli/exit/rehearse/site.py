"""The folder of a rehearsal: settings, two test persons, and the registers' records."""

import base64
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from slotkeeper.acts import PersonKey
from slotkeeper.lab import registers
from slotkeeper.lab.emulated import EmulatedFleet
from slotkeeper.lab.emulated.parties import Holder
from slotkeeper.lab.keystore import pem, write_settings
from slotkeeper.lab.pki import NOT_BEFORE, Organisation
from slotkeeper.lab.terms import Role
from slotkeeper.settings import Settings
from slotkeeper.slots.registers.certificate import told_by
from slotkeeper.slots.registers.kinds import CERTIFICATES, PARTIES, REGISTRATIONS
from slotkeeper.streams import Message

PARTY = registers.operator_id(1)
"""The party that leaves."""

_MORE = """
[adjustments]
signers = "signers.toml"
[verify]
issuing_certificates = ["z1.pem", "e1.pem"]
[slots]
coverage_from = {start}
[evidence]
certificate = "evidence.pem"
key = "evidence.key"
"""

_PERSONS = ("ann", "bob")
_MODE = 0o600
_YEAR = timedelta(days=365)


def prepare(folder: Path, fleet: EmulatedFleet) -> Settings:
    """Write settings and persons, where they are not there yet."""
    for name in _PERSONS:
        key = folder / f"{name}.key"
        if not key.exists():
            _write_key(key, Ed25519PrivateKey.generate())
    signers = folder / "signers.toml"
    if not signers.exists():
        signers.write_text("".join(_signer(folder, name) for name in _PERSONS), encoding="utf-8")
    file = folder / "slotkeeper.toml"
    if not file.exists():
        _write_evidence_key(folder, fleet.plan.start)
        issuing = {"z1": fleet.parties.pki.issuing, "e1": fleet.parties.pki.device_issuing}
        for name, authority in issuing.items():
            (folder / f"{name}.pem").write_bytes(pem(authority.certificate))
        more = _MORE.format(start=fleet.plan.start.date())
        write_settings(folder, [fleet.parties.acb], streams="sqlite:///streams.db", more=more)
    return Settings.load(file, environment={})


def persons(folder: Path) -> list[PersonKey]:
    """Give the keys of both persons; they stay in the extension."""
    return [PersonKey(folder / f"{name}.key") for name in _PERSONS]


def party_record(
    fleet: EmulatedFleet, *, intent_on: date, user_until: date | None, at: datetime
) -> Message:
    """Tell of the party: its intent, and until when it is a DCC User."""
    told = registers.party(1, leaver(fleet).eui)
    told["exits"] = [{"intent_on": str(intent_on)}]
    period = {"from": str(NOT_BEFORE.date())} | ({"until": str(user_until)} if user_until else {})
    return _message(PARTIES.stream, PARTY, told | {"dcc_user": [period]}, at)


def certificate_records(
    fleet: EmulatedFleet, at: datetime, *, revoked_on: date | None = None
) -> list[Message]:
    """Tell of the party's certificates, from some day on revoked."""
    organisation = leaver(fleet)
    status = [{"code": "I", "from": str(NOT_BEFORE.date()), "source": "REPOSITORY"}]
    if revoked_on is not None:
        status.append({"code": "R", "from": str(revoked_on), "source": "REPOSITORY"})
    found = []
    for credential in (organisation.digital_signature, organisation.key_agreement):
        told: dict[str, Any] = told_by(credential.certificate) | {
            "party_id": PARTY,
            "status": status,
            "certificate": base64.b64encode(credential.certificate).decode(),
        }
        key = f"{told['issuer']}/{told['serial']}"
        found.append(_message(CERTIFICATES.stream, key, told, at))
    return found


def registration_records(rows: Sequence[dict[str, Any]], at: datetime) -> list[Message]:
    """Tell of meter points."""
    return [_message(REGISTRATIONS.stream, row["mprn"], row, at) for row in rows]


def leaver(fleet: EmulatedFleet) -> Organisation:
    """Give the operator that leaves."""
    return fleet.parties.organisation(Holder(Role.NETWORK_OPERATOR, 1, 0))


def _message(stream: str, key: str, told: dict[str, Any], at: datetime) -> Message:
    asserted = {"source": "rehearsal", "asserted_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    return Message(stream, key.encode(), orjson.dumps(told | asserted))


def _write_evidence_key(folder: Path, start: datetime) -> None:
    """Make the key that signs the package, and a certificate by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rehearsal of an exit: evidence")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _YEAR)
        .not_valid_after(start + 10 * _YEAR)
        .sign(key, hashes.SHA256())
    )
    _write_key(folder / "evidence.key", key)
    (folder / "evidence.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


def _write_key(file: Path, key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
    file.touch(mode=_MODE)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _signer(folder: Path, name: str) -> str:
    private = (folder / f"{name}.key").read_bytes()
    key = _public(private)
    return f'[[signer]]\nname = "{name.title()}"\nalgorithm = "EdDSA"\npublic_key = """\n{key}"""\n'


def _public(private: bytes) -> str:
    key = load_pem_private_key(private, None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
