"""An export that is killed leaves nothing that could be taken for a package, and starts again."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from slotkeeper.settings.reading import certificates
from slotkeeper.slots.evidence.verifying import verify

from .conftest import PARTY, Site

WAITED_FOR: dict[str, Callable[[Path, Path], bool]] = {
    "begun": lambda making, _: making.exists(),
    "rows": lambda making, _: (making / "rows.jsonl").exists(),
    "manifest": lambda making, _: (making / "manifest.json").exists(),
    "complete": lambda _, package: package.exists(),
}


@pytest.mark.parametrize("moment", WAITED_FOR)
def test_a_killed_export_starts_again(site: Site, tmp_path: Path, moment: str) -> None:
    package, making = tmp_path / "package", tmp_path / ".package.unfinished"
    arguments = ("evidence", "export", PARTY, "--to", package)
    export = subprocess.Popen(
        [sys.executable, "-m", "slotkeeper", *arguments],
        cwd=site.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while export.poll() is None and not WAITED_FOR[moment](making, package):
        pass
    export.send_signal(signal.SIGKILL)
    export.wait()
    # Quick as it is, it may have come to its end before the signal: then it is whole.
    if package.exists():
        assert not verify(package, None).findings
    site.run(*arguments, expected=2 if package.exists() else 0)
    assert not verify(package, certificates(site.signer_pem)[0]).findings
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_two_exports_do_not_meet(site: Site, tmp_path: Path) -> None:
    holder = "import fcntl, os, sys\nfd = os.open(sys.argv[1], os.O_RDONLY)\n"
    holder += "fcntl.flock(fd, fcntl.LOCK_EX)\nprint(flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", holder, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        told = site.run("evidence", "export", PARTY, "--to", tmp_path / "package", expected=4)
        assert "another package is being made" in told.stderr
        assert other.stdin is not None
        other.stdin.close()
