"""What a source says of an organisation certificate: checked against the certificate itself."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from .asserted import Asserted
from .certificate import NO_CERTIFICATE, parsed_certificate, told_by
from .kinds import Held, Members
from .records import RefusedError, eui64, party_id
from .uniting import UNDATED

CODES = ("P", "I", "N", "E", "R")
"""Status of a certificate in the SMKI Repository."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a row says: of which key, and which members."""

    key: str
    members: Members


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What rows are checked against.

    Attributes:
        parties: Ids of the register of parties.
        owners: The party of each identity; None where two parties claim it.
        anchors: The certificates of the issuing authorities that are believed; empty: any is.
        status: Of certificates whose source says nothing about it; None: not known.
        latest: No assertion is believed of a later time: it could never be corrected.
    """

    parties: frozenset[str] = frozenset()
    owners: Mapping[str, str | None] = field(default_factory=dict)
    anchors: Sequence[x509.Certificate] = ()
    status: str | None = None
    latest: str = "9999"


def certificate_told(
    der: bytes, told: Mapping[str, Any], at: Asserted, known: Known, *, from_repository: bool
) -> Told:
    """Read a certificate and what else its row says.

    Args:
        der: The certificate.
        told: Members of the register's record, ``status`` as a code, ``status_from`` its day.
        at: When and by whom.
        known: To check it against.
        from_repository: The status is the Repository's of that moment, and has no day.

    Raises:
        RefusedError: It is no organisation certificate, the row contradicts it, no configured
            authority vouches for it, or the party is another one's or unknown.
    """
    facts = _facts(der)
    _require_anchor(der, known)
    for name, value in facts.items():
        if name in told and _same_form(name, told[name]) != value:
            raise RefusedError(f"{name} contradicts the certificate, which says {value}")
    members: Members = {"certificate": Held(base64.b64encode(der).decode(), *at)}
    if told.get("party_id") is not None:
        members["party_id"] = Held(_owner(told["party_id"], facts["subject_eui64"], known), *at)
    code = told.get("status")
    if code is None and known.status:
        code, told = known.status, {"status_from": facts["not_before"][:10]}
        from_repository = False
    if code is not None:
        path, held = _status(code, told.get("status_from"), facts, at, undated=from_repository)
        members[path] = held
    return Told(key_of(facts["issuer"], facts["serial"]), members)


def key_of(issuer: str, serial: str) -> str:
    """Give the register's key."""
    return f"{issuer}/{serial}"


def serial_of(value: object) -> str:
    """Read a serial: hexadecimal, upper case, without leading zeros.

    Raises:
        RefusedError: It is none.
    """
    text = value.strip().upper().replace(":", "") if isinstance(value, str) else ""
    digits = text.lstrip("0")
    # 20 octets at most (RFC 5280 4.1.2.2); a leading zero octet keeps it positive.
    if not digits or len(text) > 42 or set(text) - set("0123456789ABCDEF"):  # noqa: PLR2004
        raise RefusedError("serial must be hexadecimal, of at most 20 octets")
    return digits


def _facts(der: bytes) -> dict[str, str]:
    try:
        return told_by(der)
    except NO_CERTIFICATE as error:
        raise RefusedError(f"no organisation certificate: {error}") from None


def _require_anchor(der: bytes, known: Known) -> None:
    if not known.anchors:
        return
    parsed = parsed_certificate(der)
    for anchor in known.anchors:
        try:
            parsed.verify_directly_issued_by(anchor)
        except (InvalidSignature, TypeError, ValueError):
            continue
        return
    raise RefusedError("no authority of verify.issuing_certificates has issued the certificate")


def _same_form(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    match name:
        case "serial":
            return serial_of(value)
        case "subject_eui64":
            return eui64(value, name)
        case "key_identifier" | "sha1" | "sha256":
            return value.lower().replace(":", "")
        case _:
            return value


def _owner(value: object, identity: str, known: Known) -> str:
    told = party_id(value, "party_id")
    if told not in known.parties:
        raise RefusedError(f"party_id {told} is not in the register of parties")
    owner = known.owners.get(identity)
    if owner is not None and owner != told:
        raise RefusedError(f"party_id {told} contradicts the register: {identity} is {owner}'s")
    return told


def _status(
    code: object, day: object, facts: Mapping[str, str], at: Asserted, *, undated: bool
) -> tuple[str, Held]:
    if code not in CODES:
        raise RefusedError(f"status must be one of {', '.join(CODES)}")
    begins = {"I": facts["not_before"], "E": facts["not_after"]}.get(str(code), at.at)[:10]
    if undated:
        return UNDATED, Held({"code": code, "begins": begins}, *at)
    return f"{UNDATED}/{day or begins}/MANUAL", Held({"code": code}, *at)
