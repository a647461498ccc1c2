"""Certificates inside of a DUIS document, decoded for people."""

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from slotkeeper.clock import system_clock
from slotkeeper.slots.registers.certificate import NO_CERTIFICATE, told_by

_SHORTEST = 200
"""Characters of base64: no certificate on P-256 has fewer."""


def certificates_in(body: object, path: str = "") -> Iterator[dict[str, Any]]:
    """Give what each certificate says, with the element that holds it, in the document's order."""
    match body:
        case dict():
            for name, value in body.items():
                yield from certificates_in(value, f"{path}/{name}")
        case list():
            for value in body:
                yield from certificates_in(value, path)
        case str() if len(body) >= _SHORTEST and "Certificate" in path:
            yield {"element": path.rpartition("/")[2], **_told(body)}


def _told(text: str) -> dict[str, Any]:
    try:
        told = told_by(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, *NO_CERTIFICATE) as error:
        return {"error": f"no organisation certificate: {error}"}
    now = datetime.fromtimestamp(system_clock() / 1_000, UTC)
    begins, ends = (datetime.fromisoformat(told[name]) for name in ("not_before", "not_after"))
    validity = "valid" if begins <= now <= ends else "not yet valid" if now < begins else "expired"
    return {
        **{
            name: told[name]
            for name in (
                "subject_eui64",
                "role_code",
                "key_usage",
                "key_identifier",
                "issuer",
                "not_before",
                "not_after",
            )
        },
        "validity": validity,
    }
