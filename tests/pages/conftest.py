"""A site that has lived for a year, and consoles on it as people start them."""

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from tests.sharing import made_once

from slotkeeper.cli.demo.site import Site, furnish
from slotkeeper.cli.output import progress

from .waiting import PATIENCE_S, until

DEVICES = 60
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Give this process a copy, to whose streams its tests write."""

    def furnished(folder: Path) -> None:
        with progress("making the fleet") as advance:
            furnish(
                folder,
                devices=DEVICES,
                seed="pages",
                today=datetime.now(UTC).date(),
                advance=advance,
            )

    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(made_once(tmp_path_factory, "pages", furnished), folder, dirs_exist_ok=True)
    return Site(folder, folder / "slotkeeper.toml")


def cli(*arguments: str | Path, expected: int = 0) -> "subprocess.CompletedProcess[bytes]":
    """Run a command of ours; the exit status is checked."""
    command = [sys.executable, "-m", "slotkeeper", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == expected, done.stderr.decode()
    return done


@dataclass
class Console:
    """A console that runs, and somebody who has followed its link."""

    base: str
    link: str
    data: Path
    process: "subprocess.Popen[str]"
    http: httpx.Client

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def json(self, path: str) -> dict:  # type: ignore[type-arg]
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        told: dict = answer.json()  # type: ignore[type-arg]
        return told

    def post(self, path: str, **more: object) -> httpx.Response:
        """Post a form with the token that stands in a page of this person."""
        fields = dict(more.pop("data", {}) or {})  # type: ignore[call-overload]
        token = CSRF.search(self.get("/find").text)
        assert token is not None
        return self.http.post(path, data={"csrf": token[1], **fields}, **more)  # type: ignore[arg-type]

    def log(self) -> str:
        return (self.data / "access.log").read_text()


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until somebody listens on a Unix socket."""

    def listens() -> bool:
        assert process.poll() is None
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as one:
            one.connect(str(path))
            return True
        return False

    until(listens)


Start = Callable[..., Console]


@contextlib.contextmanager
def started(data: Path, *more: str, config: Path, base: str = "") -> Iterator[tuple]:  # type: ignore[type-arg]
    listen = () if base else ("--listen", "127.0.0.1:0")
    command = [sys.executable, "-m", "slotkeeper", "console", "--data", str(data)]
    command += ["--config", str(config)]
    with (
        (data / "console.err").open("w") as said,
        subprocess.Popen(
            [*command, *listen, *more], stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        try:
            if base:
                wait_for(Path(base), process)
                yield process, ""
            else:
                assert process.stdout is not None
                yield process, process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0, (data / "console.err").read_text()


@contextlib.contextmanager
def served(data: Path, *more: str, config: Path) -> Iterator[Console]:
    """Run a console on a data folder, and follow its link."""
    with started(data, *more, config=config) as (process, link):
        base = link.partition("/session/")[0]
        with httpx.Client(base_url=base, timeout=PATIENCE_S) as http:
            assert http.get(link).status_code == 303
            yield Console(base, link, data, process, http)


@pytest.fixture(scope="session")
def start(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a console with options; each has a data folder of its own beside the same streams."""
    with contextlib.ExitStack() as stack:

        def begin(*more: str, follow: bool = True) -> Console:
            data = tmp_path_factory.mktemp("console")
            for name in ("slots", "reports", "exits"):
                shutil.copytree(site.folder / name, data / name)
            process, link = stack.enter_context(started(data, *more, config=site.config))
            base = link.partition("/session/")[0]
            http = stack.enter_context(httpx.Client(base_url=base, timeout=PATIENCE_S))
            if follow:
                assert http.get(link).status_code == 303
            return Console(base, link, data, process, http)

        yield begin


@pytest.fixture(scope="session")
def dcc(start: Start) -> Console:
    return start()
