"""The report's page: what it says is what the files say, and any browser can show it."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from tests.slots.street import DAY, build_street

from slotkeeper.slots.report.page import answer

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    street = build_street(tmp_path_factory.mktemp("street"))
    street.report()
    return street.folder / f"out-{DAY}"


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text()


class Outline(HTMLParser):
    """Keeps tags, links and the cells of tables by caption."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._caption: str | None = None
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag == "caption":
            self._caption = ""
        elif tag == "tr" and self._caption:
            self.tables.setdefault(self._caption, []).append([])
        elif tag in {"td", "th"} and self._caption:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._caption = None
        elif tag in {"td", "th"} and self._cell is not None and self._caption:
            self.tables[self._caption][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)
        elif self._caption == "":
            self._caption = data.strip()


def outline(page: str) -> Outline:
    read = Outline()
    read.feed(page)
    return read


def test_it_is_one_page_without_script_or_another_host(page: str) -> None:
    found = outline(page)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(found.tags)
    assert set(found.links) <= {"#main", "exceptions.csv", "summary.csv", "device.csv"}
    assert "://" not in page
    assert not re.search(r"\son\w+=", page)


def test_it_says_what_the_files_say(page: str, folder: Path) -> None:
    totals = json.loads((folder / "reconciliation.json").read_text())
    rows = outline(page).tables["Devices by finding"][1:]
    told = {re.split(r"\s", row[0])[0]: int(row[1]) for row in rows}
    assert told == totals["findings"]
    good, judged = totals["findings"]["COMPLIANT"], totals["judged"]
    assert f'<p class="answer">{good} of {judged} slots' in page
    actions = outline(page).tables["Who has to act, and how"][1:]
    assert sum(int(row[1]) for row in actions) == judged - good
    assert f"The inventory has {totals['gpfs']} GPFs: {judged} were judged" in page
    suppliers = outline(page).tables["What each supplier has to do"]
    late = sum(int(row[1].replace("-", "0")) for row in suppliers[1:])
    assert late == totals["findings"]["ACTION_ON_SUPPLIER"]


def test_each_picture_has_title_and_description_and_its_numbers_below(page: str) -> None:
    pictures = re.findall(r'<svg class="picture".*?</svg>(.*?)<table', page, re.DOTALL)
    assert len(pictures) == page.count('class="picture"') == page.count("</desc>")
    headings = re.findall(r"<h([1-6])", page)
    assert headings[0] == "1"
    assert headings.count("1") == 1
    assert page.count("<caption>") == page.count("<table>")


def test_p44_what_must_be_known_first_stands_first(tmp_path: Path) -> None:
    street = build_street(tmp_path)
    [manifest] = (tmp_path / "slots" / "builds").glob("*/manifest.json")
    told = json.loads(manifest.read_text()) | {"made_at": "2025-07-05T00:00:00Z"}
    manifest.write_text(json.dumps(told))
    street.report()
    page = (tmp_path / f"out-{DAY}" / "report.html").read_text()
    assert page.index("was made at 2025-07-05") < page.index('class="answer"')


def test_the_first_sentence_is_the_answer() -> None:
    assert answer({}, []) == ["The rule is about none of the devices in this build."]
    told = answer(
        {"STRANDED": 1_500_000, "COMPLIANT": 1},
        [{"action_by": "NOBODY_REMOTELY", "devices": 1_500_000}],
    )
    assert told == [
        "1 of 1\u202f500\u202f001 slots (< 0.1\u202f%) hold what belongs there.",
        "1\u202f500\u202f000 are stranded: they take a site visit or a recovery.",
    ]


@contextmanager
def shown(file: Path, width: int, *, dark: bool = False) -> Iterator[Any]:
    if BROWSER is None or DRIVER is None:
        pytest.skip("chromium and chromedriver show the page")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser: Any = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(file.as_uri())
        yield browser
        assert browser.get_log("browser") == []
    finally:
        browser.quit()


OVERLAPS = """
const texts = [...document.querySelectorAll('svg.picture')].flatMap(svg => {
  const all = [...svg.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()]);
  return all.flatMap(([one, a], at) => all.slice(at + 1).filter(([, b]) =>
    a.left < b.right && b.left < a.right && a.top + 3 < b.bottom - 3 && b.top + 3 < a.bottom - 3
  ).map(([other]) => one.textContent + ' / ' + other.textContent));
});
return texts;
"""


@pytest.mark.parametrize("width", [320, 2_560])
def test_it_fits_any_width_and_no_text_covers_another(folder: Path, width: int) -> None:
    # 400 % of a window of 1,280 px is a page of 320 px.
    with shown(folder / "report.html", width, dark=width == 320) as browser:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script(OVERLAPS) == []
        ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(20, 24, 28)" if width == 320 else "rgb(255, 255, 255)")
