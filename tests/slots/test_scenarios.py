"""The rule by scenario: each fact is one a service manager would name."""

from dataclasses import replace
from datetime import date

import pytest

from slotkeeper.slots.facts import (
    Cell,
    Certificate,
    Certificates,
    Device,
    Evidence,
    Exit,
    KeyUsage,
    Meter,
    Party,
    Period,
    Policy,
    Registered,
    Slot,
    Status,
    StatusCode,
)
from slotkeeper.slots.rule import Judgement, decide

ACB = "90-B3-D5-1F-30-00-00-02"
NORTH, SOUTH, NORTH_TOO = (f"90-B3-D5-1F-30-02-00-0{digit}" for digit in "013")
START = date(2026, 1, 1)
COMMISSIONED = date(2026, 5, 1)
DAY = date(2026, 6, 1)
POLICY = Policy(
    acb_id=ACB,
    acb_keys={"DS": frozenset({"a1", "a0"}), "KA": frozenset({"a2"})},
    coverage_from=date(2026, 2, 1),
)
USER = Party(party_id="NORTH", eui64=(NORTH, NORTH_TOO), dcc_user=(Period(first=START),))
OTHER = Party(party_id="SOUTH", eui64=(SOUTH,), dcc_user=(Period(first=START),))


def certificate(
    eui: str,
    usage: KeyUsage,
    key: str,
    *history: tuple[StatusCode, date],
    party: str | None = "NORTH",
    role: str = "03",
    first: date = START,
    until: date = date(2036, 1, 1),
) -> Certificate:
    statuses = history or (("I", first),)
    return Certificate(
        serial=f"5E{key.upper()}",
        subject_eui64=eui,
        party_id=party,
        role_code=role,
        key_usage=usage,
        key_identifier=key,
        valid=Period(first=first, until=until),
        status=tuple(Status(code=code, first=day) for code, day in statuses),
    )


N_DS, N_KA = certificate(NORTH, "DS", "b1"), certificate(NORTH, "KA", "b2")
S_DS = certificate(SOUTH, "DS", "c1", party="SOUTH")
S_KA = certificate(SOUTH, "KA", "c2", party="SOUTH")
ALL = (N_DS, N_KA, S_DS, S_KA)


def cell(eui: str, key: str) -> Cell:
    return Cell(subject_eui64=eui, key_identifier=key)


def slot(ds: Cell | None, ka: Cell | None, evidence: Evidence = "OUTCOME") -> Slot:
    return Slot(
        digital_signature=ds,
        key_agreement=ka,
        evidence=evidence,
        acb_since=COMMISSIONED,
        acb_put_by=evidence,
    )


IN_ACB = slot(cell(ACB, "a1"), cell(ACB, "a2"))
IN_NORTH = slot(cell(NORTH, "b1"), cell(NORTH, "b2"))
IN_SOUTH = slot(cell(SOUTH, "c1"), cell(SOUTH, "c2"))
METER = Meter(device_id="00-DB-12-34-56-78-90-B0", mprn="1", commissioned_on=COMMISSIONED)
GPF = Device(
    device_id="00-DB-12-34-56-78-90-A3",
    status="Commissioned",
    known_on=date(2026, 11, 1),
    commissioned_on=COMMISSIONED,
    meters=(METER,),
)
REGISTERED = (Registered(first=START, gas_network_party="NORTH", gas_supplier="SUP"),)


def judged(
    held: Slot = IN_ACB,
    *,
    device: Device = GPF,
    registration: tuple[Registered, ...] = REGISTERED,
    parties: tuple[Party, ...] = (USER, OTHER),
    certificates: tuple[Certificate, ...] = ALL,
    policy: Policy = POLICY,
    as_of: date = DAY,
) -> Judgement:
    register = {party.party_id: party for party in parties}
    return decide(
        device, held, registration, register, Certificates.of(certificates), policy, as_of
    )


def test_p1_r13_r15_a_party_that_is_no_user_leaves_the_acb() -> None:
    told = judged(parties=(replace(USER, dcc_user=()), OTHER), certificates=())
    assert (told.finding, told.expected, told.exceptions) == ("COMPLIANT", "LEAVE_ACB", ())


def test_p2_r12_r14_the_supplier_must_act_once_the_limit_has_passed() -> None:
    on_time = judged(as_of=date(2026, 5, 8))
    assert (on_time.finding, on_time.due_on, on_time.overdue_days) == (
        "PENDING",
        date(2026, 5, 8),
        None,
    )
    late = judged(as_of=date(2026, 5, 9))
    assert (late.finding, late.action_by, late.action, late.overdue_days) == (
        "ACTION_ON_SUPPLIER",
        "SUPPLIER",
        "SRV_6.21",
        1,
    )
    assert (late.gas_supplier, late.expected_certificates) == ("SUP", ("5EB1", "5EB2"))


@pytest.mark.parametrize("known", [(), (N_DS,), (N_KA,)])
def test_p3_half_a_subscription_or_none_leaves_the_acb(known: tuple[Certificate, ...]) -> None:
    told = judged(certificates=known)
    assert (told.finding, told.expected) == ("COMPLIANT", "LEAVE_ACB")
    assert told.exceptions == (("HALF_SUBSCRIBED",) if known else ())


def test_p4_r15_a_subscriber_that_is_no_user_is_listed() -> None:
    told = judged(parties=(replace(USER, dcc_user=()), OTHER))
    assert (told.finding, told.exceptions) == ("COMPLIANT", ("SUBSCRIBER_NOT_USER",))


def test_p5_the_right_certificate() -> None:
    assert judged(IN_NORTH).finding == "COMPLIANT"


def test_p6_the_previous_owners_certificate() -> None:
    wrong = judged(IN_SOUTH)
    assert (wrong.finding, wrong.action_by) == ("WRONG_GNO", "GNO_IN_SLOT")
    gone = judged(IN_SOUTH, parties=(USER, replace(OTHER, dcc_user=())))
    assert (gone.finding, gone.action, gone.reason) == (
        "STRANDED",
        "BECOME_USER",
        "OWNER_NOT_A_USER",
    )


@pytest.mark.parametrize("after", [(), (("E", date(2026, 4, 1)),)])
def test_p7_p26_p27_revoked_stays_revoked(after: tuple[tuple[StatusCode, date], ...]) -> None:
    revoked = certificate(
        SOUTH, "DS", "c1", ("I", START), ("R", date(2026, 3, 1)), *after, party="SOUTH"
    )
    told = judged(IN_SOUTH, certificates=(N_DS, N_KA, revoked, S_KA))
    assert (told.finding, told.reason, told.action_by) == (
        "STRANDED",
        "REVOKED",
        "NOBODY_REMOTELY",
    )


def test_p8_as_of_is_the_end_of_the_day() -> None:
    party = replace(USER, dcc_user=(Period(first=START, until=date(2026, 5, 20)),))
    assert judged(parties=(party, OTHER), as_of=date(2026, 5, 19)).finding == "ACTION_ON_SUPPLIER"
    assert judged(parties=(party, OTHER), as_of=date(2026, 5, 20)).finding == "COMPLIANT"


@pytest.mark.parametrize("parties", [(), (USER, OTHER)])
def test_p9_r14_nothing_is_said_of_an_unknown_party(parties: tuple[Party, ...]) -> None:
    told = judged(registration=() if parties else REGISTERED, parties=parties)
    assert (told.finding, told.action) == ("UNDETERMINED", "FIND_MPRN_OR_GNP")


@pytest.mark.parametrize("status", ["Decommissioned", "Withdrawn"])
def test_p10_p11_retired(status: str) -> None:
    told = judged(device=replace(GPF, status=status))
    assert (told.finding, told.reason) == ("NOT_APPLICABLE", "RETIRED")


def test_p11_suspended_is_judged_and_not_actionable() -> None:
    told = judged(device=replace(GPF, status="Suspended"))
    assert (told.finding, told.actionable) == ("ACTION_ON_SUPPLIER", False)


def test_p15_r16_other_devices() -> None:
    assert judged(device=replace(GPF, device_type="ESME")).reason == "NOT_GPF"


def test_the_same_facts_in_any_order_give_the_same() -> None:
    assert judged(certificates=ALL[::-1]) == judged()


def test_p17_a_network_is_sold() -> None:
    sold = (Registered(first=DAY, gas_network_party="SOUTH", gas_supplier="SUP"),)
    before = judged(IN_NORTH, registration=REGISTERED + sold, as_of=date(2026, 5, 31))
    after = judged(IN_NORTH, registration=REGISTERED + sold)
    assert (before.finding, after.finding, after.action_by) == (
        "COMPLIANT",
        "WRONG_GNO",
        "GNO_IN_SLOT",
    )


def test_p17_a_party_is_given_its_limit_from_the_day_of_the_sale() -> None:
    sold = Registered(first=START, gas_network_party="SOUTH", gas_supplier="SUP")
    bought = Registered(first=date(2026, 5, 20), gas_network_party="NORTH", gas_supplier="SUP")
    assert judged(registration=(sold, bought)).due_on == date(2026, 5, 27)


def test_p18_a_user_only_later() -> None:
    party = replace(USER, dcc_user=(Period(first=date(2026, 5, 20)),))
    told = judged(parties=(party, OTHER))
    assert (told.finding, told.obligation_from, told.due_on) == (
        "PLACEMENT_POSSIBLE",
        date(2026, 5, 20),
        None,
    )
    acting = judged(parties=(party, OTHER), policy=replace(POLICY, later_user="action"))
    assert (acting.finding, acting.due_on) == ("ACTION_ON_SUPPLIER", date(2026, 5, 27))


def test_p20_a_renewal() -> None:
    new = certificate(NORTH, "DS", "b3", first=date(2026, 5, 10))
    assert judged(IN_NORTH, certificates=(*ALL, new)).finding == "COMPLIANT"
    revoked = certificate(NORTH, "DS", "b1", ("I", START), ("R", date(2026, 5, 20)))
    assert judged(IN_NORTH, certificates=(revoked, N_KA, new)).finding == "STRANDED"
    # The obligation does not start anew: some certificate was always in use.
    assert judged(certificates=(revoked, N_KA, new)).due_on == date(2026, 5, 8)
    old_ka = certificate(NORTH, "KA", "b2", ("I", START), ("R", date(2026, 5, 20)))
    new_ka = certificate(NORTH, "KA", "b4", first=date(2026, 5, 10))
    assert judged(IN_NORTH, certificates=(N_DS, old_ka, new_ka)).finding == "PARTIAL"


def test_p21_halves() -> None:
    mixed = judged(slot(cell(NORTH, "b1"), cell(SOUTH, "c2")))
    assert (mixed.finding, mixed.action, mixed.requirement) == ("PARTIAL", "SRV_6.15.1", "R12")
    half = judged(slot(cell(ACB, "a1"), None))
    assert (half.finding, half.completeness) == ("ACTION_ON_SUPPLIER", "UNVERIFIED")
    rest = judged(slot(cell(ACB, "a1"), cell(SOUTH, "c2")))
    assert (rest.finding, rest.action_by, rest.action) == ("PARTIAL", "SUPPLIER", "SRV_6.21")


def test_p22_an_untouched_device() -> None:
    told = judged(Slot(), parties=(replace(USER, dcc_user=()), OTHER))
    assert (told.finding, told.evidence) == ("COMPLIANT", "PRESUMED_FACTORY")
    older = replace(GPF, commissioned_on=date(2026, 1, 31))
    assert (judged(Slot(), device=older).finding, judged(Slot(), device=older).action) == (
        "UNKNOWN",
        "READ_BACK",
    )


def test_p28_two_meters_and_two_gpfs() -> None:
    newer = Meter(device_id="00-DB-12-34-56-78-90-B1", mprn="2", commissioned_on=date(2026, 5, 5))
    for meters in ((METER, newer), (newer, METER)):
        told = judged(device=replace(GPF, meters=meters, mprn_elsewhere=True))
        assert (told.mprn, told.due_on) == ("2", date(2026, 5, 12))
        assert told.exceptions == ("TWO_GPFS", "TWO_METERS")


def test_p29_the_supplier_of_the_day_is_accountable() -> None:
    change = Registered(first=date(2026, 5, 20), gas_network_party="NORTH", gas_supplier="NEW")
    told = judged(registration=(*REGISTERED, change))
    assert (told.gas_supplier, told.due_on) == ("NEW", date(2026, 5, 8))
    assert told.exceptions == ("FORMER_SUPPLIER",)
    assert "FORMER_SUPPLIER=SUP" in told.reason


def test_p30_a_party_that_never_subscribed() -> None:
    party = Party(party_id="NORTH", eui64=(NORTH,))
    told = judged(parties=(party,), certificates=())
    assert (told.finding, told.expected) == ("COMPLIANT", "LEAVE_ACB")


@pytest.mark.parametrize("day", [None, date(2015, 12, 31), date(2026, 11, 2)])
def test_p36_an_impossible_commissioning_is_never_overdue(day: date | None) -> None:
    told = judged(device=replace(GPF, commissioned_on=day))
    assert (told.finding, told.due_on, told.exceptions) == ("PENDING", None, ("DATE_MISSING",))


def test_not_yet_commissioned() -> None:
    assert judged(as_of=date(2026, 4, 30)).reason == "NOT_COMMISSIONED"


def test_p37_keys_of_the_acb() -> None:
    assert judged(slot(cell(ACB, "a0"), cell(ACB, "a2"))).finding == "ACTION_ON_SUPPLIER"
    told = judged(slot(cell(ACB, "ff"), cell(ACB, "a2")))
    assert (told.finding, told.action) == ("UNRECOGNISED_CERTIFICATE", "UPDATE_REGISTER")


def test_p38_a_recovery_names_no_key_of_the_acb() -> None:
    told = judged(slot(cell(ACB, ""), cell(ACB, ""), "ALERT"))
    assert (told.finding, told.completeness) == ("ACTION_ON_SUPPLIER", "COMPLETE")


def test_of_a_party_whose_certificate_nobody_named_nothing_is_said() -> None:
    told = judged(slot(cell(NORTH, ""), cell(ACB, "a2")))
    assert (told.finding, told.action, told.completeness) == ("UNKNOWN", "READ_BACK", "UNVERIFIED")
    told = judged(slot(cell(NORTH, "b1"), cell(NORTH, "")))
    assert (told.finding, told.completeness) == ("COMPLIANT", "UNVERIFIED")


def test_p41_two_identities_of_one_party() -> None:
    ka = certificate(NORTH_TOO, "KA", "b2")
    told = judged(slot(cell(NORTH, "b1"), cell(NORTH_TOO, "b2")), certificates=(N_DS, ka))
    assert told.finding == "COMPLIANT"


def test_a_leaving_party() -> None:
    leaving = replace(USER, exits=(Exit(intent_on=date(2026, 5, 15)),))
    held = judged(IN_NORTH, parties=(leaving, OTHER))
    assert (held.finding, held.action) == ("EXIT_OUTSTANDING", "SRV_6.15.1")
    assert judged(parties=(leaving, OTHER)).finding == "COMPLIANT"
    placed = judged(parties=(leaving, OTHER), policy=replace(POLICY, exit_expectation="place"))
    assert (placed.finding, placed.expected) == ("ACTION_ON_SUPPLIER", "PLACE_GNO_CERTIFICATE")


def test_p39_a_cancelled_exit_starts_the_obligation_anew() -> None:
    back = replace(USER, exits=(Exit(intent_on=date(2026, 5, 15), cancelled_on=date(2026, 5, 30)),))
    told = judged(parties=(back, OTHER))
    assert (told.finding, told.due_on) == ("PENDING", date(2026, 6, 6))


def test_a_certificate_of_another_role() -> None:
    supplier = certificate(SOUTH, "DS", "c1", party=None, role="02")
    electricity = certificate(SOUTH, "DS", "c1", party=None)
    for one in (supplier, electricity):
        assert judged(IN_SOUTH, certificates=(one, S_KA)).finding == "ALIEN_CERTIFICATE"


def test_keys_that_are_destroyed_cannot_sign() -> None:
    gone = Exit(intent_on=START, keys_kept_until=DAY)
    told = judged(IN_SOUTH, parties=(USER, replace(OTHER, exits=(gone,))))
    assert (told.finding, told.reason) == ("STRANDED", "KEYS_DESTROYED")


def test_a_cancelled_exit_whose_keys_are_said_to_be_destroyed() -> None:
    told = Exit(intent_on=START, cancelled_on=date(2026, 4, 1), keys_kept_until=date(2026, 5, 1))
    found = judged(IN_SOUTH, parties=(USER, replace(OTHER, exits=(told,))))
    assert (found.finding, found.reason) == ("STRANDED", "KEYS_DESTROYED")


def test_a_registration_that_names_nobody_dates_nothing() -> None:
    nobody = Registered(first=date(2026, 5, 25), gas_network_party=None, gas_supplier="SUP")
    told = judged(device=replace(GPF, gas_network_party="NORTH"), registration=(nobody,))
    assert (told.gas_network_party, told.due_on) == ("NORTH", date(2026, 5, 8))


def test_what_still_signs_is_a_policy() -> None:
    expired = certificate(SOUTH, "DS", "c1", until=DAY, party="SOUTH")
    known = (N_DS, N_KA, expired, S_KA)
    assert judged(IN_SOUTH, certificates=known).reason == "EXPIRED"
    assert (
        judged(IN_SOUTH, certificates=known, policy=replace(POLICY, expired_signs=True)).finding
        == "WRONG_GNO"
    )
    unused = certificate(SOUTH, "DS", "c1", ("N", START), party="SOUTH")
    known = (N_DS, N_KA, unused, S_KA)
    assert judged(IN_SOUTH, certificates=known).reason == "NOT_IN_USE"
    policy = replace(POLICY, not_in_use_signs=True)
    assert judged(IN_SOUTH, certificates=known, policy=policy).finding == "WRONG_GNO"


def test_a_doubtful_cell_counts_as_unknown() -> None:
    doubtful = Cell(subject_eui64=ACB, key_identifier="a1", doubtful=True)
    assert judged(slot(doubtful, cell(ACB, "a2"))).finding == "UNKNOWN"


@pytest.mark.parametrize("evidence", ["READ_BACK", "IMPORT"])
def test_a_read_back_starts_no_obligation(evidence: Evidence) -> None:
    held = replace(IN_ACB, acb_since=date(2026, 5, 30), acb_put_by=evidence)
    assert judged(held).due_on == date(2026, 5, 8)
    assert judged(replace(held, acb_put_by="OUTCOME")).due_on == date(2026, 6, 6)
