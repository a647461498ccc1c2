"""The rule for the Network Operator slot of a GPF (SEC MP128A): three answers about one device.

``decide`` says what belongs in the slot, what is the case, and who has to act by when. It is pure:
it asks no clock and reads nothing. "As of" a day means the end of that day, UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, NamedTuple, TypeAlias

from .facts import (
    ACCESS_CONTROL_BROKER,
    NETWORK_OPERATOR,
    Cell,
    Certificate,
    Certificates,
    Device,
    Evidence,
    KeyUsage,
    Party,
    Policy,
    Registered,
    Slot,
)
from .standing import (
    EARLIEST_COMMISSIONING,
    in_use,
    in_use_since,
    is_user,
    network_party_since,
    open_exit,
    plausible,
    registered_at,
    user_since,
    why_it_cannot_sign,
)
from .table import TABLE, CellClass, Expected, Finding, Row, SlotClass, slot_class

_ONE_DAY = timedelta(days=1)

VERSION = 1
"""Of the rule; a report's manifest names it."""

StartsWith: TypeAlias = Literal[
    "GPF_COMMISSIONED",
    "METER_COMMISSIONED",
    "REGISTERED",
    "DCC_USER",
    "DS_IN_USE",
    "KA_IN_USE",
    "EXIT_CANCELLED",
    "ACB_IN_SLOT",
]
"""What a supplier's duty waits for; the last of them begins it."""

RETIRED = frozenset({"decommissioned", "withdrawn"})
_NOT_YET = {"pending", "whitelisted", "installednotcommissioned"}
_JUDGED_AND_ACTIONABLE = {"commissioned"}
"""DUIS DeviceStatus in lower case; any other is judged, but nobody can act on it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the rule says of one device as of one day.

    Attributes:
        expected: None where the rule does not apply.
        due_on: The last day on which nothing is late; None where no day is set or known.
        overdue_days: 1 or more; None while nothing is late.
        completeness: UNVERIFIED where a cell is not known.
        reason: Words of the vocabulary, joined by ``;``.
        expected_certificates: Serials of the digital signature and key agreement certificates.
        starts: The days of which the last is ``obligation_from``, each with what began then.
        actionable: False where the device's status keeps everybody from acting.
    """

    finding: Finding
    action_by: str
    action: str
    requirement: str
    reason: str
    evidence: Evidence
    expected: Expected | None = None
    completeness: str = "COMPLETE"
    exceptions: tuple[str, ...] = ()
    obligation_from: date | None = None
    due_on: date | None = None
    age_days: int | None = None
    overdue_days: int | None = None
    actionable: bool = True
    mprn: str | None = None
    gas_network_party: str | None = None
    gas_supplier: str | None = None
    expected_certificates: tuple[str | None, str | None] = (None, None)
    starts: tuple["Start", ...] = ()


class Start(NamedTuple):
    """A day before which no duty of a supplier begins."""

    what: StartsWith
    day: date


def decide(  # noqa: C901, PLR0917  # the whole rule in one place, and its seven sources
    device: Device,
    slot: Slot,
    registration: tuple[Registered, ...],
    parties: Mapping[str, Party],
    certificates: Certificates,
    policy: Policy,
    as_of: date,
) -> Judgement:
    """Judge the Network Operator slot of one device.

    Args:
        device: As the inventory has it.
        slot: As of the same day.
        registration: The history of the device's MPRN, sorted by day; empty if there is none.
        parties: The gas network parties by id.
        certificates: The organisation certificates.
        policy: The settings.
        as_of: The day at whose end it is asked.
    """
    if outside := _why_not_applicable(device, as_of):
        return Judgement(
            finding=Finding.NOT_APPLICABLE,
            action_by="NOBODY",
            action="NONE",
            requirement="R16",
            reason=outside,
            evidence=slot.evidence,
        )

    # Whose slot should it be?
    entry = registered_at(registration, as_of)
    named = (entry.gas_network_party if entry else None) or device.gas_network_party
    supplier = entry.gas_supplier if entry else None
    party = parties.get(named) if named else None
    expected, why, exceptions, wanted = _expectation(party, named, certificates, policy, as_of)

    # Whose is it?
    presumed = _presumed_factory(device, slot, policy)
    look = Look(party, parties, certificates, policy, as_of)
    ds = ka = CellFound(CellClass.ACB)
    if not presumed:
        ds, ka = look(slot.digital_signature, "DS"), look(slot.key_agreement, "KA")
    found = slot_class(ds.kind, ka.kind, same_party=ds.party is not None and ds.party == ka.party)

    # What follows from both?
    placed_anyway = policy.exit_expectation == "place" and found is SlotClass.ACB
    if placed_anyway and expected is Expected.LEAVE_EXITING:
        expected = Expected.PLACE_GNO_CERTIFICATE
    row = TABLE[found, expected]
    dates = _Dates()
    if found is SlotClass.ACB and expected is Expected.PLACE_GNO_CERTIFICATE and party:
        dates = _dates(device, slot, registration, party, certificates, policy, as_of)
        row = replace(row, finding=dates.finding)
    elif found is SlotClass.STRANDED and ds.cannot == "OWNER_NOT_A_USER":
        row = replace(row, action_by="GNO_IN_SLOT", action="BECOME_USER")
    elif found is SlotClass.PARTIAL_GNO and expected is Expected.PLACE_GNO_CERTIFICATE:
        row = replace(row, requirement="R12" if ds.kind is CellClass.OWN_CAN else "R17")
    reasons = [(ds.cannot if found is SlotClass.STRANDED else None) or why, *dates.reasons]

    listed = [*exceptions, *dates.exceptions]
    if found is SlotClass.RIGHT and expected is Expected.LEAVE_ACB:
        listed.append("HALF_SUBSCRIBED")
    if len(device.meters) > 1:
        listed.append("TWO_METERS")
    if device.mprn_elsewhere:
        listed.append("TWO_GPFS")
    if former := _former_supplier(device, row, registration, supplier):
        listed.append("FORMER_SUPPLIER")
        reasons.append(f"FORMER_SUPPLIER={former}")
    return Judgement(
        expected=expected,
        finding=row.finding,
        action_by=row.action_by,
        action=row.action,
        requirement=row.requirement,
        reason=";".join(reasons),
        evidence="PRESUMED_FACTORY" if presumed else slot.evidence,
        completeness="UNVERIFIED" if CellClass.UNKNOWN in (ds.kind, ka.kind) else "COMPLETE",
        exceptions=tuple(sorted(set(listed))),
        obligation_from=dates.obligation_from,
        starts=dates.starts,
        due_on=dates.due_on,
        age_days=(as_of - dates.obligation_from).days if dates.obligation_from else None,
        overdue_days=(as_of - dates.due_on).days if dates.due_on and as_of > dates.due_on else None,
        actionable=device.status.lower() in _JUDGED_AND_ACTIONABLE,
        mprn=device.meter_point,
        gas_network_party=named,
        gas_supplier=supplier,
        expected_certificates=(
            wanted if expected is Expected.PLACE_GNO_CERTIFICATE else (None, None)
        ),
    )


def boundaries(policy: Policy, as_of: date, known_on: date) -> list[date]:
    """Give days between which a judgement that asks nothing of a supplier is always the same.

    A commissioning date counts beyond them only for the dates and the former supplier of a duty,
    and since when the ACB has been in a slot counts for these dates alone. Sorted, with the first
    day of each stretch.
    """
    days = {date.min, EARLIEST_COMMISSIONING, as_of + _ONE_DAY, known_on + _ONE_DAY}
    if policy.coverage_from:
        days.add(policy.coverage_from)
    return sorted(days)


def holds_acb(slot: Slot, policy: Policy) -> bool:
    """Say whether a slot is of class ACB, as far as its cells are known."""
    look = Look(None, {}, Certificates.of(()), policy, date.min)
    ds, ka = look(slot.digital_signature, "DS"), look(slot.key_agreement, "KA")
    return slot_class(ds.kind, ka.kind, same_party=False) is SlotClass.ACB


def _why_not_applicable(device: Device, as_of: date) -> str | None:
    status = device.status.lower()
    if device.device_type != "GPF":
        return "NOT_GPF"
    if device.smets_version == "SMETS1":
        return "SMETS1"
    if status in RETIRED:
        return "RETIRED"
    if status in _NOT_YET:
        return "NOT_COMMISSIONED"
    commissioned = device.commissioned_on
    # A date after the inventory was read is impossible, which is another matter (P36).
    if commissioned and as_of < commissioned <= device.known_on:
        return "NOT_COMMISSIONED"
    return None


def _expectation(
    party: Party | None,
    named: str | None,
    certificates: Certificates,
    policy: Policy,
    as_of: date,
) -> tuple[Expected, str, list[str], tuple[str | None, str | None]]:
    """Say what belongs in the slot, why, what is odd about it, and which certificates are meant."""
    nothing = (None, None)
    if party is None:
        why = "PARTY_NOT_IN_REGISTER" if named else "NO_NETWORK_PARTY"
        return Expected.UNDETERMINED, why, [], nothing
    ds = _newest_in_use(certificates.of_party(party.party_id, "DS"), as_of)
    ka = _newest_in_use(certificates.of_party(party.party_id, "KA"), as_of)
    if not is_user(party, as_of):
        odd = ["SUBSCRIBER_NOT_USER"] if ds or ka else []
        return Expected.LEAVE_ACB, "PARTY_NOT_A_USER", odd, nothing
    odd = ["HALF_SUBSCRIBED"] if (ds is None) != (ka is None) else []
    if ds is None or (ka is None and policy.needs_key_agreement):
        why = "HALF_SUBSCRIBED" if odd else "NO_CERTIFICATE_IN_USE"
        return Expected.LEAVE_ACB, why, odd, nothing
    wanted = (ds.serial, ka.serial if ka else None)
    if open_exit(party, as_of):
        return Expected.LEAVE_EXITING, "PARTY_LEAVING", odd, wanted
    return Expected.PLACE_GNO_CERTIFICATE, "CERTIFICATES_IN_USE", odd, wanted


def _newest_in_use(certificates: tuple[Certificate, ...], as_of: date) -> Certificate | None:
    return next((one for one in reversed(certificates) if in_use(one, as_of)), None)


def _presumed_factory(device: Device, slot: Slot, policy: Policy) -> bool:
    """Say whether a device that was never heard of still holds what it was made with (R13)."""
    return (
        slot.evidence == "NONE"
        and slot.digital_signature is None
        and slot.key_agreement is None
        and policy.coverage_from is not None
        and device.commissioned_on is not None
        and plausible(device.commissioned_on, device.known_on)
        and device.commissioned_on >= policy.coverage_from
    )


class CellFound(NamedTuple):
    """A cell's class, the party, and why the party cannot sign with the key."""

    kind: CellClass
    party: str | None = None
    cannot: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Classifies a cell of a slot that should be ``own``'s."""

    own: Party | None
    parties: Mapping[str, Party]
    certificates: Certificates
    policy: Policy
    as_of: date

    def __call__(  # noqa: PLR0911  # one return a class
        self, cell: Cell | None, usage: KeyUsage
    ) -> CellFound:
        """Give what a cell of that usage holds; None: nothing is known of it."""
        if cell is None or cell.doubtful:
            return CellFound(CellClass.UNKNOWN)
        named = cell.key_identifier
        if cell.subject_eui64 == self.policy.acb_id:
            # Of a recovery the DCC says that it was its own, and names no key (P38).
            known = not named or named in self.policy.acb_keys.get(usage, ())
            return CellFound(CellClass.ACB if known else CellClass.ACB_UNRECOGNISED)
        if not named:
            return CellFound(CellClass.UNKNOWN)
        held = self.certificates.of_cell(cell, usage)
        if not held:
            return CellFound(CellClass.UNREGISTERED)
        newest = held[-1]
        if newest.role_code == ACCESS_CONTROL_BROKER:
            return CellFound(CellClass.ACB_UNRECOGNISED)
        if newest.role_code != NETWORK_OPERATOR or newest.party_id is None:
            return CellFound(CellClass.ALIEN)
        party = self.parties.get(newest.party_id)
        if party is None:
            return CellFound(CellClass.UNREGISTERED)
        cannot = why_it_cannot_sign(party, held, self.policy, self.as_of)
        if self.own is not None and party.party_id == self.own.party_id:
            kind = CellClass.OWN_CANNOT if cannot else CellClass.OWN_CAN
        else:
            kind = CellClass.OTHER_CANNOT if cannot else CellClass.OTHER_CAN
        return CellFound(kind, party.party_id, cannot)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dates:
    finding: Finding = Finding.PENDING
    obligation_from: date | None = None
    due_on: date | None = None
    starts: tuple[Start, ...] = ()
    reasons: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()


def _dates(  # noqa: PLR0917  # as `decide`
    device: Device,
    slot: Slot,
    registration: tuple[Registered, ...],
    party: Party,
    certificates: Certificates,
    policy: Policy,
    as_of: date,
) -> _Dates:
    """Date the supplier's duty to place certificates where the ACB's are."""
    commissioned = device.commissioned_on
    fitted = device.meter.commissioned_on if device.meter else None
    if not (
        commissioned
        and fitted
        and plausible(commissioned, device.known_on)
        and plausible(fitted, device.known_on)
    ):
        return _Dates(reasons=("DATE_MISSING",), exceptions=("DATE_MISSING",))
    able = _able(party, certificates, policy, as_of)
    starts = [
        Start("GPF_COMMISSIONED", commissioned),
        Start("METER_COMMISSIONED", fitted),
        *able,
        *_later_starts(slot, registration, party, as_of),
    ]
    obligation_from = max(start.day for start in starts)
    able_later = max(start.day for start in able) > max(commissioned, fitted)
    if able_later and policy.later_user == "report":
        return _Dates(
            finding=Finding.PLACEMENT_POSSIBLE,
            obligation_from=obligation_from,
            starts=tuple(starts),
            reasons=("ABLE_AFTER_COMMISSIONING",),
        )
    due_on = obligation_from + timedelta(days=policy.limit_days)
    late = as_of > due_on
    return _Dates(
        finding=Finding.ACTION_ON_SUPPLIER if late else Finding.PENDING,
        obligation_from=obligation_from,
        due_on=due_on,
        starts=tuple(starts),
    )


def _able(party: Party, certificates: Certificates, policy: Policy, as_of: date) -> list[Start]:
    """Give since when the party could use a slot: as a DCC User, with certificates in use."""
    own = party.party_id
    able: list[tuple[StartsWith, date | None]] = [
        ("DCC_USER", user_since(party, as_of)),
        ("DS_IN_USE", in_use_since(certificates.of_party(own, "DS"), as_of)),
    ]
    if policy.needs_key_agreement:
        able.append(("KA_IN_USE", in_use_since(certificates.of_party(own, "KA"), as_of)))
    return [Start(what, day) for what, day in able if day]


def _later_starts(
    slot: Slot, registration: tuple[Registered, ...], party: Party, as_of: date
) -> Iterator[Start]:
    """Give what may have begun the duty anew after all were able."""
    if run := network_party_since(registration, party.party_id, as_of):
        yield Start("REGISTERED", run)
    for one in party.exits:
        if one.cancelled_on and one.cancelled_on <= as_of:
            yield Start("EXIT_CANCELLED", one.cancelled_on)
    # A read-back, an import or a presumption tells what is there, not that it was put there.
    if slot.acb_since and slot.acb_put_by in ("OUTCOME", "OUTCOME_UNVERIFIED", "ALERT"):
        yield Start("ACB_IN_SLOT", slot.acb_since)


def _former_supplier(
    device: Device, row: Row, registration: tuple[Registered, ...], supplier: str | None
) -> str | None:
    """Name the supplier at commissioning where another one is accountable now (P29)."""
    if row.action_by != "SUPPLIER" or device.commissioned_on is None:
        return None
    meter = device.meter
    commissioned = max(
        device.commissioned_on, (meter.commissioned_on if meter else None) or date.min
    )
    entry = registered_at(registration, commissioned)
    former = entry.gas_supplier if entry else None
    return former if former != supplier else None
