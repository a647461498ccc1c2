"""The demo, as it is promised: what tracking saves, and what never needed it."""

import json
import signal
import subprocess
from pathlib import Path

import httpx
from tests.pages.waiting import PATIENCE_S

from .conftest import COMMAND, Cli


def test_devices_accept_with_tracking_what_most_refuse_without(cli: Cli) -> None:
    story = json.loads(cli("demo", "--devices", "20", "--json").stdout)
    assert {
        group["group"]: (
            group["devices"],
            group["accepted_with_tracking"],
            group["refused_without_tracking"],
        )
        for group in story["groups"]
    } == {
        "sequence": (4, 4, 0),
        "milliseconds": (4, 4, 0),
        "microseconds": (4, 4, 4),
        "nanoseconds": (4, 4, 4),
        "fast clock": (4, 4, 4),
    }
    assert [decision["reason"] for decision in story["device"]["decisions"]] == [
        "ACB_IN_SLOT",
        "WATERMARK_EXCEEDED",
        "SLOT_CHANGED",
    ]
    for message in story["device"]["messages"]:
        assert message["signature"] != {"present": True, "valid": False}
        assert message["mac"]["valid"] is not False


def test_what_it_kept_can_be_looked_into(cli: Cli, tmp_path: Path) -> None:
    told = cli("demo", "--devices", "5", "--keep", "kept")
    assert "accepted" in told.stdout
    assert "Where to look next" in told.stderr
    config = ("--config", "kept/slotkeeper.toml")
    assert cli("read", "cs02b-commands", "--from-start", *config).stdout.count("\n") == 5
    messages = sorted((tmp_path / "kept" / "messages").glob("*.hex"))
    assert len(messages) == 4
    cli("inspect", "--keystore", "kept/keystore", *messages)
    cli("demo", "--keep", "kept", expected=2)


def test_the_second_half_ends_in_a_page(cli: Cli, tmp_path: Path) -> None:
    told = cli("demo", "--devices", "40", "--keep", "kept")
    page = tmp_path / "kept" / "report" / "report.html"
    assert page.as_uri() in told.stdout
    assert '<p class="answer">' in page.read_text()
    # What it kept gives the same report again, and the verdict on one of its devices.
    config = ("--config", "kept/slotkeeper.toml")
    totals = json.loads((page.parent / "reconciliation.json").read_text())
    day = json.loads((page.parent / "manifest.json").read_text())["as_of"]
    made = ("report", "--from", "kept/slots", "--as-of", day, "--to", "again", "--json")
    assert json.loads(cli(*made, *config).stdout) == totals
    assert totals["judged"] == totals["gpfs"] == 80
    with (page.parent / "device.csv").open() as lines:
        device = lines.readlines()[1].partition(",")[0]
    told = cli("explain-slot", device, "--from", "kept/slots", *config)
    assert told.stdout.startswith(f"{device}: ")


def test_it_serves_pages_and_ends_with_its_worker(tmp_path: Path) -> None:
    command: list[str | Path] = [
        COMMAND,
        "demo",
        "--serve",
        "127.0.0.1:0",
        "--devices",
        "12",
        "--keep",
        "kept",
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        link = demo.stdout.readline().strip()
        with httpx.Client(follow_redirects=True, timeout=PATIENCE_S) as browser:
            shown = browser.get(link)
            assert shown.status_code == 200
            assert "12 devices were judged" in shown.text
            workers = browser.get(f"{link.partition('/session/')[0]}/workers.json").json()
            assert workers["sentence"] == "1 of 1 workers are ready."
            assert workers["workers"][0]["partitions"] == [0, 1, 2, 3]
        demo.send_signal(signal.SIGINT)
        assert demo.wait() == 0
    last = (tmp_path / "kept" / "worker.log").read_text().splitlines()[-1]
    assert json.loads(last)["event"] == "worker ended"
