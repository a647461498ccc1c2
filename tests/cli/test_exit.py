"""``slotkeeper exit``: acts are judged, signed, published and folded; devices are listed."""

import asyncio
import csv
import io
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from slotkeeper.acts import PersonKey
from slotkeeper.cli import cli as commands
from slotkeeper.cli.exit.rehearse import site
from slotkeeper.cli.exit.rehearse.story import Asked, Stage, play
from slotkeeper.cli.exits import run_to_exit_status
from slotkeeper.cli.output import progress
from slotkeeper.lab.emulated import EmulatedFleet
from slotkeeper.slots.exit.states import DONE, Phase

ASKED = Asked(
    devices=30,
    seed="desk",
    silent=0.2,
    partial=0.1,
    quarantined=0.1,
    exchanged=1,
    placed_again=1,
    late=0,
    ending="clean",
)

Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty devices, two waves over, a build before and after; nobody has decided anything."""
    folder = tmp_path_factory.mktemp("desk")
    with EmulatedFleet(folder / "fleet.db", ASKED.plan) as fleet, progress("") as advance:
        stage = Stage(folder, ASKED, fleet, site.prepare(folder, fleet), advance)
        for current in range(4):
            stage.live()
            if current in {1, 3}:
                asyncio.run(stage.build(stage.end_of(current)))
    return folder


@pytest.fixture
def desk(played: Path, tmp_path: Path) -> Path:
    """Give each test its own."""
    folder = tmp_path / "desk"
    shutil.copytree(played, folder)
    return folder


@pytest.fixture
def run(desk: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def called(*arguments: str | Path, expected: int = 0) -> tuple[str, str]:
        at = ["--config", str(desk / "slotkeeper.toml")]
        if arguments[0] == "exit" and arguments[1] != "sign":
            at += ["--from", str(desk / "slots")]
        status = run_to_exit_status(commands, [*map(str, arguments), *at])
        told = capfdbinary.readouterr()
        out, err = told.out.decode(), told.err.decode()
        assert status == expected, f"{status}\n{out}\n{err}"
        return out, err

    return called


def status(run: Run) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run("exit", "status", "GNO-1", "--json")[0])
    assert told["identity_exact"]
    assert told["baseline"] + told["joined"] == sum(told["states"].values())
    return told


def decide(run: Run, desk: Path, word: str, *more: str, both: bool = False) -> None:
    """Sign an act, let the other person sign too, and publish it."""
    file = desk / "act.json"
    file.write_text(run("exit", word, "GNO-1", "--sign", desk / "ann.key", *more)[0])
    if both:
        run("exit", "sign", file, "--key", desk / "bob.key")
    run("publish", "gno-exits", file)


def test_it_is_opened_by_two_persons(run: Run, desk: Path) -> None:
    assert status(run)["state"] == "DRAFT"
    assert "sign it with --sign KEY" in run("exit", "open", "GNO-1", expected=2)[1]
    line, said = run("exit", "open", "GNO-1", "--reason", "it leaves", "--sign", desk / "ann.key")
    assert "another person signs" in said
    file = desk / "open.json"
    file.write_text(line)
    run("publish", "gno-exits", file)
    told = status(run)
    assert (told["state"], told["ignored"][0]["reason"]) == (
        "DRAFT",
        "two persons must sign it, and Ann alone did",
    )
    out, said = run("exit", "sign", file, "--key", desk / "bob.key")
    assert "OPEN of GNO-1/2026-01-01" in said
    assert "it leaves; signed by Ann" in said
    assert json.loads(out) == json.loads(file.read_text())
    run("publish", "gno-exits", file)
    told = status(run)
    assert told["state"] == "OPEN"
    assert told["acts"][0]["persons"] == ["Ann", "Bob"]
    assert told["baseline"] == sum(told["acts"][0]["counts"][state] for state in told["states"])


def test_p13_r18_the_request_is_refused_with_the_counts(run: Run, desk: Path) -> None:
    decide(run, desk, "open", both=True)
    told = status(run)
    _, said = run("exit", "record-revocation-request", "GNO-1", expected=1)
    counts = ", ".join(
        f"{count} {state}" for state, count in told["states"].items() if count and state not in DONE
    )
    assert f"not READY ({counts})" in said
    key = ("--sign", desk / "ann.key")
    run("exit", "record-revocation-request", "GNO-1", *key, expected=1)
    decide(run, desk, "record-revocation-request", "--reason", "the PMA insists")
    assert status(run)["state"] == "OPEN"
    decide(run, desk, "record-revocation-request", "--reason", "the PMA insists", both=True)
    assert status(run)["state"] == "REVOCATION_REQUESTED"


def test_pause_resume_cancel(run: Run, desk: Path) -> None:
    decide(run, desk, "open", both=True)
    for word, state in (("pause", "PAUSED"), ("resume", "OPEN"), ("cancel", "CANCELLED")):
        decide(run, desk, word)
        assert status(run)["state"] == state
    assert "was CANCELLED then" in run("exit", "pause", "GNO-1", expected=1)[1]


def test_a_report_says_how_the_exit_stood_on_its_day(run: Run, desk: Path) -> None:
    decide(run, desk, "open", both=True)
    decide(run, desk, "pause")
    day = date.fromisoformat(status(run)["as_of"][:10])
    run("slots", "build", "--to", desk / "slots")

    def told(day: date, *known_by: str | Path) -> set[tuple[str, str]]:
        out = desk / f"report-{len(list(desk.glob('report-*')))}"
        given = ("--from", desk / "slots", "--as-of", str(day), "--to", out, *known_by)
        run("report", *given, "--format", "csv")
        with (out / "device.csv").open(newline="") as file:
            return {(row["gas_network_party"], row["exit"]) for row in csv.DictReader(file)}

    intent = date.fromisoformat("2026-01-01")
    assert told(day) == {("GNO-1", "PAUSED")}
    assert told(day - timedelta(days=1)) == {("GNO-1", "DRAFT")}
    assert told(intent - timedelta(days=1)) == {("GNO-1", "")}
    # A share says what the whole says, whatever else is written.
    shares = desk / "shares"
    whole = ("--from", desk / "slots", "--as-of", str(day), "--to", shares)
    run("report", *whole, "--format", "json", "--split-by", "gnp")
    with (shares / "by-gnp" / "GNO-1" / "device.csv").open(newline="") as file:
        assert {row["exit"] for row in csv.DictReader(file)} == {"PAUSED"}
    # What a build did not know of is not in its report, whatever was decided since.
    first = desk / "slots" / "builds" / "00000002" / "manifest.json"
    assert told(day, "--known-by", first) == {("GNO-1", "DRAFT")}


def test_closing_takes_a_package_that_is_whole(run: Run, desk: Path) -> None:
    decide(run, desk, "open", both=True)
    said = run("exit", "close", "GNO-1", expected=1)[1]
    assert "CLOSE is for REVOKED" in said
    (desk / "evidence").mkdir()
    run("exit", "close", "GNO-1", "--evidence", desk / "evidence", expected=1)


def test_status_is_told_in_words(run: Run, desk: Path) -> None:
    decide(run, desk, "open", both=True)
    out, _ = run("exit", "status", "GNO-1")
    for said in ("GNO-1: OPEN.", "are left.", "NOTHING_LEFT", "in all", "As of 2026-01-29"):
        assert said in out


def test_devices_are_listed_and_compared(run: Run, desk: Path) -> None:
    # As of the first build, the one before the waves.
    newest = (desk / "slots" / "last").read_text()
    (desk / "slots" / "last").write_text(f"{1:08d}\n")
    decide(run, desk, "open", both=True)
    (desk / "slots" / "last").write_text(newest)
    told = status(run)
    out, _ = run("exit", "devices", "GNO-1", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == told["devices"]
    assert [row["device_id"] for row in rows] == sorted(row["device_id"] for row in rows)
    unknown = [row["device_id"] for row in rows if row["state"] not in DONE]
    state = next(row["state"] for row in rows if row["state"] not in DONE)
    chosen, _ = run("exit", "devices", "GNO-1", "--state", state, "--format", "json")
    assert {json.loads(line)["state"] for line in chosen.splitlines()} == {state}
    theirs = desk / "theirs.csv"
    replaced = next(row["device_id"] for row in rows if row["state"] == "REPLACED")
    strange = "00-DB-00-00-00-00-00-01"
    lines = [*unknown[1:], unknown[1].lower(), replaced, strange, "\x1b[31m"]
    theirs.write_text("\n".join(["device_id", *lines]) + "\n")
    out, said = run("exit", "devices", "GNO-1", "--compare", theirs, "--format", "json")
    found = {(one["device_id"], one["kind"]) for one in map(json.loads, out.splitlines())}
    assert found == {
        (unknown[0], "ONLY_OURS"),
        (unknown[1], "TWICE"),
        (replaced, "DONE_HERE"),
        (strange, "ONLY_THEIRS"),
        (f"row {len(lines)}", "NO_DEVICE"),
    }
    assert "5 differences" in said
    theirs.write_text(f"device_id,state\n{replaced},HOLDING\n")
    out, _ = run("exit", "devices", "GNO-1", "--compare", theirs, "--format", "csv")
    assert f"{replaced},STATE_DIFFERS,HOLDING,REPLACED" in out
    theirs.write_text("nothing\n")
    run("exit", "devices", "GNO-1", "--compare", theirs, expected=1)


def test_what_cannot_be_signed_is_refused(run: Run, desk: Path) -> None:
    file = desk / "open.json"
    file.write_text(run("exit", "open", "GNO-1", "--sign", desk / "ann.key")[0])
    whole = json.loads(file.read_text())
    sign = ("exit", "sign", file, "--key")
    assert "already" in run(*sign, desk / "ann.key", expected=1)[1]
    file.write_text(json.dumps(whole | {"key": "GNO-2"}))
    run(*sign, desk / "bob.key", expected=1)
    act = whole["value"] | {"payload": whole["value"]["payload"][:-8] + "AAAAAAAA"}
    wrong: object
    for wrong in ({"key": "GNO-1", "value": act}, {"key": "GNO-1"}, [], {"key": 1, "value": {}}):
        file.write_text(json.dumps(wrong))
        run(*sign, desk / "bob.key", expected=1)
    file.write_bytes(b"\xff")
    run(*sign, desk / "bob.key", expected=1)


def test_an_act_that_proves_nothing_is_shown(run: Run, desk: Path) -> None:
    wrong = desk / "wrong.json"
    act = json.loads(run("exit", "open", "GNO-1", "--sign", desk / "ann.key")[0])["value"]
    forged = act | {"signatures": [{**act["signatures"][0], "signature": "AAAA"}]}
    other = PersonKey(desk / "ann.key").sign("slotkeeper-exit-act", "0" * 32, b'{"act": "EAT"}')
    values = [forged, json.loads(other), {"act": "OPEN"}, "x" * 70_000, None]
    lines = (json.dumps({"key": "GNO-1", "value": value}) for value in values)
    wrong.write_text("\n".join(lines) + "\n")
    run("publish", "gno-exits", wrong)
    told = status(run)
    assert [one["offset"] for one in told["ignored"]] == [0, 1, 2, 3, 4]
    said = " ".join(one["reason"] for one in told["ignored"])
    for why in ("no signature of it holds", "act is none of", "longer than 65536", "it is empty"):
        assert why in said
    assert told["state"] == "DRAFT"


def test_wrong_calls(run: Run, desk: Path) -> None:
    assert "not in the register" in run("exit", "status", "NOBODY", expected=2)[1]
    run("exit", "status", "no party", expected=2)
    run("exit", "pause", "GNO-1", "--reason", "=1+1", expected=2)
    config = desk / "slotkeeper.toml"
    config.write_text(config.read_text().replace('signers = "signers.toml"', ""))
    said = run("exit", "open", "GNO-1", "--sign", desk / "ann.key", expected=2)[1]
    assert "adjustments.signers is not set" in said
    told = status(run)
    assert any("signers is not set" in gate["missing"] for gate in told["gates"])


ODD = ("--silent", "10%", "--partial", "10%", "--exchanged", "1", "--placed-again", "1")


def rehearse(folder: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "slotkeeper", "exit", "rehearse", "--devices", "40", *ODD]
    return subprocess.Popen(
        [*command, "--late", "1", "--json", "--keep", str(folder), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    told: dict[str, Any] = json.loads(out)
    return told


def rounds(folder: Path) -> int:
    with suppress(sqlite3.OperationalError, TypeError):
        where = f"file:{folder / 'fleet.db'}?mode=ro"
        with closing(sqlite3.connect(where, uri=True)) as file:
            (found,) = file.execute("SELECT value FROM about WHERE name = 'round'").fetchone()
            return int(found)
    return 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("rehearsals") / "whole"
    return folder, ended(rehearse(folder))


ORDERLY = ("READY", "REVOCATION_REQUESTED", "REVOKED")


@pytest.mark.timeout(1_800)
def test_a_rehearsal_comes_to_its_end(whole: tuple[Path, dict[str, Any]]) -> None:
    folder, told = whole
    phases = [one["state"] for one in told["fences"]]
    for phase in ("DRAFT", "OPEN", "READY", "REVOCATION_REQUESTED", "REVOKED", "CLOSED"):
        assert phase in phases
    assert told["ignored"] == []
    assert all(one["identity_exact"] for one in told["fences"])
    seen = {state for one in told["fences"] for state in one["states"]}
    assert seen >= {"REQUESTED", "SCHEDULED", "SILENT", "HELD_AGAIN", "NOT_HOLDING", "RETIRED"}
    assert {one["left"] for one in told["fences"] if one["state"] in ORDERLY} == {0}
    # P33: a hub that nobody knew of wakes after the closing.
    assert (told["fences"][-1]["residue"], len(told["found_after_closing"])) == (1, 1)
    assert (folder / "evidence" / "manifest.p7s").exists()
    page = (folder / "burn-down.html").read_text()
    assert "<svg" in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    picture = (folder / "burn-down.svg").read_text()
    assert "<desc" in picture
    assert (folder / "streams.db").exists()


@pytest.mark.timeout(1_800)
def test_a_rehearsal_that_is_killed_goes_on(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    for far in (2, 9):
        process = rehearse(folder)
        while rounds(folder) < far:
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"ended with {process.wait(0.01)}")
        process.kill()
        process.communicate()
    told = ended(rehearse(folder))
    assert told["fences"][-1] == whole[1]["fences"][-1]
    assert told["burn_down"] == whole[1]["burn_down"]
    # What is over is told again, and nothing is done anew.
    assert ended(rehearse(folder))["fences"][-1] == told["fences"][-1]
    other = rehearse(folder, "--seed", "other")
    _, err = other.communicate()
    assert other.returncode == 2, err


def test_r20_a_rehearsal_of_an_early_revocation(tmp_path: Path) -> None:
    asked = replace(ASKED, devices=20, seed="early", ending="early")
    with progress("") as advance:
        told = play(tmp_path, asked, advance)
    assert told.breach
    assert told.ignored == []
    last = told.fences[-1]
    assert (last.phase, last.residue) == (Phase.CLOSED_WITH_RESIDUE, last.left)
    assert 0 < last.stranded <= told.breach
    assert all(one.exact for one in told.fences)
