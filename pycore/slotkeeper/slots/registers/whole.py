"""Whole records of a register: of a file of JSON lines, or as the stream has them."""

from typing import Any

from .asserted import instant
from .certificate import certificate, der_of, read_status, told_by
from .certificate_rows import key_of, serial_of
from .kinds import CERTIFICATES, EARLIER, MISSING, PARTIES, Register
from .records import (
    MAX_TEXT,
    RefusedError,
    day_of,
    each,
    object_of,
    party,
    plain_text,
    read_record,
    registration,
)

STATUS_SOURCES = ("REPOSITORY", "CRL", "MANUAL")
"""Who may have told the status of a certificate."""

_MAX_EARLIER = 10_000
"""Members of a record whose source differs from its own."""


def whole_record(register: Register, octets: bytes) -> tuple[str, dict[str, Any]]:
    """Read a record and check it; gives its key as well.

    One of the register of certificates may have no certificate yet: its revocation came first.

    Raises:
        RefusedError: It has not the form, or contradicts itself.
    """
    record = read_record(octets)
    if register is PARTIES:
        told = party(octets)
        key = told.party_id
        record["eui64"] = list(told.eui64)
    elif register is CERTIFICATES:
        key = _certificate_key(octets, record)
    else:
        key, _ = registration(octets)
    if record.get("asserted_at") is not None:
        record["asserted_at"] = instant(record["asserted_at"], "asserted_at")
    if record.get("source") is not None:
        plain_text(record["source"], "source", at_most=MAX_TEXT)
    if record.get(MISSING) is not None:
        day_of(record, "the record", MISSING)
    if record.get(EARLIER) is not None:
        record[EARLIER] = _earlier(record[EARLIER])
    return key, record


def _certificate_key(octets: bytes, record: dict[str, Any]) -> str:
    for at, entry in enumerate(each(record, "status", object_of)):
        read_status(entry, f"status[{at}]")
        if entry.setdefault("source", "MANUAL") not in STATUS_SOURCES:
            raise RefusedError(f"status[{at}].source must be one of {', '.join(STATUS_SOURCES)}")
    if record.get("certificate") is None:
        issuer = record.get("issuer")
        if not isinstance(issuer, str):
            raise RefusedError("certificate is missing")
        return key_of(issuer, serial_of(record.get("serial")))
    certificate(octets)
    told = told_by(der_of(record))
    return key_of(told["issuer"], told["serial"])


def _earlier(value: object) -> dict[str, dict[str, str]]:
    told = object_of(value, EARLIER)
    if len(told) > _MAX_EARLIER:
        raise RefusedError(f"{EARLIER} has more than {_MAX_EARLIER} members")
    read = {}
    for path, one in told.items():
        members = object_of(one, f"{EARLIER}.{path}")
        read[path] = {
            "asserted_at": instant(members.get("asserted_at"), f"{EARLIER}.{path}.asserted_at"),
            "source": plain_text(
                members.get("source"), f"{EARLIER}.{path}.source", at_most=MAX_TEXT
            ),
        }
    return read
