"""The doctor: every fault at once, each by what `run` would do, and nothing is made."""

import json
import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from slotkeeper.cli.check_config import keys, places
from slotkeeper.cli.check_config.finding import error, ok, worst

from .conftest import Cli, Site
from .in_process import Run, run_fixture  # noqa: F401  # a fixture


def add(site: Site, text: str) -> None:
    with site.config.open("a") as end:
        end.write(text)


def test_all_faults_are_told_at_once(run: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOTKEEPER_COUNTER__SOURCE", "sundial")
    (site.config.parent / "acb-ka-0.key").unlink()
    add(site, '[http]\nlisten = "nowhere"\n[counter]\nceilling = "1"\nceiling = "x"\n')
    told = run("check-config", "--config", site.config, expected=2)
    for part in (
        "counter.ceilling: did you mean ceiling?",
        'counter.source: must be "clock-ms" or "sequence"',
        "counter.ceiling: must be a whole number in decimal digits",
        "http.listen: must be HOST:PORT",
        "acb-ka-0.key cannot be read",
    ):
        assert part in told.err
    assert "[counter]" in told.out, "the settings are shown whatever is wrong"


def test_each_value_tells_its_origin(run: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOTKEEPER_COUNTER__CEILING", "77")
    at = ("--config", site.config, "--streams", f"sqlite:///{site.config.parent / 'x.db'}")
    shown = run("check-config", *at).out
    lines = {line.split(" = ")[0]: line for line in shown.splitlines() if " = " in line}
    assert lines["streams"].endswith("# --streams")
    assert lines["ceiling"].endswith("# SLOTKEEPER_COUNTER__CEILING")
    assert lines["source"].endswith("# default")
    assert lines["id"].endswith(f"# {site.config}")
    told = json.loads(run("check-config", "--json", *at).out)
    assert told["origins"]["counter.ceiling"] == "SLOTKEEPER_COUNTER__CEILING"
    assert told["settings"]["counter"]["ceiling"] == "77"


def test_nothing_is_made(run: Run, site: Site) -> None:
    folder = site.config.parent
    add(site, '[sqlite]\nwitness = "witness"\n[snapshot]\ndirectory = "snapshots"\n')
    before = sorted(os.listdir(folder))  # noqa: PTH208  # names alone
    told = run("check-config", "--config", site.config)
    assert "there is no store" in told.out
    assert sorted(os.listdir(folder)) == before  # noqa: PTH208


@pytest.mark.parametrize(
    ("mode", "owner", "told"),
    [
        (0o604, 0, "everyone has access"),
        (0o640, 1234, "a group has access"),
        (0o640, 0, None),
        (0o600, 1234, None),
    ],
)
def test_who_may_read_a_key(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    owner: int,
    told: str | None,
) -> None:
    file = site.config.parent / "acb-ds-0.key"
    file.chmod(mode)
    real = os.stat(file)  # noqa: PTH116
    members = list(real)
    members[4] = owner
    monkeypatch.setattr(
        "slotkeeper.cli.check_config.keys.os.stat", lambda _: os.stat_result(members)
    )
    monkeypatch.setattr("slotkeeper.cli.check_config.keys.os.access", lambda *_: True)
    found = [finding.says for finding in keys._mode("key", str(file))]
    assert (told is None) == (not found)
    assert told is None or told in found[0]


def test_a_port_that_is_taken_is_told(run: Run, site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        add(site, f'[http]\nlisten = "127.0.0.1:{taken.getsockname()[1]}"\n')
        assert (
            "cannot be listened on" in run("check-config", "--config", site.config, expected=4).err
        )
    assert "is free" in run("check-config", "--config", site.config).out


def test_a_folder_that_is_missing_is_told(run: Run, site: Site) -> None:
    add(site, '[sqlite]\nwitness = "gone/witness"\n')
    told = run("check-config", "--config", site.config, expected=2).err
    assert "there is no folder" in told


def test_what_the_witness_has_against_the_store_is_told(run: Run, cli: Cli, site: Site) -> None:
    add(site, '[sqlite]\nwitness = "witness"\n')
    at = ("--config", site.config)
    store = site.config.parent / "streams.db"
    cli("publish", "smart-metering-inventory", *at, given=site.lines(site.fleet.inventory()))
    cli("run", "--until-idle", *at)
    shutil.copy(store, store.with_suffix(".old"))
    cli("publish", "srv-6.15.1-responses", *at, given=site.lines(site.fleet.hand_backs()))
    cli("run", "--until-idle", *at)
    run("check-config", *at)
    for file in store.parent.glob("streams.db-*"):
        file.unlink()
    store.with_suffix(".old").rename(store)
    told = run("check-config", *at, expected=3)
    assert "an older copy was restored" in told.err
    seen = json.loads(run("check-config", "--json", *at, expected=3).out)
    assert seen["exit_status"] == 3


def test_a_store_that_is_not_there_any_more_is_told(run: Run, cli: Cli, site: Site) -> None:
    """A worker begins none where the witness has seen one, nor beside an earlier version's."""
    add(site, '[sqlite]\nwitness = "witness"\n')
    at = ("--config", site.config)
    store, moved = site.config.parent / "streams.db", site.config.parent / "a b.db"
    cli("publish", "smart-metering-inventory", *at, given=site.lines(site.fleet.inventory()))
    cli("run", "--until-idle", *at)
    shutil.move(store, moved)
    assert "put its newest copy back" in run("check-config", *at, expected=3).err
    cli("run", "--until-idle", *at, expected=3)
    store.unlink()
    with closing(sqlite3.connect(moved)) as older:
        older.execute("DELETE FROM meta WHERE name = 'addresses'")
        older.commit()
    address = ("--streams", f"sqlite:///{site.config.parent / 'a%20b.db'}")
    for command in (("check-config",), ("run", "--until-idle")):
        told = run(*command, *at, *address, expected=2).err
        assert "earlier versions opened" in told


def test_a_clock_before_1970_is_a_fault(
    run: Run, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "system_clock", lambda: -1)
    told = run("check-config", "--config", site.config, expected=2).err
    assert "before 1970" in told


def test_a_certificate_that_ends_soon_is_a_warning(
    run: Run, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "system_clock", lambda: 4_102_444_800_000)
    assert "ended on" in run("check-config", "--config", site.config).out


def test_what_an_operator_must_mend_comes_before_what_passes() -> None:
    assert worst([ok("a", "b")]) == 0
    assert worst([error("a", "b", 4), error("c", "d", 3)]) == 3
    assert worst([error("a", "b", 3), error("c", "d")]) == 2


def test_paths_are_not_followed_into_content(run: Run, site: Site) -> None:
    key = Path(site.config.parent / "acb-ds-0.key").read_text()
    text = site.config.read_text().replace('key = "acb-ds-0.key"', f"key = '''{key}'''")
    site.config.write_text(text)
    told = run("check-config", "--config", site.config, expected=2)
    assert "acb.digital_signature[0].key: must be the path of a file" in told.err
    assert key.splitlines()[1] not in told.out + told.err
