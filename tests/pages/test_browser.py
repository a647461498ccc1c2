"""Pages in a real browser: looks, keyboard, accessibility, and ten tasks of at most five clicks."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from slotkeeper.cli.demo.site import Site
from slotkeeper.pages.routes import PAGES

from . import axe
from .browser import Visitor, drivers
from .conftest import Console, Start, cli
from .test_routes import example
from .waiting import PATIENCE_S, running_worker, until

MOST_CLICKS = 5

IN_THE_DARK = {"/", "/devices/{device}", "/dead-letters/{partition}/{offset}", "/certificates"}
"""Each kind of piece stands on one of them; tests/looks compute the contrast of every colour."""


@pytest.fixture(scope="module")
def worker(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_worker(site.config, tmp_path_factory.mktemp("worker") / "worker.err") as health:
        yield health


@pytest.fixture(scope="module")
def console(start: Start, worker: str) -> Console:
    console: Console = start("--worker", worker, follow=False)
    return console


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def visitor(console: Console, downloads: Path) -> Iterator[Visitor]:
    """Somebody who has followed the link in a browser; a program asks in the same session."""
    for driver in drivers(downloads):
        driver.get(console.link)
        cookie = driver.get_cookie("slotkeeper_session")
        assert cookie is not None
        console.http.cookies.set("slotkeeper_session", cookie["value"], domain="127.0.0.1")
        yield Visitor(driver, console.base)


@pytest.fixture(scope="module")
def script() -> str:
    return axe.source()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_has_no_serious_fault_and_fits_any_window(
    visitor: Visitor, console: Console, script: str, page: object
) -> None:
    path = example(console, page.path)  # type: ignore[attr-defined]
    # A policy that lets no script of others in would keep axe out as well.
    visitor.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    visitor.width(1280)
    visitor.open(path)
    visitor.driver.execute_script(script)
    for scheme in ("light", "dark") if page.path in IN_THE_DARK else ("light",):  # type: ignore[attr-defined]
        # Colours change where the page stands; it is not asked for again.
        visitor.media(prefers_color_scheme=scheme)
        found = visitor.driver.execute_async_script(
            "axe.run({resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
        )
        faults = [
            f"{one['id']}: {one['nodes'][0]['html'][:120]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert not faults, faults
    visitor.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})
    # 320 px is 1,280 px at 400 %. Tables scroll by themselves; the page never does.
    for width in (320, 1024, 2560):
        visitor.width(width)
        wide = visitor.driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} px wide in a window of {width}"
    headings = [one.tag_name for one in visitor.all("h1, h2, h3")]
    assert headings.count("h1") == 1
    assert headings[0] == "h1"
    visitor.width(1280)
    visitor.media(prefers_color_scheme="light")


def test_no_request_leaves_the_host(visitor: Visitor, console: Console) -> None:
    visitor.asked_for()
    for page in PAGES:
        if "{" not in page.path:
            visitor.open(page.path)
    asked = visitor.asked_for()
    assert len(asked) > 10
    # data: is an icon of the browser's own, for fields of days.
    assert {one for one in asked if not one.startswith((console.base, "data:"))} == set()


def test_everything_can_be_done_by_keyboard(visitor: Visitor, console: Console) -> None:
    visitor.open("/")
    body = visitor.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    focus = visitor.driver.switch_to.active_element
    assert focus.text == "Skip to the main part"
    focus.send_keys(Keys.ENTER)
    assert visitor.driver.execute_script("return document.activeElement.id") == "main"
    visitor.open("/")
    device = console.json("/devices.json")["table"]["rows"][0]["device_id"]
    seen = []
    for _ in range(12):
        visitor.driver.switch_to.active_element.send_keys(Keys.TAB)
        focus = visitor.driver.switch_to.active_element
        outline = focus.value_of_css_property("outline-style")
        assert outline != "none", f"the focus on {focus.text or focus.tag_name} is not seen"
        seen.append(focus.get_attribute("id") or focus.text)
        if seen[-1] == "quick":
            break
    focus.send_keys(device, Keys.ENTER)
    link = visitor.driver.find_element(By.LINK_TEXT, device)
    for _ in range(40):
        visitor.driver.switch_to.active_element.send_keys(Keys.TAB)
        if visitor.driver.switch_to.active_element == link:
            break
    visitor.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert visitor.driver.current_url.endswith(f"/devices/{device}")
    # A table that scrolls can be scrolled by keys.
    assert visitor.all(".table[tabindex='0'][role='region']")


def test_an_error_takes_the_focus_and_loses_nothing(visitor: Visitor) -> None:
    visitor.open("/reports")
    field = visitor.driver.find_element(By.ID, "as_of")
    visitor.driver.execute_script(
        "arguments[0].type = 'text'; arguments[0].value = 'yesterday'; arguments[0].form.submit()",
        field,
    )
    WebDriverWait(visitor.driver, PATIENCE_S).until(
        lambda driver: driver.find_elements(By.CLASS_NAME, "errors")
    )
    assert "Write a day as" in visitor.driver.switch_to.active_element.text


def test_task_1_why_did_this_6_21_fail(visitor: Visitor, console: Console) -> None:
    refused = console.json("/requests.json?decision=REFUSED")["table"]["rows"][0]
    visitor.open()
    visitor.find(refused["request"])
    visitor.click(refused["request"])
    assert visitor.clicks <= MOST_CLICKS
    assert "Next:" in visitor.answer
    assert refused["reason"].lower() in visitor.text.lower()


def test_task_2_which_devices_need_action_by_friday(visitor: Visitor, console: Console) -> None:
    row = next(
        one for one in console.json("/suppliers.json")["table"]["rows"] if one["to_place"] > 0
    )
    visitor.open()
    visitor.click("Suppliers")
    visitor.click(row["supplier"])
    visitor.press(By.PARTIAL_LINK_TEXT, "Due by Friday")
    assert visitor.clicks <= MOST_CLICKS
    shown = {one.text for one in visitor.all("tbody th")}
    friday = _friday(date.fromisoformat(console.json("/index.json")["as_of"]))
    due = {
        one["device_id"]
        for one in console.json(f"/devices.json?supplier={row['supplier']}")["table"]["rows"]
        if one["due_on"] and one["due_on"] <= str(friday)
    }
    assert shown == due


def test_task_3_how_many_devices_keep_an_exit_open_and_which_are_silent(
    visitor: Visitor, console: Console
) -> None:
    [one] = worked_out(console)
    visitor.open()
    visitor.click("Exits")
    assert visitor.answer == f"1 network party leaves; {one['left']} devices keep an exit open."
    visitor.press(By.XPATH, f"//tr[contains(., '{one['party_id']}')]/td[last()]/a")
    assert visitor.clicks <= MOST_CLICKS
    assert f"{one['left']} devices keep the exit" in visitor.answer
    what = "was asked and is" if one["silent"] == 1 else "were asked and are"
    assert f"{one['silent']} of them {what} silent" in visitor.answer
    visitor.click("All devices that keep it open")
    assert visitor.clicks <= MOST_CLICKS
    assert f"of {one['left']}" in visitor.driver.find_element(By.CLASS_NAME, "count").text
    shown = {row.text for row in visitor.all("h2 ~ .table.full tbody th")}
    listed = console.json(f"/exits/{one['party_id']}.json?open=yes")["table"]["rows"]
    assert shown == {row["device_id"] for row in listed}


def test_task_4_which_certificates_expire_this_quarter(visitor: Visitor) -> None:
    visitor.open()
    visitor.click("Certificates")
    count = int(visitor.answer.split()[0])
    visitor.click("Those that expire this quarter")
    assert visitor.clicks <= MOST_CLICKS
    assert len(visitor.all("table:last-of-type tbody tr th[scope=row].nowrap")) == count


def test_task_5_replay_a_dead_letter(
    visitor: Visitor, site: Site, downloads: Path, console: Console
) -> None:
    letter = console.json("/dead-letters.json")["table"]["rows"][-1]["letter"]
    visitor.open()
    visitor.click("Dead letters")
    visitor.press(By.LINK_TEXT, letter)
    visitor.press(By.LINK_TEXT, "Download the file that says so")
    name = downloads / f"replay-{letter.replace('/', '-')}.json"
    WebDriverWait(visitor.driver, PATIENCE_S).until(lambda _: name.exists())
    out = downloads / "signed.json"
    signing = ("counters", "sign", name, "--key", site.folder / "bob.key")
    cli(*signing, "--reason", "asked again", "--out", out, "--config", site.config)
    visitor.driver.find_element(By.ID, "act").send_keys(str(out))
    visitor.click("Replay this record")
    assert visitor.clicks <= MOST_CLICKS
    visitor.until("signed by Bob Brown")


def test_task_6_prove_one_devices_hand_back(visitor: Visitor, console: Console) -> None:
    device = _handed_back(console)
    visitor.open()
    visitor.find(device)
    visitor.click(device)
    assert visitor.clicks <= MOST_CLICKS
    assert "device-signed RESPONSE" in visitor.text


def test_task_7_compare_two_reports(visitor: Visitor, console: Console) -> None:
    _second_report(console)
    visitor.open()
    visitor.click("Reports")
    visitor.click("Compare two of them")
    visitor.click("Compare")
    visitor.until("Look at it")
    visitor.click("Look at it")
    assert visitor.clicks <= MOST_CLICKS
    visitor.until("differ between")
    assert visitor.all("tbody tr")


def test_task_8_what_was_known_when_this_number_was_chosen(
    visitor: Visitor, console: Console
) -> None:
    issued = console.json("/requests.json?decision=ISSUED")["table"]["rows"][0]
    visitor.open()
    visitor.find(issued["request"])
    visitor.click(issued["request"])
    visitor.press(By.XPATH, "//li[contains(., 'Number issued')]//a[.='What was known then']")
    assert visitor.clicks <= MOST_CLICKS
    assert f"Number {issued['number']} was chosen" in visitor.answer
    assert "srv-6.15.1-responses" in visitor.text


def test_task_9_which_worker_owns_a_device(visitor: Visitor, console: Console, worker: str) -> None:
    device = console.json("/devices.json")["table"]["rows"][0]["device_id"]
    visitor.open()
    visitor.find(device)
    visitor.click(device)
    assert visitor.clicks <= MOST_CLICKS
    assert f"served by the worker at {worker}" in visitor.text


def test_task_10_is_everything_alright_now(visitor: Visitor) -> None:
    visitor.open()
    assert visitor.clicks <= MOST_CLICKS
    assert "need" in visitor.answer
    assert visitor.all(".matters .tag svg")


def worked_out(console: Console) -> list[dict[str, Any]]:
    """Wait until it is known how exits stand; give those."""

    def known() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = console.json("/exits.json")["exits"]
        return found if all(one["state"] for one in found) else None

    return until(known)


def _friday(today: date) -> date:
    return today + timedelta(days=(4 - today.weekday()) % 7)


def _handed_back(console: Console) -> str:
    for row in console.json("/devices.json")["table"]["rows"]:
        evidence = console.json(f"/devices/{row['device_id']}.json")["evidence"]
        if any("ACB_IN_SLOT" in one["value"] for one in evidence):
            device: str = row["device_id"]
            return device
    raise AssertionError("no device has handed back")


def _second_report(console: Console) -> None:
    day = date.fromisoformat(console.json("/index.json")["as_of"]) - timedelta(days=100)
    job = console.post("/reports", data={"as_of": str(day)}).headers["location"]
    if job.startswith("/jobs/"):
        until(lambda: console.json(f"{job}.json")["job"]["state"] == "done")
