"""``slotkeeper lab``: files that the other commands take."""

from pathlib import Path

import orjson
from tests.cli.conftest import Cli


def test_a_worker_starts_with_what_was_made(cli: Cli, tmp_path: Path) -> None:
    done = cli("lab", "pki", "site", "--streams", "sqlite:///slots.db", "--json")
    told = orjson.loads(done.stdout)
    assert "test keys only" in done.stderr
    assert told["devices"] == ["02-1A-B0-01-00-00-00-00"]
    cli("run", "--until-idle", "--config", told["settings"])
    assert (tmp_path / "site" / "slots.db").exists()


def test_a_pki_goes_into_a_new_folder_alone(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("")
    cli("lab", "pki", ".", expected=2)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_certificates_are_added_renewed_and_revoked(cli: Cli, tmp_path: Path) -> None:
    cli("lab", "pki", "site")
    operator = ("lab", "certificate", "site", "--role", "network-operator", "--number", "9")
    cli(*operator, "--not-after", "2026-12-31")
    cli(*operator, "--generation", "1")
    revoked = orjson.loads(cli(*operator, "--revoke", "--json").stdout)
    mine = [one for one in revoked["organisations"] if one["number"] == 9]
    assert [one["revoked_on"] is None for one in mine] == [False, True]
    assert mine[0]["not_after"].startswith("2026-12-31")
    assert len(list((tmp_path / "site" / "organisations").glob("021ab00000030009-*"))) == 4
    cli("lab", "certificate", "site", "--device", "5")
    assert (tmp_path / "site" / "keystore" / "021ab00100000005-ds.key").exists()


def test_wrong_calls_are_told(cli: Cli) -> None:
    assert "pki.json" in cli("lab", "certificate", "--role", "supplier", expected=2).stderr
    cli("lab", "pki")
    cli("lab", "certificate", expected=2)
    cli("lab", "certificate", "--role", "supplier", "--device", "1", expected=2)
    cli("lab", "certificate", "--role", "supplier", expected=1)
    cli("lab", "certificate", "--role", "supplier", "--number", "9", "--revoke", expected=1)
    cli("lab", "pki", "other", "--seed", "a b", expected=2)
