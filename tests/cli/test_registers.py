"""`registers` as people run it."""

import json
from pathlib import Path

from .conftest import Cli

AT = ("--streams", "sqlite:///streams.db")
PARTIES = "party_id,name,kind,dcc_user_from\nNORTH,Northern Gas,GNO,2025-01-01\n"


def test_an_import_shows_what_changes_and_refuses_by_row(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "parties.csv"
    file.write_text(PARTIES + "SOUTH,=1+1,GNO,\n\x1b[31mX,Red,GNO,\n")
    dry = cli("registers", "import", "parties", file, "--dry-run", *AT, expected=1)
    assert "parties.csv: row 3: refused: name begins like a formula" in dry.stdout
    assert "+ NORTH" in dry.stdout
    assert "\x1b" not in dry.stdout + dry.stderr
    assert cli("read", "gas-network-parties", "--from-start", *AT).stdout == ""
    told = cli("registers", "import", "parties", file, "--json", *AT, expected=1)
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert [line["refused"]["row"] for line in lines if isinstance(line.get("refused"), dict)] == [
        3,
        4,
    ]
    assert lines[2]["added"] == "NORTH"
    assert lines[-1] | {"added": 1, "refused": 2, "published": True} == lines[-1]
    again = cli("registers", "import", "parties", file, *AT, expected=1)
    assert "0 added, 0 changed, 1 unchanged" in again.stdout


def test_long_lists_are_cut_and_say_so(cli: Cli, tmp_path: Path) -> None:
    rows = "".join(f"P{number},Party,GNO,\n" for number in range(25))
    (tmp_path / "parties.csv").write_text(PARTIES + rows + "x,Red,GNO,\n" * 210)
    told = cli("registers", "import", "parties", "parties.csv", *AT, expected=1)
    assert "6 more are added (--json shows them)" in told.stdout
    assert "10 more rows are refused" in told.stdout
    assert len(told.stdout.splitlines()) < 230


def test_names_of_files_are_not_printed_as_they_are(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "\x1b[31mparties.csv"
    file.write_text(PARTIES + "x,Red,GNO,\n")
    told = cli("registers", "import", "parties", file.name, *AT, expected=1)
    assert "\x1b" not in told.stdout + told.stderr
    assert "refused" in told.stdout


def test_what_cannot_be_opened_is_wrong_use(cli: Cli, tmp_path: Path) -> None:
    cli("registers", "import", "parties", "absent.csv", *AT, expected=2)
    (tmp_path / "empty").mkdir()
    told = cli("registers", "import", "certificates", "empty", *AT, expected=2)
    assert "no file to be read" in told.stderr
    cli("registers", "import", "parties", "empty", "--asserted-at", "never", *AT, expected=2)
    cli("registers", "import", "devices", "empty", *AT, expected=2)


def test_an_empty_file_marks_nothing_as_missing(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "parties.csv").write_text(PARTIES)
    cli("registers", "import", "parties", "parties.csv", *AT)
    (tmp_path / "cut.csv").write_text(PARTIES.splitlines()[0])
    told = cli("registers", "import", "parties", "cut.csv", "--complete", *AT, expected=1)
    assert "nothing was published" in told.stderr
    (tmp_path / "empty.csv").write_text("")
    told = cli("registers", "import", "parties", "empty.csv", "--complete", *AT, expected=1)
    assert "empty.csv: row 1: refused: it is empty" in told.stdout
    assert "1 of 1 rows were refused" in told.stderr
    assert "missing_since" not in cli("read", "gas-network-parties", "--from-start", *AT).stdout


def test_missing_anchors_are_said(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("certificate\n")
    told = cli("registers", "import", "certificates", "x.csv", *AT)
    assert "verify.issuing_certificates is not set" in told.stderr


def test_check_exits_1_where_something_is_found(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "parties.csv").write_text(PARTIES)
    cli("registers", "import", "parties", "parties.csv", *AT)
    clean = cli("registers", "check", *AT)
    assert clean.stdout == ""
    assert "1 parties, 0 certificates, 0 findings" in clean.stderr
    given = b'{"key": "SOUTH", "value": "[red]"}\n'
    cli("publish", "gas-network-parties", *AT, given=given)
    found = cli("registers", "check", "--json", "--as-of", "2026-01-01", *AT, expected=1)
    [one] = [json.loads(line) for line in found.stdout.splitlines()]
    assert one["kind"] == "UNREADABLE"
    people = cli("registers", "check", *AT, expected=1)
    assert "UNREADABLE" in people.stdout
