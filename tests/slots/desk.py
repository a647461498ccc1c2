"""Registers on streams in memory, and the files that are imported into them."""

import base64
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from slotkeeper.lab.pki import Authority, Organisation, Pki
from slotkeeper.lab.terms import Role
from slotkeeper.slots.registers.asserted import written
from slotkeeper.slots.registers.certificate_rows import Known
from slotkeeper.slots.registers.check import Odd, odd
from slotkeeper.slots.registers.importing import (
    Import,
    Outcome,
    find_changes,
    parties_after,
    publish_changes,
    renamed_certificates,
)
from slotkeeper.slots.registers.kinds import CERTIFICATES, PARTIES, REGISTRATIONS, Register
from slotkeeper.slots.registers.reading import newest, owners_of, read_registers
from slotkeeper.slots.registers.sources import sources_of
from slotkeeper.slots.registers.staging import staging
from slotkeeper.streams import Streams
from slotkeeper.streams.memory import MemoryStreams

PKI = Pki("registers")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
_NOTHING: Mapping[str, str] = {}
START = datetime(2026, 1, 1, tzinfo=UTC)


def operator(
    number: int = 1, *, generation: int = 0, since: date = date(2025, 1, 1)
) -> Organisation:
    """Make a network operator, or its renewed certificates."""
    begins = datetime.combine(since, datetime.min.time(), UTC)
    return PKI.organisation(
        Role.NETWORK_OPERATOR,
        number,
        generation=generation,
        not_before=begins,
        not_after=begins + timedelta(days=3650),
    )


def eui(organisation: Organisation) -> str:
    return str(organisation.eui).upper()


def serial(der: bytes) -> str:
    return f"{x509.load_der_x509_certificate(der).serial_number:X}"


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def anchor(authority: Authority) -> x509.Certificate:
    return x509.load_der_x509_certificate(authority.certificate)


def revocations(
    *ders: bytes, at: datetime = NOW, day: date = date(2026, 6, 1), issuer: Authority | None = None
) -> bytes:
    """Make a revocation list, PEM."""
    authority = issuer or PKI.issuing
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(anchor(authority).subject)
        .last_update(at)
        .next_update(at + timedelta(days=7))
    )
    for der in ders:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(x509.load_der_x509_certificate(der).serial_number)
            .revocation_date(datetime.combine(day, datetime.min.time(), UTC))
            .build()
        )
    return builder.sign(authority.credential.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def answer(
    der: bytes, status: str = "I", *, usage: str = "DS", change: Mapping[str, str] = _NOTHING
) -> str:
    """Write one certificate of a Repository's answer."""
    told = {
        "CertificateSerial": serial(der),
        "CertificateStatus": status,
        "CertificateBody": base64.b64encode(der).decode(),
        "CertificateRole": "3",
        "CertificateUsage": usage,
    } | dict(change)
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in told.items())
    return f"<CertificateResponse>{inside}</CertificateResponse>"


def answers(*items: str) -> bytes:
    inside = "".join(items)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<CertificateDataResponse><ResponseCode>200'
        f"</ResponseCode>{inside}</CertificateDataResponse>"
    ).encode()


@dataclass
class Desk:
    """Where registers are kept.

    Attributes:
        folder: Of the files.
        refused: Of the last import: row and reason.
    """

    folder: Path
    streams: Streams = field(default_factory=MemoryStreams)
    refused: list[tuple[int, str]] = field(default_factory=list)
    _files: "itertools.count[int]" = field(default_factory=itertools.count)

    def file(self, octets: bytes | str, *, at: datetime = START, name: str | None = None) -> Path:
        """Write a file that was made at a time."""
        path = self.folder / (name or f"file-{next(self._files)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets if isinstance(octets, bytes) else octets.encode())
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    async def take(
        self,
        register: Register,
        *files: Path | bytes | str,
        complete: bool = False,
        at: datetime = START,
        dry_run: bool = False,
        **known: Any,  # noqa: ANN401
    ) -> Outcome:
        """Import files, or texts that become files made at one time."""
        paths = [file if isinstance(file, Path) else self.file(file, at=at) for file in files]
        parties = {} if register is PARTIES else (await read_registers(self.streams)).parties
        wanted = Import(
            register=register,
            sources=sources_of(paths, at=None, latest=written(NOW)),
            known=Known(
                parties=frozenset(parties),
                owners=owners_of(parties),
                latest=written(NOW + timedelta(days=1)),
                **known,
            ),
            complete=complete,
        )
        with staging() as tables:
            outcome = await find_changes(self.streams, wanted, tables, lambda _rows, _octets: None)
            self.refused = [(row, reason) for _, row, reason in tables.refused()]
            if not dry_run:
                await publish_changes(self.streams, register, tables.changes(), lambda _: None)
            if register is PARTIES and not dry_run:
                owners = owners_of(await parties_after(self.streams, tables))
                renamed = await renamed_certificates(self.streams, owners)
                await publish_changes(self.streams, CERTIFICATES, iter(renamed), lambda _: None)
        return outcome

    async def parties(self, text: str, **more: Any) -> Outcome:  # noqa: ANN401
        return await self.take(PARTIES, text, **more)

    async def certificates(self, *files: Path | bytes | str, **more: Any) -> Outcome:  # noqa: ANN401
        return await self.take(CERTIFICATES, *files, **more)

    async def registrations(self, text: str, **more: Any) -> Outcome:  # noqa: ANN401
        return await self.take(REGISTRATIONS, text, **more)

    async def held(self, register: Register) -> dict[str, dict[str, Any]]:
        """Give the register's records by key."""
        records = await newest(self.streams, register)
        return {key: orjson.loads(value) for key, value in records.items()}

    async def published(self, register: Register) -> int:
        """Give how many records were ever published."""
        return sum([len(batch) async for batch in self.streams.read(register.stream)])

    async def odd(self, as_of: date, *, days: int = 30) -> list[Odd]:
        return odd(await read_registers(self.streams), as_of, days=days)
