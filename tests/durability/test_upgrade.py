"""A store that an earlier version left is served on; one of a newer version is not touched."""

import base64
import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.durability.conftest import AUDIT
from tests.durability.exports import covers, entries
from tests.durability.stores import make

from slotkeeper.lab import events
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.events import Event
from slotkeeper.lab.keystore import write_settings
from slotkeeper.lab.terms import Role
from slotkeeper.streams.layout import SLOTKEEPER
from slotkeeper.streams.sqlite.schema import OFFSET_BITS, PARTITION_BITS
from slotkeeper.worker.positions import VERSION

STORES = sorted(path.parent for path in Path(make.__file__).parent.glob("*/streams.db.gz"))
COMMAND = Path(sys.executable).parent / "slotkeeper"
COMMANDS = "cs02b-commands"
ROLES = {Role.NETWORK_OPERATOR: "NetworkOperator", Role.SUPPLIER: "Supplier"}

NEWER = 100
"""A format of the device's record that no version has yet."""


class Kept:
    """A store that was kept, put where a worker finds it."""

    def __init__(self, store: Path, folder: Path) -> None:
        self.store = store
        self.fleet = make.fleet()
        self.config = write_settings(
            folder, [self.fleet.pki.acb], streams="sqlite:///streams.db", more=make.SETTINGS
        )
        self.file = folder / "streams.db"
        self.snapshots = folder / "snapshots"
        self.snapshots.mkdir(mode=0o700)
        for packed in (store / "streams.db.gz", *(store / "snapshots").glob("*.gz")):
            place = folder / packed.relative_to(store).with_suffix("")
            place.write_bytes(gzip.decompress(packed.read_bytes()))
            place.chmod(0o600)
        shutil.copy(store / "witness", folder / "witness")

    def told(self, *arguments: str, given: bytes = b"", expected: int = 0) -> tuple[str, str]:
        done = subprocess.run(
            [COMMAND, *arguments, "--config", self.config],
            input=given,
            capture_output=True,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == expected, f"{arguments}: {done.returncode}\n{out}\n{err}"
        return out, err

    def decide(self, happened: Iterable[Event] = ()) -> list[dict[str, Any]]:
        """Publish, let the worker decide, and give the decisions that were added."""
        before = len(self.read(AUDIT))
        by_stream = defaultdict(list)
        for event in happened:
            by_stream[event.stream].append(event.line())
        for stream, lines in by_stream.items():
            self.told("publish", stream, given=b"".join(lines))
        self.told("run", "--until-idle")
        decisions = [one for one in self.read(AUDIT) if "disposition" in one]
        return sorted(decisions, key=lambda one: str(one["decided_at"]))[before:]

    def read(self, stream: str) -> list[dict[str, Any]]:
        lines = self.told("read", stream, "--from-start")[0].splitlines()
        return [json.loads(line)["value"] for line in lines]

    def commands(self) -> list[tuple[str, str, int]]:
        """Give device, role and number of every command, the number from the message itself."""
        return [
            (
                one["device_id"],
                one["remote_party_role"],
                Envelope.decode(base64.b64decode(one["gbcs_payload"])).counter,
            )
            for one in self.read(COMMANDS)
        ]


@pytest.fixture(params=STORES, ids=lambda store: store.name)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return Kept(request.param, tmp_path / "site")


def test_there_are_stores() -> None:
    assert "v0.1" in [store.name for store in STORES]


def test_what_an_earlier_version_knew_is_known(kept: Kept) -> None:
    assert kept.decide() == []  # nothing is acknowledged, nothing decided again
    then = entries((kept.store / "export.jsonl").read_text())
    now = entries(kept.told("counters", "export")[0])
    assert now.keys() == then.keys()
    for slot, was in then.items():
        entry = now[slot]
        assert (entry["recorded"], entry["seen"]) == (was["recorded"], was["seen"])
        assert all(covers(entry, number) for number in was["issued_numbers"])
        assert was["request_ids"].items() <= entry["request_ids"].items()
    for line in (kept.store / "devices.jsonl").read_text().splitlines():
        was = json.loads(line)
        shown = json.loads(kept.told("counters", "show", was["device_id"], "--json")[0])
        parked = [(one["stream"], one["offset"], one["value"]) for one in shown["parked"]]
        assert parked == [(one["stream"], one["offset"], one["value"]) for one in was["parked"]]
        for role, marks in was["record"]["roles"].items():
            assert occupants(shown["record"]["roles"][role]) == occupants(marks)


def occupants(marks: dict[str, Any]) -> dict[str, object]:
    return {usage: cell and cell["occupant"] for usage, cell in marks["slot"].items()}


def test_what_an_earlier_version_answered_is_not_answered_again(kept: Kept) -> None:
    issued = {
        one["request_id"]: one["originator_counter"]
        for one in kept.read(AUDIT)
        if one["disposition"] == "ISSUED"
    }
    before = kept.commands()
    asked = [
        Event(events.HANDOVER_REQUESTS, one["request_id"].split(":")[1], one)
        for one in kept.read(events.HANDOVER_REQUESTS)
        if one["request_id"] in issued
    ]
    member = kept.fleet.members[make.IMPORTED]
    imported = make.ask(kept.fleet, member, 77)
    decisions = kept.decide([*asked, imported])
    assert {(one["disposition"], one["reason"]) for one in decisions} == {
        ("DUPLICATE", "SAME_REQUEST")
    }
    named = {one["request_id"]: one["originator_counter"] for one in decisions}
    assert named == {**issued, f"{member.supplier.eui}:{member.gpf.device.eui}:77": "1950"}
    assert kept.commands() == before
    chains = json.loads(kept.told("audit", "verify", "--json")[0])["partitions"]
    assert sum(each["before_chain"] for each in chains) > 0
    begun = [each for each in chains if each["first"] is not None]
    assert begun
    assert {each["first"]["number"] for each in begun} == {1}
    assert [each["findings"] for each in chains] == [[]] * len(chains)


def test_no_number_of_an_earlier_version_is_given_again(kept: Kept) -> None:
    before = kept.commands()
    then = entries((kept.store / "export.jsonl").read_text())
    used = {(device, number) for device, _, number in before} | {
        (device, int(number))
        for (device, _), one in then.items()
        for number in one["issued_numbers"]
    }

    def asking() -> Iterator[Event]:
        """Hint at every number that was used, for either role."""
        for place, member in enumerate(kept.fleet.members):
            device = str(member.gpf.device.eui)
            hints = sorted(number for name, number in used if name == device) or [1]
            for step, hint in enumerate(hints):
                for role in ROLES:
                    request = make.ask(
                        kept.fleet, member, 10_000 * (step + 1) + 100 * place + role, role
                    )
                    assert isinstance(request.value, dict)
                    value = {**request.value, "originator_counter": str(hint)}
                    yield Event(request.stream, request.key, value)

    kept.decide(asking())
    after = kept.commands()[:]
    for one in before:
        after.remove(one)
    assert {role for _, role, _ in after} == set(ROLES.values())
    assert len({(device, number) for device, _, number in after}) == len(after)
    for device, role, number in after:
        assert (device, number) not in used
        was = then.get((device, role))
        known = [was["recorded"], was["seen"], *was["issued_numbers"]] if was else []
        assert all(number > int(one) for one in known if one is not None)


def test_what_an_earlier_version_parked_is_decided_once_it_can_be(kept: Kept) -> None:
    member = kept.fleet.members[make.STRANGER]
    decisions = kept.decide([events.inventory(member.gpf.device)])
    assert [(one["kind"], one["disposition"]) for one in decisions] == [("redecision", "RECORDED")]
    (parked,) = [one for one in kept.read(AUDIT) if one["disposition"] == "PARKED"]
    assert decisions[0]["recorded_counter"] == parked["message"]["authorising_seq_number"]


def test_d06_what_an_earlier_version_parked_is_counted_from_the_first_commit_on(kept: Kept) -> None:
    assert not parked_counts(kept)
    for first in (20_000, 30_000):
        kept.decide(
            make.ask(kept.fleet, member, first + number)
            for number, member in enumerate(kept.fleet.members)
        )
        assert sum(parked_counts(kept)) == 1


def parked_counts(kept: Kept) -> list[int]:
    """Give what the positions of partitions say of parked records, of those that count them."""
    told = [json.loads(value) for key, value in changelog(kept) if key == b"@positions"]
    return [positions["parked"] for positions in told if "parked" in positions]


def test_a_released_version_stops_at_what_is_written_now(kept: Kept) -> None:
    """With exit status 3, as its readers do at every form above the one that they know."""
    before = changelog(kept)
    kept.decide(
        make.ask(kept.fleet, member, 20_000 + number)
        for number, member in enumerate(kept.fleet.members)
    )
    written = changelog(kept) - before
    positions = [json.loads(value)["version"] for key, value in written if key == b"@positions"]
    devices = [value[0] for key, value in written if len(key) == len("00-DB-12-34-56-78-90-A3")]
    assert len(positions) > 1
    assert len(devices) > 1
    assert min(positions) > READ_BY[kept.store.name]["positions"]
    assert min(devices) > READ_BY[kept.store.name]["device"]


READ_BY = {"v0.1": {"positions": 1, "device": 1}}
"""The highest form that a released version reads."""


def changelog(kept: Kept) -> set[tuple[bytes, bytes]]:
    place = PARTITION_BITS + OFFSET_BITS, SLOTKEEPER.names.index("originator-counters")
    with closing(sqlite3.connect(kept.file)) as store:
        statement = "SELECT key, value FROM compacted WHERE id >> ? = ?"
        return set(store.execute(statement, place).fetchall())


def of_a_newer_form(kept: Kept, what: str) -> None:
    """Write what a newer version might have left."""
    with closing(sqlite3.connect(kept.file)) as store, store:
        if what == "file":
            store.execute("UPDATE meta SET value = value + 1 WHERE name = 'format'")
            return
        key = b"@positions" if what == "positions" else None
        rows = store.execute("SELECT id, key, value FROM compacted ORDER BY id DESC").fetchall()
        row, _, value = next(
            one for one in rows if (one[1] == key if key else one[2][:1] == b"\x01")
        )
        if key:
            positions = json.loads(value)
            positions["version"] = VERSION + 1
            newer = json.dumps(positions).encode()
        else:
            newer = bytes([NEWER]) + value[1:-4]
            newer += crc32c(newer).to_bytes(4, "big")
        assert store.execute("UPDATE compacted SET value = ? WHERE id = ?", (newer, row)).rowcount


def crc32c(octets: bytes) -> int:
    remainder = 0xFFFF_FFFF
    for octet in octets:
        remainder ^= octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F6_3B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFF_FFFF


@pytest.mark.parametrize("what", ["file", "positions", "device"])
def test_a_store_of_a_newer_version_is_left_alone(kept: Kept, what: str) -> None:
    shutil.rmtree(kept.snapshots)  # what they hold need not be read
    of_a_newer_form(kept, what)

    def content() -> list[object]:
        with closing(sqlite3.connect(kept.file)) as store:
            return [
                store.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
                for table in ("log", "compacted", "positions")
            ]

    before = content()
    assert crc32c(b"123456789") == 0xE306_9283
    for _ in range(2):
        _, told = kept.told("run", "--until-idle", expected=3)
        assert "do not restart" in told
    assert content() == before
