"""Register records of organisation certificates: what the DER says is taken from the DER."""

import base64
import binascii
import hashlib
import warnings
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from slotkeeper.slots.facts import Certificate, KeyUsage, Period, Status

from .records import RefusedError, day_of, each, eui64, object_of, party_id, read_record

_UNIQUE_IDENTIFIER_OCTETS = 9
"""Of subjectUniqueIdentifier: a BIT STRING's count of unused bits, 0, and an EUI-64 (SMKI)."""

NO_CERTIFICATE = (
    TypeError,
    ValueError,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises for octets that are no such certificate.

TypeError: a BIT STRING stands in another attribute of a name than subjectUniqueIdentifier.
"""


def certificate(octets: bytes) -> Certificate:
    """Read a record of ``smki-organisation-certificates``.

    Raises:
        RefusedError: It has not the record's form, its DER is no organisation certificate, or the
            two contradict each other.
    """
    record = read_record(octets)
    der = der_of(record)
    try:
        told = told_by(der)
    except NO_CERTIFICATE as error:
        raise RefusedError(f"certificate is no organisation certificate: {error}") from None
    for name, value in told.items():
        if record.get(name) not in (None, value):
            raise RefusedError(f"{name} contradicts the certificate, which says {value}")
    status = each(record, "status", read_status)
    if any(one.first > following.first for one, following in pairwise(status)):
        raise RefusedError("status is not in the order of its days")
    owner = record.get("party_id")
    not_before = datetime.fromisoformat(told["not_before"])
    not_after = datetime.fromisoformat(told["not_after"])
    usage: KeyUsage = "DS" if told["key_usage"] == "DS" else "KA"
    return Certificate(
        serial=told["serial"],
        subject_eui64=told["subject_eui64"],
        party_id=None if owner is None else party_id(owner, "party_id"),
        role_code=told["role_code"],
        key_usage=usage,
        key_identifier=told["key_identifier"],
        valid=Period(first=not_before.date(), until=until(not_after)),
        status=tuple(status),
    )


def until(not_after: datetime) -> date | None:
    """Give the first day at whose end it is no longer valid; None: never (RFC 5280 4.1.2.5)."""
    if not_after.year == date.max.year:
        return None
    return (not_after + timedelta(seconds=1)).date()


def der_of(record: Mapping[str, Any]) -> bytes:
    """Give the octets of a record's certificate.

    Raises:
        RefusedError: It has none.
    """
    text = record.get("certificate")
    if not isinstance(text, str):
        raise RefusedError("certificate is missing")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("certificate is no base64") from None


def told_by(der: bytes) -> dict[str, str]:
    """Give the members of the record that the DER decides.

    Raises:
        ValueError: And the others of ``NO_CERTIFICATE``, if it is no organisation certificate.
    """
    parsed = parsed_certificate(der)
    unit = _only(parsed.subject, NameOID.ORGANIZATIONAL_UNIT_NAME, "role")
    raw = _only(parsed.subject, NameOID.X500_UNIQUE_IDENTIFIER, "EUI-64")
    if not isinstance(raw, bytes) or len(raw) != _UNIQUE_IDENTIFIER_OCTETS or raw[0]:
        raise ValueError("its subjectUniqueIdentifier is no EUI-64")
    usage = parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    if usage.digital_signature == usage.key_agreement:
        raise ValueError("its key usage is not one of digital signature and key agreement")
    key = parsed.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return {
        "serial": f"{parsed.serial_number:X}",
        "issuer": parsed.issuer.rfc4514_string(),
        "subject_eui64": eui64(raw[1:].hex(), "subject"),
        "role_code": str(unit),
        "key_usage": "DS" if usage.digital_signature else "KA",
        "key_identifier": key.digest.hex(),
        # The DCC's alerts name certificates by SHA-1 only (DUIS 5.4); nothing is trusted for it.
        "sha1": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(der).hexdigest(),
        "not_before": _time(parsed.not_valid_before_utc),
        "not_after": _time(parsed.not_valid_after_utc),
    }


def parsed_certificate(der: bytes) -> x509.Certificate:
    """Parse a certificate, whoever it is of.

    Raises:
        ValueError: And the others of ``NO_CERTIFICATE``, if it is none.
    """
    with warnings.catch_warnings():
        # Of serials that RFC 5280 disallows, which are refused here anyway.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        parsed = x509.load_der_x509_certificate(der)
        if parsed.serial_number <= 0:
            raise ValueError("its serial is not positive")
    return parsed


def _only(subject: x509.Name, kind: x509.ObjectIdentifier, what: str) -> str | bytes:
    found = subject.get_attributes_for_oid(kind)
    if len(found) != 1:
        raise ValueError(f"its subject has not one {what}, as an organisation's has")
    return found[0].value


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_status(value: object, what: str) -> Status:
    """Read an entry of the status history, or refuse."""
    members = object_of(value, what)
    code = members.get("code")
    if code not in ("P", "I", "N", "E", "R"):
        raise RefusedError(f"{what}.code must be one of P, I, N, E, R")
    return Status(code=code, first=day_of(members, what, "from"))
