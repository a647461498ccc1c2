"""A test PKI: the same seed gives the same keys and certificates.

Shape of the smart metering key infrastructure: root ``ZA``, issuing authority ``Z1`` for
organisations (``Z2`` beside it, whose certificates no path of ``Z1`` supports), ``E1`` for
devices. These are test identities; nothing here may sign for a real device.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from slotkeeper.lab import certificates
from slotkeeper.lab.certificates import FOREVER, Certificate, Profile
from slotkeeper.lab.outcomes import Occupant
from slotkeeper.lab.terms import Eui64, KeyUsage, Role

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["NOT_AFTER", "NOT_BEFORE", "Authority", "Credential", "Device", "Organisation", "Pki"]

# Order of P-256 (FIPS 186-4 D.1.2.3): scalars run from 1 to one less.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

NOT_BEFORE = datetime(2015, 1, 1, tzinfo=UTC)
"""Start of validity where none is asked for."""

NOT_AFTER = datetime(2045, 1, 1, tzinfo=UTC)
"""End of validity of authorities and organisations where none is asked for."""

# 02-1A-B0 has the bit of locally administered addresses, so that no maker's device has it.
_LAB = 0x021AB0 << 40
_DEVICES = _LAB | 0x01 << 32
_METERS = _LAB | 0x02 << 32


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate and its private key."""

    certificate: bytes = field(repr=False)
    key: EllipticCurvePrivateKey = field(repr=False)

    @property
    def details(self) -> Certificate:
        """The certificate, read."""
        return certificates.read(self.certificate)

    @property
    def occupant(self) -> Occupant:
        """How a device names this certificate when a cell holds it."""
        details = self.details
        return Occupant(details.subject_unique_id or Eui64.of(0), details.key_identifier)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certification authority."""

    name: str
    credential: Credential

    @property
    def certificate(self) -> bytes:
        """Its certificate, as it stands in a certification path."""
        return self.credential.certificate


@dataclass(frozen=True, slots=True)
class Organisation:
    """A Remote Party: one EUI-64, one role, a key for signatures and one for agreement.

    Attributes:
        digital_signature: signs commands.
        key_agreement: takes part in MACs; devices hold it for the ACB.
        top_up: a supplier's second key agreement key.
        path: the certification path that supports the certificates.
    """

    eui: Eui64
    role: Role
    digital_signature: Credential
    key_agreement: Credential
    path: tuple[bytes, ...] = field(repr=False)
    top_up: Credential | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device's identity."""

    eui: Eui64
    digital_signature: Credential
    key_agreement: Credential


class Pki:
    """Makes identities.

    Attributes:
        root: ``ZA``, the anchor of every device.
        issuing: ``Z1``, for organisations.
        other_issuing: ``Z2``.
        device_issuing: ``E1``.
    """

    def __init__(self, seed: int | str = 0) -> None:
        """Make the authorities; everyone else is made on demand."""
        self._seed = f"slotkeeper lab {seed}"
        self.root = self._authority("ZA", Role.ROOT, None)
        self.issuing = self._authority("Z1", Role.ISSUING_AUTHORITY, self.root)
        self.other_issuing = self._authority("Z2", Role.ISSUING_AUTHORITY, self.root)
        self.device_issuing = self._authority("E1", Role.ISSUING_AUTHORITY, self.root)

    @functools.cached_property
    def acb(self) -> Organisation:
        """The Access Control Broker: one identity for the whole PKI."""
        return self.organisation(Role.ACCESS_CONTROL_BROKER)

    def organisation(
        self,
        role: Role,
        number: int = 1,
        *,
        generation: int = 0,
        issuer: Authority | None = None,
        not_before: datetime = NOT_BEFORE,
        not_after: datetime = NOT_AFTER,
    ) -> Organisation:
        """Make an organisation, or one's renewed certificates.

        Args:
            role: goes into the certificates' OU.
            number: tells organisations of one role apart, 1 to 65535.
            generation: raise it for renewed keys and certificates of the same EUI-64 (N17).
            issuer: ``Z1`` where not given.
            not_before: start of validity.
            not_after: end of validity.
        """
        eui = Eui64.of(_LAB | role << 16 | number)
        authority = issuer or self.issuing

        def credential(usage: KeyUsage, purpose: str) -> Credential:
            name = f"{eui} {purpose} {generation}"
            return self._credential(
                name,
                Profile(
                    key_usage=usage,
                    role=role,
                    eui=eui,
                    not_before=not_before,
                    not_after=not_after,
                    serial=self._serial(name),
                ),
                authority,
            )

        return Organisation(
            eui,
            role,
            credential(KeyUsage.DIGITAL_SIGNATURE, "ds"),
            credential(KeyUsage.KEY_AGREEMENT, "ka"),
            (authority.certificate,),
            credential(KeyUsage.KEY_AGREEMENT, "top-up") if role is Role.SUPPLIER else None,
        )

    def device(self, number: int, *, shared_keys: int | None = None) -> Device:
        """Make a device.

        Args:
            number: tells devices apart, 0 to 2**32 - 1; part of the EUI-64.
            shared_keys: so many key pairs serve all devices in turn, which makes a large fleet
                quick; every device still has certificates of its own. None: a key pair each.
        """
        eui = self.device_eui(number)
        pair = number if shared_keys is None else number % shared_keys

        def credential(usage: KeyUsage, purpose: str) -> Credential:
            profile = Profile(
                key_usage=usage,
                eui=eui,
                device=True,
                not_before=NOT_BEFORE,
                not_after=FOREVER,
                serial=self._serial(f"{eui} {purpose}"),
            )
            return self._credential(f"device {pair} {purpose}", profile, self.device_issuing)

        return Device(
            eui,
            credential(KeyUsage.DIGITAL_SIGNATURE, "ds"),
            credential(KeyUsage.KEY_AGREEMENT, "ka"),
        )

    @staticmethod
    def device_eui(number: int) -> Eui64:
        """Give the EUI-64 of a device, which is the same in every PKI."""
        return Eui64.of(_DEVICES | number)

    @staticmethod
    def meter_eui(number: int) -> Eui64:
        """Give the EUI-64 of a gas meter (GSME), 0 to 2**32 - 1; it has no keys here."""
        return Eui64.of(_METERS | number)

    def contingency_key(self) -> EllipticCurvePrivateKey:
        """Give the key that authorises contingency commands (mode 9)."""
        return self._key("contingency")

    def _authority(self, name: str, role: Role, issuer: Authority | None) -> Authority:
        profile = Profile(
            key_usage=KeyUsage.CERTIFICATION_AUTHORITY,
            role=role,
            common_name=name,
            authority=True,
            path_length=None if issuer is None else 0,
            not_before=NOT_BEFORE,
            not_after=NOT_AFTER,
            serial=self._serial(name),
        )
        return Authority(name, self._credential(name, profile, issuer))

    def _credential(self, name: str, profile: Profile, issuer: Authority | None) -> Credential:
        key = self._key(name)
        details, signer = (
            (None, key) if issuer is None else (issuer.credential.details, issuer.credential.key)
        )
        return Credential(certificates.write(profile, key.public_key(), details, signer), key)

    @functools.lru_cache(maxsize=4_096)  # noqa: B019 - shared pairs are asked for again and again
    def _key(self, name: str) -> EllipticCurvePrivateKey:
        digest = hashlib.sha512(f"{self._seed} key {name}".encode()).digest()
        scalar = int.from_bytes(digest, "big") % (_ORDER - 1) + 1
        return ec.derive_private_key(scalar, ec.SECP256R1())

    def _serial(self, name: str) -> bytes:
        digest = hashlib.sha256(f"{self._seed} serial {name}".encode()).digest()
        return bytes((digest[0] & 0x3F | 0x40,)) + digest[1:16]
