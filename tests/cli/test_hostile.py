"""Control characters in every text of every record: no command prints one of them."""

import json
import re
from pathlib import Path

import orjson
import pytest

from slotkeeper.lab import events
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_settings

from .conftest import Cli
from .hostile import CONTROL, TEXT, bad_lines
from .in_process import Run, run_fixture  # noqa: F401  # a fixture


@pytest.fixture
def store(run: Run, cli: Cli, tmp_path: Path) -> tuple[str, ...]:
    """A store with a device's whole story, and beside it hostile records of every stream."""
    fleet = Fleet(5, seed=11)
    config = write_settings(tmp_path / "site", [fleet.pki.acb], streams="sqlite:///streams.db")
    at = ("--config", str(config))
    told = [*fleet.inventory(), *fleet.hand_backs(), *fleet.handover_requests()]
    device = str(fleet.members[0].gpf.device.eui)
    lines: dict[str, list[bytes]] = {}
    for event in told:
        lines.setdefault(event.stream, []).append(event.line())
        if event.key == device and isinstance(event.value, dict):
            lines[event.stream] += bad_lines(event.value, device)
    adjustment = events.adjustment(fleet.members[0].gpf.device.eui, 7, by=("ann",)).value
    assert isinstance(adjustment, dict)
    lines["counter-adjustments"] = [
        *bad_lines(adjustment, device),
        orjson.dumps(
            {
                "key": device,
                "value": {**adjustment, "by": [TEXT], "reason": TEXT, "source": TEXT, TEXT: TEXT},
            }
        ),
    ]
    for stream, records in lines.items():
        file = tmp_path / "lines.jsonl"
        file.write_bytes(b"\n".join(records))
        run("publish", stream, file, *at)
    # A process of its own: a worker sets up logs and the collector for good.
    cli("run", "--until-idle", *at)
    return (*at, device)


def test_no_command_prints_a_control_character(
    run: Run, store: tuple[str, ...], tmp_path: Path
) -> None:
    *at, device = store
    message = tmp_path / "message"
    message.write_text(f"<{TEXT}>")
    hostile_line = tmp_path / "line"
    hostile_line.write_text(json.dumps({"key": TEXT, TEXT: TEXT}))
    read = [
        run("read", stream, "--from-start", *at)
        for stream in (
            "audit-trail",
            "dead-letters",
            "handover-refusals",
            "cs02b-commands",
            "counter-adjustments",
            "smart-metering-inventory",
            "srv-6.21-requests",
            "srv-6.15.1-responses",
            "originator-counters",
        )
    ]
    letters = run("dead-letters", "list", *at)
    places = re.findall(r"^(\d+:\d+) ", letters.out, re.MULTILINE)
    assert len(places) > 20
    export = tmp_path / "export"
    export.mkdir()
    (export / "audit-trail.jsonl").write_text(read[0].out)
    answers = [
        *read,
        letters,
        run("dead-letters", "list", "--json", *at),
        *(run("dead-letters", "show", place, *at) for place in places),
        *(run("dead-letters", "show", place, "--json", *at) for place in places[:5]),
        run("why", device, *at),
        run("why", device, "--json", *at),
        run("why", device, "--from", export, *at),
        run("counters", "show", device, *at),
        run("counters", "pending", *at),
        run("counters", "export", tmp_path / "table.jsonl", *at),
        run("audit", "verify", *at, expected=None),
        run("registers", "check", *at, expected=None),
        run("check-config", *at),
        run("inspect", message, expected=1),
        run("inspect", "--json", message, TEXT.replace("\0", ""), expected=1),
        run("publish", "counter-adjustments", hostile_line, *at, expected=1),
        run("publish", TEXT, hostile_line, *at, expected=2),
        run("read", TEXT, *at, expected=2),
        run("explain", TEXT, expected=2),
        run("why", TEXT, *at, expected=2),
        run(TEXT, expected=2),
    ]
    for answer in answers:
        for text in (answer.out, answer.err):
            found = CONTROL.search(text)
            assert found is None, text[max(0, found.start() - 200) :][:400]
    assert "\\x1b" in letters.out
    assert "\\u202e" in run("why", device, *at).out


def test_what_is_escaped_in_json_is_the_same_text(run: Run, store: tuple[str, ...]) -> None:
    *at, _ = store
    lines = run("read", "counter-adjustments", "--from-start", *at).lines
    values = [json.loads(line).get("value") for line in lines]
    assert TEXT in [value.get("reason") for value in values if isinstance(value, dict)]
    assert TEXT in values


def test_markup_is_text(run: Run, store: tuple[str, ...]) -> None:
    *at, device = store
    assert "[bold]c[/bold]" in run("why", device, *at).out.replace("\n", "")
