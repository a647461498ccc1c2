"""A test PKI in a folder: keys, certificates, a revocation list, and settings for a worker.

Layout of the folder::

    pki.json            the seed and what has been made; whoever has it can make every key
    slotkeeper.toml     settings with the ACB's keys beside it (acb-ds-0.pem, acb-ds-0.key, ...)
    authorities/        za (root), z1 and z2 (organisations), e1 (devices): .pem, .key
    organisations/      every organisation certificate, <eui64>-<usage>-<generation>.pem: a folder
                        as `slotkeeper registers import certificates` takes it
    z1.crl              the revocation list of z1, PEM
    parties.jsonl       the network operators as gas network parties
    keystore/           newest certificate and key of each identity, as `slotkeeper inspect` takes
                        them: <eui64>-ds.pem, <eui64>-ds.key, <eui64>-ka.pem, ...

All keys follow from the seed. They are for tests alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from slotkeeper.lab import keystore, registers
from slotkeeper.lab.pki import NOT_AFTER, NOT_BEFORE, Pki
from slotkeeper.lab.terms import Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from slotkeeper.lab.pki import Authority, Credential, Device, Organisation

__all__ = ["Issued", "PkiFolder", "revocation_list"]

_RECORD: Final = "pki.json"
_KEYSTORE: Final = "keystore"
_ORGANISATIONS: Final = "organisations"
_AUTHORITIES: Final = "authorities"
_CRL_DAYS: Final = 30
_SEED: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """An organisation's certificates of one generation.

    Attributes:
        role: its Remote Party Role.
        number: tells organisations of the role apart, 1 to 65535.
        generation: 0 for the first certificates, 1 for the first renewal.
        not_before: start of validity.
        not_after: end of validity.
        revoked_on: when its certificates were revoked; None: they were not.
    """

    role: Role
    number: int = 1
    generation: int = 0
    not_before: datetime = NOT_BEFORE
    not_after: datetime = NOT_AFTER
    revoked_on: datetime | None = None

    @property
    def place(self) -> tuple[Role, int, int]:
        """What no two of a folder share."""
        return self.role, self.number, self.generation

    def organisation(self, pki: Pki) -> Organisation:
        """Make its keys and certificates."""
        return pki.organisation(
            self.role,
            self.number,
            generation=self.generation,
            not_before=self.not_before,
            not_after=self.not_after,
        )

    def record(self) -> dict[str, Any]:
        """Give what ``pki.json`` keeps of it."""
        return {
            "role": self.role.label,
            "number": self.number,
            "generation": self.generation,
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "revoked_on": None if self.revoked_on is None else self.revoked_on.isoformat(),
        }

    @classmethod
    def of(cls, record: dict[str, Any]) -> Issued:
        """Read what :meth:`record` gave."""
        revoked = record["revoked_on"]
        return cls(
            role=next(role for role in Role if role.label == record["role"]),
            number=int(record["number"]),
            generation=int(record["generation"]),
            not_before=datetime.fromisoformat(record["not_before"]),
            not_after=datetime.fromisoformat(record["not_after"]),
            revoked_on=None if revoked is None else datetime.fromisoformat(revoked),
        )


@dataclass(slots=True)
class PkiFolder:
    """One folder.

    Attributes:
        folder: where it is.
        seed: of all keys.
        streams: URL that the settings name; empty where they name none.
        issued: organisations, in the order in which they were made.
        devices: numbers of the devices.
    """

    folder: Path
    seed: str
    streams: str = ""
    issued: list[Issued] = field(default_factory=list)
    devices: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check the seed, which becomes part of every key's name.

        Raises:
            ValueError: it has other characters than letters, digits, ``.``, ``_`` and ``-``.
        """
        if not _SEED.fullmatch(self.seed):
            raise ValueError("a seed is 1 to 64 letters, digits, '.', '_' or '-'")

    @classmethod
    def open(cls, folder: Path) -> PkiFolder:
        """Read what a folder holds.

        Raises:
            ValueError: its ``pki.json`` is not one of :meth:`write`.
            OSError: it cannot be read.
        """
        try:
            told = orjson.loads((folder / _RECORD).read_bytes())
            return cls(
                folder,
                str(told["seed"]),
                str(told["streams"]),
                [Issued.of(one) for one in told["organisations"]],
                [int(number) for number in told["devices"]],
            )
        except (KeyError, TypeError, StopIteration, orjson.JSONDecodeError) as error:
            raise ValueError(f"{folder / _RECORD} does not describe a test PKI") from error

    @property
    def pki(self) -> Pki:
        """The keys and certificates."""
        return Pki(self.seed)

    def write(self, *, at: datetime) -> None:
        """Write every file; ``at`` is when the revocation list was made."""
        pki = self.pki
        self.folder.mkdir(parents=True, exist_ok=True)
        for authority in (pki.root, pki.issuing, pki.other_issuing, pki.device_issuing):
            name = authority.name.lower()
            keystore.write_credential(self.folder / _AUTHORITIES, name, authority.credential)
        self._write_settings(pki)
        made = [entry.organisation(pki) for entry in self.issued]
        for entry, organisation in zip(self.issued, made, strict=True):
            self._write_certificates(entry, organisation)
        devices = [pki.device(number) for number in self.devices]
        # The newest generation of an identity is written last and stays.
        keystore.write_keystore(self.folder / _KEYSTORE, [*made, *devices])
        (self.folder / "z1.crl").write_bytes(
            revocation_list(pki.issuing, list(_revoked(self.issued, made)), at=at)
        )
        lines = (orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in self._parties(made))
        (self.folder / "parties.jsonl").write_bytes(b"".join(lines))
        # Last, so that a folder with it is whole.
        self._write_record()

    def add(self, entry: Issued, *, at: datetime) -> Organisation:
        """Make certificates of one more organisation or generation, and write them.

        Raises:
            ValueError: they have been made before.
        """
        if any(one.place == entry.place for one in self.issued):
            raise ValueError(
                f"{entry.role.label} {entry.number} has certificates of generation "
                f"{entry.generation}"
            )
        self.issued.append(entry)
        self.issued.sort(key=lambda one: one.generation)
        self.write(at=at)
        return entry.organisation(self.pki)

    def add_device(self, number: int, *, at: datetime) -> Device:
        """Make a device's certificates, and write them.

        Raises:
            ValueError: they have been made before.
        """
        if number in self.devices:
            raise ValueError(f"device {number} has certificates")
        self.devices.append(number)
        self.write(at=at)
        return self.pki.device(number)

    def revoke(self, role: Role, number: int, generation: int, *, at: datetime) -> None:
        """Put an organisation's certificates of one generation into the revocation list.

        Raises:
            KeyError: there are none.
        """
        for place, entry in enumerate(self.issued):
            if entry.place == (role, number, generation):
                told = {**entry.record(), "revoked_on": at.isoformat()}
                self.issued[place] = Issued.of(told)
                self.write(at=at)
                return
        raise KeyError(f"{role.label} {number} has no certificates of generation {generation}")

    def _write_settings(self, pki: Pki) -> None:
        brokers = [one for one in self.issued if one.role is Role.ACCESS_CONTROL_BROKER]
        newest_first = sorted(brokers, key=lambda one: -one.generation)
        keystore.write_settings(
            self.folder,
            [one.organisation(pki) for one in newest_first],
            streams=self.streams,
            more="[verify]\nissuing_certificates = "
            f'["{_AUTHORITIES}/z1.pem", "{_AUTHORITIES}/e1.pem"]',
        )

    def _write_certificates(self, entry: Issued, organisation: Organisation) -> None:
        folder = self.folder / _ORGANISATIONS
        folder.mkdir(exist_ok=True)
        for usage, credential in _credentials(organisation):
            path = folder / f"{organisation.eui.compact}-{usage}-{entry.generation}.pem"
            path.write_bytes(keystore.pem(credential.certificate))

    def _parties(self, made: list[Organisation]) -> Iterator[dict[str, Any]]:
        for entry, organisation in zip(self.issued, made, strict=True):
            if entry.role is Role.NETWORK_OPERATOR and entry.generation == 0:
                yield registers.party(entry.number, organisation.eui)

    def _write_record(self) -> None:
        told = {
            "warning": "test keys only: whoever reads the seed can make every key",
            "seed": self.seed,
            "streams": self.streams,
            "organisations": [one.record() for one in self.issued],
            "devices": self.devices,
        }
        (self.folder / _RECORD).write_bytes(
            orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )


def revocation_list(
    authority: Authority, revoked: list[tuple[bytes, datetime]], *, at: datetime
) -> bytes:
    """Write a certificate revocation list (RFC 5280 5), PEM.

    Args:
        authority: whose certificates it is about; it signs.
        revoked: certificates as DER, each with the moment of its revocation.
        at: thisUpdate; nextUpdate is 30 days later. It is the list's number as well.
    """
    issuer = x509.load_der_x509_certificate(authority.certificate)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(at)
        .next_update(at + timedelta(days=_CRL_DAYS))
        .add_extension(
            x509.AuthorityKeyIdentifier(authority.credential.details.key_identifier, None, None),
            critical=False,
        )
        .add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
    )
    for der, moment in revoked:
        serial = x509.load_der_x509_certificate(der).serial_number
        revocation = x509.RevokedCertificateBuilder().serial_number(serial)
        builder = builder.add_revoked_certificate(revocation.revocation_date(moment).build())
    signed = builder.sign(authority.credential.key, hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(Encoding.PEM)


def _revoked(issued: list[Issued], made: list[Organisation]) -> Iterator[tuple[bytes, datetime]]:
    for entry, organisation in zip(issued, made, strict=True):
        if entry.revoked_on is not None:
            for _, credential in _credentials(organisation):
                yield credential.certificate, entry.revoked_on.astimezone(UTC)


def _credentials(organisation: Organisation) -> Iterator[tuple[str, Credential]]:
    yield "ds", organisation.digital_signature
    yield "ka", organisation.key_agreement
    if organisation.top_up is not None:
        yield "top-up", organisation.top_up
