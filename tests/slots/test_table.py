"""All 648 combinations of cells, party and expectation, against a table written a second time."""

from itertools import product

from slotkeeper.slots.table import TABLE, CellClass, Expected, slot_class

CELLS = "ACB ACB_UNRECOGNISED OWN_CAN OWN_CANNOT OTHER_CAN OTHER_CANNOT UNREGISTERED ALIEN UNKNOWN"
EXPECTED = "PLACE_GNO_CERTIFICATE LEAVE_ACB LEAVE_EXITING UNDETERMINED"

# Letters of the key agreement cell in the order of CELLS, for each digital signature cell; where
# both cells are of one party, and where they are not.
SLOTS = {
    "ACB": ("auppppula",) * 2,
    "ACB_UNRECOGNISED": ("u" * 9,) * 2,
    "OWN_CAN": ("gurgggulr", "guggggulr"),
    "OWN_CANNOT": ("s" * 9,) * 2,
    "OTHER_CAN": ("guggogulo", "guggggulo"),
    "OTHER_CANNOT": ("s" * 9,) * 2,
    "UNREGISTERED": ("u" * 9,) * 2,
    "ALIEN": ("l" * 9,) * 2,
    "UNKNOWN": ("k" * 9,) * 2,
}
ROWS = """
a ACTION_ON_SUPPLIER SUPPLIER SRV_6.21 R12;R14 | COMPLIANT NOBODY NONE R13;R14
  | COMPLIANT NOBODY NONE R17 | UNDETERMINED DCC FIND_MPRN_OR_GNP R14
r COMPLIANT NOBODY NONE R12 | COMPLIANT NOBODY NONE R12
  | EXIT_OUTSTANDING GNO_IN_SLOT SRV_6.15.1 R17 | UNDETERMINED DCC FIND_MPRN_OR_GNP R14
o WRONG_GNO GNO_IN_SLOT SRV_6.15.1 R12;R17 | WRONG_GNO GNO_IN_SLOT SRV_6.15.1 R13;R17
  | WRONG_GNO GNO_IN_SLOT SRV_6.15.1 R17 | UNDETERMINED DCC FIND_MPRN_OR_GNP R14
p PARTIAL SUPPLIER SRV_6.21 R12 | PARTIAL DCC REVIEW R13
  | PARTIAL DCC REVIEW R17 | PARTIAL DCC FIND_MPRN_OR_GNP R14
g PARTIAL GNO_IN_SLOT SRV_6.15.1 R17
s STRANDED NOBODY_REMOTELY SITE_VISIT_OR_RECOVERY R21
l ALIEN_CERTIFICATE DCC_SECURITY INVESTIGATE R9
u UNRECOGNISED_CERTIFICATE DCC UPDATE_REGISTER R2
k UNKNOWN SUPPLIER_OR_GNO READ_BACK R14
"""


def written() -> dict[str, list[list[str]]]:
    rows: dict[str, list[list[str]]] = {}
    for line in ROWS.strip().replace("\n  |", " |").splitlines():
        letter, _, rest = line.partition(" ")
        found = [part.split() for part in rest.split("|")]
        rows[letter] = found if len(found) == 4 else found * 4
    return rows


def test_each_of_648_combinations_has_its_row() -> None:
    rows, seen = written(), 0
    cells = CELLS.split()
    for ds, (column, ka), same, (place, expected) in product(
        cells, enumerate(cells), (True, False), enumerate(EXPECTED.split())
    ):
        letter = SLOTS[ds][0 if same else 1][column]
        row = TABLE[slot_class(CellClass(ds), CellClass(ka), same_party=same), Expected(expected)]
        told = [row.finding, row.action_by, row.action, row.requirement]
        assert told == rows[letter][place], (ds, ka, same, expected)
        seen += 1
    assert seen == 648


def test_no_row_is_without_a_combination() -> None:
    assert len(TABLE) == len(written()) * len(Expected)
