"""Reports: scenarios by number, from streams to files."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from tests.slots.desk import Desk, eui, operator, pem, revocations
from tests.slots.fleet import ACB_CELLS, POLICY, Cells, Fleet, Report, device

from slotkeeper.errors import FaultFoundError, TryLaterError, WrongUseError
from slotkeeper.slots.build.folder import only_builder, open_build
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.report import joining
from slotkeeper.slots.report.comparing import differences

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TODAY = NOW.date()
NORTH, SOUTH = operator(1), operator(2)
PARTIES = (
    "party_id,name,kind,eui64,dcc_user_from\n"
    f"NORTH,Northern,GNO,{eui(NORTH)},2025-01-01\nSOUTH,Southern,GNO,{eui(SOUTH)},2025-01-01\n"
    "WEST,Western,IGT,,\n"
)
OF_NORTH: Cells = (
    (eui(NORTH), NORTH.digital_signature.details.key_identifier.hex()),
    (eui(NORTH), NORTH.key_agreement.details.key_identifier.hex()),
)
LONG_AGO = datetime(2026, 5, 2, tzinfo=UTC)


@pytest.fixture
async def fleet(tmp_path: Path) -> Fleet:
    """Two operators with certificates, a third without, and a meter point of each."""
    desk = Desk(tmp_path)
    await desk.parties(PARTIES)
    for one in (NORTH, SOUTH):
        both = pem(one.digital_signature.certificate) + pem(one.key_agreement.certificate)
        await desk.certificates(both, status="I")
    await desk.registrations(
        "mprn,from,gas_network_party,gas_supplier\n"
        "1,2025-01-01,NORTH,SUP\n2,2025-01-01,SOUTH,SUP\n3,2025-01-01,WEST,SUP\n"
    )
    return Fleet(desk)


async def joined(fleet: Fleet, number: int, mprn: str, **members: str) -> None:
    """Put a GPF and its gas meter into the inventory."""
    gpf = await fleet.inventory(number, commissioned_on="2026-05-01", **members)
    await fleet.inventory(
        number + 1_000, device_type="GSME", mprn=mprn, gpf=gpf, commissioned_on="2026-05-01"
    )


async def test_p01_p02_p05_p06_r14_each_device_has_its_line(fleet: Fleet) -> None:
    for number, mprn in ((1, "1"), (2, "1"), (3, "2"), (4, "3")):
        await joined(fleet, number, mprn)
    fleet.decided(1, OF_NORTH, LONG_AGO)
    fleet.decided(2, ACB_CELLS, LONG_AGO, existed=OF_NORTH)
    fleet.decided(3, OF_NORTH, LONG_AGO)
    fleet.decided(4, ACB_CELLS, LONG_AGO)
    report = fleet.report(await fleet.build(NOW), TODAY)
    found = {row["device_id"]: row for row in report.rows()}
    assert [found[device(number)]["finding"] for number in (1, 2, 3, 4)] == [
        "COMPLIANT",
        "ACTION_ON_SUPPLIER",
        "WRONG_GNO",
        "COMPLIANT",
    ]
    late = found[device(2)]
    assert (late["action_by"], late["action"], late["gas_supplier"]) == (
        "SUPPLIER",
        "SRV_6.21",
        "SUP",
    )
    assert (late["obligation_from"], late["due_on"]) == ("2026-05-02", "2026-05-09")
    assert late["overdue_days"] == str((TODAY - date(2026, 5, 9)).days)
    assert late["expected_ds_serial"]
    assert found[device(3)]["ds_party"] == "NORTH"
    assert found[device(3)]["ds_certificate_status"] == "I"
    assert report.totals["findings"] == {
        "ACTION_ON_SUPPLIER": 1,
        "COMPLIANT": 2,
        "WRONG_GNO": 1,
    }
    [summary] = [row for row in report.rows("summary.csv") if row["finding"] == "WRONG_GNO"]
    assert (summary["gas_network_party"], summary["devices"]) == ("SOUTH", "1")


async def test_p07_p43_stranded_devices_are_the_leavers(fleet: Fleet) -> None:
    for number in range(1, 51):
        await joined(fleet, number, "2")
        fleet.decided(number, OF_NORTH, LONG_AGO)
    await fleet.desk.certificates(revocations(NORTH.digital_signature.certificate))
    report = fleet.report(await fleet.build(NOW), TODAY)
    assert report.totals["findings"] == {"STRANDED": 50}
    assert {row["action_by"] for row in report.rows()} == {"NOBODY_REMOTELY"}
    [line] = report.rows("summary.csv")
    assert (line["finding"], line["devices"]) == ("STRANDED", "50")


async def test_p08_p17_a_report_is_of_its_day(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    fleet.decided(1, OF_NORTH, LONG_AGO)
    fleet.decided(1, ACB_CELLS, datetime(2026, 8, 1, 12, tzinfo=UTC))
    await fleet.desk.registrations("mprn,from,gas_network_party\n1,2026-07-01,SOUTH\n")
    folder = await fleet.build(NOW)
    found = {
        day: fleet.report(folder, date.fromisoformat(day)).of(1)
        for day in ("2026-05-01", "2026-06-30", "2026-07-01", "2026-07-31", "2026-08-01")
    }
    assert [row["finding"] for row in found.values()] == [
        "UNKNOWN",
        "COMPLIANT",
        "WRONG_GNO",
        "WRONG_GNO",
        "PENDING",
    ]
    assert found["2026-08-01"]["slot_since"] == "2026-08-01"


async def test_a_decision_that_changes_no_cell_does_not_date_the_slot_anew(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    fleet.decided(1, ACB_CELLS, LONG_AGO)
    fleet.decided(1, ACB_CELLS, datetime(2026, 9, 1, tzinfo=UTC), disposition="ISSUED")
    row = fleet.report(await fleet.build(NOW), TODAY).of(1)
    assert (row["slot_since"], row["due_on"]) == ("2026-05-02", "2026-05-09")


async def test_other_certificates_of_the_acb_do_not_date_the_duty_anew(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    half: Cells = (ACB_CELLS[0], None)
    fleet.decided(1, half, LONG_AGO, existed=OF_NORTH)
    fleet.decided(1, ACB_CELLS, datetime(2026, 9, 1, tzinfo=UTC), reason="READ_BACK")
    folder = await fleet.build(NOW)
    row = fleet.report(folder, TODAY).of(1)
    assert (row["slot_since"], row["due_on"], row["evidence"]) == (
        "2026-09-01",
        "2026-05-09",
        "READ_BACK",
    )
    assert fleet.report(folder, date(2026, 8, 31)).of(1)["due_on"] == "2026-05-09"


async def test_before_its_first_message_a_slot_held_what_that_one_found(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    fleet.decided(1, ACB_CELLS, LONG_AGO, existed=OF_NORTH)
    row = fleet.report(await fleet.build(NOW), date(2026, 5, 1)).of(1)
    assert (row["ds_party"], row["finding"], row["slot_since"]) == ("NORTH", "COMPLIANT", "")


async def test_p09_without_meter_or_meter_point_nobody_is_blamed(fleet: Fleet) -> None:
    await fleet.inventory(1, commissioned_on="2026-05-01")
    gpf = await fleet.inventory(2, commissioned_on="2026-05-01")
    await fleet.inventory(1_002, device_type="GSME", gpf=gpf, commissioned_on="2026-05-01")
    for number in (1, 2):
        fleet.decided(number, ACB_CELLS, LONG_AGO)
    report = fleet.report(await fleet.build(NOW), TODAY)
    assert [row["finding"] for row in report.rows()] == ["UNDETERMINED"] * 2
    assert [row["action_by"] for row in report.rows()] == ["DCC"] * 2


async def test_p10_p11_p15_r16_what_the_rule_is_not_about_is_counted(fleet: Fleet) -> None:
    await joined(fleet, 1, "1", status="Decommissioned")
    await joined(fleet, 2, "1", replaces=device(1))
    await joined(fleet, 3, "1", smets_version="SMETS1")
    await joined(fleet, 4, "1", status="Pending")
    await joined(fleet, 5, "2", status="Suspended")
    await fleet.inventory(6, device_type="ESME")
    for number in range(1, 7):
        fleet.decided(number, ACB_CELLS, LONG_AGO)
    report = fleet.report(await fleet.build(NOW), TODAY)
    assert [row["device_id"] for row in report.rows()] == [device(2), device(5)]
    assert report.of(2)["replaces"] == device(1)
    assert report.of(5)["actionable"] == "false"
    assert report.totals["gpfs"] == 5
    assert report.totals["not_applicable"] == {"NOT_COMMISSIONED": 1, "RETIRED": 1, "SMETS1": 1}
    assert sum(one["gpfs"] for one in report.totals["partitions"]) == 5
    # The retired hub had the same meter point, and is no second one.
    assert report.of(5)["exceptions"] == ""


async def test_p16_runs_threads_and_repeats_give_the_same_bytes(fleet: Fleet) -> None:
    for number in range(1, 40):
        await joined(fleet, number, str(number % 3 + 1))
        fleet.decided(number, OF_NORTH if number % 2 else ACB_CELLS, LONG_AGO)
    folder = await fleet.build(NOW)
    one, two = (fleet.report(folder, TODAY, threads=threads) for threads in (1, 2))
    assert one.octets() == two.octets()
    lines = (one.folder / "device.csv").read_bytes().splitlines()
    assert b"\r" not in (one.folder / "device.csv").read_bytes()
    assert lines[1:] == sorted(lines[1:])
    assert one.totals["gpfs"] == one.totals["judged"] == 39


async def test_however_many_partitions_are_brought_together_at_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 20):
        await joined(fleet, number, str(number % 3 + 1))
        if number % 3:
            fleet.decided(number, ACB_CELLS, LONG_AGO, existed=OF_NORTH)
    folder = await fleet.build(NOW)
    together = fleet.report(folder, TODAY)
    assert len(together.rows()) == 19
    monkeypatch.setattr(joining, "_AT_ONCE", 1)
    apart = fleet.report(folder, TODAY)
    assert apart.octets() == together.octets()


async def test_each_party_gets_its_own_rows_and_no_others(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    await joined(fleet, 2, "2")
    await fleet.inventory(3, commissioned_on="2026-05-01")
    folder = await fleet.build(NOW)
    report = fleet.report(folder, TODAY, split_by="gnp")
    shares = report.folder / "by-gnp"
    assert sorted(one.name for one in shares.iterdir()) == ["NORTH", "SOUTH"]
    north, south = (
        Report(shares / name, {}).rows() + Report(shares / name, {}).rows("summary.csv")
        for name in ("NORTH", "SOUTH")
    )
    assert [row.get("device_id") for row in north] == [device(1), None]
    assert [row.get("device_id") for row in south] == [device(2), None]
    supplier = fleet.report(folder, TODAY, split_by="supplier").folder / "by-supplier"
    assert [row["device_id"] for row in Report(supplier / "SUP", {}).rows()] == [
        device(1),
        device(2),
    ]
    assert len(report.rows()) == 3
    manifest = orjson.loads((report.folder / "manifest.json").read_bytes())
    assert "by-gnp/NORTH/device.csv" in manifest["files"]


async def test_p22_a_device_that_was_never_heard_of(fleet: Fleet) -> None:
    await joined(fleet, 1, "3")
    folder = await fleet.build(NOW)
    assert fleet.report(folder, TODAY).of(1)["finding"] == "UNKNOWN"
    policy = Policy(acb_id=POLICY.acb_id, acb_keys=POLICY.acb_keys, coverage_from=date(2026, 5, 1))
    row = fleet.report(folder, TODAY, policy=policy).of(1)
    assert (row["finding"], row["evidence"]) == ("COMPLIANT", "PRESUMED_FACTORY")


async def test_p22_p36_nothing_is_presumed_from_an_impossible_date(fleet: Fleet) -> None:
    for number, day in ((1, "2015-05-05"), (2, "2017-01-01")):
        await fleet.inventory(number, commissioned_on=day, gas_network_party="WEST")
    policy = Policy(acb_id=POLICY.acb_id, acb_keys=POLICY.acb_keys, coverage_from=date(2015, 1, 1))
    report = fleet.report(await fleet.build(NOW), TODAY, policy=policy)
    assert [row["evidence"] for row in report.rows()] == ["NONE", "PRESUMED_FACTORY"]


async def test_p28_two_meters_and_two_gpfs(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    await fleet.inventory(
        2_001, device_type="GSME", mprn="2", gpf=device(1), commissioned_on="2026-06-01"
    )
    await joined(fleet, 2, "2")
    for number in (1, 2):
        fleet.decided(number, ACB_CELLS, LONG_AGO)
    report = fleet.report(await fleet.build(NOW), TODAY)
    assert report.of(1)["mprn"] == "2"
    assert report.of(1)["gsme_commissioned_on"] == "2026-06-01"
    assert report.of(1)["exceptions"] == "TWO_GPFS;TWO_METERS"
    assert report.of(2)["exceptions"] == "TWO_GPFS"
    kinds = [row["kind"] for row in report.rows("exceptions.csv")]
    assert kinds == ["TWO_GPFS", "TWO_GPFS", "TWO_METERS"]


async def test_p31_what_comes_later_changes_a_later_build_alone(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    fleet.decided(1, OF_NORTH, LONG_AGO)
    folder = await fleet.build(NOW)
    first = fleet.report(folder, date(2026, 7, 1))
    fleet.decided(1, ACB_CELLS, datetime(2026, 6, 1, tzinfo=UTC))
    await fleet.build(NOW)
    again = fleet.report(folder, date(2026, 7, 1), known_by=first.folder / "manifest.json")
    assert again.octets() == first.octets()
    later = fleet.report(folder, date(2026, 7, 1))
    assert (first.of(1)["finding"], later.of(1)["finding"]) == ("COMPLIANT", "ACTION_ON_SUPPLIER")
    assert list(differences(first.folder, again.folder)) == []
    [one] = differences(first.folder, later.folder)
    assert one.device_id == device(1)
    assert one.was is not None
    assert one.now is not None
    assert (one.was["finding"], one.now["finding"]) == ("COMPLIANT", "ACTION_ON_SUPPLIER")
    assert "mprn" not in one.now


async def test_p36_impossible_dates_are_never_late(fleet: Fleet) -> None:
    for number, day in ((1, "2015-01-01"), (2, "2031-01-01"), (3, "never")):
        gpf = await fleet.inventory(number, commissioned_on=day, mprn="1")
        await fleet.inventory(
            number + 1_000, device_type="GSME", gpf=gpf, commissioned_on="2026-05-01"
        )
        fleet.decided(number, ACB_CELLS, LONG_AGO)
    report = fleet.report(await fleet.build(NOW), TODAY)
    assert {row["finding"] for row in report.rows()} == {"PENDING"}
    assert all("DATE_MISSING" in row["exceptions"] for row in report.rows())
    assert {row["overdue_days"] for row in report.rows()} == {""}


async def test_without_registers_nothing_is_right_and_nobody_has_to_act(tmp_path: Path) -> None:
    fleet = Fleet(Desk(tmp_path))
    await joined(fleet, 1, "1")
    await joined(fleet, 2, "1")
    fleet.decided(1, ACB_CELLS, LONG_AGO)
    fleet.decided(2, OF_NORTH, LONG_AGO)
    found = {row["finding"] for row in fleet.report(await fleet.build(NOW), TODAY).rows()}
    assert found == {"UNDETERMINED", "UNRECOGNISED_CERTIFICATE"}


async def test_the_last_message_by_time_counts_whatever_came_last(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    fleet.decided(1, ACB_CELLS, NOW, received_at="2026-06-01T00:00:00Z")
    told = {"digest": "01", "signature": "valid", "device_time": "2026-05-15T00:00:00Z"}
    usages = zip(("digitalSignature", "keyAgreement"), OF_NORTH, strict=True)
    cells = [
        {
            "key_usage": usage,
            "status": "success",
            "replacing_subject_unique_id": cell[0],
            "replacing_subject_key_identifier": cell[1],
        }
        for usage, cell in usages
        if cell
    ]
    # It came late: the worker knows that the ACB has been there since.
    received = "2026-05-15T10:00:00Z"
    fleet.decided(1, ACB_CELLS, NOW, received_at=received, message=told, cells=cells)
    row = fleet.report(await fleet.build(NOW), TODAY).of(1)
    assert (row["slot_since"], row["slot_since_source"]) == ("2026-06-01", "RECEIVED")
    row = fleet.report(await fleet.build(NOW), date(2026, 5, 20)).of(1)
    assert (row["ds_party"], row["slot_since_source"]) == ("NORTH", "DEVICE")


async def test_a_clock_of_the_future_is_not_believed(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    told = {"digest": "01", "signature": "valid", "device_time": "2033-01-01T00:00:00Z"}
    fleet.decided(1, OF_NORTH, LONG_AGO, message=told)
    row = fleet.report(await fleet.build(NOW), TODAY).of(1)
    assert (row["slot_since"], row["slot_since_source"]) == ("2026-05-02", "DECISION")


async def test_what_cannot_be_read_costs_no_other_device_anything(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    fleet.decided(1, OF_NORTH, LONG_AGO)
    for octets in (
        b"{",
        b"[]",
        b"7",
        b'{"remote_party_role": "NetworkOperator", "slot": 7}',
        b'{"remote_party_role": "NetworkOperator", "slot": {"a": 1}, "decided_at": "x"}',
        b'{"kind": "acknowledgement"}',
    ):
        fleet.audit(1, octets)
    await fleet.inventory(2, status={"x": 1}, mprn=["=1"], commissioned_on=7, gpf="no")
    report = fleet.report(await fleet.build(NOW), TODAY)
    assert report.of(1)["finding"] == "COMPLIANT"
    assert report.of(2)["finding"] == "UNKNOWN"


async def test_a_damaged_build_is_said_and_the_last_complete_one_stays(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await joined(fleet, 1, "1")
    folder = await fleet.build(NOW)
    first = open_build(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("slotkeeper.slots.build.building.add_build", full)
        with pytest.raises(TryLaterError, match="No space"):
            await fleet.build(NOW)
    assert open_build(folder).name == first.name
    assert [one.name for one in (folder / "builds").iterdir()] == [first.name]
    with only_builder(folder), pytest.raises(TryLaterError):
        await fleet.build(NOW)
    await fleet.build(NOW + timedelta(days=1))
    assert open_build(folder).name != first.name
    assert not list(folder.glob(".making*"))
    os.truncate(folder / open_build(folder).files("history")[0].path, 100)
    with pytest.raises(FaultFoundError, match=r"damaged: history/"):
        open_build(folder)
    with pytest.raises(WrongUseError, match="no build"):
        open_build(folder / "builds")


async def test_a_manifest_says_what_a_report_was_made_of(fleet: Fleet) -> None:
    await joined(fleet, 1, "1")
    folder = await fleet.build(NOW)
    report = fleet.report(folder, TODAY)
    manifest = orjson.loads((report.folder / "manifest.json").read_bytes())
    build = open_build(folder)
    assert manifest["made_of"] == build.manifest["files"]
    assert manifest["policy"]["acb_keys"] == {"DS": ["a" * 16], "KA": ["b" * 16]}
    assert manifest["positions"]["smart-metering-inventory"]
    assert set(manifest["files"]) >= {"device.csv", "reconciliation.json"}


async def test_what_rests_on_no_known_authority_is_counted(fleet: Fleet) -> None:
    for number in (1, 2, 3):
        await joined(fleet, number, "1")
    fleet.decided(1, OF_NORTH, LONG_AGO)
    fleet.decided(2, OF_NORTH, LONG_AGO, flags=["ABOVE_CEILING", "UNANCHORED"])
    fleet.decided(3, ACB_CELLS, LONG_AGO, flags=["UNANCHORED"])
    fleet.decided(3, OF_NORTH, NOW - timedelta(days=3))
    folder = await fleet.build(NOW)
    today = fleet.report(folder, TODAY, split_by="supplier")
    assert today.totals["unanchored"] == 1
    assert today.totals["findings"] == {"COMPLIANT": 3}
    earlier = fleet.report(folder, TODAY - timedelta(days=9))
    assert earlier.totals["unanchored"] == 2
    own = orjson.loads((today.folder / "by-supplier" / "SUP" / "summary.json").read_bytes())
    assert own == {
        "findings": {"COMPLIANT": 3},
        "evidence": {"OUTCOME": 3},
        "unanchored": 1,
    }
