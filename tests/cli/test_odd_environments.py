"""Environments that a terminal, a container or a machine with a wrong clock gives a command."""

import os
import subprocess
from pathlib import Path

import pytest

from .conftest import COMMAND, Site
from .hostile import CONTROL

FAKED = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
"""Debian's package ``libfaketime``."""

ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "POSIX": {"LC_ALL": "POSIX", "LANG": None, "PYTHONIOENCODING": None},
    "another encoding": {"PYTHONIOENCODING": "ascii"},
    "no home, no terminal": {"HOME": None, "TERM": None, "NO_COLOR": "1", "COLUMNS": "20"},
    "no width": {"TERM": "dumb", "COLUMNS": "1"},
    "a zone that is none": {"TZ": "Nowhere/Odd", "COLUMNS": "-5"},
    "another service": {
        "SLOTKEEPER_CONSOLE_PORT": "tcp://10.96.0.9:443",
        "SLOTKEEPER_CONSOLE_PORT_443_TCP_PROTO": "tcp",
        "SLOTKEEPER_METRICS_SERVICE_PORT_HTTPS": "443",
    },
}

YEARS = ("1960-01-01 00:00:00", "2039-01-01 00:00:00", "2101-01-01 00:00:00")
"""Before time began for a computer, and beyond 32 bits, and beyond what certificates have."""


def told(
    site: Site, environment: dict[str, str | None], *arguments: str | Path
) -> "subprocess.CompletedProcess[str]":
    """Run in a process of its own: an interpreter looks at its environment when it begins."""
    done = subprocess.run(
        [COMMAND, *arguments],
        env={
            name: value
            for name, value in {**os.environ, **environment}.items()
            if value is not None
        },
        cwd=site.config.parent,
        capture_output=True,
        check=False,
    )
    answer = subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
    assert "Traceback" not in answer.stderr, answer
    assert CONTROL.search(answer.stdout + answer.stderr) is None, answer
    return answer


def test_what_is_told_needs_nothing_of_the_environment(served: Site) -> None:
    device = str(served.fleet.members[0].gpf.device.eui)
    for environment in ENVIRONMENTS.values():
        for arguments in (
            ("check-config", "--config", served.config),
            ("why", device, "--config", served.config),
        ):
            answer = told(served, environment, *arguments)
            assert answer.returncode == 0, answer
            assert answer.stdout


@pytest.mark.skipif(FAKED is None, reason="libfaketime is not installed")
def test_a_clock_that_is_wrong_is_told_or_no_fault(served: Site) -> None:
    device = str(served.fleet.members[0].gpf.device.eui)
    at = ("--config", served.config)
    for year in YEARS:
        environment: dict[str, str | None] = {"LD_PRELOAD": str(FAKED), "FAKETIME": f"@{year}"}
        before_1970 = year.startswith("19")
        doctor = told(served, environment, "check-config", *at)
        assert doctor.returncode == (2 if before_1970 else 0), doctor
        assert ("before 1970" in doctor.stderr) == before_1970
        for arguments in (("run", "--until-idle", *at), ("why", device, *at)):
            assert told(served, environment, *arguments).returncode in {0, 1, 2}
