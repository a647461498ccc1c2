"""Steps of an exit are prepared by the console, signed by persons elsewhere, and handed in."""

import asyncio
import shutil
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from slotkeeper.acts import PersonKey
from slotkeeper.cli.demo.site import Site
from slotkeeper.settings import Settings
from slotkeeper.slots.exit.stream import STREAM
from slotkeeper.streams import open_streams

from .conftest import Console, cli, served
from .waiting import until

pytestmark = pytest.mark.timeout(1_800)
"""Each step is worked out anew by three commands, one after the other."""

PARTY = "GNO-3"
"""Of the site, the one whose intent stands in the register."""


@pytest.fixture(scope="module")
def own_site(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Give the site once more, whose exit may be changed."""
    folder = tmp_path_factory.mktemp("exit") / "site"
    shutil.copytree(site.folder, folder, ignore=shutil.ignore_patterns("journal*", "exits"))
    return Site(folder, folder / site.config.name)


@pytest.fixture(scope="module")
def console(own_site: Site) -> Iterator[Console]:
    with served(own_site.folder, "--person", "ann", config=own_site.config) as console:
        yield console


def exit_of(console: Console, *, state: str = "") -> dict[str, Any]:
    """Wait until it is worked out how the exit stands, and in that state; give that."""

    def worked_out() -> dict[str, Any] | None:
        told = console.json(f"/exits/{PARTY}.json")
        known = told["state"] and told["steps"]
        return told if known and told["state"] in (state or told["state"]) else None

    return until(worked_out)


def prepared(console: Console, act: str) -> bytes:
    exit_of(console)
    answer = console.get(f"/exits/{PARTY}/acts/{act}")
    assert answer.status_code == 200
    return answer.content


def made(site: Site, octets: bytes, *names: str) -> bytes:
    """Sign what a file says, whatever that is: the commands would refuse some of it."""
    told = orjson.loads(octets)
    first, *others = (PersonKey(site.folder / f"{name}.key") for name in names)
    payload = {**told["payload"], "reason": "it leaves"}
    act = first.sign(told["typ"], told["incarnation"], orjson.dumps(payload))
    for other in others:
        act = other.countersign(act)
    return orjson.dumps({"key": PARTY, "value": orjson.loads(act)})


def signed(site: Site, octets: bytes, tmp_path: Path, *names: str) -> bytes:
    """Have persons sign the same file by the commands, one after the other."""
    file = tmp_path / "act.json"
    file.write_bytes(octets)
    for number, name in enumerate(names):
        why = () if number else ("--reason", "it leaves")
        cli(
            "exit",
            "sign",
            file,
            "--key",
            site.folder / f"{name}.key",
            *why,
            "--config",
            site.config,
        )
    return file.read_bytes()


def hand_in(console: Console, octets: bytes) -> httpx.Response:
    return console.post(
        f"/exits/{PARTY}.json", data={"do": "decide"}, files={"act": ("act.json", octets)}
    )


def written(site: Site) -> int:
    """Count the acts of exits in the streams."""

    async def count() -> int:
        settings = Settings.load(site.config, environment={})
        async with open_streams(settings.streams, settings.streams_settings()) as streams:
            return sum([len(records) async for records in streams.read(STREAM)])

    return asyncio.run(count())


def test_what_does_not_fit_is_409_and_what_is_at_fault_422(
    console: Console, own_site: Site
) -> None:
    request = prepared(console, "RECORD_REVOCATION_REQUEST")
    alone = made(own_site, request, "ann")
    both = made(own_site, request, "ann", "bob")
    told = orjson.loads(request)
    other = orjson.dumps(told | {"payload": told["payload"] | {"at": "2026-01-01T00:00:00Z"}})
    fewer = orjson.dumps(
        told
        | {"payload": told["payload"] | {"counts": {**told["payload"]["counts"], "HOLDING": 0}}}
    )
    opening = orjson.dumps(told | {"payload": told["payload"] | {"act": "OPEN"}})
    elsewhere = orjson.dumps(told | {"incarnation": "another store"})
    close = orjson.dumps(told | {"payload": told["payload"] | {"act": "CLOSE"}})
    line = orjson.loads(both)
    for octets, status, why in (
        (b"", 422, "choose the signed file"),
        (b"x" * 70_000, 422, "longer than"),
        (b"[]", 422, "no signed act"),
        (request, 422, "no signed act"),
        (orjson.dumps(line | {"key": "GNO-1"}), 422, "about another party"),
        (orjson.dumps(line | {"value": {"payload": "e30"}}), 422, "count for nothing"),
        (both.replace(b'"signature":"', b'"signature":"AAAA'), 422, "count for nothing"),
        (made(own_site, elsewhere, "ann"), 422, "count for nothing"),
        (made(own_site, close, "ann", "bob"), 422, "names an evidence package"),
        (alone, 409, "two persons must sign it, and Ann Archer alone did"),
        (alone, 409, " HOLDING"),
        (made(own_site, other, "ann", "bob"), 409, "another build"),
        (made(own_site, fewer, "ann", "bob"), 409, "another build"),
        (made(own_site, opening, "ann", "bob"), 409, "the exit was OPEN then"),
    ):
        answer = hand_in(console, octets)
        assert (answer.status_code, why in answer.json()["error"]) == (status, True), answer.text
    assert written(own_site) == 1
    page = console.post(f"/exits/{PARTY}", data={"do": "decide"}, files={"act": ("a", alone)})
    assert page.status_code == 409
    assert 'role="alert"' in page.text
    assert 'aria-describedby="act-error"' in page.text


def test_a_step_is_written_and_the_exit_stands_by_it_at_once(
    console: Console, own_site: Site, tmp_path: Path
) -> None:
    steps = {one["act"]: one for one in exit_of(console)["steps"]}
    assert (steps["PAUSE"]["persons"], steps["PAUSE"]["refused"]) == (1, "")
    assert (steps["RECORD_REVOCATION_REQUEST"]["persons"]) == 2
    assert "the exit was OPEN then" in steps["RESUME"]["refused"]
    assert console.get(f"/exits/{PARTY}/acts/RESUME").status_code == 404
    act = signed(own_site, prepared(console, "PAUSE"), tmp_path, "ann", "bob")
    answer = hand_in(console, act)
    assert answer.status_code == 200
    assert answer.json()["done"].startswith("PAUSE is written, signed by Ann Archer, Bob Brown.")
    assert written(own_site) == 2
    told = exit_of(console, state="PAUSED")
    assert [(one["act"], one["persons"]) for one in told["acts"]] == [
        ("OPEN", ["Ann Archer", "Bob Brown"]),
        ("PAUSE", ["Ann Archer", "Bob Brown"]),
    ]
    [kept] = (console.data / "acts").glob("*.json")
    assert orjson.loads(kept.read_bytes())["handed_in_by"] == "ann"
    assert hand_in(console, act).status_code == 409
    assert written(own_site) == 2


def test_the_command_line_signs_no_step_without_a_reason(
    console: Console, own_site: Site, tmp_path: Path
) -> None:
    exit_of(console)
    file = tmp_path / "act.json"
    file.write_bytes(prepared(console, "CANCEL"))
    signing = ("exit", "sign", file, "--key", own_site.folder / "ann.key")
    done = cli(*signing, "--config", own_site.config, expected=2)
    assert b"--reason" in done.stderr
    assert b'"typ"' in file.read_bytes()


def test_a_package_is_downloaded_whole_by_its_own_party_alone(
    console: Console, own_site: Site
) -> None:
    evidence = own_site.folder / "evidence"
    for name, party in (("mine", PARTY), ("others", "GNO-1")):
        (evidence / name / "certificates").mkdir(parents=True)
        counts = {"rows": 3, "devices": 2}
        told = {"party": party, "made_at": "2026-11-26T00:00:00Z", "counts": counts}
        (evidence / name / "manifest.json").write_bytes(orjson.dumps(told))
        (evidence / name / "rows.jsonl").write_bytes(b"{}\n" * 400_000)
        (evidence / name / "certificates" / "a.der").write_bytes(b"\x30\x00")
        (evidence / name / "passwords").symlink_to("/etc/passwd")
    (evidence / "linked").symlink_to(evidence / "mine")
    shown = console.json(f"/exits/{PARTY}.json")["evidence"]
    assert [(one["name"], one["rows"], one["devices"]) for one in shown] == [("mine", 3, 2)]
    assert "others" not in console.get(f"/exits/{PARTY}").text
    answer = console.get(f"/exits/{PARTY}/evidence/mine")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''mine.tar"
    with tarfile.open(fileobj=BytesIO(answer.content)) as archive:
        names = ["mine/certificates/a.der", "mine/manifest.json", "mine/rows.jsonl"]
        assert archive.getnames() == names
        rows = archive.extractfile("mine/rows.jsonl")
        assert rows is not None
        assert rows.read() == (evidence / "mine" / "rows.jsonl").read_bytes()
    for name in ("others", "linked", "%2e%2e", "..%2fmine", ".mine", "nothing", "mine%00"):
        assert console.get(f"/exits/{PARTY}/evidence/{name}").status_code == 404, name


@pytest.mark.parametrize(
    ("role", "exit_", "package", "step"),
    [("AUDITOR", 200, 200, 403), (f"GNP:{PARTY}", 200, 200, 403), ("GNP:GNO-1", 404, 404, 403)],
)
def test_p34_who_may_not_act_sees_at_most_how_it_stands(
    console: Console, own_site: Site, *, role: str, exit_: int, package: int, step: int
) -> None:
    exit_of(console)
    with served(own_site.folder, "--role", role, config=own_site.config) as other:
        assert other.get(f"/exits/{PARTY}").status_code == exit_
        assert other.get(f"/exits/{PARTY}/evidence/mine").status_code == package
        assert other.get(f"/exits/{PARTY}/acts/OPEN").status_code == step
        if exit_ == 200:
            assert "Only persons of the DCC hand in acts." in other.get(f"/exits/{PARTY}").text
            assert hand_in(other, b"{}").status_code == 422
