"""Sentences about findings: there is one for whatever the rule can say."""

from itertools import product
from typing import get_args

import pytest

from slotkeeper.explain.findings import (
    ACTIONS,
    ACTORS,
    CANNOT_SIGN,
    EVIDENCE,
    FINDINGS,
    REQUIREMENTS,
    verdict,
)
from slotkeeper.explain.slot import requirement_text
from slotkeeper.slots.facts import Evidence
from slotkeeper.slots.table import TABLE, Expected, Finding

ACB_IN = "The ACB's certificates are in the slot, where NORTH's belong;"


def row(**members: object) -> dict[str, object]:
    return {
        "gas_supplier": "SUP",
        "gas_network_party": "NORTH",
        "ds_party": "SOUTH",
        "actionable": True,
        "action_by": "NOBODY",
        "action": "NONE",
        **members,
    }


def test_every_word_of_the_rule_has_its_sentence() -> None:
    assert set(FINDINGS) == {finding.value for finding in Finding}
    told = {(one.action_by, one.action) for one in TABLE.values()}
    assert set(ACTIONS) == told | {("GNO_IN_SLOT", "BECOME_USER")}
    assert set(ACTORS) == {who for who, _ in ACTIONS}
    assert set(EVIDENCE) == set(get_args(Evidence))
    for one in TABLE.values():
        assert set(one.requirement.split(";")) <= set(REQUIREMENTS)
        assert requirement_text(one.requirement)


def test_every_finding_can_be_said_of_a_device_whatever_is_not_known() -> None:
    for finding, expected, named in product(Finding, Expected, (True, False)):
        told = verdict(row(finding=finding, expected=expected) if named else {"finding": finding})
        assert told.says.endswith(".")
        assert told.next.endswith(".")
        assert "{" not in told.says + told.next


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (
            {"finding": "PENDING", "due_on": "2026-05-09"},
            f"{ACB_IN} they are due by 9 May 2026.",
        ),
        (
            {"finding": "PENDING"},
            f"{ACB_IN} a commissioning date is missing or impossible, so that nothing is late.",
        ),
        (
            {"finding": "ACTION_ON_SUPPLIER", "due_on": "2026-05-09", "overdue_days": 1},
            f"{ACB_IN} they were due by 9 May 2026 and are 1 day late.",
        ),
        (
            {"finding": "COMPLIANT", "ds_party": None, "reason": "PARTY_LEAVING"},
            "The ACB's certificates are in the slot, and belong there: NORTH was leaving.",
        ),
        (
            {"finding": "COMPLIANT", "ds_party": "NORTH"},
            "NORTH's certificates are in the slot, where they belong.",
        ),
        (
            {"finding": "WRONG_GNO", "expected": "LEAVE_ACB"},
            "SOUTH's certificates are in the slot, where the ACB's belong.",
        ),
        (
            {"finding": "UNDETERMINED", "mprn": "1", "reason": "PARTY_NOT_IN_REGISTER"},
            "NORTH, the meter point's network party, is not in the register of parties.",
        ),
        (
            {"finding": "NOT_APPLICABLE", "reason": "SMETS1"},
            "It is a device of SMETS1, which the rule leaves out.",
        ),
    ],
)
def test_what_is_said(members: dict[str, object], says: str) -> None:
    assert verdict(row(**members)).says == says


@pytest.mark.parametrize("why", CANNOT_SIGN)
def test_a_stranded_slot_names_its_holder_and_why(why: str) -> None:
    told = verdict(row(finding="STRANDED", reason=why))
    assert told.says.startswith(f"SOUTH's certificate is in the slot, and {CANNOT_SIGN[why]}")


def test_who_acts_is_named_and_that_nobody_can_now() -> None:
    told = verdict(row(finding="WRONG_GNO", action_by="GNO_IN_SLOT", action="SRV_6.15.1"))
    assert told.next == "SOUTH hands the slot to the ACB (SRV 6.15.1)."
    told = verdict(
        row(finding="PENDING", action_by="SUPPLIER", action="SRV_6.21", actionable=False)
    )
    assert told.next.startswith(
        "SUP places the network operator's certificates (SRV 6.21). Not now"
    )
