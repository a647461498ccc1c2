"""What a report finds of a slot, in sentences: for reports, commands and pages alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

Row: TypeAlias = Mapping[str, object]
"""A device's row of a report, by the columns of ``device.csv``; None or empty: not known."""

FINDINGS: dict[str, str] = {
    "COMPLIANT": "What is in the slot belongs there.",
    "PENDING": "The supplier has to place the network operator's certificates, and has time left.",
    "ACTION_ON_SUPPLIER": "The supplier is late in placing the network operator's certificates.",
    "PLACEMENT_POSSIBLE": "The network operator could use the slot only after commissioning: its "
    "certificates may be placed, and nobody is late.",
    "EXIT_OUTSTANDING": "A network operator is leaving and has not handed the slot back.",
    "WRONG_GNO": "The slot holds another network operator's certificates.",
    "PARTIAL": "The two cells of the slot do not belong together.",
    "STRANDED": "The owner of the certificate in the slot cannot sign, so no message of its own "
    "can replace it. It is nobody's failure to place a certificate.",
    "ALIEN_CERTIFICATE": "The slot holds a certificate that no rule puts there.",
    "UNRECOGNISED_CERTIFICATE": "The slot holds a certificate that the registers do not know.",
    "UNKNOWN": "It is not known what the slot holds.",
    "UNDETERMINED": "It is not known whose slot it is.",
    "NOT_APPLICABLE": "The rule is not about this device.",
}
"""Of every finding, what is the case."""

_ACTS: dict[tuple[str, str], tuple[str, str]] = {
    ("NOBODY", "NONE"): ("Nobody", "has to act"),
    ("SUPPLIER", "SRV_6.21"): (
        "The supplier",
        "places the network operator's certificates (SRV 6.21)",
    ),
    ("GNO_IN_SLOT", "SRV_6.15.1"): (
        "The network operator whose certificate is in the slot",
        "hands the slot to the ACB (SRV 6.15.1)",
    ),
    ("GNO_IN_SLOT", "BECOME_USER"): (
        "The network operator whose certificate is in the slot",
        "becomes a DCC User, then hands the slot to the ACB (SRV 6.15.1)",
    ),
    ("SUPPLIER_OR_GNO", "READ_BACK"): (
        "The supplier or the network operator",
        "reads the slot back (SRV 6.24.1)",
    ),
    ("DCC", "FIND_MPRN_OR_GNP"): ("The DCC", "finds the meter point, or its gas network party"),
    ("DCC", "REVIEW"): ("The DCC", "reviews the slot"),
    ("DCC", "UPDATE_REGISTER"): ("The DCC", "brings the registers up to date"),
    ("DCC_SECURITY", "INVESTIGATE"): ("The DCC's security team", "finds out how it came there"),
    ("NOBODY_REMOTELY", "SITE_VISIT_OR_RECOVERY"): (
        "Nobody",
        "can do it from afar: it takes a site visit, or a recovery of the device",
    ),
}
"""Of each pair of ``action_by`` and ``action``, who acts and how."""

ACTIONS: dict[tuple[str, str], str] = {
    words: f"{who} {what}." for words, (who, what) in _ACTS.items()
}
"""Of each pair of ``action_by`` and ``action``, what to do, in a sentence."""

ACTORS: dict[str, str] = {
    "NOBODY": "nobody",
    "SUPPLIER": "the supplier",
    "GNO_IN_SLOT": "the network operator in the slot",
    "SUPPLIER_OR_GNO": "the supplier or the network operator",
    "DCC": "the DCC",
    "DCC_SECURITY": "the DCC's security team",
    "NOBODY_REMOTELY": "a site visit or recovery",
}

EVIDENCE: dict[str, str] = {
    "READ_BACK": "a read-back of the device (SRV 6.24.1)",
    "OUTCOME": "the signed outcome of a command",
    "OUTCOME_UNVERIFIED": "the outcome of a command, whose signature was not checked",
    "ALERT": "an alert of the DCC",
    "IMPORT": "a list that was imported",
    "PRESUMED_FACTORY": "no message ever: presumed to hold what it was made with",
    "NONE": "no message ever",
}
"""What a slot is known by."""

EXCEPTIONS: dict[str, str] = {
    "SUBSCRIBER_NOT_USER": "a party with certificates in use that is no DCC User (R15)",
    "HALF_SUBSCRIBED": "a party with a certificate in use for one usage only",
    "DATE_MISSING": "a commissioning date is missing or impossible: nothing is late",
    "TWO_METERS": "several gas meters at one GPF: the one commissioned last counts",
    "TWO_GPFS": "one meter point at several GPFs",
    "FORMER_SUPPLIER": "another supplier was responsible at commissioning",
    "EXPIRING": "a certificate in use that expires soon",
    "EUI_IN_TWO_PARTIES": "one identity in two parties: its certificates name neither",
    "SUBSCRIBED_AFTER_INTENT": "a certificate that began after its party's intent to leave (R19)",
    "UNREADABLE": "a record of a register that cannot be used",
}
"""Of each exception, what is odd."""

CANNOT_SIGN: dict[str, str] = {
    "KEYS_DESTROYED": "its owner declared the key destroyed",
    "REVOKED": "the certificate is revoked",
    "EXPIRED": "the certificate has expired",
    "NOT_IN_USE": "the certificate is not in use",
    "OWNER_NOT_A_USER": "its owner is no DCC User",
}
"""Why the owner of a certificate cannot sign with it."""

NOT_APPLICABLE: dict[str, str] = {
    "NOT_GPF": "It is no Gas Proxy Function: the rule is about these alone (R16).",
    "SMETS1": "It is a device of SMETS1, which the rule leaves out.",
    "RETIRED": "It is decommissioned or withdrawn.",
    "NOT_COMMISSIONED": "It was not commissioned on that day.",
}

REQUIREMENTS: dict[str, str] = {
    "R2": "what counts as a certificate of the ACB",
    "R9": "only a certificate's own network operator can replace it, as a DCC User",
    "R12": "a DCC User's certificates in the Repository belong on the device",
    "R13": "otherwise the ACB's certificate stays",
    "R14": "the report says of every slot whether what it holds is allowed",
    "R15": "who subscribes for certificates must be a DCC User",
    "R16": "the rule is about GPFs and gas alone",
    "R17": "who leaves puts the ACB's certificates back first",
    "R21": "a certificate whose owner cannot sign is stranded",
}
"""Those that a row names, in a few words; the modification report has them in full."""

_CORRECT: dict[str, str] = {
    "PARTY_NOT_A_USER": "{party} was no DCC User",
    "NO_CERTIFICATE_IN_USE": "{party} had no certificates in use",
    "HALF_SUBSCRIBED": "{party} did not have certificates of both usages in use",
    "PARTY_LEAVING": "{party} was leaving",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer about one slot.

    Attributes:
        says: What is the case, in a sentence or two.
        next: What to do, and who does it.
        state: The finding, as a word.
    """

    says: str
    next: str
    state: str


def verdict(row: Row) -> Verdict:
    """Say what a report's row says."""
    finding = _text(row, "finding")
    return Verdict(_says(finding, row), _next(row), finding)


def plain_day(value: object) -> str:
    """Write a day as people do: 26 Nov 2026."""
    day = value if isinstance(value, date) else date.fromisoformat(str(value))
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Not the locale's: reports and terminals say the same everywhere."""


def _says(finding: str, row: Row) -> str:  # noqa: PLR0911  # a sentence a finding
    party = _text(row, "gas_network_party") or "the gas network party"
    holder = _text(row, "ds_party") or "another party"
    match finding:
        case "COMPLIANT":
            return _compliant(party, row)
        case "PENDING" | "ACTION_ON_SUPPLIER" | "PLACEMENT_POSSIBLE":
            return _due(finding, party, row)
        case "EXIT_OUTSTANDING":
            return f"{party} is leaving, and its certificates are still in the slot."
        case "WRONG_GNO":
            ought = "the ACB's" if _text(row, "expected") != "PLACE_GNO_CERTIFICATE" else party
            return f"{holder}'s certificates are in the slot, where {_own(ought)} belong."
        case "PARTIAL":
            return (
                "The two cells do not belong together: the digital signature is "
                f"{_cell(row, 'ds')}, the key agreement {_cell(row, 'ka')}."
            )
        case "STRANDED":
            why = CANNOT_SIGN.get(_reason(row), "its owner cannot sign")
            return f"{holder}'s certificate is in the slot, and {why}: no message can replace it."
        case "UNDETERMINED":
            return _undetermined(party, row)
        case "UNKNOWN" if _text(row, "evidence") != "NONE":
            return "What is known of the slot is in doubt, or its digital signature is not known."
        case "NOT_APPLICABLE":
            return NOT_APPLICABLE.get(_reason(row), FINDINGS[finding])
        case _:
            return FINDINGS.get(finding, finding)


def _compliant(party: str, row: Row) -> str:
    if _text(row, "ds_party") == party:
        return f"{party}'s certificates are in the slot, where they belong."
    why = _CORRECT.get(_reason(row), "nothing else belongs there").format(party=party)
    presumed = ""
    if _text(row, "evidence") == "PRESUMED_FACTORY":
        presumed = (
            " No message ever told of the slot: it is presumed from the day of commissioning."
        )
    return f"The ACB's certificates are in the slot, and belong there: {why}.{presumed}"


def _due(finding: str, party: str, row: Row) -> str:
    told = f"The ACB's certificates are in the slot, where {_own(party)} belong"
    if finding == "PLACEMENT_POSSIBLE":
        return (
            f"{told}; {party} could use the slot only after commissioning, so that nothing is late."
        )
    if not row.get("due_on"):
        return f"{told}; a commissioning date is missing or impossible, so that nothing is late."
    due = plain_day(row["due_on"])
    if finding == "PENDING":
        return f"{told}; they are due by {due}."
    days = int(str(row.get("overdue_days") or 0))
    return f"{told}; they were due by {due} and are {days:,} day{'' if days == 1 else 's'} late."


def _undetermined(party: str, row: Row) -> str:
    if "PARTY_NOT_IN_REGISTER" in _text(row, "reason"):
        return f"{party}, the meter point's network party, is not in the register of parties."
    if not _text(row, "mprn"):
        return "The meter point is not known, so nobody knows whose slot it is."
    return "No network party is registered for the meter point, so nobody knows whose slot it is."


def _next(row: Row) -> str:
    words = (_text(row, "action_by"), _text(row, "action"))
    who, what = _ACTS.get(words, words)
    named = {"SUPPLIER": "gas_supplier", "GNO_IN_SLOT": "ds_party"}.get(words[0])
    told = f"{(_text(row, named) if named else '') or who} {what}."
    if _text(row, "actionable").lower() == "false":
        told += " Not now: the status of the device keeps everybody from acting."
    return told


def _cell(row: Row, usage: str) -> str:
    if party := _text(row, f"{usage}_party"):
        return f"{party}'s"
    subject = _text(row, f"{usage}_subject")
    return f"that of {subject}" if subject else "not known"


def _own(party: str) -> str:
    return party if party.endswith("'s") else f"{party}'s"


def _reason(row: Row) -> str:
    """Give the first word of the reasons: it says why, the others add to it."""
    return _text(row, "reason").partition(";")[0]


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)
