"""What operators read is what they get: figures, events, exit statuses."""

import ast
import configparser
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from slotkeeper.cli import exits
from slotkeeper.settings import Settings

from .conftest import Site

ROOT = Path(__file__).parents[2]
HANDBOOK = (ROOT / "docs" / "operating.md").read_text()
UNIT = ROOT / "deploy" / "slotkeeper.service"


def test_every_figure_is_in_the_handbook_and_no_other(site: Site) -> None:
    worker = site.start()
    worker.wait_until_open()
    families = text_string_to_metric_families(worker.get("/metrics").body)
    # The parser takes the ending of a counter off its family's name.
    shown = {
        family.name.removeprefix("slotkeeper_") + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("slotkeeper_")
    }
    assert set(first_column("### Figures")) == shown


def test_every_event_is_in_the_handbook_and_no_other() -> None:
    sources = [*(ROOT / "pycore" / "slotkeeper").rglob("*.py")]
    told = {event for source in sources for event in events(ast.parse(source.read_text()))}
    assert set(first_column("## Logs")) == told


def test_names_in_alerts_are_figures() -> None:
    figures = set(first_column("### Figures"))
    used = {
        name.removesuffix("_bucket")
        for name in re.findall(r"\bslotkeeper_(\w+)", section("### Alerts"))
    }
    assert used
    assert used <= figures


def test_the_unit_restarts_what_a_restart_may_mend() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(UNIT)
    service = unit["Service"]
    never = {int(status) for status in service["RestartPreventExitStatus"].split()}
    assert never == {exits.WRONG_USE, exits.STOPPED_FOR_OPERATOR}
    assert service["Restart"] == "on-failure"
    assert service["LimitCORE"] == "0"
    assert int(service["TimeoutStopSec"]) > Settings().worker.drain_seconds


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # It looks whether the program exists, which is for the machine to see to.
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def section(heading: str) -> str:
    level = heading.split(maxsplit=1)[0]
    _, _, after = HANDBOOK.partition(f"\n{heading}\n")
    assert after, f"no section {heading}"
    return re.split(rf"\n#{{2,{len(level)}}} ", after)[0]


def first_column(heading: str) -> Iterator[str]:
    for row in re.findall(r"^\| (`[^|]+) \|", section(heading), flags=re.MULTILINE):
        yield from re.findall(r"`([^`]+)`", row)


def events(tree: ast.AST) -> Iterator[str]:
    """Give the first argument of every call that writes a log line."""
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        logs = ast.unparse(call.func.value) in {"_log", "logging.getLogger(__name__)"}
        if (logs or call.func.attr == "_warn") and call.args:
            match call.args[0]:
                case ast.Constant(value=str(event)):
                    yield event
