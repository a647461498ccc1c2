"""Why a slot is judged as it is: the facts, each with its source, its time and its requirement."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from slotkeeper.slots.facts import USAGES, Cell, Certificate, KeyUsage, Party
from slotkeeper.slots.report.cases import Case
from slotkeeper.slots.rule import CellFound, Look
from slotkeeper.slots.standing import (
    in_use,
    in_use_since,
    is_user,
    network_party_since,
    open_exit,
    registered_at,
    status_at,
    user_since,
)
from slotkeeper.slots.table import CellClass

from .findings import (
    CANNOT_SIGN,
    EVIDENCE,
    EXCEPTIONS,
    REQUIREMENTS,
    Verdict,
    plain_day,
    verdict,
)

_USAGES: dict[KeyUsage, str] = {"DS": "digital signature", "KA": "key agreement"}

_STATUS = {
    "P": "pending",
    "I": "in use",
    "N": "not in use",
    "E": "expired",
    "R": "revoked",
    None: "of no status yet",
}
"""As the SMKI Repository names them."""

_CLASSES: dict[CellClass, str] = {
    CellClass.ACB: "the ACB's",
    CellClass.ACB_UNRECOGNISED: "the ACB's by its identity, with a key that is not configured",
    CellClass.OWN_CAN: "{party}'s, whose slot it is",
    CellClass.OWN_CANNOT: "{party}'s, whose slot it is; it cannot sign with it: {why}",
    CellClass.OTHER_CAN: "{party}'s",
    CellClass.OTHER_CANNOT: "{party}'s, which cannot sign with it: {why}",
    CellClass.UNREGISTERED: "one that no register has",
    CellClass.ALIEN: "of another role, or of an operator that is no gas network party",
    CellClass.UNKNOWN: "not known",
}

_STARTS = {
    "GPF_COMMISSIONED": "the GPF was commissioned",
    "METER_COMMISSIONED": "the gas meter was commissioned",
    "REGISTERED": "the network party was registered",
    "DCC_USER": "the network party became a DCC User",
    "DS_IN_USE": "a certificate for digital signatures was in use, and one always since",
    "KA_IN_USE": "a certificate for key agreement was in use, and one always since",
    "EXIT_CANCELLED": "the network party's exit was cancelled",
    "ACB_IN_SLOT": "the ACB was put into the slot",
}

_CLOCKS = {
    "DEVICE": "by the device's clock",
    "RECEIVED": "when the message came",
    "DECISION": "when it was decided",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that the verdict rests on.

    Attributes:
        what: In a sentence.
        source: Who says so.
        since: The day from which it holds; None: always, or not known.
        requirement: Which one makes it matter.
    """

    what: str
    source: str
    since: date | None
    requirement: str


@dataclass(frozen=True, slots=True)
class Explained:
    """A verdict with its reasons.

    Attributes:
        facts: In the order in which they are asked for.
        odd: What else a person should know.
    """

    device_id: str
    as_of: date
    verdict: Verdict
    facts: tuple[Fact, ...]
    odd: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Give it for a program to read."""
        return {
            "device_id": self.device_id,
            "as_of": self.as_of,
            "finding": self.verdict.state,
            "says": self.verdict.says,
            "next": self.verdict.next,
            "facts": [
                {
                    "what": fact.what,
                    "source": fact.source,
                    "since": fact.since,
                    "requirement": fact.requirement,
                }
                for fact in self.facts
            ],
            "odd": list(self.odd),
        }


def explain(case: Case) -> Explained:
    """Say what is the case with a slot, who acts next, and why."""
    return Explained(
        case.device.device_id,
        case.as_of,
        verdict(case.row),
        tuple(_facts(case)),
        tuple(_odd(case)),
    )


def requirement_text(names: str) -> str:
    """Say what requirements are about, each in a few words; ``names`` are joined by ``;``."""
    return "; ".join(f"{name}: {REQUIREMENTS.get(name, name)}" for name in names.split(";"))


def _odd(case: Case) -> Iterator[str]:
    for name in case.judgement.exceptions:
        # The former supplier stands among the reasons.
        named = [one for one in case.judgement.reason.split(";") if one.startswith(f"{name}=")]
        told = f", {named[0].partition('=')[2]}" if named else ""
        yield f"{name}: {EXCEPTIONS[name]}{told}."


def _facts(case: Case) -> Iterator[Fact]:
    yield from _device(case)
    if case.judgement.expected is None:
        return
    yield from _meter_point(case)
    party = case.parties.get(case.judgement.gas_network_party or "")
    if party is not None:
        yield from _party(case, party)
    yield from _slot(case, party)
    yield from _dates(case)


def _device(case: Case) -> Iterator[Fact]:
    device = case.device
    source = f"inventory, as build {case.build} read it on {case.built_at[:10]}"
    status = f"It is a {device.device_type} of {device.smets_version}, {device.status or '-'}"
    yield Fact(f"{status}.", source, None, "R16")
    if device.commissioned_on:
        yield Fact("The GPF was commissioned.", source, device.commissioned_on, "R12")
    else:
        yield Fact("No day of its commissioning is known.", source, None, "R12")
    if device.meter is None:
        yield Fact("No gas meter is joined to it.", source, None, "R12")
        return
    meter = device.meter
    told = f"The gas meter {meter.device_id} is joined to it"
    if len(device.meters) > 1:
        told += f", which was commissioned last of {len(device.meters)}"
    commissioned = "" if meter.commissioned_on else "; no day of its commissioning is known"
    yield Fact(f"{told}{commissioned}.", source, meter.commissioned_on, "R12")


def _meter_point(case: Case) -> Iterator[Fact]:
    found, device = case.judgement, case.device
    if found.mprn is None:
        yield Fact("No meter point is known.", "inventory", None, "R14")
    else:
        by = "the gas meter's" if device.meter and device.meter.mprn else "the GPF's own"
        yield Fact(f"Its meter point is {found.mprn}.", f"inventory, {by} record", None, "R14")
    entry = registered_at(case.registration, case.as_of)
    source = "register of registrations" if entry else "inventory, the GPF's own record"
    if found.gas_network_party is None:
        yield Fact("No gas network party is registered for it.", source, None, "R14")
    elif entry and entry.gas_network_party:
        since = network_party_since(case.registration, found.gas_network_party, case.as_of)
        told = f"Its gas network party is {found.gas_network_party}."
        yield Fact(told, source, since, "R12")
    else:
        told = f"Its gas network party is {found.gas_network_party}, by the GPF's own record."
        yield Fact(told, "inventory, the GPF's own record", None, "R12")
    if entry and entry.gas_supplier:
        since = entry.first
        yield Fact(f"Its gas supplier is {entry.gas_supplier}.", source, since, "R12")


def _party(case: Case, party: Party) -> Iterator[Fact]:
    name = party.party_id
    source = f"register of parties ({case.asserted.get(name, 'source not said')})"
    if is_user(party, case.as_of):
        yield Fact(f"{name} is a DCC User.", source, user_since(party, case.as_of), "R12")
    else:
        yield Fact(f"{name} is no DCC User.", source, None, "R13")
    if leaving := open_exit(party, case.as_of):
        told = f"{name} intends to cease being a DCC User."
        yield Fact(told, source, leaving.intent_on, "R17")
    for usage, word in _USAGES.items():
        held = case.certificates.of_party(name, usage)
        used = [one for one in held if in_use(one, case.as_of)]
        if used:
            told = f"{name} has a certificate for {word} in use, the newest {used[-1].serial}."
            since = in_use_since(held, case.as_of)
            yield Fact(told, _of_certificate(case, used[-1]), since, "R12")
        else:
            count = f"; {len(held)} others are known" if held else ""
            told = f"{name} has no certificate for {word} in use{count}."
            yield Fact(told, "register of certificates", None, "R13")


def _slot(case: Case, party: Party | None) -> Iterator[Fact]:
    if case.row["evidence"] == "PRESUMED_FACTORY":
        told = "No message ever told of the slot, and all have been kept since"
        yield Fact(f"{told} before it was commissioned.", "[slots] coverage_from", None, "R13")
        return
    look = Look(party, case.parties, case.certificates, case.policy, case.as_of)
    for usage in USAGES:
        cell = case.slot.digital_signature if usage == "DS" else case.slot.key_agreement
        found = look(cell, usage)
        told = f"The {_USAGES[usage]} cell is {_class(found)}"
        yield Fact(
            f"{told}{_of_cell(case, cell, usage)}.",
            _evidence(case),
            case.told.since,
            case.judgement.requirement.replace(";", ", "),
        )


def _class(found: CellFound) -> str:
    why = CANNOT_SIGN.get(found.cannot or "", "")
    return _CLASSES[found.kind].format(party=found.party, why=why)


def _of_cell(case: Case, cell: Cell | None, usage: KeyUsage) -> str:
    if cell is None:
        return ""
    if cell.doubtful:
        return ": messages contradict each other"
    if not cell.key_identifier:
        return f": {cell.subject_eui64}, with a certificate that no message named"
    told = f": {cell.subject_eui64}, key {cell.key_identifier}"
    held = case.certificates.of_cell(cell, usage)
    if held:
        told += f", certificate {held[-1].serial}, {_STATUS[status_at(held[-1], case.as_of)]}"
        if held[-1].valid.until is not None and held[-1].valid.until <= case.as_of:
            told += f", valid until {plain_day(held[-1].valid.until)}"
    return told


def _evidence(case: Case) -> str:
    told = EVIDENCE.get(case.slot.evidence, case.slot.evidence)
    if case.told.place is not None:
        told += f", audit-trail {case.told.place[0]}:{case.told.place[1]}"
    if case.told.clock in _CLOCKS:
        told += f", {_CLOCKS[case.told.clock]}"
    return told


def _dates(case: Case) -> Iterator[Fact]:
    found = case.judgement
    for start in sorted(found.starts, key=lambda one: (one.day, one.what)):
        last = " This begins the duty." if start.day == found.obligation_from else ""
        told = _STARTS[start.what]
        yield Fact(f"{told[0].upper()}{told[1:]}.{last}", "the facts above", start.day, "R12")
    if found.due_on:
        days = case.policy.limit_days
        until = f"to the end of {plain_day(found.due_on)}"
        told = f"The supplier has {days} day{'' if days == 1 else 's'} from then, {until}."
        yield Fact(told, "[slots] limit_days, a setting and no law", None, "R12")


def _of_certificate(case: Case, one: Certificate) -> str:
    return f"register of certificates ({case.asserted.get(one.serial, 'source not said')})"
