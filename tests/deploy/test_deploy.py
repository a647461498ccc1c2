"""What is given to systems that run the worker: it says what the handbook says."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from slotkeeper.cli import _COMMANDS
from slotkeeper.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
HANDBOOK = (ROOT / "docs" / "operating.md").read_text()
RULES = DEPLOY / "prometheus" / "slotkeeper.rules.yaml"


def figures() -> set[str]:
    """Give the names that the handbook's table has."""
    table = HANDBOOK.partition("### Figures")[2].partition("### Alerts")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def used(text: str) -> set[str]:
    names = re.findall(r"\bslotkeeper_(\w+)", text)
    return {name.removesuffix("_bucket") for name in names}


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def test_alerts_are_about_figures_and_lead_to_a_section() -> None:
    titles = re.findall(r"^#+ (.+)$", HANDBOOK, flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    for rule in rules():
        assert used(rule["expr"]) <= figures(), rule["alert"]
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (page, anchor in anchors) == ("docs/operating.md", True), rule["alert"]


def test_every_figure_of_the_alert_table_has_an_alert() -> None:
    table = HANDBOOK.partition("### Alerts")[2].partition("\n## ")[0]
    assert used(table) <= {name for rule in rules() for name in used(rule["expr"])}


def test_every_alert_is_tested() -> None:
    tests = yaml.safe_load(RULES.with_suffix(".test.yaml").read_text())["tests"]
    fired = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    untested = {rule["alert"] for rule in rules()} - fired
    assert untested == {"SlotkeeperLoopLag"}  # A histogram that a test would have to make up.


def test_the_dashboard_is_made_of_figures_and_as_its_source_says() -> None:
    committed = (DEPLOY / "grafana" / "slotkeeper.json").read_text()
    panels = json.loads(committed)["panels"]
    assert (
        used(" ".join(target["expr"] for each in panels for target in each["targets"])) <= figures()
    )
    made = subprocess.run(
        [sys.executable, DEPLOY / "grafana" / "make.py"], capture_output=True, check=True, text=True
    )
    assert made.stdout == committed, (
        "python deploy/grafana/make.py > deploy/grafana/slotkeeper.json"
    )


def test_variables_of_chart_and_compose_file_are_settings() -> None:
    chart = (DEPLOY / "helm/slotkeeper/templates/statefulset.yaml").read_text()
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    named = dict.fromkeys(re.findall(r"name: (SLOTKEEPER_\w+)", chart), "worker-0")
    variables = compose["services"]["worker"]["environment"] | {
        name: value if "STREAMS" not in name else "kafka://kafka:9092"
        for name, value in named.items()
    }
    variables["SLOTKEEPER_HTTP__LISTEN"] = "0.0.0.0:9464"
    settings = Settings.load(environment=variables)
    assert settings.streams == "kafka://kafka:9092"
    assert (settings.kafka.model_extra or {})["group_instance_id"] == "worker-0"


def test_every_command_has_a_page(tmp_path: Path) -> None:
    subprocess.run([sys.executable, DEPLOY / "man.py", tmp_path], check=True)
    pages = {path.stem: path.read_text() for path in tmp_path.iterdir()}
    assert {f"slotkeeper-{name}" for name in _COMMANDS} < set(pages)
    assert "slotkeeper-evidence-verify" in pages
    for name, text in pages.items():
        macros = {line.split()[0] for line in text.splitlines() if line.startswith((".", "'"))}
        assert macros <= {".TH", ".ad", ".SH", ".PP", ".TP", ".B", ".BR"}, name


@contextmanager
def container(folder: Path, program: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the entry point of a container, with a program in the worker's place."""
    worker = folder / "slotkeeper"
    worker.write_text(f"#!/bin/sh\n{program}\n")
    worker.chmod(0o755)
    with subprocess.Popen(
        [DEPLOY / "container" / "run.sh", "--config", "x"],
        env={"PATH": f"{folder}:/usr/bin:/bin", "HELD_FILE": str(folder / "stopped")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


@pytest.mark.parametrize("status", [0, 1, 4])
def test_a_container_ends_as_its_worker_did(tmp_path: Path, status: int) -> None:
    with container(tmp_path, f"exit {status}") as process:
        assert process.wait() == status
    assert not (tmp_path / "stopped").exists()


@pytest.mark.parametrize("status", [2, 3])
def test_a_container_is_held_where_no_restart_may_follow(tmp_path: Path, status: int) -> None:
    with container(tmp_path, f"exit {status}") as process:
        assert f"status {status} and is not started again" in line(process.stderr)
        assert (tmp_path / "stopped").read_text() == f"{status}\n"
        assert process.poll() is None
        process.terminate()
        assert process.wait() == status


def test_a_container_that_is_stopped_lets_its_worker_drain(tmp_path: Path) -> None:
    program = """
    trap 'echo drained; exit 0' TERM
    echo "begun $*"
    while :; do sleep 0.05; done
    """
    with container(tmp_path, program) as process:
        assert line(process.stdout) == "begun run --config x\n"
        process.terminate()
        assert line(process.stdout) == "drained\n"
        assert process.wait() == 0
