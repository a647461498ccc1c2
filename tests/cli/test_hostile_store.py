"""Every command, on a store in which a hostile record stands beside each good one."""

import csv
import io
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

from .conftest import COMMAND
from .every_command import (
    ANYTHING,
    BY_PAGES,
    COMMANDS,
    DEVICE,
    METER_POINT,
    STREAMS,
    TELL_NOTHING_OF_RECORDS,
    Site,
    every_command,
)
from .hostile import CONTROL, FORMULA, TEXT, bad_lines
from .in_process import Answer, Run, runner

pytestmark = pytest.mark.timeout(1_800)

ONLY_REFUSED = {"acknowledge", "init", "lab certificate", "run", "witness init"}
"""What else they do changes the store, or serves it."""

WRITTEN = {".csv", ".html", ".svg", ".md", ".txt"}
"""Files that people look at; a program reads the others."""


def test_each_command_is_asked() -> None:
    told = {*COMMANDS, *TELL_NOTHING_OF_RECORDS, *BY_PAGES}
    assert set(every_command()) == told


@pytest.fixture(scope="module")
def rehearsed(rehearsal: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of an exit, with hostile records, decided by a worker and built again."""
    folder = tmp_path_factory.mktemp("hostile") / "site"
    shutil.copytree(rehearsal, folder)
    at = ("--config", folder / "slotkeeper.toml")
    for stream in STREAMS:
        read = called("read", stream, "--from-start", "--limit", "50", *at).splitlines()
        records = [record for record in map(orjson.loads, read) if "value" in record][:2]
        lines = []
        for record in records or [{"key": DEVICE, "value": ANYTHING}]:
            key, value = record["key"], record["value"]
            lines += bad_lines(value, key)
            lines += bad_lines(value, FORMULA)
            lines.append(orjson.dumps({"key": key, "value": value}))
        called("publish", stream, *at, given=b"\n".join(lines))
    called("run", "--until-idle", *at)
    called("slots", "build", "--to", folder / "slots", *at)
    return folder


def called(*arguments: str | Path, given: bytes = b"") -> str:
    """Run in a process of its own: a worker sets up logs and the collector for good."""
    done = subprocess.run([COMMAND, *arguments], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture
def site(rehearsed: Path, tmp_path: Path) -> Site:
    folder = tmp_path / "site"
    shutil.copytree(rehearsed, folder)
    made = Site(folder)
    line = bad_lines(ANYTHING, DEVICE)
    (folder / "hostile.jsonl").write_bytes(b"\n".join(line))
    (folder / "no.jsonl").write_bytes(orjson.dumps({"key": TEXT, TEXT: TEXT}))
    (folder / "line.jsonl").write_bytes(orjson.dumps({"key": DEVICE, "value": ANYTHING}))
    (folder / "act.jsonl").write_bytes(orjson.dumps({"key": "GNO-1", "value": {"payload": TEXT}}))
    (folder / "hostile.xml").write_text(f"<{TEXT.replace(chr(0), '')}>")
    party = {"party_id": "GNO-9", "name": TEXT, "kind": TEXT, "eui64": [TEXT]}
    lines = [orjson.dumps({**party, name: FORMULA}) for name in party]
    (folder / "parties.jsonl").write_bytes(b"\n".join([orjson.dumps(party), *lines]))
    theirs = io.StringIO()
    table = csv.writer(theirs, lineterminator="\n")
    table.writerow(["device_id", "mprn", "state", TEXT, FORMULA])
    table.writerow([DEVICE, METER_POINT, "HOLDING", TEXT, FORMULA])
    table.writerow([TEXT, TEXT, TEXT, TEXT, TEXT])
    table.writerow([FORMULA, FORMULA, FORMULA, FORMULA, FORMULA])
    (folder / "theirs.csv").write_text(theirs.getvalue(), newline="")
    return made


@pytest.fixture
def answers(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> dict[tuple[str, ...], Answer]:
    """What every command says."""
    run: Run = runner(capsys, site.folder.parent, monkeypatch)
    found = {}
    for command, told in COMMANDS.items():
        for arguments in told(site):
            asked = (*command.split(), *arguments)
            found[asked] = run(*asked, expected=None)
            if command == "audit verify" and len(found) == 1:
                trail = run("read", "audit-trail", "--from-start", *site.at).out
                (site.folder / "trail.jsonl").write_text(trail)
                (site.folder / "audit-trail.jsonl").write_text(trail)
    return found


def test_no_command_prints_a_control_character_or_a_formula(
    answers: dict[tuple[str, ...], Answer], site: Site
) -> None:
    for asked, answer in answers.items():
        for text in (answer.out, answer.err):
            assert_plain(text, f"slotkeeper {asked}")
        if "csv" in asked or "--file" in asked:
            assert_no_formula(answer.out, f"slotkeeper {asked}")
    assert_each_did_something(answers)
    for path in site.folder.rglob("*"):
        if path.suffix in WRITTEN and path.name != "theirs.csv":
            assert_plain(path.read_text(), str(path))
            assert "<script>alert" not in path.read_text() or path.suffix == ".csv", path
        if path.suffix == ".csv" and path.name != "theirs.csv":
            assert_no_formula(path.read_text(), str(path))


def assert_each_did_something(answers: dict[tuple[str, ...], Answer]) -> None:
    done = {asked for asked, answer in answers.items() if answer.status in (0, 1)}
    for command in COMMANDS.keys() - ONLY_REFUSED:
        words = tuple(command.split())
        assert any(asked[: len(words)] == words for asked in done), command


def assert_plain(text: str, where: str) -> None:
    found = CONTROL.search(text)
    assert found is None, f"{where}: {text[max(0, found.start() - 200) :][:400]!r}"


def assert_no_formula(text: str, where: str) -> None:
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert cell.lstrip()[:1] not in tuple("=+-@"), f"{where}: {row}"
