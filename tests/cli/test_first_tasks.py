"""What five people look into first; the commands of docs/first-tasks.md run in tests/deploy."""

import json
from pathlib import Path

import pytest

from .conftest import Cli
from .in_process import Run, run_fixture  # noqa: F401  # a fixture


def test_own_configuration_serves_on_a_file_in_five_commands(run: Run, cli: Cli) -> None:
    """The message path: a configuration, a look at it, a worker, a record, an answer."""
    run("init", "--test-keys")
    run("check-config")
    message = b'{"key": "00-DB-12-34-56-78-90-A3", "value": {"response_code": "E21"}}\n'
    cli("publish", "srv-6.15.1-responses", given=message)
    cli("run", "--until-idle")
    told = run("why", "00-DB-12-34-56-78-90-A3").lines
    assert told[0] == "The DCC answered E21: the device did not answer. Next: DCC."


@pytest.fixture
def kept(cli: Cli, tmp_path: Path) -> tuple[dict[str, object], Path]:
    """The demo's folder, as the README says to keep it."""
    told = json.loads(cli("demo", "--devices", "10", "--keep", "demo", "--json").stdout)
    return told, tmp_path / "demo"


def test_service_management_finds_out_why(run: Run, kept: tuple[dict[str, object], Path]) -> None:
    story, folder = kept
    device = story["device"]["device_id"]  # type: ignore[index]  # JSON
    at = ("--config", folder / "slotkeeper.toml")
    assert run("why", device, *at).lines[0].startswith("The handover succeeded")
    request = next(
        json.loads(line)["value"]["request_id"]
        for line in run("read", "srv-6.21-requests", "--device", device, *at).lines
    )
    assert run("why", request, *at).lines[0].startswith("The handover succeeded")
    assert "Next: supplier" in run("explain", "BAD_CERTIFICATE").out
    assert "there is no dead letter" in run("dead-letters", "list", *at).err
    run("counters", "pending", *at)


def test_a_test_house_decodes_what_was_sent(run: Run, kept: tuple[dict[str, object], Path]) -> None:
    _, folder = kept
    told = run("inspect", "--keystore", folder / "keystore", folder / "messages").out
    assert "signature: valid" in told
    assert "mac: valid" in told
    assert "FALSE" not in told


def test_an_auditor_reads_an_export_without_the_service(
    run: Run, kept: tuple[dict[str, object], Path], tmp_path: Path
) -> None:
    story, folder = kept
    device = story["device"]["device_id"]  # type: ignore[index]  # JSON
    at = ("--config", folder / "slotkeeper.toml")
    export = tmp_path / "export"
    export.mkdir()
    (export / "audit-trail.jsonl").write_text(run("read", "audit-trail", "--from-start", *at).out)
    run("audit", "verify", export / "audit-trail.jsonl")
    run("slots", "build", "--to", "slots", *at)
    assert run("why", device, "--from", "slots").lines[0].startswith("The handover succeeded")
    told = run("why", device, "--from", export).out
    assert told.splitlines()[0].startswith("The handover succeeded")
    assert "RECORDED ACB_IN_SLOT" in told
