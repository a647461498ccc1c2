"""What became a dead letter is found, shown and sent again; records are read by choice."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from slotkeeper.lab import events

from .conftest import Cli, Site
from .in_process import Run, run_fixture  # noqa: F401  # a fixture


@pytest.fixture
def lost(cli: Cli, site: Site) -> Site:
    """A device whose inventory record has a word that nobody knows, and its hand-back."""
    fleet, at = site.fleet, ("--config", site.config)
    device = fleet.members[0].gpf.device
    named = events.inventory(device, device_type="Gas Proxy Function")
    cli("publish", "smart-metering-inventory", *at, given=named.line())
    cli("publish", "srv-6.15.1-responses", *at, given=site.lines(fleet.hand_backs()))
    cli("publish", "srv-6.21-requests", *at, given=site.lines(fleet.handover_requests()))
    cli("run", "--until-idle", *at)
    return site


def test_the_counts_of_a_run_have_dead_letters_of_the_inventory(cli: Cli, site: Site) -> None:
    at = ("--config", site.config)
    device = site.fleet.members[0].gpf.device
    named = events.inventory(device, device_type="Gas Proxy Function")
    cli("publish", "smart-metering-inventory", *at, given=named.line())
    told = json.loads(cli("run", "--until-idle", "--json", *at).stdout)
    assert told["dead_letters"] == {"MALFORMED": 1}
    assert told["reasons"] == {}


def test_an_unknown_word_is_not_silent(run: Run, lost: Site) -> None:
    at = ("--config", lost.config)
    device = str(lost.fleet.members[0].gpf.device.eui)
    told = run("dead-letters", "list", *at).out
    assert "device_type `Gas Proxy Function` is none of GPF, GSME, ESME" in told.replace("\n", "")
    first = run("why", device, *at).lines[0]
    assert first == "The device's inventory record could not be read. Next: DCC."


def test_a_dead_letter_is_shown_and_sent_again(run: Run, cli: Cli, lost: Site) -> None:
    at = ("--config", lost.config)
    (letter,) = (json.loads(line) for line in run("dead-letters", "list", "--json", *at).lines)
    shown = json.loads(run("dead-letters", "show", letter["at"], "--json", *at).out)
    assert shown["value"]["device_type"] == "Gas Proxy Function"
    assert "Gas Proxy Function" in run("dead-letters", "show", letter["at"], *at).out
    run("dead-letters", "retry", letter["at"], *at)
    sent = json.loads(run("read", "smart-metering-inventory", "--limit", "1", *at).out)
    assert sent["headers"]["retried-from"] == f"dead-letters {letter['at']}"
    assert sent["value"] == shown["value"]
    cli("run", "--until-idle", *at)
    again = [json.loads(line) for line in run("dead-letters", "list", "--json", *at).lines]
    assert [one["fault"] for one in again] == ["MALFORMED", "MALFORMED"]


def test_a_place_without_a_dead_letter_is_said(run: Run, lost: Site) -> None:
    at = ("--config", lost.config)
    assert (
        "there is no dead letter 0:99" in run("dead-letters", "show", "0:99", *at, expected=1).err
    )
    run("dead-letters", "retry", "0:99", *at, expected=1)
    run("dead-letters", "show", "x", *at, expected=2)
    run("dead-letters", "show", "99:0", *at, expected=2)


def test_a_cut_one_is_not_sent_again(run: Run, cli: Cli, site: Site) -> None:
    at = ("--config", site.config)
    device = str(site.fleet.members[0].gpf.device.eui)
    line = orjson.dumps({"key": device, "value": "x" * 1_100_000})
    cli("publish", "srv-6.15.1-responses", *at, given=line)
    cli("run", "--until-idle", *at)
    (letter,) = (json.loads(line) for line in run("dead-letters", "list", "--json", *at).lines)
    assert letter["cut"] is True
    assert "is cut" in run("dead-letters", "retry", letter["at"], *at, expected=1).err


def test_records_are_read_by_choice(run: Run, served: Site) -> None:
    at = ("--config", served.config)
    device = str(served.fleet.members[0].gpf.device.eui)
    every = [json.loads(line) for line in run("read", "audit-trail", "--from-start", *at).lines]
    of_device = [one for one in every if one["key"] == device]
    assert read(run, *at, "--device", device.lower().replace("-", "")) == of_device
    partition = of_device[0]["partition"]
    of_partition = [one for one in every if one["partition"] == partition]
    assert read(run, *at, "--partition", str(partition)) == of_partition
    assert read(run, *at, "--partition", str(partition), "--offset", "1") == of_partition[1:]
    assert len(read(run, *at, "--limit", "3")) == 3
    now = datetime.now(UTC)
    assert read(run, *at, "--since", (now - timedelta(hours=1)).isoformat()) == every
    assert read(run, *at, "--until", "2020-01-01") == []
    assert read(run, *at) == []
    run("read", "audit-trail", "--since", "yesterday", *at, expected=2)
    assert "0 to 3" in run("read", "audit-trail", "--partition", "9", *at, expected=2).err


def read(run: Run, *arguments: object) -> list[object]:
    return [json.loads(line) for line in run("read", "audit-trail", *arguments).lines]


@pytest.mark.parametrize(
    "command",
    [
        ("read", "audit-trail", "--from-start"),
        ("why", "02-1A-B0-01-00-00-00-00"),
        ("counters", "show", "02-1A-B0-01-00-00-00-00"),
        ("counters", "export", "table.jsonl"),
        ("counters", "pending"),
        ("audit", "verify"),
        ("dead-letters", "list"),
        ("dead-letters", "retry", "0:0"),
        ("registers", "check"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("empty", [False, True])
def test_a_command_that_looks_makes_no_store(
    run: Run,
    site: Site,
    command: tuple[str, ...],
    empty: bool,  # noqa: FBT001
) -> None:
    store = site.config.parent / "streams.db"
    if empty:
        store.touch()
    told = run(*command, "--config", site.config, expected=2).err
    assert f"there is no store {store}" in told
    assert store.exists() == empty
    assert not empty or store.stat().st_size == 0


def test_messages_of_files_are_published(run: Run, site: Site, tmp_path: Path) -> None:
    for _ in site.fleet.hand_backs():
        pass
    member = site.fleet.members[0]
    device = str(member.gpf.device.eui)
    message = dict(member.journal)["6.15.1 response"]
    (tmp_path / "one.hex").write_text(message.hex())
    (tmp_path / "two.bin").write_bytes(message)
    at = ("--config", site.config)
    told = run("publish", "srv-6.15.1-responses", "--hex", device, "one.hex", "two.bin", *at).err
    assert "2 records published" in told
    assert "streams.db" in told
    lines = run("read", "srv-6.15.1-responses", "--from-start", *at).out
    (tmp_path / "lines.jsonl").write_text(lines)
    answers = run("inspect", "--json", "lines.jsonl").lines
    assert [json.loads(one)["kind"] for one in answers] == ["RESPONSE", "RESPONSE"]
    run("publish", "srv-6.15.1-responses", "one.hex", "two.bin", *at, expected=2)


def test_a_folder_of_messages_is_inspected(run: Run, site: Site, tmp_path: Path) -> None:
    for _ in site.fleet.hand_backs():
        pass
    folder = tmp_path / "messages" / "inner"
    folder.mkdir(parents=True)
    for name, message in site.fleet.members[0].journal:
        (folder / f"{name}.hex").write_text(message.hex())
    (folder / ".hidden").write_text("no message")
    answers = [json.loads(line) for line in run("inspect", "--json", "messages").lines]
    assert [Path(one["file"]).name for one in answers] == [
        "6.15.1 command.hex",
        "6.15.1 response.hex",
    ]
    shown = run("inspect", "messages").out
    assert "not checked: no --keystore is given" in shown


def test_a_keystore_with_an_unusable_file_serves_all_the_same(
    run: Run, site: Site, tmp_path: Path
) -> None:
    from slotkeeper.lab.keystore import write_keystore  # noqa: PLC0415

    for _ in site.fleet.hand_backs():
        pass
    member = site.fleet.members[0]
    write_keystore(tmp_path / "keys", [member.gpf.device, site.fleet.pki.acb, member.operator])
    (tmp_path / "keys" / "0123456789abcdef-ds.pem").write_text("-----BEGIN PUBLIC KEY-----\n")
    (tmp_path / "message").write_bytes(dict(member.journal)["6.15.1 command"])
    told = run("inspect", "--keystore", "keys", "message")
    assert "mac: valid" in told.out
    assert "warning: the certificate file" in told.err
