"""Files that never seem to end, and are full of nothing: read as far as a bound, and named."""

import os
from pathlib import Path

import pytest

from slotkeeper.errors import FaultFoundError
from slotkeeper.settings.reading import LARGEST
from slotkeeper.slots.exit import comparing
from slotkeeper.slots.exit.comparing import read_list

from .conftest import Site
from .in_process import Run, run_fixture  # noqa: F401  # a fixture

LONG = 100 << 20
"""More than any bound for a line or a file; it takes no room on the disk."""


def endless(file: Path) -> Path:
    file.write_bytes(b"")
    os.truncate(file, LONG)
    return file


@pytest.fixture
def zeros(tmp_path: Path) -> Path:
    return endless(tmp_path / "zeros")


@pytest.mark.parametrize("name", ["slotkeeper.toml", "list.txt", "acb-ka-0.pem", "acb-ds-0.pem"])
def test_of_a_file_that_the_settings_name(run: Run, site: Site, name: str) -> None:
    with site.config.open("a") as end:
        end.write('[parties]\nnetwork_operators = "list.txt"\n')
    (site.config.parent / "list.txt").write_text("02-1A-B0-00-00-03-00-01\n")
    endless(site.config.parent / name)
    for command in (("check-config",), ("run", "--until-idle")):
        told = run(*command, "--config", site.config, expected=2).err
        assert name in told
        assert "no PEM section" in told or "larger than" in told


def test_of_a_signer_or_an_authority(run: Run, site: Site, zeros: Path) -> None:
    (site.config.parent / "package").mkdir()
    folder = site.config.parent / "package"
    told = run("evidence", "verify", folder, "--signer", zeros, expected=None).err
    assert f"{zeros} is larger than {LARGEST >> 20} MiB" in told


def test_of_lines(run: Run, site: Site, zeros: Path) -> None:
    at = ("--config", site.config)
    told = run("publish", "srv-6.21-requests", zeros, *at, expected=1).err
    assert "line 1: longer than" in told
    assert "0 records were published" in told
    told = run("counters", "import", zeros, "--reason", "r", *at, expected=1).err
    assert f"{zeros}: line 1 is longer than" in told


@pytest.mark.parametrize(
    "rows",
    [
        "party_id,name,kind\nNORTH,Northern Gas,GNO\nSOUTH,",
        '{"party_id":"NORTH","name":"Northern Gas","kind":"GNO"}\n{"party_id":"',
    ],
)
def test_of_a_register(run: Run, site: Site, tmp_path: Path, rows: str) -> None:
    """It is read as far as no row can go, and what stands before it is taken."""
    (tmp_path / "parties").write_text(rows)
    os.truncate(tmp_path / "parties", LONG)
    told = run("registers", "import", "parties", "parties", "--config", site.config, expected=1)
    assert f"no line break within {32 << 20} octets: nothing from here on was read" in told.out
    assert "1 added, 0 changed, 0 unchanged, 0 marked as missing, 1 refused" in told.out


def test_of_a_list_that_a_party_brings(zeros: Path, tmp_path: Path) -> None:
    with pytest.raises(FaultFoundError, match="line 1: longer than 4096 characters"):
        read_list(zeros)
    growing = tmp_path / "growing"
    growing.write_text("device_id\n" + ("x" * 4_000 + "\n") * 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "_LARGEST", 9_000)
        with pytest.raises(FaultFoundError, match="is longer than 9000 characters"):
            read_list(growing)


def test_of_a_manifest(run: Run, site: Site, zeros: Path, tmp_path: Path) -> None:
    at = ("--as-of", "2026-04-01", "--config", site.config)
    folder = tmp_path / "slots"
    folder.mkdir()
    told = run(
        *("report", "--from", folder, "--to", "out", "--known-by", zeros, *at), expected=2
    ).err
    assert "larger than 64 MiB" in told


def test_what_is_nested_too_deeply_is_named_by_its_line(
    run: Run, site: Site, tmp_path: Path
) -> None:
    """Of 1,000 brackets the JSON reader takes them all, and the writer not."""
    line = '{"key": "a", "value": ' + "[" * 1_010 + "]" * 1_010 + "}\n"
    (tmp_path / "deep").write_text('{"key": "a", "value": {}}\n' + line)
    told = run("publish", "srv-6.21-requests", "deep", "--config", site.config, expected=1).err
    assert "line 2: nested too deeply" in told
    assert "1 records were published" in told


def test_a_folder_is_named_where_a_file_is_meant(run: Run, site: Site, tmp_path: Path) -> None:
    at = ("--config", site.config)
    told = run("publish", "srv-6.21-requests", tmp_path, *at, expected=2).err
    assert told.startswith(f"error: {tmp_path} is a folder")
    told = run("init", site.config, expected=2).err
    assert told.startswith(f"error: {site.config}: ")
    assert "Errno" not in told


def test_brackets_that_hold_no_address_are_wrong_use(run: Run, site: Site) -> None:
    for url in ("kafka://[x]:9092", "kafka://a[b", "kafka://\u2100:9092"):
        told = run("streams", "create", "--config", site.config, "--streams", url, expected=2).err
        assert "names no brokers: write kafka://host:port" in told
