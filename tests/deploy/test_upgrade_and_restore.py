"""The upgrade and the restore of a SQLite store, by the commands of the handbook.

They are taken from the page. What is put in a host's place: paths, a ``systemctl`` that starts and
stops the worker, and a ``pip`` that does nothing, since the store of an earlier release stands for
its program.
"""

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.durability.exports import covers, entries, named
from tests.durability.stores import make
from tests.durability.test_upgrade import STORES, Kept

from slotkeeper.lab.events import Event

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
BIN = Path(sys.executable).parent

SYSTEMCTL = """#!/bin/bash
set -eu
case $1 in
  start)
    flock --no-fork worker.lock slotkeeper run --config "$CONFIG" > worker.log 2>&1 &
    echo $! > worker.pid ;;
  stop)
    kill -TERM "$(cat worker.pid)"
    rm worker.pid
    flock worker.lock true ;;
esac
"""
"""The lock is the worker's as long as it lives, so stopping waits for its end."""


def commands(heading: str) -> str:
    """Give the commands of a section, as they stand there."""
    level = heading.split(maxsplit=1)[0]
    _, found, after = PAGE.partition(f"\n{heading}\n")
    assert found, heading
    section = re.split(rf"^#{{2,{len(level)}}} ", after, flags=re.MULTILINE)[0]
    return "\n".join(re.findall(r"^(?: {4}){1,2}(\S.*)$", section, re.MULTILINE))


class Host:
    """A folder for a host on which the store of an earlier release is served."""

    def __init__(self, kept: Kept, folder: Path) -> None:
        self.kept = kept
        self.folder = folder
        self.backup = folder / "backup"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = kept.config.read_text()
        kept.config.write_text(f'{settings}\n[http]\nlisten = "127.0.0.1:{self.port}"\n')
        programs = folder / "bin"
        programs.mkdir()
        (programs / "systemctl").write_text(SYSTEMCTL)
        (programs / "pip").write_text(f"#!/bin/sh\necho pip >> {folder}/installed\n")
        for program in programs.iterdir():
            program.chmod(0o755)

    def follow(self, *headings: str) -> None:
        """Run the commands of these sections, one section after another."""
        assert commands("## Backup and restore of a SQLite file").startswith('AT="--config /etc/')
        places = {"AT": f"--config {self.kept.config}", "STORE": self.kept.file}
        places |= {"BACKUP": self.backup, "CONFIG": self.kept.config}
        script = "\n".join(
            [
                *(f"export {name}={shlex.quote(str(value))}" for name, value in places.items()),
                *map(commands, headings),
            ]
        )
        script = script.replace("/opt/slotkeeper/bin/", "").replace("9464", str(self.port))
        # There is no such account here.
        script = script.replace("install -o slotkeeper -g slotkeeper", "install")
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", script],
            cwd=self.folder,
            env={"PATH": f"{self.folder / 'bin'}:{BIN}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the worker, and wait until it serves."""
        self.systemctl("start")
        command = ["curl", "--silent", "--fail", "--retry", "60", "--retry-delay", "1"]
        at = f"http://127.0.0.1:{self.port}/readyz"
        subprocess.run([*command, "--retry-all-errors", at], check=True, capture_output=True)

    def systemctl(self, what: str) -> None:
        subprocess.run(
            [self.folder / "bin" / "systemctl", what],
            cwd=self.folder,
            env={"PATH": f"{BIN}:/usr/bin:/bin", "CONFIG": str(self.kept.config)},
            check=True,
        )


@pytest.fixture(params=STORES, ids=lambda store: store.name)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    served = Host(Kept(request.param, tmp_path / "site"), tmp_path)
    yield served
    if (tmp_path / "worker.pid").exists():
        served.systemctl("stop")


def asked(kept: Kept, first: int) -> Iterator[Event]:
    """Ask for every device, under RequestIDs that nobody had."""
    for place, member in enumerate(kept.fleet.members):
        yield make.ask(kept.fleet, member, first + place)


def test_an_upgrade_keeps_what_was_known(host: Host) -> None:
    host.start()
    host.follow("### Take a backup", "## Upgrade and downgrade")
    assert (host.folder / "installed").read_text() == "pip\n" * 2
    then, now = (
        entries((host.backup / name).read_text())
        for name in ("counters.jsonl", "counters-after.jsonl")
    )
    assert now.keys() == then.keys() != set()
    for slot, was in then.items():
        assert (now[slot]["recorded"], now[slot]["seen"]) == (was["recorded"], was["seen"])
        assert all(covers(now[slot], number) for number in named(was))


def test_d05_a_restored_backup_gives_no_number_again(host: Host) -> None:
    kept = host.kept
    host.start()
    host.follow("### Take a backup")
    host.systemctl("stop")
    backed = given(kept)
    kept.decide(asked(kept, 1_000))
    lost = given(kept)
    assert lost > backed
    for stream in ("smart-metering-inventory", "srv-6.15.1-responses", "srv-6.21-responses"):
        (host.folder / f"{stream}.jsonl").write_text(kept.told("read", stream, "--from-start")[0])
    host.start()

    host.follow("### Restore a backup")

    assert (host.folder / "site" / "streams.db.broken" / "streams.db").exists()
    host.systemctl("stop")
    kept.decide(asked(kept, 2_000))
    fresh = given(kept) - backed
    assert {device for device, _ in fresh} >= {device for device, _ in lost - backed}
    highest: dict[str, int] = {}
    for device, number in lost:
        highest[device] = max(number, highest.get(device, 0))
    assert all(number > highest.get(device, 0) for device, number in fresh)


def given(kept: Kept) -> set[tuple[str, int]]:
    """Give device and number of every command in the store."""
    return {(device, number) for device, _, number in kept.commands()}
