"""The installed command, run as a user runs it, and a small fleet's files for it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from slotkeeper.lab.events import Event
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_settings

COMMAND = Path(sys.executable).parent / "slotkeeper"


class Cli(Protocol):
    """Runs ``slotkeeper`` with arguments and text for its standard input."""

    def __call__(
        self, *arguments: str | Path, given: bytes = b"", expected: int = 0
    ) -> "subprocess.CompletedProcess[str]": ...


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return cli_in(tmp_path)


def cli_in(folder: Path) -> Cli:
    """Run in a folder; the exit status is checked, since every command promises one."""

    def run(
        *arguments: str | Path, given: bytes = b"", expected: int = 0
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [COMMAND, *arguments], input=given, capture_output=True, cwd=folder, check=False
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == expected, f"exit status {done.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    return run


@dataclass
class Site:
    """A fleet, and a folder with settings for it."""

    fleet: Fleet
    config: Path

    def lines(self, events: Iterator[Event]) -> bytes:
        return b"".join(event.line() for event in events)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_in(tmp_path / "site")


def site_in(folder: Path) -> Site:
    fleet = Fleet(5, seed=11)
    return Site(fleet, write_settings(folder, [fleet.pki.acb], streams="sqlite:///streams.db"))


@pytest.fixture
def served(decided: Site, tmp_path: Path) -> Site:
    """Five devices, handed back and asked for once: a copy for each test. The fleet only names."""
    folder = tmp_path / "site"
    shutil.copytree(decided.config.parent, folder)
    return Site(decided.fleet, folder / decided.config.name)


@pytest.fixture(scope="session")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("decided")
    cli, site = cli_in(folder), site_in(folder / "site")
    at = ("--config", site.config)
    fleet = site.fleet
    cli("publish", "smart-metering-inventory", *at, given=site.lines(fleet.inventory()))
    cli("publish", "srv-6.15.1-responses", *at, given=site.lines(fleet.hand_backs()))
    cli("publish", "srv-6.21-requests", *at, given=site.lines(fleet.handover_requests()))
    cli("run", "--until-idle", *at)
    return site
