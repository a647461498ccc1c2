"""The truth table of the rule: cells to a slot, slot and expectation to a finding.

Everything a judgement can say stands here; ``rule`` finds the inputs and adds the dates.
"""

from dataclasses import dataclass
from enum import StrEnum


class CellClass(StrEnum):
    """Whose certificate a cell holds, and whether its owner can sign with that key."""

    ACB = "ACB"
    ACB_UNRECOGNISED = "ACB_UNRECOGNISED"
    OWN_CAN = "OWN_CAN"
    OWN_CANNOT = "OWN_CANNOT"
    OTHER_CAN = "OTHER_CAN"
    OTHER_CANNOT = "OTHER_CANNOT"
    UNREGISTERED = "UNREGISTERED"
    ALIEN = "ALIEN"
    UNKNOWN = "UNKNOWN"


class SlotClass(StrEnum):
    """What the two cells are together."""

    ACB = "ACB"
    RIGHT = "RIGHT"
    OTHER = "OTHER"
    PARTIAL_ACB = "PARTIAL_ACB"
    PARTIAL_GNO = "PARTIAL_GNO"
    STRANDED = "STRANDED"
    ALIEN = "ALIEN"
    UNRECOGNISED = "UNRECOGNISED"
    UNKNOWN = "UNKNOWN"


class Expected(StrEnum):
    """What belongs in the slot (R12, R13, R17)."""

    PLACE_GNO_CERTIFICATE = "PLACE_GNO_CERTIFICATE"
    LEAVE_ACB = "LEAVE_ACB"
    LEAVE_EXITING = "LEAVE_EXITING"
    UNDETERMINED = "UNDETERMINED"


class Finding(StrEnum):
    """What is the case."""

    COMPLIANT = "COMPLIANT"
    PENDING = "PENDING"
    ACTION_ON_SUPPLIER = "ACTION_ON_SUPPLIER"
    PLACEMENT_POSSIBLE = "PLACEMENT_POSSIBLE"
    EXIT_OUTSTANDING = "EXIT_OUTSTANDING"
    WRONG_GNO = "WRONG_GNO"
    PARTIAL = "PARTIAL"
    STRANDED = "STRANDED"
    ALIEN_CERTIFICATE = "ALIEN_CERTIFICATE"
    UNRECOGNISED_CERTIFICATE = "UNRECOGNISED_CERTIFICATE"
    UNKNOWN = "UNKNOWN"
    UNDETERMINED = "UNDETERMINED"
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class Row:
    """What is the case, who acts, how, and which requirement says so."""

    finding: Finding
    action_by: str
    action: str
    requirement: str


def slot_class(  # noqa: PLR0911  # one return a class
    ds: CellClass, ka: CellClass, *, same_party: bool
) -> SlotClass:
    """Classify a slot; the first that holds.

    Args:
        ds: The cell of digital signatures: it authorises the next replacement.
        ka: The cell of key agreement.
        same_party: Both cells hold certificates of one party.
    """
    match ds:
        case CellClass.UNKNOWN:
            return SlotClass.UNKNOWN
        case CellClass.ALIEN:
            return SlotClass.ALIEN
        case CellClass.ACB_UNRECOGNISED | CellClass.UNREGISTERED:
            return SlotClass.UNRECOGNISED
        case CellClass.OWN_CANNOT | CellClass.OTHER_CANNOT:
            return SlotClass.STRANDED
    match ka:
        case CellClass.ALIEN:
            return SlotClass.ALIEN
        case CellClass.ACB_UNRECOGNISED | CellClass.UNREGISTERED:
            return SlotClass.UNRECOGNISED
    if ds is CellClass.ACB:
        whole = ka in (CellClass.ACB, CellClass.UNKNOWN)
        return SlotClass.ACB if whole else SlotClass.PARTIAL_ACB
    if ka is CellClass.UNKNOWN or (ka is ds and same_party):
        return SlotClass.RIGHT if ds is CellClass.OWN_CAN else SlotClass.OTHER
    return SlotClass.PARTIAL_GNO


_PLACE, _LEAVE, _EXITING, _UNDETERMINED = Expected
_NOBODY = ("NOBODY", "NONE")
_SUPPLIER = ("SUPPLIER", "SRV_6.21")
_GNO = ("GNO_IN_SLOT", "SRV_6.15.1")
_REVIEW = ("DCC", "REVIEW")
_FIND = ("DCC", "FIND_MPRN_OR_GNP")

_EVERYWHERE = {
    # STRANDED: the reason decides between this and BECOME_USER, see `rule`.
    SlotClass.STRANDED: Row(Finding.STRANDED, "NOBODY_REMOTELY", "SITE_VISIT_OR_RECOVERY", "R21"),
    SlotClass.ALIEN: Row(Finding.ALIEN_CERTIFICATE, "DCC_SECURITY", "INVESTIGATE", "R9"),
    SlotClass.UNRECOGNISED: Row(Finding.UNRECOGNISED_CERTIFICATE, "DCC", "UPDATE_REGISTER", "R2"),
    SlotClass.UNKNOWN: Row(Finding.UNKNOWN, "SUPPLIER_OR_GNO", "READ_BACK", "R14"),
    # "Where its own" the requirement is R12, see `rule`.
    SlotClass.PARTIAL_GNO: Row(Finding.PARTIAL, *_GNO, "R17"),
}

TABLE: dict[tuple[SlotClass, Expected], Row] = {
    # The dates decide between PENDING, ACTION_ON_SUPPLIER and PLACEMENT_POSSIBLE, see `rule`.
    (SlotClass.ACB, _PLACE): Row(Finding.ACTION_ON_SUPPLIER, *_SUPPLIER, "R12;R14"),
    (SlotClass.ACB, _LEAVE): Row(Finding.COMPLIANT, *_NOBODY, "R13;R14"),
    (SlotClass.ACB, _EXITING): Row(Finding.COMPLIANT, *_NOBODY, "R17"),
    (SlotClass.ACB, _UNDETERMINED): Row(Finding.UNDETERMINED, *_FIND, "R14"),
    (SlotClass.RIGHT, _PLACE): Row(Finding.COMPLIANT, *_NOBODY, "R12"),
    # Reached only while the cell of key agreement is unknown.
    (SlotClass.RIGHT, _LEAVE): Row(Finding.COMPLIANT, *_NOBODY, "R12"),
    (SlotClass.RIGHT, _EXITING): Row(Finding.EXIT_OUTSTANDING, *_GNO, "R17"),
    # Never reached: where no network party is known, no certificate is its own.
    (SlotClass.RIGHT, _UNDETERMINED): Row(Finding.UNDETERMINED, *_FIND, "R14"),
    (SlotClass.OTHER, _PLACE): Row(Finding.WRONG_GNO, *_GNO, "R12;R17"),
    (SlotClass.OTHER, _LEAVE): Row(Finding.WRONG_GNO, *_GNO, "R13;R17"),
    (SlotClass.OTHER, _EXITING): Row(Finding.WRONG_GNO, *_GNO, "R17"),
    (SlotClass.OTHER, _UNDETERMINED): Row(Finding.UNDETERMINED, *_FIND, "R14"),
    (SlotClass.PARTIAL_ACB, _PLACE): Row(Finding.PARTIAL, *_SUPPLIER, "R12"),
    (SlotClass.PARTIAL_ACB, _LEAVE): Row(Finding.PARTIAL, *_REVIEW, "R13"),
    (SlotClass.PARTIAL_ACB, _EXITING): Row(Finding.PARTIAL, *_REVIEW, "R17"),
    (SlotClass.PARTIAL_ACB, _UNDETERMINED): Row(Finding.PARTIAL, *_FIND, "R14"),
} | {(slot, expected): row for slot, row in _EVERYWHERE.items() for expected in Expected}
"""A row for each class of a slot and each expectation."""
