"""Files that are not what a command expects: folders, empty ones, odd names, none of its rights."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from .every_command import ANYTHING, DEVICE, Site
from .forked import Ended, Task, forked
from .hostile import CONTROL

FILE = "{file}"
"""Where the odd file's name stands."""

NOBODY = 65_534
"""An account without rights; a superuser is refused nothing."""

Asked = Callable[[Site], list[tuple[str, ...]]]


def reading(it: Site) -> list[tuple[str, ...]]:
    """Every place where a command takes a file or a folder that it reads."""
    return [
        ("audit", "verify", FILE),
        ("audit", "verify", it.file("line.jsonl"), "--changelog", FILE),
        ("audit", "verify", "--certificate", FILE, *it.at),
        ("check-config", "--config", FILE),
        ("check-config", "--streams", f"sqlite:///{FILE}", *it.at),
        ("counters", "import", FILE, "--reason", "r", *it.at),
        ("counters", "raise", DEVICE, "--at-least", "9", "--reason", "r", "--sign", FILE, *it.at),
        ("counters", "sign", FILE, "--key", it.file("ann.key"), *it.at),
        ("counters", "sign", it.file("line.jsonl"), "--key", FILE, *it.at),
        ("evidence", "prove", FILE, DEVICE),
        ("evidence", "verify", FILE),
        ("evidence", "verify", it.file("slots"), "--signer", FILE),
        ("exit", "devices", "GNO-1", "--compare", FILE, *it.built),
        ("exit", "sign", FILE, "--key", it.file("ann.key"), *it.at),
        ("exit", "status", "GNO-1", "--from", FILE, *it.at),
        ("explain-slot", "--file", FILE, *it.built),
        ("explain-slot", DEVICE, "--from", FILE, *it.at),
        ("inspect", FILE),
        ("inspect", it.file("line.jsonl"), "--keystore", FILE),
        ("publish", "srv-6.15.1-responses", FILE, *it.at),
        ("publish", "srv-6.15.1-responses", "--hex", DEVICE, FILE, *it.at),
        ("read", "audit-trail", "--streams", f"sqlite:///{FILE}", *it.at),
        ("registers", "import", "parties", FILE, *it.at),
        ("registers", "import", "certificates", FILE, *it.at),
        ("report", "--from", FILE, "--as-of", "2026-04-01", "--to", it.file("out"), *it.at),
        ("report", "compare", FILE, FILE),
        ("run", "--until-idle", "--config", FILE),
        ("slots", "import", FILE, *it.at),
        ("slots", "prune", FILE, "--keep", "1"),
        ("slots", "verify", FILE),
        ("why", DEVICE, "--from", FILE),
    ]


def writing(it: Site) -> list[tuple[str, ...]]:
    """Every place where a command makes a file or a folder."""
    return [
        ("counters", "export", FILE, *it.at),
        ("counters", "rebuild", FILE, *it.at),
        ("demo", "--devices", "5", "--keep", FILE),
        ("evidence", "export", "GNO-1", "--to", FILE, *it.at),
        ("exit", "rehearse", "--devices", "10", "--keep", FILE),
        ("init", FILE),
        ("inspect", it.file("line.jsonl"), "--pcap", FILE),
        ("lab", "pki", FILE),
        ("publish", "srv-6.21-requests", it.file("line.jsonl"), "--streams", f"sqlite:///{FILE}"),
        ("report", *it.built, "--as-of", "2026-04-01", "--to", FILE),
        ("slots", "build", "--to", FILE, *it.at),
    ]


@pytest.fixture
def site(rehearsal: Path) -> Iterator[Site]:
    """A copy that every account may look into; pytest's own folders are for one alone."""
    with tempfile.TemporaryDirectory() as name:
        made = Site(Path(name, "site"))
        shutil.copytree(rehearsal, made.folder)
        Path(made.file("line.jsonl")).write_bytes(orjson.dumps({"key": DEVICE, "value": ANYTHING}))
        key = ("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out")
        subprocess.run([*key, made.file("ann.key")], check=True)
        for path in (made.folder.parent, made.folder, *made.folder.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        yield made


def run_all(site: Site, asked: Asked, *files: str, account: int | None = None) -> list[Ended]:
    """Run each command on each odd file; what all of them promise is checked."""
    tasks = [
        Task(
            tuple(word.replace(FILE, file) for word in words),
            folder=str(site.folder),
            account=account,
        )
        for file in files
        for words in asked(site)
    ]
    ended = forked(tasks)
    for one in ended:
        assert one.status in range(5), one
        assert "Traceback" not in one.err, one
        assert CONTROL.search(one.out + one.err) is None, one
        assert "Errno" not in one.err, one
        assert one.status == 0 or one.err, one
    return ended


def test_folders_empty_files_and_files_of_nothing(site: Site) -> None:
    odd = site.folder.parent / "odd"
    odd.mkdir()
    (odd / "empty").write_bytes(b"")
    (odd / "zeros").write_bytes(bytes(5_000))
    (odd / "folder").mkdir()
    for one in run_all(site, reading, *(str(odd / name) for name in ("folder", "empty", "zeros"))):
        # What is no store, in a store's place, is for a person; nothing may be tried again.
        assert one.status in {0, 1, 2, 3}, one


def test_names_that_want_to_be_more_than_names(site: Site) -> None:
    odd = site.folder.parent / "a\nb\x1b[31m\udcff=cmd"
    odd.write_bytes(b"\xff\xfe\x00\n")
    run_all(site, reading, str(odd))


def test_what_an_account_may_not_read_or_write(site: Site) -> None:
    account = NOBODY if os.geteuid() == 0 else None
    secret, sealed = site.folder.parent / "secret", site.folder.parent / "sealed"
    secret.write_bytes(b"x")
    secret.chmod(0)
    sealed.mkdir()
    sealed.chmod(0o555)
    for one in run_all(site, reading, str(secret), account=account):
        assert one.status in {1, 2, 4}, one
    for one in run_all(site, writing, str(sealed / "made"), account=account):
        assert one.status in {2, 4}, one
        assert "ermission" in one.err or "not be" in one.err or "cannot" in one.err, one
    assert list(sealed.iterdir()) == []
