"""`run`, `counters`, `check-config`, `acknowledge`, `streams`: beside and with a real worker."""

import asyncio
import base64
import hashlib
import json
from pathlib import Path

import pytest

from slotkeeper.lab.keystore import pem
from slotkeeper.lab.pki import Pki
from slotkeeper.lab.terms import Role
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams
from slotkeeper.streams.partitioning import partition_of

from .conftest import Cli, Site


@pytest.fixture
def handed_back(cli: Cli, site: Site) -> Site:
    """Five devices whose operators handed their slots back, decided."""
    at = ("--config", site.config)
    fleet = site.fleet
    cli("publish", "smart-metering-inventory", *at, given=site.lines(fleet.inventory()))
    cli("publish", "srv-6.15.1-responses", *at, given=site.lines(fleet.hand_backs()))
    cli("run", "--until-idle", *at)
    return site


def test_the_worker_tells_what_it_did(cli: Cli, site: Site) -> None:
    at = ("--config", site.config)
    fleet = site.fleet
    cli("publish", "smart-metering-inventory", *at, given=site.lines(fleet.inventory()))
    cli("publish", "srv-6.15.1-responses", *at, given=site.lines(fleet.hand_backs()))
    cli("publish", "srv-6.21-requests", *at, given=site.lines(fleet.handover_requests()))
    told = json.loads(cli("run", "--until-idle", "--json", *at).stdout)
    assert told["dispositions"] == {"ISSUED": 5, "RECORDED": 5}
    again = json.loads(cli("run", "--until-idle", "--json", *at).stdout)
    assert again["dispositions"] == {}


def test_a_device_is_shown_with_its_history(cli: Cli, handed_back: Site) -> None:
    device = str(handed_back.fleet.members[3].gpf.device.eui)
    at = ("--config", handed_back.config)
    spelt_otherwise = device.replace("-", "").lower()
    story = json.loads(cli("counters", "show", spelt_otherwise, "--json", *at).stdout)
    assert story["device_id"] == device
    role = story["record"]["roles"]["NetworkOperator"]
    assert [decision["reason"] for decision in story["history"]] == ["ACB_IN_SLOT"]
    assert role["recorded"] == story["history"][0]["recorded_counter"]
    shown = cli("counters", "show", device, *at).stdout
    assert role["recorded"] in shown
    assert "ACB_IN_SLOT" in shown


def test_s07_commands_without_an_answer_are_listed(cli: Cli, handed_back: Site) -> None:
    at = ("--config", handed_back.config)
    fleet = handed_back.fleet
    cli("publish", "srv-6.21-requests", *at, given=handed_back.lines(fleet.handover_requests()))
    cli("run", "--until-idle", *at)
    written = [
        json.loads(line)["value"]
        for line in cli("read", "cs02b-commands", *at, "--from-start").stdout.splitlines()
    ]
    answered, *unanswered = [
        command if isinstance(command, dict) else json.loads(command) for command in written
    ]
    outcome = fleet.deliver(base64.b64decode(answered["gbcs_payload"])).outcome
    assert outcome is not None
    cli("publish", "srv-6.21-responses", *at, given=outcome.line())
    cli("run", "--until-idle", *at)
    listed = [
        json.loads(line) for line in cli("counters", "pending", "--json", *at).stdout.splitlines()
    ]
    assert {command["device_id"]: command["originator_counter"] for command in listed} == {
        command["device_id"]: command["originator_counter"] for command in unanswered
    }
    assert all(command["issued_at"] for command in listed)
    assert listed[0]["originator_counter"] in cli("counters", "pending", *at).stdout


def test_what_is_no_command_hides_none_that_waits(cli: Cli, served: Site) -> None:
    """Others than workers may write there, and a record may be all that is wrong with it."""
    at = ("--config", served.config)
    waiting = ("counters", "pending", "--json", *at)
    before = cli(*waiting).stdout
    command = json.loads(before.splitlines()[0])
    bad: tuple[object, ...] = ([], 7)
    odd = [b"", b"{", b"[]", b"null", b"\xff", b'{"device_id": {}}', None]
    odd += [json.dumps({**command, name: value}).encode() for name in command for value in bad]

    async def write() -> None:
        settings = Settings.load(served.config, environment={})
        async with open_streams(settings.streams) as streams, streams.own() as ownership:
            # Behind the command itself, so that it is what is read last.
            partition = partition_of(command["device_id"].encode(), streams.partitions)
            owned = await ownership.open(partition)
            outputs = [("cs02b-commands", partition, b"d", value, ()) for value in odd]
            await owned.commit(outputs, {})

    asyncio.run(write())
    listed = [json.loads(line) for line in cli(*waiting).stdout.splitlines()]
    numbers = {json.loads(line)["originator_counter"] for line in before.splitlines()}
    assert {one["originator_counter"] for one in listed} == numbers
    told = {**command, "issued_at": "yesterday"}
    odd[:] = [json.dumps(told).encode()]
    asyncio.run(write())
    assert "unknown" in cli("counters", "pending", *at).stdout


def test_d10_an_export_is_imported_without_loss_and_twice_without_effect(
    cli: Cli, handed_back: Site, tmp_path: Path
) -> None:
    here = ("--config", handed_back.config)
    there = (*here, "--streams", "sqlite:///successor.db")
    cli("counters", "export", "first.jsonl", *here)
    _, *entries, _ = (tmp_path / "first.jsonl").read_text().splitlines()
    exported = {entry["device_id"]: entry for entry in map(json.loads, entries)}
    for member in handed_back.fleet.members:
        entry = exported[str(member.gpf.device.eui)]
        number = str(member.gpf.numbers[Role.NETWORK_OPERATOR])
        assert (entry["recorded"], entry["seen"]) == (number, number)
    for _ in range(2):
        cli("counters", "import", "first.jsonl", "--reason", "successor", "--by", "ann", *there)
        cli("run", "--until-idle", *there)
        cli("counters", "export", "second.jsonl", *there)
        first, second = (tmp_path / name for name in ("first.jsonl", "second.jsonl"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("damage", ["cut", "changed", "foreign"])
def test_a_damaged_export_is_not_imported(
    cli: Cli, handed_back: Site, tmp_path: Path, damage: str
) -> None:
    at = ("--config", handed_back.config)
    cli("counters", "export", "table.jsonl", *at)
    table = tmp_path / "table.jsonl"
    lines = table.read_bytes().splitlines(keepends=True)
    match damage:
        case "cut":
            lines.pop()
        case "changed":
            lines[1] = lines[1].replace(b'"recorded":"', b'"recorded":"1')
        case "foreign":
            lines = [b'{"key": "a", "value": null}\n'] * 2
    table.write_bytes(b"".join(lines))
    cli("counters", "import", "table.jsonl", "--reason", "r", "--by", "ann", *at, expected=1)
    assert cli("read", "counter-adjustments", "--from-start", *at).stdout == ""


def _table(path: Path, *entries: object, version: int = 2, **head: object) -> None:
    """Write what an export would be that has these entries."""
    lines = [{"slotkeeper_counters": version, **head}, *entries]
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    end = {"entries": len(entries), "sha256": hashlib.sha256(content).hexdigest()}
    path.write_bytes(content + json.dumps(end).encode() + b"\n")


def _entry(device: str, **numbers: object) -> dict[str, object]:
    return {
        "device_id": device,
        "remote_party_role": "NetworkOperator",
        "recorded": None,
        "seen": None,
        "request_ids": {},
        **numbers,
    }


@pytest.mark.parametrize("command", ["import", "publish-parked"])
@pytest.mark.parametrize(
    "odd",
    [
        {"stream": []},
        {"stream": {}},
        {"stream": None},
        {"stream": "counter-adjustments"},
        {"stream": "srv-6.21-requests"},
        {"value": 5},
        {"value": "\x1b"},
        {"value": ""},
        {"device_id": 7},
    ],
    ids=repr,
)
def test_a_parked_record_that_cannot_be_one_is_named(
    cli: Cli, site: Site, tmp_path: Path, odd: dict[str, object], command: str
) -> None:
    parked = {"device_id": "00-DB-12-34-56-78-90-A3", "stream": "dcc-alerts", "value": "AAAA"}
    _table(tmp_path / "table.jsonl", parked, parked | odd, version=3, losses=[0])
    how = ("--reason", "r", "--by", "ann") if command == "import" else ()
    done = cli("counters", command, "table.jsonl", *how, "--config", site.config, expected=1)
    assert "line 3: " in done.stderr


@pytest.mark.parametrize("odd", [None, 1, {}, ["1"], [-1], [True], [1 << 40]], ids=repr)
def test_losses_that_cannot_be_are_refused(
    cli: Cli, site: Site, tmp_path: Path, odd: object
) -> None:
    _table(tmp_path / "table.jsonl", version=3, losses=odd)
    how = ("--reason", "r", "--by", "ann", "--config", site.config)
    assert "losses" in cli("counters", "import", "table.jsonl", *how, expected=1).stderr


def test_d10_a_table_with_every_number_listed_is_imported_whole(
    cli: Cli, handed_back: Site, tmp_path: Path
) -> None:
    at = ("--config", handed_back.config)
    device = str(handed_back.fleet.members[0].gpf.device.eui)
    first = 4_000_000_000_000
    numbers = [str(first + 3 * n) for n in range(20_000)]
    listed = _entry(device, issued_numbers=numbers)
    assert len(json.dumps(listed)) > 65_536
    _table(tmp_path / "listed.jsonl", listed, version=1)
    for _ in range(2):
        cli("counters", "import", "listed.jsonl", "--reason", "r", "--by", "ann", *at)
        cli("run", "--until-idle", *at)
    dead = cli("read", "dead-letters", "--from-start", *at).stdout
    assert dead == ""
    cli("counters", "export", "table.jsonl", *at)
    _, *entries, _ = (tmp_path / "table.jsonl").read_text().splitlines()
    entry = next(one for one in map(json.loads, entries) if one["device_id"] == device)
    assert entry["issued"] == numbers[-1]
    assert len(json.dumps(entry)) < 5_000
    blocks = [(int(low), int(high)) for low, high in entry["issued_blocks"]]
    assert all(any(low <= int(one) <= high for low, high in blocks) for one in numbers)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"seen": "9223372036854775808"}, "seen"),
        ({"issued_blocks": [["6", "5"]]}, "issued_blocks"),
        ({"issued_blocks": [["5"]]}, "issued_blocks"),
        ({"request_ids": {"a:b:c": "1"}}, "request_ids"),
        ({"device_id": "nobody"}, "device_id"),
        ({"remote_party_role": "TransCoS"}, "remote_party_role"),
        ({"recorded": 5}, "recorded"),
    ],
)
def test_d10_a_line_that_no_worker_takes_is_told_before_anything_is_published(
    cli: Cli, handed_back: Site, tmp_path: Path, damage: dict[str, object], sentence: str
) -> None:
    at = ("--config", handed_back.config)
    first, second = (str(one.gpf.device.eui) for one in handed_back.fleet.members[:2])
    good = _entry(first, issued="7", issued_blocks=[["5", "7"]])
    bad = _entry(second, issued="7", issued_blocks=[["5", "7"]]) | damage
    _table(tmp_path / "table.jsonl", good, bad)
    asked = ("counters", "import", "table.jsonl", "--reason", "r", "--by", "ann", *at)
    told = cli(*asked, expected=1)
    assert f"line 3: {sentence}" in told.stderr
    assert cli("read", "counter-adjustments", "--from-start", *at).stdout == ""


def test_d10_an_adjustment_that_would_be_too_long_is_told(
    cli: Cli, handed_back: Site, tmp_path: Path
) -> None:
    at = ("--config", handed_back.config)
    device = str(handed_back.fleet.members[0].gpf.device.eui)
    _table(tmp_path / "table.jsonl", _entry(device, issued="7", issued_blocks=[["5", "7"]]))
    reason = "r" * 70_000
    asked = ("counters", "import", "table.jsonl", "--reason", reason, "--by", "ann", *at)
    assert "limits.message_bytes" in cli(*asked, expected=1).stderr
    assert cli("read", "counter-adjustments", "--from-start", *at).stdout == ""


def test_d11_a_raise_is_applied_and_dual_control_needs_two(cli: Cli, handed_back: Site) -> None:
    at = ("--config", handed_back.config)
    with handed_back.config.open("a") as end:
        end.write("[adjustments]\ndual_control = true\n")
    device = str(handed_back.fleet.members[0].gpf.device.eui)
    number = str(2**61)
    asked = ("counters", "raise", device, "--reason", "log of 2023", "--by", "ann", *at)
    told = cli(*asked, "--at-least", number, expected=2)
    assert "two different persons" in told.stderr
    cli(*asked, "--at-least", number, "--by", " Ann", expected=2)
    cli(*asked, "--at-least", number, "--by", "bob")
    cli("run", "--until-idle", *at)
    story = json.loads(cli("counters", "show", device, "--json", *at).stdout)
    assert story["history"][-1]["reason"] == "ADJUSTED"
    assert story["history"][-1]["recorded_counter"] == number
    assert story["history"][-1]["adjusted"]["by"] == ["ann", "bob"]
    shown = cli("counters", "show", device, *at).stdout
    assert "by ann, bob" in shown
    assert "log of 2023" in shown
    assert "are claims" in cli("check-config", *at).stdout


def test_the_configuration_is_shown_without_secrets(cli: Cli, site: Site) -> None:
    with site.config.open("a") as end:
        end.write('[kafka]\nsasl_plain_password = "swordfish"\n')
    for form in ((), ("--json",)):
        told = cli("check-config", "--config", site.config, *form)
        assert "sasl_plain_password" in told.stdout
        assert "swordfish" not in told.stdout + told.stderr
        assert "4611686018427387904" in told.stdout


def test_a_key_of_another_certificate_is_found_before_anything_runs(cli: Cli, site: Site) -> None:
    keys = site.config.parent
    (keys / "acb-ds-0.key").write_bytes((keys / "acb-ka-0.key").read_bytes())
    told = cli("check-config", "--config", site.config, expected=2)
    assert "acb-ds-0" in told.stderr
    assert "PRIVATE KEY" not in told.stderr


async def test_a_second_worker_is_told_to_wait(cli: Cli, site: Site) -> None:
    settings = Settings.load(site.config, environment={})
    async with open_streams(settings.streams) as streams, streams.own():
        told = cli("run", "--until-idle", "--config", site.config, expected=4)
    assert "another worker" in told.stderr


def test_a_changed_partition_count_stops_for_an_operator(cli: Cli) -> None:
    at = ("--streams", "sqlite:///streams.db")
    made = cli("streams", "create", "--partitions", "3", "--json", *at)
    assert json.loads(made.stdout)["partitions"] == 3
    cli("streams", "create", "--partitions", "3", *at)
    cli("streams", "create", "--partitions", "4", *at, expected=2)


def test_d05_a_restored_older_copy_stops_until_it_is_acknowledged(cli: Cli, site: Site) -> None:
    with site.config.open("a") as end:
        end.write('[sqlite]\nwitness = "elsewhere/witness"\n')
    folder = site.config.parent
    (folder / "elsewhere").mkdir()
    at = ("--config", site.config)
    cli("publish", "smart-metering-inventory", *at, given=site.lines(site.fleet.inventory()))
    cli("run", "--until-idle", *at)
    older = {path.name: path.read_bytes() for path in folder.glob("streams.db*")}
    cli("publish", "srv-6.15.1-responses", *at, given=site.lines(site.fleet.hand_backs()))
    cli("run", "--until-idle", *at)
    for path in folder.glob("streams.db*"):
        path.unlink()
    for name, octets in older.items():
        (folder / name).write_bytes(octets)
    for _ in range(2):
        told = cli("run", "--until-idle", *at, expected=3)
        assert "do not restart" in told.stderr
    acknowledged = [
        cli("acknowledge", "--partition", str(partition), "--reason", "drill of restore", *at)
        for partition in range(4)
    ]
    assert any("may be served again" in told.stderr for told in acknowledged)
    cli("run", "--until-idle", *at)
    audit = cli("read", "audit-trail", "--from-start", *at).stdout
    assert "drill of restore" in audit


def test_d05_without_a_witness_start_warns_and_one_is_made_for_what_exists(
    cli: Cli, handed_back: Site
) -> None:
    at = ("--config", handed_back.config)
    assert "no witness is configured" in cli("run", "--until-idle", *at).stderr
    assert "sqlite.witness is not set" in cli("check-config", *at).stdout
    assert "sqlite.witness" in cli("witness", "init", *at, expected=2).stderr
    with handed_back.config.open("a") as end:
        end.write('[sqlite]\nwitness = "witness"\n')
    told = cli("run", "--until-idle", *at, expected=3)
    assert "slotkeeper witness init" in told.stderr
    assert json.loads(cli("witness", "init", "--json", *at).stdout)["partitions"]
    assert "nothing was changed" in cli("witness", "init", *at).stderr
    assert "no witness" not in cli("run", "--until-idle", *at).stderr
    assert "witness is not set" not in cli("check-config", *at).stdout


def test_without_issuing_certificates_start_and_check_warn(
    cli: Cli, handed_back: Site, tmp_path: Path
) -> None:
    at = ("--config", handed_back.config)
    assert "no issuing certificates are configured" in cli("run", "--until-idle", *at).stderr
    assert "verify.issuing_certificates is not set" in cli("check-config", *at).stdout
    authority = tmp_path / "authority.pem"
    authority.write_bytes(pem(Pki().device_issuing.certificate))
    with handed_back.config.open("a") as end:
        end.write(f'[verify]\nissuing_certificates = ["{authority}"]\n')
    assert "no issuing certificates" not in cli("run", "--until-idle", *at).stderr
    assert "issuing_certificates is not set" not in cli("check-config", *at).stdout


def test_nothing_is_acknowledged_where_nothing_stands_against(cli: Cli, handed_back: Site) -> None:
    at = ("--config", handed_back.config)
    told = cli("acknowledge", "--partition", "0", "--reason", "drill", *at)
    assert "nothing stands against" in told.stderr
    cli("acknowledge", "--partition", "9", "--reason", "drill", *at, expected=2)


@pytest.mark.parametrize(
    "command",
    [
        ("acknowledge",),
        ("check-config",),
        ("counters", "export"),
        ("counters", "import"),
        ("counters", "pending"),
        ("counters", "raise"),
        ("counters", "rebuild"),
        ("counters", "show"),
        ("demo",),
        ("inspect",),
        ("publish",),
        ("read",),
        ("run",),
        ("streams", "create"),
        ("witness", "init"),
    ],
)
def test_every_command_explains_itself_with_an_example(cli: Cli, command: tuple[str, ...]) -> None:
    assert "Example: " in cli(*command, "--help").stdout
