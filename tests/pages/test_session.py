"""Who is let in, and how long; what a request may be; what is written of it."""

import csv
import io
import json
import re
from collections.abc import Iterator

import httpx
import pytest

from slotkeeper.pages.links import IDLE_MS, LINK_MS, LONGEST_MS, Links
from slotkeeper.pages.listing import Column, Table, csv_lines
from slotkeeper.pages.persons import Person
from slotkeeper.pages.routes import DOWNLOADS, PAGES

from .conftest import CSRF, Console, Start
from .waiting import PATIENCE_S

PERSON = Person.of("ann", ["DCC"])
EVERY = sorted(
    {page.path for page in PAGES}
    | {page.twin for page in PAGES}
    | {page.csv for page in PAGES if page.table}
    | {one.path for one in DOWNLOADS}
    | {"/openapi.json", "/static/looks.css", "/static/console.js", "/nothing", "/favicon.ico"}
)


@pytest.fixture(scope="module")
def stranger(dcc: Console) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=dcc.base, timeout=PATIENCE_S) as client:
        yield client


@pytest.mark.parametrize("path", EVERY)
def test_without_a_session_every_path_is_401_and_never_a_redirect(
    stranger: httpx.Client, path: str
) -> None:
    answer = stranger.get(path.replace("{", "").replace("}", ""))
    assert answer.status_code == 401
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers


def test_a_link_works_once(start: Start) -> None:
    console = start(follow=False)
    first = httpx.get(console.link, timeout=PATIENCE_S)
    assert first.status_code == 303
    assert first.headers["location"] == "/"
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    # A browser would not bring a Secure cookie back over plain HTTP on loopback.
    assert "Secure" not in cookie
    again = httpx.get(console.link, timeout=PATIENCE_S)
    assert again.status_code == 401
    assert "set-cookie" not in again.headers
    assert console.link.rpartition("/")[2] not in console.log()


def test_sign_out_is_a_post_and_ends_the_session(start: Start) -> None:
    console = start()
    assert console.get("/sign-out").status_code == 405
    assert console.get("/").status_code == 200
    assert console.post("/sign-out").status_code == 200
    assert console.get("/").status_code == 401


def test_links_and_sessions_end_by_the_clock() -> None:
    now = 0
    links = Links(lambda: now)
    late = links.new(PERSON)
    now = LINK_MS + 1
    assert links.follow(late) is None
    token = links.follow(links.new(PERSON)) or ""
    now += IDLE_MS
    assert links.session(token)
    now += IDLE_MS + 1
    assert links.session(token) is None
    token = links.follow(links.new(PERSON)) or ""
    for _ in range(LONGEST_MS // IDLE_MS):
        now += IDLE_MS
        assert links.session(token)
    now += 1
    assert links.session(token) is None


def test_tokens_are_not_guessed_and_an_ended_session_stays_ended() -> None:
    links = Links(lambda: 0)
    tokens = {links.follow(links.new(PERSON)) for _ in range(50)}
    assert len(tokens) == 50
    assert all(token and len(token) >= 43 for token in tokens)
    token = tokens.pop() or ""
    links.end(token)
    assert links.session(token) is None
    assert links.session("") is None


@pytest.mark.parametrize("token", ["", "wrong", "A" * 43])
def test_a_form_without_its_token_is_refused(dcc: Console, token: str) -> None:
    answer = dcc.http.post("/find", data={"csrf": token, "wanted": "GNO-1"})
    assert answer.status_code == 403
    assert dcc.post("/find", data={"wanted": "GNO-1"}).status_code == 200


def test_a_form_of_another_site_is_refused_even_with_the_token(dcc: Console) -> None:
    token = CSRF.search(dcc.get("/find").text)
    assert token
    fields = {"csrf": token[1], "wanted": "GNO-1"}
    for site, expected in (("cross-site", 403), ("same-site", 403), ("same-origin", 200)):
        answer = dcc.http.post("/find", data=fields, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == expected


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_name_for_this_address_is_refused(dcc: Console, host: str) -> None:
    answer = dcc.http.get("/", headers={"Host": host})
    assert answer.status_code in (400, 421)


def test_requests_are_bounded(dcc: Console) -> None:
    assert dcc.get("/find?" + "a" * 3_000).status_code == 414
    assert dcc.http.post("/find", content=b"a" * (1 << 21)).status_code == 413
    assert dcc.http.request("PUT", "/find").status_code == 405
    assert dcc.http.request("DELETE", "/").status_code == 405
    assert dcc.get("/").status_code == 200


def test_every_answer_has_the_headers_of_safety(dcc: Console, stranger: httpx.Client) -> None:
    for answer in (dcc.get("/"), dcc.get("/index.json"), dcc.get("/nothing"), stranger.get("/")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "*" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_what_somebody_sends_is_never_a_part_of_the_page(dcc: Console) -> None:
    attack = '"><script>alert(1)</script>'
    for answer in (
        dcc.http.get("/devices", params={"supplier": attack}),
        dcc.http.get("/certificates", params={"party": attack}),
        dcc.post("/find", data={"wanted": attack}),
        dcc.post("/reports", data={"as_of": attack}),
        dcc.http.get(f"/devices/{attack}"),
    ):
        assert "<script>alert" not in answer.text


def test_no_meter_point_stands_in_an_address_or_a_log(dcc: Console) -> None:
    rows = dcc.json("/devices.json")["table"]["rows"]
    mprn = next(row["mprn"] for row in rows if row["mprn"])
    found = dcc.post("/find", data={"wanted": mprn})
    assert rows[0]["device_id"].partition("-")[0] in found.text
    assert mprn not in str(found.url)
    # Neither the asking page, nor one that was tried in an address.
    dcc.get(f"/find?wanted={mprn}")
    assert mprn not in dcc.log()
    assert mprn not in (dcc.data / "console.err").read_text()
    for page in PAGES:
        if "{" not in page.path:
            for target in dcc.get(page.path).text.split('href="')[1:]:
                assert mprn not in target.partition('"')[0]


def test_the_access_log_names_person_role_path_and_denials(start: Start) -> None:
    console = start("--person", "ann@example.org", "--role", "SUPPLIER:SUP-1")
    console.get("/devices?finding=COMPLIANT")
    console.get("/devices/00-00-00-00-00-00-00-01")
    console.get("/workers")
    httpx.get(f"{console.base}/devices", timeout=PATIENCE_S)
    lines = [json.loads(line) for line in console.log().splitlines()]
    told = [
        (one["person"], one["roles"], one["path"], one["status"], one["denied"]) for one in lines
    ]
    ann = ("ann@example.org", "SUPPLIER:SUP-1")
    assert (*ann, "/devices", 200, False) in told
    assert (*ann, "/devices/00-00-00-00-00-00-00-01", 404, True) in told
    assert (*ann, "/workers", 403, True) in told
    assert (None, None, "/devices", 401, True) in told
    assert (console.data / "access.log").stat().st_mode & 0o777 == 0o600


def test_a_fault_tells_nothing_of_what_is_inside(dcc: Console) -> None:
    for path in (
        "/devices/%00",
        "/decisions/1/99999999999999999999",
        "/messages/x/0/0",
        "/nothing",
    ):
        answer = dcc.get(path)
        assert answer.status_code == 404
        assert "Traceback" not in answer.text
        assert "slotkeeper." not in answer.text


def test_paths_lead_nowhere_else(dcc: Console) -> None:
    name = dcc.json("/reports.json")["reports"][0]["name"]
    for path in (
        f"/reports/{name}/..%2f..%2fjournal.db",
        f"/reports/{name}/%2fetc%2fpasswd",
        "/reports/..%2f..",
        "/reports/.making/device.csv",
        "/static/..%2fgate.py",
        "//evil.example/",
        "/%2f%2fevil.example",
        "/exits/..%2f..%2faccess",
    ):
        answer = dcc.http.get(dcc.base + path)
        assert answer.status_code == 404, path
        assert "location" not in answer.headers
    answer = dcc.http.get("/", headers={"Origin": "https://evil.example"})
    assert not [header for header in answer.headers if header.startswith("access-control-")]
    made = dcc.post("/reports", data={"as_of": dcc.json("/index.json")["as_of"]})
    assert made.headers["location"] == f"/reports/{name}"


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_runs_as_a_formula(text: str) -> None:
    class One:
        def rows(self, query: str, given: object = ()) -> Iterator[dict[str, object]]:
            del query, given
            yield {"a": text, "b": -5}

        def count(self, query: str, given: object = ()) -> int:
            del query, given
            return 1

    columns = (Column(name="a", title="A"), Column(name="b", title="B"))
    table = Table(caption="t", source="t", columns=columns, tie="a", sort="a", empty="none")
    written = b"".join(csv_lines(One(), table, {})).decode()
    [_, cells] = csv.reader(io.StringIO(written, newline=""))
    plain = re.sub(r"[\t\r]", "\N{REPLACEMENT CHARACTER}", text)
    assert cells == [f"'{plain}", "-5"]
