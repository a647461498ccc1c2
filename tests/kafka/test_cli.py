"""The commands at a cluster, with the exit statuses that supervisors go by."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from tests.durability.exports import assert_rebuilt, entries
from tests.kafka.harness import CHANGELOG, INVENTORY, RESPONSES, Bench
from tests.kafka.raw_batches import CODECS, Raw, record, send
from tests.kafka.test_hostile_batches import configure

from slotkeeper.lab.events import Event, handover_request
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_settings
from slotkeeper.lab.partitions import partition_of

COMMAND = Path(sys.executable).parent / "slotkeeper"

Cli = Callable[..., str]


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(5, seed=11)


@pytest.fixture
def cli(tmp_path: Path, fleet: Fleet, bench: Bench) -> Cli:
    return cli_of(bench, fleet, tmp_path, 'witness = "witness"\n')


def cli_of(bench: Bench, fleet: Fleet, folder: Path, more: str = "") -> Cli:
    """Give the command at the bench's topics."""
    settings = bench.settings
    kafka = f"""
[kafka]
application = "{settings.application}"
topic_prefix = "{settings.topic_prefix}"
{more}"""
    config = write_settings(folder, [fleet.pki.acb], streams=bench.url, more=kafka)

    def run(
        *arguments: str, given: list[Event] | None = None, expected: int = 0, told: str = "out"
    ) -> str:
        done = subprocess.run(
            [COMMAND, *arguments, "--config", config],
            input=b"".join(event.line() for event in given or []),
            capture_output=True,
            check=False,
        )
        assert done.returncode == expected, done.stderr.decode()
        return (done.stderr if told == "err" else done.stdout).decode()

    return run


async def test_the_whole_line_and_what_an_operator_does(
    cli: Cli, fleet: Fleet, bench: Bench
) -> None:
    assert json.loads(cli("streams", "create", "--json"))["partitions"] == 4
    assert json.loads(cli("check-config", "--json"))["partitions"] == 4
    cli("publish", "smart-metering-inventory", given=list(fleet.inventory()))
    cli("publish", RESPONSES, given=list(fleet.hand_backs()))
    cli("publish", "srv-6.21-requests", given=list(fleet.handover_requests()))
    told = json.loads(cli("run", "--until-idle", "--json"))
    assert told["dispositions"] == {"ISSUED": 5, "RECORDED": 5}
    assert len(cli("read", "cs02b-commands", "--from-start").splitlines()) == 5
    device = str(fleet.members[0].gpf.device.eui)
    shown = json.loads(cli("counters", "show", device, "--json"))
    assert len(shown["history"]) == 2
    assert not told["in_doubt"]

    partition = json.loads(cli("read", RESPONSES, "--from-start").splitlines()[0])["partition"]
    place = TopicPartition(bench.topic(RESPONSES), partition)
    await bench.publish(RESPONSES, *[b"{}"] * 3, partition=partition)
    async with bench.admin() as client:
        await client.delete_records({place: RecordsToDelete(before_offset=-1)})
    cli("run", "--until-idle", expected=3)
    acknowledging = ("acknowledge", "--partition", str(partition), "--reason", "they were empty")
    cli(*acknowledging, expected=2)
    cli(*acknowledging, "--from-start", RESPONSES)
    cli("run", "--until-idle")


async def test_d05_without_a_witness_start_and_check_warn(
    fleet: Fleet, bench: Bench, tmp_path: Path
) -> None:
    bare = cli_of(bench, fleet, tmp_path / "bare")
    bare("streams", "create")
    assert "no witness is configured" in bare("run", "--until-idle", told="err")
    assert "kafka.witness is not set" in bare("check-config")


async def test_numbers_come_back_when_the_topic_of_the_changelog_is_gone(
    cli: Cli, fleet: Fleet, bench: Bench, tmp_path: Path
) -> None:
    cli("publish", "smart-metering-inventory", given=list(fleet.inventory()))
    cli("publish", RESPONSES, given=list(fleet.hand_backs()))
    cli("publish", "srv-6.21-requests", given=list(fleet.handover_requests()))
    cli("run", "--until-idle")
    known = cli("counters", "export")
    await bench.delete(CHANGELOG)
    rebuilt = tmp_path / "numbers.jsonl"
    cli("counters", "rebuild", str(rebuilt), expected=2)  # no store without its topics
    cli("streams", "create")
    cli("run", "--until-idle", expected=3)
    told = json.loads(cli("counters", "rebuild", str(rebuilt), "--json"))
    assert_rebuilt(entries(rebuilt.read_text()), entries(known))
    assert told["faults"] == []
    gone = {"BEGINNING_GONE", "COMMANDS_GONE", "DECISIONS_GONE"}
    assert not gone & {one["what"] for one in told["cannot_be_known"]}


@pytest.mark.parametrize("limit", [1_048_588, 5_000])
async def test_three_megabytes_of_zeros_cost_themselves_whatever_dead_letters_take(
    cli: Cli, fleet: Fleet, bench: Bench, limit: int
) -> None:
    """Some kB as they are sent, and three times what a broker takes by default as they are read."""
    cli("publish", INVENTORY, given=list(fleet.inventory()))
    key = str(fleet.members[0].gpf.device.eui).encode()
    own = partition_of(key, 4)
    zeros = [Raw.of([record(0, bytes(3 << 20), key=key)], codec=codec) for codec in CODECS.values()]
    for stream in (INVENTORY, RESPONSES, "srv-6.21-requests"):
        for partition in (own, (own + 1) % 4):
            await send(bench, stream, *zeros, partition=partition)
    await configure(bench, ["dead-letters"], {"max.message.bytes": str(limit)})
    cli("publish", RESPONSES, given=list(fleet.hand_backs()))
    cli("publish", "srv-6.21-requests", given=list(fleet.handover_requests()))
    told = json.loads(cli("run", "--until-idle", "--json"))
    assert told["dispositions"] == {"DEAD_LETTER": 16, "ISSUED": 5, "RECORDED": 5}
    assert told["dead_letters"] == {"TOO_LARGE": 24}
    letters = list(map(json.loads, cli("read", "dead-letters", "--from-start").splitlines()))
    assert {letter["headers"]["octets"] for letter in letters} == {str(3 << 20)}
    listed = map(json.loads, cli("dead-letters", "list", "--json").splitlines())
    assert all(letter["cut"] for letter in listed)
    cli("audit", "verify")


async def test_a_codec_without_its_library_ends_the_worker_with_2(
    cli: Cli, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("streams", "create")
    await send(bench, RESPONSES, Raw.of([record(0, b"{}")], codec=CODECS["zstd"]))
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "cramjam.py").write_text("raise ImportError")
    path = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(missing), path)))
    assert "pip install cramjam" in cli("run", "--until-idle", expected=2, told="err")


async def rotten(bench: Bench, device: str) -> int:
    """Write the device's newest record once more with an octet changed; gives its partition."""
    found = [record for record in await bench.read(CHANGELOG) if record.key == device.encode()]
    # A device's own record begins with its format, a small number; what is JSON does not.
    newest = [record for record in found if record.value and record.value[0] < ord(" ")][-1]
    ends = [each for each in await bench.read(CHANGELOG) if each.partition == newest.partition]
    changed = (newest.value or b"")[:-1] + bytes([(newest.value or b"")[-1] ^ 1])
    async with bench.producer() as client:
        for record, value in ((newest, changed), (ends[-1], ends[-1].value)):
            await client.send_and_wait(
                bench.topic(CHANGELOG),
                key=record.key,
                value=value,
                partition=record.partition,
                headers=record.headers,
            )
    return newest.partition


@pytest.mark.parametrize("owners", ["snapshot, none", "none, snapshot"])
async def test_d12_a_damaged_record_gives_no_number_again_whoever_comes_first(  # noqa: PLR0917
    cli: Cli,
    fleet: Fleet,
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    owners: str,
) -> None:
    """An owner that has an older snapshot, and one that has none, in both orders."""
    member, variable = fleet.members[0], "SLOTKEEPER_SNAPSHOT__DIRECTORY"
    snapshots = tmp_path / "snapshots"
    device = member.gpf.device.eui

    def asked(*numbers: int, hint: int) -> None:
        given = [
            handover_request(member.supplier, device, fleet.successor, number=number, hint=hint)
            for number in numbers
        ]
        cli("publish", "srv-6.21-requests", given=given)
        cli("run", "--until-idle")

    def issued() -> list[int]:
        lines = map(json.loads, cli("read", "cs02b-commands", "--from-start").splitlines())
        return [int(one["value"]["originator_counter"]) for one in lines]

    cli("publish", "smart-metering-inventory", given=list(fleet.inventory()))
    cli("publish", RESPONSES, given=list(fleet.hand_backs()))
    monkeypatch.setenv(variable, str(snapshots))
    asked(1, hint=member.natural)
    assert list(snapshots.iterdir())
    monkeypatch.delenv(variable)
    asked(2, 3, hint=member.natural)
    before = issued()
    assert len(before) == 3
    partition = await rotten(bench, str(device))
    for number, owner in enumerate(owners.split(", "), start=4):
        if owner == "snapshot":
            monkeypatch.setenv(variable, str(snapshots))
        else:
            monkeypatch.delenv(variable, raising=False)
        # By another way than the command, which would not let them.
        for at_least in (0, max(before) - 1):
            value = {
                "device_id": str(device),
                "remote_party_role": "NetworkOperator",
                "kind": "issued",
                "at_least": str(at_least),
                "reason": "r",
                "by": ["ann", "bob"],
            }
            octets = json.dumps(value).encode()
            key = str(device).encode()
            await bench.publish("counter-adjustments", octets, key=key, partition=partition)
        asked(number, hint=min(before) + 1)
        assert issued() == before
    assert json.loads(cli("counters", "show", str(device), "--json"))["damaged"]
    told = cli("counters", "show", str(device)).splitlines()
    for line in told:
        if line.startswith("slotkeeper counters raise"):
            cli(*shlex.split(line)[1:])
    asked(9, hint=min(before) + 1)
    assert max(issued()[:-1]) < issued()[-1]
    assert len(issued()) == len(before) + 1


def test_a_count_that_cannot_be_is_for_an_operator_and_a_cluster_that_is_away_for_later(
    cli: Cli,
) -> None:
    cli("streams", "create", "--partitions", "5", expected=2)
    cli("run", "--until-idle", "--streams", "kafka://127.0.0.1:1", expected=4)
    cli("run", "--until-idle", "--streams", "kafka://nowhere", expected=2)


def test_the_doctor_tells_what_the_brokers_do_not_grant(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("streams", "create")
    monkeypatch.setenv("SLOTKEEPER_KAFKA__TRANSACTION_TIMEOUT_MS", "3600000")
    told = json.loads(cli("check-config", "--json", expected=2))
    assert told["exit_status"] == 2
    [said] = [one["says"] for one in told["findings"] if one["level"] == "error"]
    assert "transaction.max.timeout.ms" in said
