"""P34: what is not somebody's does not exist for them, on every route."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from slotkeeper.errors import ConfigurationError
from slotkeeper.pages.persons import Person
from slotkeeper.pages.route import PageRoute
from slotkeeper.pages.routes import DOWNLOADS, PAGES

from .conftest import Console, Start
from .test_routes import example
from .waiting import PATIENCE_S

ROLES = ("SUPPLIER:SUP-1", "GNP:GNO-2", "SUPPLIER:NOBODY")


@pytest.fixture(scope="module", params=ROLES)
def tenant(start: Start, request: pytest.FixtureRequest) -> Console:
    console: Console = start("--role", request.param)
    console.role = request.param  # type: ignore[attr-defined]
    return console


@pytest.fixture(scope="module")
def everything(dcc: Console) -> list[dict[str, Any]]:
    return list(rows(dcc, "/devices.json"))


def rows(console: Console, path: str) -> Iterator[dict[str, Any]]:
    page = 1
    while True:
        told = console.json(f"{path}?page={page}")["table"]
        yield from told["rows"]
        page += 1
        if page > told["pages"]:
            return


def is_own(role: str, row: dict[str, Any]) -> bool:
    kind, _, name = role.partition(":")
    if kind == "SUPPLIER":
        return bool(row["gas_supplier"] == name)
    return name in (row["gas_network_party"], row["ds_party"])


def own_and_foreign(tenant: Console, everything: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    role: str = tenant.role  # type: ignore[attr-defined]
    own = {row["device_id"] for row in everything if is_own(role, row)}
    return own, {row["device_id"] for row in everything} - own


PLAIN = [page for page in PAGES if "{" not in page.path]


@pytest.mark.parametrize("page", PLAIN, ids=lambda page: page.path)
def test_p34_no_page_or_table_names_a_foreign_device(
    tenant: Console, everything: list[dict[str, Any]], page: PageRoute
) -> None:
    _, foreign = own_and_foreign(tenant, everything)
    assert foreign
    for path in (page.path, page.twin, *((page.csv,) if page.table else ())):
        answer = tenant.get(path)
        if page.who == "sees all":
            assert answer.status_code == 403
            continue
        assert answer.status_code == 200
        named = set(re.findall(r"(?:[0-9A-F]{2}-){7}[0-9A-F]{2}", answer.text))
        assert not named & foreign, f"{path} names {sorted(named & foreign)[:3]}"


def test_p34_devices_are_exactly_the_own_ones(
    tenant: Console, everything: list[dict[str, Any]]
) -> None:
    own, _ = own_and_foreign(tenant, everything)
    assert {row["device_id"] for row in rows(tenant, "/devices.json")} == own


def test_p34_a_foreign_device_is_as_one_that_does_not_exist(
    tenant: Console, everything: list[dict[str, Any]]
) -> None:
    own, foreign = own_and_foreign(tenant, everything)
    for device in sorted(foreign)[:10]:
        absent = tenant.get("/devices/00-00-00-00-00-00-00-01")
        for path in (f"/devices/{device}", f"/devices/{device}.json"):
            answer = tenant.get(path)
            assert answer.status_code == 404
        assert tenant.get(f"/devices/{device}").text == absent.text
        found = tenant.post("/find", data={"wanted": device})
        assert "Nothing that you may see fits" in found.text
    for device in sorted(own)[:3]:
        assert tenant.get(f"/devices/{device}").status_code == 200


def test_p34_whatever_hangs_on_a_foreign_device_is_404(
    tenant: Console, dcc: Console, everything: list[dict[str, Any]]
) -> None:
    _, foreign = own_and_foreign(tenant, everything)
    looked = 0
    for device in sorted(foreign)[:12]:
        for entry in dcc.json(f"/devices/{device}.json")["timeline"][:3]:
            paths = [entry["decision"], entry["message"]]
            paths += [f"/requests/{entry['request']}"] if entry["request"] else []
            for path in filter(None, paths):
                assert dcc.get(path).status_code == 200
                assert tenant.get(path).status_code == 404, path
                assert tenant.get(f"{path}.json").status_code == 404, path
                looked += 1
    assert looked > 10


def test_p34_other_parties_and_suppliers_are_404(tenant: Console, dcc: Console) -> None:
    role: str = tenant.role  # type: ignore[attr-defined]
    kind, _, name = role.partition(":")
    for row in dcc.json("/parties.json")["table"]["rows"]:
        mine = kind == "GNP" and row["party"] == name
        assert tenant.get(f"/parties/{row['party']}").status_code == (200 if mine else 404)
        if row["party"] == example(dcc, "{party}"):
            assert tenant.get(f"/exits/{row['party']}").status_code == 404
            assert tenant.get(f"/exits/{row['party']}.csv").status_code == 404
    if kind == "SUPPLIER":
        for row in dcc.json("/suppliers.json")["table"]["rows"]:
            mine = row["supplier"] == name
            answer = tenant.get(f"/suppliers/{row['supplier']}")
            assert answer.status_code == (200 if mine else 404)


def test_p34_files_for_who_sees_all_are_refused(tenant: Console, dcc: Console) -> None:
    for download in DOWNLOADS:
        path = example(dcc, download.path)
        answer = tenant.get(path)
        if download.who == "everybody":
            assert answer.status_code in (200, 404)
        else:
            assert answer.status_code == 403, path


def test_p34_own_rows_of_a_report_are_all_that_can_be_downloaded(
    tenant: Console, everything: list[dict[str, Any]]
) -> None:
    own, _ = own_and_foreign(tenant, everything)
    [newest] = [one["name"] for one in tenant.json("/reports.json")["reports"]][:1]
    answer = tenant.get(f"/reports/{newest}/own.csv")
    assert answer.status_code == 200
    assert {line.partition(",")[0] for line in answer.text.splitlines()[1:]} == own


def test_totals_of_a_tenant_are_of_its_own_devices(
    tenant: Console, everything: list[dict[str, Any]]
) -> None:
    own, _ = own_and_foreign(tenant, everything)
    told = tenant.json("/index.json")
    assert told["judged"] == len(own)
    assert told["course"] is None
    assert told["rates"] == []


def test_nothing_is_counted_that_is_not_own(
    tenant: Console, everything: list[dict[str, Any]]
) -> None:
    own, _ = own_and_foreign(tenant, everything)
    for one in tenant.json("/certificates.json")["rows"]:
        column = f"{one['usage'].lower()}_key_identifier"
        held = [row for row in everything if row["device_id"] in own and row[column] == one["key"]]
        assert one["devices"] == len(held)
    for report in tenant.json("/reports.json")["reports"]:
        assert report["judged"] is None
        assert report["to_act"] is None
    answer = tenant.post("/reports", data={"as_of": "2026-01-01"})
    assert "Only the DCC and auditors have reports made" in answer.text
    assert tenant.json("/reports.json")["jobs"] == []
    assert tenant.get("/jobs/1").status_code == 403


def test_an_auditor_sees_everything_and_acts_on_nothing(start: Start, dcc: Console) -> None:
    auditor = start("--role", "AUDITOR")
    for page in PLAIN:
        assert auditor.get(page.path).status_code == 200
    letter = example(dcc, "/dead-letters/{partition}/{offset}")
    assert auditor.get(letter).status_code == 200
    assert auditor.get(f"{letter}/replay").status_code == 403
    answer = auditor.post(letter, data={"do": "replay"}, files={"act": ("a.json", b"{}")})
    assert "Only persons of the DCC hand in acts" in answer.text


def test_several_roles_add_up(start: Start, everything: list[dict[str, Any]]) -> None:
    both = start("--role", "SUPPLIER:SUP-1", "--role", "GNP:GNO-2")
    own = {
        row["device_id"]
        for row in everything
        if is_own("SUPPLIER:SUP-1", row) or is_own("GNP:GNO-2", row)
    }
    assert {row["device_id"] for row in rows(both, "/devices.json")} == own


@pytest.mark.parametrize("role", ["", "dcc", "SUPPLIER", "SUPPLIER:", "GNP:a b", "DCC:X", "ADMIN"])
def test_a_role_that_is_none_is_refused(role: str) -> None:
    with pytest.raises(ConfigurationError):
        Person.of("ann", [role])


def test_nobody_without_a_session_learns_that_a_device_exists(dcc: Console) -> None:
    device = dcc.json("/devices.json")["table"]["rows"][0]["device_id"]
    known = httpx.get(f"{dcc.base}/devices/{device}", timeout=PATIENCE_S)
    unknown = httpx.get(f"{dcc.base}/devices/00-00-00-00-00-00-00-01", timeout=PATIENCE_S)
    assert known.status_code == unknown.status_code == 401
    assert known.text == unknown.text
