"""Scenarios by number: registers from files, slots from a SQLite store, and the report of them."""

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.slots.desk import serial
from tests.slots.fleet import device
from tests.slots.street import (
    COMMISSIONED,
    DAY,
    IN_ACB,
    METERS,
    NUMBERS,
    OPERATORS,
    RENEWED,
    Street,
    build_street,
    cells_of,
    mprn_of,
    told_of,
)

from slotkeeper.slots.report.comparing import differences

Rows = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Street:
    return build_street(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="module")
def rows(street: Street) -> Rows:
    return street.report()


def said(row: dict[str, str], *names: str) -> tuple[str, ...]:
    return tuple(row[name] for name in names or ("finding", "action_by", "action"))


NOBODY = ("COMPLIANT", "NOBODY", "NONE")


def test_p01_p30_r13_the_acb_is_right_where_a_party_never_subscribed(rows: Rows) -> None:
    row = rows["no user"]
    assert said(row) == NOBODY
    assert said(row, "expected", "reason", "requirement") == (
        "LEAVE_ACB",
        "PARTY_NOT_A_USER",
        "R13;R14",
    )


def test_p02_r12_r14_a_supplier_acts_once_the_limit_has_passed(street: Street, rows: Rows) -> None:
    assert said(rows["due"]) == ("ACTION_ON_SUPPLIER", "SUPPLIER", "SRV_6.21")
    assert said(rows["due"], "due_on", "overdue_days", "requirement") == (
        "2025-03-09",
        str((DAY - date(2025, 3, 9)).days),
        "R12;R14",
    )
    on_time = street.report(date(2025, 3, 9))["due"]
    assert said(on_time, "finding", "overdue_days") == ("PENDING", "")


def test_p03_r13_a_user_without_certificates_leaves_the_acb(rows: Rows) -> None:
    assert said(rows["user without"], "finding", "reason") == (
        "COMPLIANT",
        "NO_CERTIFICATE_IN_USE",
    )
    assert said(rows["half subscribed"], "finding", "exceptions") == (
        "COMPLIANT",
        "HALF_SUBSCRIBED",
    )


def test_p04_r15_a_subscriber_that_is_no_user_is_listed_once(street: Street, rows: Rows) -> None:
    assert said(rows["subscriber"], "finding", "exceptions") == (
        "COMPLIANT",
        "SUBSCRIBER_NOT_USER",
    )
    with (street.folder / f"out-{DAY}" / "exceptions.csv").open(newline="") as file:
        listed = [row for row in csv.DictReader(file) if row["kind"] == "SUBSCRIBER_NOT_USER"]
    # One line a certificate: of SUB, and of GONE and ENDS, whose time as Users is over.
    assert [row["party_id"] for row in listed] == ["ENDS", "ENDS", "GONE", "GONE", "SUB", "SUB"]


def test_p05_r12_the_right_certificate(rows: Rows) -> None:
    assert said(rows["right"]) == NOBODY
    assert said(rows["right"], "ds_party", "ds_certificate_status") == ("NORTH", "I")


def test_p06_an_earlier_owner(rows: Rows) -> None:
    assert said(rows["wrong"]) == ("WRONG_GNO", "GNO_IN_SLOT", "SRV_6.15.1")
    assert said(rows["owner gone"]) == ("STRANDED", "GNO_IN_SLOT", "BECOME_USER")


def test_p07_p27_revoked_and_stranded_is_no_failure_of_the_supplier(rows: Rows) -> None:
    row = rows["revoked"]
    assert said(row) == ("STRANDED", "NOBODY_REMOTELY", "SITE_VISIT_OR_RECOVERY")
    assert said(row, "reason", "ds_certificate_status", "requirement") == ("REVOKED", "R", "R21")


def test_p08_a_status_that_changes_counts_from_its_day(street: Street, rows: Rows) -> None:
    before = street.report(date(2025, 6, 14))
    on_the_day = street.report(date(2025, 6, 15))
    assert said(before["user ends"], "finding") == ("ACTION_ON_SUPPLIER",)
    assert said(on_the_day["user ends"], "finding", "reason") == ("COMPLIANT", "PARTY_NOT_A_USER")
    assert said(rows["user ends"], "gpf_commissioned_on") == (str(COMMISSIONED),)


def test_p09_r14_without_meter_point_nobody_fails(rows: Rows) -> None:
    for name in ("no meter", "no registration"):
        assert said(rows[name]) == ("UNDETERMINED", "DCC", "FIND_MPRN_OR_GNP")
    assert rows["no meter"]["mprn"] == ""


def test_p10_a_hub_that_was_exchanged_is_retired_and_the_new_one_stands_alone(rows: Rows) -> None:
    assert "old hub" not in rows
    assert mprn_of("old hub") == mprn_of("new hub")
    assert "TWO_GPFS" not in rows["new hub"]["exceptions"]


def test_p11_p15_r16_what_is_not_judged_is_counted(street: Street, rows: Rows) -> None:
    assert [name for name in ("withdrawn", "electricity") if name in rows] == []
    for name in ("suspended", "recovery"):
        assert said(rows[name], "finding", "actionable") == ("ACTION_ON_SUPPLIER", "false")
    totals = json.loads((street.folder / f"out-{DAY}" / "reconciliation.json").read_text())
    assert totals["not_applicable"] == {"RETIRED": 2}
    assert totals["gpfs"] == len(NUMBERS) - 1
    assert totals["judged"] == len(rows) == len(NUMBERS) - 3


def test_p16_p31_the_same_build_gives_the_same_bytes(street: Street, rows: Rows) -> None:
    assert rows
    manifest = street.folder / f"out-{DAY}" / "manifest.json"
    first = manifest.parent
    # The policy is the manifest's, whatever the settings say by now.
    street.report(known_by=manifest)
    [again] = [one for one in street.folder.glob("out-*known-by*") if one.is_dir()]
    for name in ("device.csv", "summary.csv", "exceptions.csv", "reconciliation.json"):
        assert (again / name).read_bytes() == (first / name).read_bytes()


def test_p17_a_network_is_sold(street: Street) -> None:
    before, after = (street.report(day)["sold"] for day in (date(2025, 5, 31), date(2025, 6, 1)))
    assert said(before) == NOBODY
    assert said(after) == ("WRONG_GNO", "GNO_IN_SLOT", "SRV_6.15.1")
    assert said(after, "gas_network_party", "ds_party") == ("NORTH", "SOUTH")


def test_p18_a_user_only_after_commissioning(rows: Rows) -> None:
    assert said(rows["user later"]) == ("PLACEMENT_POSSIBLE", "SUPPLIER", "SRV_6.21")
    assert said(rows["user later"], "obligation_from", "due_on") == ("2025-05-01", "")


def test_p20_a_renewal(rows: Rows) -> None:
    assert said(rows["renewal"]) == NOBODY
    assert rows["renewal"]["expected_ds_serial"] == serial(RENEWED.digital_signature.certificate)


def test_p21_halves(rows: Rows) -> None:
    assert said(rows["two operators"]) == ("PARTIAL", "GNO_IN_SLOT", "SRV_6.15.1")
    assert said(rows["half known"], "finding", "completeness") == (
        "ACTION_ON_SUPPLIER",
        "UNVERIFIED",
    )
    assert said(rows["former agreement"]) == ("PARTIAL", "SUPPLIER", "SRV_6.21")


def test_p22_untouched_devices(rows: Rows) -> None:
    assert said(rows["untouched"], "finding", "evidence") == ("COMPLIANT", "PRESUMED_FACTORY")
    assert said(rows["untouched, older"]) == ("UNKNOWN", "SUPPLIER_OR_GNO", "READ_BACK")


def test_p28_the_meter_that_was_commissioned_last_counts(rows: Rows) -> None:
    row = rows["two meters"]
    assert said(row, "mprn", "gsme_commissioned_on", "exceptions") == (
        mprn_of("right"),
        "2025-04-01",
        "TWO_GPFS;TWO_METERS",
    )
    assert "TWO_GPFS" in rows["right"]["exceptions"]


def test_p29_the_supplier_of_the_day_is_accountable(rows: Rows) -> None:
    row = rows["supplier changed"]
    assert said(row, "gas_supplier", "due_on", "exceptions") == (
        "NEW",
        "2025-03-09",
        "FORMER_SUPPLIER",
    )
    assert "FORMER_SUPPLIER=SUP" in row["reason"]


def test_p36_an_impossible_day_is_never_late(rows: Rows) -> None:
    for name in ("no date", "too early", "in the future"):
        assert said(rows[name], "finding", "exceptions", "overdue_days") == (
            "PENDING",
            "DATE_MISSING",
            "",
        )


def test_p37_keys_of_the_acb(rows: Rows) -> None:
    assert rows["retired acb"]["finding"] == "ACTION_ON_SUPPLIER"
    assert said(rows["unknown acb"]) == ("UNRECOGNISED_CERTIFICATE", "DCC", "UPDATE_REGISTER")


def test_p41_two_identities_are_one_party(rows: Rows) -> None:
    assert said(rows["two identities"], "finding", "ds_party", "ka_party") == (
        "COMPLIANT",
        "NORTH",
        "NORTH",
    )


def test_a_leaver_and_a_stranger(rows: Rows) -> None:
    assert said(rows["leaving"]) == ("EXIT_OUTSTANDING", "GNO_IN_SLOT", "SRV_6.15.1")
    assert said(rows["handed back"]) == NOBODY
    assert said(rows["alien"]) == ("ALIEN_CERTIFICATE", "DCC_SECURITY", "INVESTIGATE")


def test_p35_a_list_is_judged_line_by_line_and_compared(street: Street, tmp_path: Path) -> None:
    wanted = tmp_path / "list.csv"
    wanted.write_text(
        "mprn,finding,note\n"
        f"{mprn_of('right')},COMPLIANT,ours\n{mprn_of('due')},PENDING,\n99999,COMPLIANT,\n=1,,\n"
    )
    told = street.run("explain-slot", "--file", wanted, *_at(street)).stdout
    found = list(csv.DictReader(told.splitlines()))
    # The meter point of the third line is at two GPFs.
    assert [row["asked"] for row in found] == [
        mprn_of("right"),
        mprn_of("right"),
        mprn_of("due"),
        "99999",
        "line 4",
    ]
    assert found[2]["differences"] == "finding: PENDING -> ACTION_ON_SUPPLIER"
    assert found[2]["says"].endswith("they were due by 9 Mar 2025 and are 113 days late.")
    assert found[3]["differences"] == "device_id: not in the build"
    only = street.run("explain-slot", "--file", wanted, "--differences", *_at(street)).stdout
    assert mprn_of("due") in only
    assert len(only.splitlines()) == 5


def test_r12_a_verdict_stands_with_its_facts(street: Street) -> None:
    told = street.run("explain-slot", device(NUMBERS["due"]), *_at(street)).stdout
    lines = told.splitlines()
    assert lines[0] == f"{device(NUMBERS['due'])}: ACTION_ON_SUPPLIER"
    assert "Next: SUP places the network operator's certificates (SRV 6.21)." in lines
    assert "- The ACB was put into the slot. This begins the duty." in lines
    assert "    since 2 Mar 2025; the facts above; R12" in lines
    assert "limit_days, a setting and no law" in told
    assert max(map(len, lines)) <= 80
    by_point = street.run("explain-slot", mprn_of("due"), *_at(street)).stdout
    assert by_point == told


def test_p15_r16_other_devices_are_no_gpf(street: Street) -> None:
    meter = street.run("explain-slot", device(METERS + NUMBERS["due"]), *_at(street)).stdout
    assert meter.startswith(f"{device(METERS + NUMBERS['due'])}: NOT_APPLICABLE, NOT_GPF")
    assert f"explain-slot {device(NUMBERS['due'])}" in meter
    other = street.run("explain-slot", device(NUMBERS["electricity"]), "--json", *_at(street))
    assert json.loads(other.stdout)["reason"] == "NOT_GPF"


def test_p10_a_retired_hub_is_explained_as_such(street: Street) -> None:
    told = street.run("explain-slot", device(NUMBERS["old hub"]), *_at(street)).stdout
    assert "It is decommissioned or withdrawn." in told


def test_p31_p42_what_comes_later_shows_in_a_later_build_alone(tmp_path: Path) -> None:
    street = build_street(tmp_path)
    first = street.report()
    north = cells_of(OPERATORS["NORTH"])
    street.publish([told_of("late outcome", IN_ACB, datetime(2025, 4, 1, tzinfo=UTC), north)])
    # A register that is imported again, its rows in another order or in part, stays as it is.
    header, *lines = (tmp_path / "parties.csv").read_text().splitlines()
    for again in (lines, lines[::-1], lines[3:5]):
        file = tmp_path / "again.csv"
        file.write_text("\n".join([header, *again, ""]))
        told = street.run("registers", "import", "parties", file, "--json").stdout
        counts = json.loads(told.splitlines()[-1])
        assert (counts["added"], counts["changed"], counts["refused"]) == (0, 0, 0)
    street.run("slots", "build", "--to", tmp_path / "slots")
    kept = tmp_path / f"out-{DAY}"
    later = tmp_path / "later"
    made = ("report", "--from", tmp_path / "slots", "--as-of", DAY)
    street.run(*made, "--to", later)
    same = tmp_path / "same"
    street.run(*made, "--to", same, "--known-by", kept / "manifest.json")
    assert (same / "device.csv").read_bytes() == (kept / "device.csv").read_bytes()
    [one] = differences(kept, later)
    assert one.device_id == device(NUMBERS["late outcome"])
    assert one.now
    assert (first["late outcome"]["finding"], one.now["finding"]) == (
        "COMPLIANT",
        "ACTION_ON_SUPPLIER",
    )


def _at(street: Street) -> tuple[object, ...]:
    return ("--from", street.folder / "slots", "--as-of", DAY)
