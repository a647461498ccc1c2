"""Certificates of the GBCS profile, written and read without an X.509 library.

The profile (GBCS 12, appendix of organisation and device certificates) has eight-octet key
identifiers, the role as organizationalUnitName, the EUI-64 as x500UniqueIdentifier of an
organisation and as HardwareModuleName of a device.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from slotkeeper.lab import der
from slotkeeper.lab.terms import Eui64, KeyUsage, Role

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )

__all__ = [
    "FOREVER",
    "Certificate",
    "Profile",
    "key_identifier",
    "public_key",
    "read",
    "write",
]

FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""notAfter of a device certificate."""

_COMMON_NAME = "2.5.4.3"
_ORGANIZATIONAL_UNIT = "2.5.4.11"
_UNIQUE_IDENTIFIER = "2.5.4.45"
_KEY_USAGE = der.object_identifier("2.5.29.15")
_SUBJECT_KEY_IDENTIFIER = der.object_identifier("2.5.29.14")
_AUTHORITY_KEY_IDENTIFIER = der.object_identifier("2.5.29.35")
_SUBJECT_ALT_NAME = der.object_identifier("2.5.29.17")
_BASIC_CONSTRAINTS = der.object_identifier("2.5.29.19")
_CERTIFICATE_POLICIES = der.object_identifier("2.5.29.32")
_HARDWARE_MODULE_NAME = der.object_identifier("1.3.6.1.5.5.7.8.4")
# Policy and hardware type of the public test environment's certificates.
_POLICY = der.object_identifier("1.2.826.0.1.8641679.1.2.1.4")
_HARDWARE_TYPE = der.object_identifier("1.2.826.0.1.8641679.1.2.2.1")
_ECDSA_WITH_SHA256 = der.sequence(der.object_identifier("1.2.840.10045.4.3.2"))
_P256_KEY = der.sequence(
    der.object_identifier("1.2.840.10045.2.1"), der.object_identifier("1.2.840.10045.3.1.7")
)
_UTC_TIME_ENDS: Final = 2050  # RFC 5280 4.1.2.5
_SIGNING = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a certificate says about its subject.

    Attributes:
        key_usage: exactly one.
        role: OU, two hexadecimal digits; None for devices.
        eui: x500UniqueIdentifier, or HardwareModuleName where ``device``.
        common_name: CN, certification authorities only.
        device: a device certificate, whose subject is empty.
        authority: a certification authority, which has basicConstraints.
        path_length: of basicConstraints; None leaves it open.
        not_before: start of validity.
        not_after: end of validity.
        serial: 16 octets, top bit clear.
    """

    key_usage: KeyUsage
    not_before: datetime
    not_after: datetime
    serial: bytes
    role: Role | None = None
    eui: Eui64 | None = None
    common_name: str | None = None
    device: bool = False
    authority: bool = False
    path_length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the lab reads from a certificate.

    Attributes:
        subject_role: the role in the subject's OU, None where there is none.
        subject_unique_id: EUI-64 of the organisation or device, None for an authority.
        key_identifier: subjectKeyIdentifier, eight octets.
        authority_key_identifier: of the issuer, empty where absent.
        point: the public key, uncompressed.
    """

    octets: bytes = field(repr=False)
    to_be_signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    issuer: bytes
    subject: bytes
    subject_role: int | None
    subject_unique_id: Eui64 | None
    key_usage: KeyUsage
    key_identifier: bytes
    authority_key_identifier: bytes
    is_authority: bool
    point: bytes
    not_before: datetime
    not_after: datetime

    def issued_by(self, issuer: Certificate) -> bool:
        """Tell whether ``issuer`` is an authority whose key signed this certificate."""
        if not issuer.is_authority or issuer.subject != self.issuer:
            return False
        try:
            public_key(issuer.point).verify(
                self.signature, self.to_be_signed, ec.ECDSA(hashes.SHA256())
            )
        except InvalidSignature:
            return False
        return True


def write(
    profile: Profile,
    subject_key: EllipticCurvePublicKey,
    issuer: Certificate | None,
    issuer_key: EllipticCurvePrivateKey,
) -> bytes:
    """Write and sign a certificate; without ``issuer`` it is self-signed."""
    point = subject_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    subject = _name(profile)
    authority = issuer.key_identifier if issuer else key_identifier(point)
    to_be_signed = der.sequence(
        der.sequence(der.integer(2), tag=0xA0),
        der.encode(der.INTEGER, profile.serial),
        _ECDSA_WITH_SHA256,
        issuer.subject if issuer else subject,
        der.sequence(_time(profile.not_before), _time(profile.not_after)),
        subject,
        der.sequence(_P256_KEY, der.bit_string(b"\x00" + point)),
        der.sequence(der.sequence(*_extensions(profile, point, authority)), tag=0xA3),
    )
    signature = issuer_key.sign(to_be_signed, _SIGNING)
    return der.sequence(to_be_signed, _ECDSA_WITH_SHA256, der.bit_string(b"\x00" + signature))


@functools.lru_cache(maxsize=65_536)
def read(octets: bytes) -> Certificate:
    """Read a certificate of the profile.

    Raises:
        ValueError: not a certificate, or without what the profile demands.
    """
    outer = der.Reader(octets)
    whole = outer.enter()
    outer.finish()
    to_be_signed = whole.whole(der.SEQUENCE)
    whole.enter()
    signature = whole.take(der.BIT_STRING)[1:]
    whole.finish()
    body = der.Reader(to_be_signed).enter()
    body.enter(0xA0)
    body.take(der.INTEGER)
    body.enter()
    issuer = body.whole(der.SEQUENCE)
    validity = body.enter()
    not_before, not_after = _read_time(validity), _read_time(validity)
    subject = body.whole(der.SEQUENCE)
    key_info = body.enter()
    key_info.enter()
    point = key_info.take(der.BIT_STRING)[1:]
    extensions = _read_extensions(body.enter(0xA3).enter())
    role, eui = _read_name(subject)
    if _SUBJECT_ALT_NAME in extensions:
        eui = _read_hardware_name(extensions[_SUBJECT_ALT_NAME])
    authority = b""
    if _AUTHORITY_KEY_IDENTIFIER in extensions:
        authority = der.Reader(extensions[_AUTHORITY_KEY_IDENTIFIER]).enter().take(0x80)
    if _KEY_USAGE not in extensions or _SUBJECT_KEY_IDENTIFIER not in extensions:
        raise der.DerError("a certificate without key usage or key identifier")
    return Certificate(
        octets=octets,
        to_be_signed=to_be_signed,
        signature=signature,
        issuer=issuer,
        subject=subject,
        subject_role=role,
        subject_unique_id=eui,
        key_usage=KeyUsage(der.Reader(extensions[_KEY_USAGE]).take(der.BIT_STRING)),
        key_identifier=der.Reader(extensions[_SUBJECT_KEY_IDENTIFIER]).take(der.OCTET_STRING),
        authority_key_identifier=authority,
        is_authority=_BASIC_CONSTRAINTS in extensions,
        point=point,
        not_before=not_before,
        not_after=not_after,
    )


def key_identifier(point: bytes) -> bytes:
    """Give the eight octets of RFC 5280's second method: 0100 and SHA-1's last 60 bits."""
    digest = hashlib.sha1(point, usedforsecurity=False).digest()[-8:]
    return bytes((0x40 | digest[0] & 0x0F,)) + digest[1:]


@functools.lru_cache(maxsize=65_536)
def public_key(point: bytes) -> EllipticCurvePublicKey:
    """Load an uncompressed P-256 point.

    Raises:
        ValueError: not on the curve.
    """
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def _name(profile: Profile) -> bytes:
    parts = []
    if profile.role is not None:
        # Authorities write PrintableString here, organisations UTF8String.
        tag = der.PRINTABLE_STRING if profile.common_name else der.UTF8_STRING
        parts.append((_ORGANIZATIONAL_UNIT, der.encode(tag, f"{profile.role:02X}".encode())))
    if profile.common_name is not None:
        text = profile.common_name.encode("ascii")
        parts.append((_COMMON_NAME, der.encode(der.PRINTABLE_STRING, text)))
    if profile.eui is not None and not profile.device:
        parts.append((_UNIQUE_IDENTIFIER, der.bit_string(b"\x00" + profile.eui)))
    return der.sequence(
        *(
            der.sequence(der.sequence(der.object_identifier(kind), value), tag=der.SET)
            for kind, value in parts
        )
    )


def _extensions(profile: Profile, point: bytes, authority: bytes) -> list[bytes]:
    critical = der.boolean(value=True)

    def extension(kind: bytes, value: bytes, *flag: bytes) -> bytes:
        return der.sequence(kind, *flag, der.octet_string(value))

    listed = [extension(_KEY_USAGE, der.bit_string(profile.key_usage.value), critical)]
    if profile.authority:
        limit = () if profile.path_length is None else (der.integer(profile.path_length),)
        constraints = der.sequence(der.boolean(value=True), *limit)
        listed.append(extension(_BASIC_CONSTRAINTS, constraints, critical))
    listed.append(extension(_SUBJECT_KEY_IDENTIFIER, der.octet_string(key_identifier(point))))
    if profile.device and profile.eui is not None:
        name = der.sequence(_HARDWARE_TYPE, der.octet_string(profile.eui))
        other_name = _HARDWARE_MODULE_NAME + der.sequence(name, tag=0xA0)
        alternative = der.sequence(der.sequence(other_name, tag=0xA0))
        listed.append(extension(_SUBJECT_ALT_NAME, alternative, critical))
    policies = der.sequence(der.sequence(_POLICY))
    listed.append(extension(_CERTIFICATE_POLICIES, policies, critical))
    identifier = der.sequence(der.encode(0x80, authority))
    listed.append(extension(_AUTHORITY_KEY_IDENTIFIER, identifier))
    return listed


def _time(moment: datetime) -> bytes:
    utc = moment.astimezone(UTC)
    if utc.year < _UTC_TIME_ENDS:
        return der.encode(der.UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode())
    return der.encode(der.GENERALIZED_TIME, utc.strftime("%Y%m%d%H%M%SZ").encode())


def _read_time(reader: der.Reader) -> datetime:
    if reader.peek() == der.UTC_TIME:
        text = reader.take(der.UTC_TIME).decode("ascii")
        century = "20" if int(text[:2]) < _UTC_TIME_ENDS % 100 else "19"
        text = century + text
    else:
        text = reader.take(der.GENERALIZED_TIME).decode("ascii")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _read_extensions(listed: der.Reader) -> dict[bytes, bytes]:
    found = {}
    while listed.more():
        one = listed.enter()
        kind = one.whole(der.OBJECT_IDENTIFIER)
        if one.peek() == der.BOOLEAN:
            one.take(der.BOOLEAN)
        found[kind] = one.take(der.OCTET_STRING)
    return found


def _read_name(name: bytes) -> tuple[int | None, Eui64 | None]:
    role, eui = None, None
    parts = der.Reader(name).enter()
    while parts.more():
        one = parts.enter(der.SET).enter()
        kind = one.whole(der.OBJECT_IDENTIFIER)
        if kind == der.object_identifier(_ORGANIZATIONAL_UNIT):
            role = int(one.take(one.peek() or 0).decode("ascii"), 16)
        elif kind == der.object_identifier(_UNIQUE_IDENTIFIER):
            eui = Eui64(one.take(der.BIT_STRING)[1:])
    return role, eui


def _read_hardware_name(value: bytes) -> Eui64:
    other_name = der.Reader(value).enter().enter(0xA0)
    if other_name.whole(der.OBJECT_IDENTIFIER) != _HARDWARE_MODULE_NAME:
        raise der.DerError("a subjectAltName that is no HardwareModuleName")
    name = other_name.enter(0xA0).enter()
    name.whole(der.OBJECT_IDENTIFIER)
    return Eui64(name.take(der.OCTET_STRING))
