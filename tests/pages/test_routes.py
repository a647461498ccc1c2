"""Every page, its twin, and the document that describes them."""

import re
from collections.abc import Callable

import pytest

from slotkeeper.pages.route import PageRoute
from slotkeeper.pages.routes import DOWNLOADS, PAGES

from .conftest import Console

PLAIN = [page for page in PAGES if "{" not in page.path]


def example(console: Console, path: str) -> str:
    """Give a path with what this site has for its parameters."""
    found = {name: give(console) for name, give in EXAMPLES.items() if f"{{{name}}}" in path}
    if path.startswith("/dead-letters/"):
        letter = console.json("/dead-letters.json")["table"]["rows"][0]["letter"]
        found["partition"], found["offset"] = letter.split("/")
    elif "{partition}" in path:
        entry = console.json(f"/devices/{EXAMPLES['device'](console)}.json")["timeline"][0]
        place = entry["message" if "{stream}" in path else "decision"].split("/")[-3:]
        found |= dict(zip(("stream", "partition", "offset"), place, strict=True))
    return path.format(**found)


def _year_ago(console: Console) -> str:
    day = console.json("/reports.json")["reports"][0]["as_of"]
    done = console.post("/reports", data={"as_of": f"{int(day[:4]) - 1}{day[4:]}"})
    return str(done.headers["location"].rpartition("/")[2])


EXAMPLES: dict[str, Callable[[Console], str]] = {
    "device": lambda one: str(one.json("/devices.json")["table"]["rows"][0]["device_id"]),
    "request": lambda one: str(one.json("/requests.json")["table"]["rows"][0]["request"]),
    "supplier": lambda one: str(one.json("/suppliers.json")["table"]["rows"][0]["supplier"]),
    # The one that leaves, so that it has a page among the exits.
    "party": lambda one: str(one.json("/exits.json")["exits"][0]["party_id"]),
    "key": lambda one: str(one.json("/certificates.json")["rows"][0]["key"]),
    "report": lambda one: str(one.json("/reports.json")["reports"][0]["name"]),
    "file": lambda _: "device.csv",
    "number": _year_ago,
    "act": lambda _: "OPEN",
    "package": lambda _: "nothing",
}


@pytest.mark.parametrize("page", PLAIN, ids=lambda page: page.path)
def test_every_page_and_twin_answers_without_parameters(dcc: Console, page: PageRoute) -> None:
    shown = dcc.get(page.path)
    assert shown.status_code == 200
    assert shown.headers["content-type"].startswith("text/html")
    twin = dcc.get(page.twin)
    assert twin.status_code == 200
    said = page.says.model_validate_json(twin.text)
    sentence = getattr(said, "sentence", "")
    assert sentence
    assert sentence.replace("'", "&#39;") in shown.text


@pytest.mark.parametrize(
    "page", [one for one in PAGES if "{" in one.path], ids=lambda one: one.path
)
def test_pages_about_one_thing_have_a_twin_of_the_described_form(
    dcc: Console, page: PageRoute
) -> None:
    path = example(dcc, page.path)
    assert dcc.get(path).status_code == 200
    page.says.model_validate_json(dcc.get(f"{path}.json").text)


@pytest.mark.parametrize("page", [one for one in PAGES if one.table], ids=lambda one: one.path)
def test_each_table_comes_whole_as_csv(dcc: Console, page: PageRoute) -> None:
    path = example(dcc, page.path)
    answer = dcc.get(f"{path}.csv")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    told = dcc.json(f"{path}.json")
    total = told["table"]["total"] if "table" in told else told["total"]
    rows = answer.text.splitlines()[1:]
    # Certificates that are no operator's are left out of neither.
    assert len(rows) == total


def test_the_openapi_document_has_every_twin_and_no_other_path(dcc: Console) -> None:
    document = dcc.json("/openapi.json")
    expected = {page.twin for page in PAGES} | {page.csv for page in PAGES if page.table}
    assert set(document["paths"]) == expected | {one.path for one in DOWNLOADS}
    for page in PAGES:
        described = document["paths"][page.twin]
        assert set(described) == ({"get", "post"} if page.posts else {"get"})
        named = {one["name"] for one in described["get"]["parameters"]}
        assert named == set(re.findall(r"{(\w+)}", page.path)) | {
            one.name for one in page.parameters
        }
        reference = described["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert reference["$ref"].rpartition("/")[2] in document["components"]["schemas"]


def test_no_link_leaves_the_host_and_nothing_is_loaded_from_elsewhere(dcc: Console) -> None:
    for page in PLAIN:
        text = dcc.get(page.path).text
        for target in re.findall(r'(?:href|src|action)="([^"]*)"', text):
            assert re.match(r"[/#]", target), f"{page.path}: {target}"
            assert not target.startswith("//"), f"{page.path}: {target}"
        assert " style=" not in text
        assert "<style" not in text


def test_filters_narrow_and_unknown_values_are_passed_over(dcc: Console) -> None:
    whole = dcc.json("/devices.json")["table"]
    finding = whole["rows"][0]["finding"]
    some = dcc.json(f"/devices.json?finding={finding}")["table"]
    assert 0 < some["total"] < whole["total"]
    assert {row["finding"] for row in some["rows"]} == {finding}
    odd = dcc.json("/devices.json?finding=nothing&due_by=never&sort=%27&page=-1&page=99999999")
    assert odd["table"]["total"] == whole["total"]
    # By what no page shows nobody sorts: a meter point's number would stand in no address, but the
    # order of devices would tell it.
    assert dcc.json("/devices.json?sort=mprn")["table"]["sort"] == "device_id"
    both = dcc.json(f"/devices.json?finding={finding}&sort=-finding")["table"]
    assert both["total"] == some["total"]
    injected = dcc.json("/devices.json?supplier=%27%20OR%201=1--")["table"]
    assert injected["total"] == 0
    last = dcc.json("/devices.json?page=999")["table"]
    assert last["page"] == last["pages"]
    down = dcc.json("/devices.json?sort=-device_id")["table"]["rows"]
    assert down[0]["device_id"] > whole["rows"][0]["device_id"]
