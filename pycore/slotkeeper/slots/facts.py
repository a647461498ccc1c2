"""What the rule is asked about: parties, certificates, registrations, devices, slots, the policy.

Days are UTC. A period is half-open, [from, until): its last day is the one before ``until``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

KeyUsage: TypeAlias = Literal["DS", "KA"]
"""Digital signature or key agreement, as the SMKI Repository names them."""

USAGES: tuple[KeyUsage, KeyUsage] = ("DS", "KA")

StatusCode: TypeAlias = Literal["P", "I", "N", "E", "R"]
"""The Repository's status: pending, in use, not in use, expired, revoked."""

Evidence: TypeAlias = Literal[
    "READ_BACK", "OUTCOME", "OUTCOME_UNVERIFIED", "ALERT", "IMPORT", "PRESUMED_FACTORY", "NONE"
]
"""What a slot is known by: a label, not an order."""

NETWORK_OPERATOR = "03"
ACCESS_CONTROL_BROKER = "04"
"""Remote party roles, two hex digits as in the OU of a certificate's subject (SMKI profile)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days of which something held, from the first up to and without ``until``; None: open."""

    first: date
    until: date | None = None

    def __contains__(self, day: date) -> bool:
        """Say whether it held at the end of the day."""
        return self.first <= day and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A party's intent to cease being a DCC User (R17).

    Attributes:
        intent_on: The day of the intent.
        cancelled_on: The day of its cancellation.
        keys_kept_until: The day on which its private keys are destroyed.
    """

    intent_on: date
    cancelled_on: date | None = None
    keys_kept_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A gas network party; it may hold several EUI-64s.

    Attributes:
        eui64: Canonical, upper-case and hyphenated.
        dcc_user: When it was a DCC User, sorted, without overlap.
    """

    party_id: str
    eui64: tuple[str, ...] = ()
    dcc_user: tuple[Period, ...] = ()
    exits: tuple[Exit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status of a certificate from a day on."""

    code: StatusCode
    first: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An SMKI Organisation Certificate as the register keeps it.

    Attributes:
        party_id: None for a subject that is no gas network party.
        key_identifier: Lower-case hex of the subject key identifier.
        valid: The days at whose end it is within notBefore and notAfter.
        status: The history, sorted by day.
    """

    serial: str
    subject_eui64: str
    party_id: str | None
    role_code: str
    key_usage: KeyUsage
    key_identifier: str
    valid: Period
    status: tuple[Status, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """Who is responsible for a meter point from a day on; None where nobody is named."""

    first: date
    gas_network_party: str | None
    gas_supplier: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A gas meter (GSME) that is joined to the GPF; the MPRN is its own."""

    device_id: str
    mprn: str | None
    commissioned_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device of the inventory, as the inventory was read on ``known_on``.

    Attributes:
        status: DUIS DeviceStatus.
        mprn: Its own record's, which loses against a meter's.
        gas_network_party: Its own record's, which loses against a registration.
        meters: The gas meters that name it.
        mprn_elsewhere: Another GPF has a meter of the same MPRN.
    """

    device_id: str
    status: str
    known_on: date
    device_type: str = "GPF"
    smets_version: str = "SMETS2"
    commissioned_on: date | None = None
    mprn: str | None = None
    gas_network_party: str | None = None
    meters: tuple[Meter, ...] = ()
    mprn_elsewhere: bool = False

    @property
    def meter(self) -> Meter | None:
        """The meter that counts: the newest by commissioning, then the greatest device id."""
        return max(
            self.meters,
            key=lambda meter: (meter.commissioned_on or date.min, meter.device_id),
            default=None,
        )

    @property
    def meter_point(self) -> str | None:
        """The MPRN: the meter's, or where it has none the GPF's own."""
        return (self.meter.mprn if self.meter else None) or self.mprn


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The occupant of a Trust Anchor Cell.

    Attributes:
        key_identifier: Empty where the party alone is known: its certificate may be any.
        doubtful: The messages about it contradict each other, so that nothing is known.
    """

    subject_eui64: str
    key_identifier: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The Network Operator slot as of the day that is asked about.

    Attributes:
        evidence: NONE if no message about the slot was ever seen.
        acb_since: The day from which the ACB has been in it without a break; None: not known.
        acb_put_by: What told of that day.
    """

    digital_signature: Cell | None = None
    key_agreement: Cell | None = None
    evidence: Evidence = "NONE"
    acb_since: date | None = None
    acb_put_by: Evidence = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings of the rule; those without a public source are settings for that reason.

    Attributes:
        acb_id: The EUI-64 of the Access Control Broker, canonical.
        acb_keys: Key identifiers of its certificates by usage, retired ones included.
        limit_days: Days a supplier has to place a certificate.
        coverage_from: The day from which all outcomes are in the audit trail; None: no device
            that was never heard of is presumed to hold its factory certificate.
        expired_signs: An expired certificate still signs.
        not_in_use_signs: A certificate of status N still signs.
        exit_expectation: What an ACB slot of a leaving party is: left alone, or placed.
        later_user: What holds where the party became able to use a slot after commissioning.
        needs_key_agreement: Both usages must be in use before a supplier must place.
    """

    acb_id: str
    acb_keys: Mapping[KeyUsage, frozenset[str]] = field(default_factory=dict)
    limit_days: int = 7
    coverage_from: date | None = None
    expired_signs: bool = False
    not_in_use_signs: bool = False
    exit_expectation: Literal["defer", "place"] = "defer"
    later_user: Literal["report", "action"] = "report"
    needs_key_agreement: bool = True


@dataclass(frozen=True, slots=True)
class Certificates:
    """The register of organisation certificates, found by cell and by party."""

    _by_key: Mapping[tuple[str, str, KeyUsage], tuple[Certificate, ...]]
    _by_party: Mapping[str, tuple[Certificate, ...]]

    @classmethod
    def of(cls, certificates: "list[Certificate] | tuple[Certificate, ...]") -> "Certificates":
        """Index the certificates; their order does not matter."""
        by_key: dict[tuple[str, str, KeyUsage], list[Certificate]] = {}
        by_party: dict[str, list[Certificate]] = {}
        for one in sorted(certificates, key=lambda one: (one.valid.first, one.serial)):
            key = (one.subject_eui64, one.key_identifier, one.key_usage)
            by_key.setdefault(key, []).append(one)
            if one.party_id is not None:
                by_party.setdefault(one.party_id, []).append(one)
        return cls(
            {key: tuple(some) for key, some in by_key.items()},
            {party: tuple(some) for party, some in by_party.items()},
        )

    def of_cell(self, cell: Cell, usage: KeyUsage) -> tuple[Certificate, ...]:
        """Give the certificates of the key in a cell, oldest first: a key may be certified anew."""
        return self._by_key.get((cell.subject_eui64, cell.key_identifier, usage), ())

    def of_party(self, party_id: str, usage: KeyUsage) -> tuple[Certificate, ...]:
        """Give the network operator certificates of a party, oldest first."""
        return tuple(
            one
            for one in self._by_party.get(party_id, ())
            if one.key_usage == usage and one.role_code == NETWORK_OPERATOR
        )
