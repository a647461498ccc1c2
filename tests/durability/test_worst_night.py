"""The changelog is lost: numbers come back from the outputs, by the commands of the runbook."""

import base64
import json
import re
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from tests.durability.conftest import AUDIT, CHANGELOG
from tests.durability.exports import Entry, Slot, assert_rebuilt, covers, entries, named

from slotkeeper.lab import events
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.events import Event
from slotkeeper.lab.fleet import Fleet, Member
from slotkeeper.lab.keystore import write_settings
from slotkeeper.lab.terms import Role
from slotkeeper.streams.layout import SLOTKEEPER
from slotkeeper.streams.sqlite.schema import OFFSET_BITS, PARTITION_BITS

pytestmark = pytest.mark.timeout(1_800)
"""Dozens of commands, each a process of its own."""

BIN = Path(sys.executable).parent
RUNBOOK = Path(__file__).parents[2] / "docs" / "operating.md"
COMMANDS = "cs02b-commands"
ROUNDS = 3
STRANGER = 7
"""Of the fleet: not in the inventory, so that its hand-back is parked."""


class Site:
    """A store of a fleet, its commands taken apart by the lab's decoder."""

    def __init__(
        self, folder: Path, fleet: Fleet, streams: str = "sqlite:///streams.db", more: str = ""
    ) -> None:
        self.fleet = fleet
        self.folder = folder
        self.config = write_settings(folder, [fleet.pki.acb], streams=streams, more=more)

    @property
    def file(self) -> Path:
        return self.folder / "streams.db"

    def run(self, *arguments: str | Path, given: bytes = b"", expected: int = 0) -> bytes:
        done = subprocess.run(
            [BIN / "slotkeeper", *arguments, "--config", self.config],
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == expected, f"{arguments}\n{done.stdout!r}\n{done.stderr.decode()}"
        return done.stdout

    def publish(self, happened: Iterable[Event]) -> None:
        by_stream = defaultdict(list)
        for event in happened:
            by_stream[event.stream].append(event.line())
        for stream, lines in by_stream.items():
            self.run("publish", stream, given=b"".join(lines))

    def decide(self) -> None:
        self.run("run", "--until-idle")

    def read(self, stream: str) -> list[dict[str, object]]:
        lines = self.run("read", stream, "--from-start").splitlines()
        return [json.loads(line)["value"] for line in lines]

    def commands(self) -> list[bytes]:
        return [base64.b64decode(str(one["gbcs_payload"])) for one in self.read(COMMANDS)]

    def export(self) -> dict[Slot, Entry]:
        return entries(self.run("counters", "export").decode())

    def ask(self, member: Member, number: int, role: Role, hint: int) -> Event:
        holder = self.fleet.successor if role is Role.NETWORK_OPERATOR else member.supplier
        device = member.gpf.device.eui
        return events.handover_request(
            member.supplier, device, holder, number=number, role=role, hint=hint
        )


@pytest.fixture
def lost(tmp_path: Path) -> Site:
    """A store with a history, whose changelog is then lost."""
    site = Site(tmp_path / "lost", Fleet(10, seed=5))
    live(site, ROUNDS)
    return site


def live(site: Site, rounds: int) -> None:
    """Let all slots be handed back and asked for, and half of the devices answer."""
    fleet = site.fleet
    known = [one for number, one in enumerate(fleet.inventory()) if number != STRANGER]
    site.publish(known)
    site.publish(fleet.hand_backs())
    site.publish(fleet.handover_requests())
    site.decide()
    for round_number in range(rounds):
        site.publish(
            site.ask(member, number + role, role, member.natural + 10 * number + role)
            for number, member in enumerate(fleet.members, start=1000 * (round_number + 1))
            for role in (Role.NETWORK_OPERATOR, Role.SUPPLIER)
        )
        site.decide()
    # Half of the devices answer, so that the ACB's slots of the others can be asked for again.
    answering = {bytes(member.gpf.device.eui) for member in fleet.members[::2]}
    site.publish(
        outcome
        for command in site.commands()
        if bytes(Envelope.decode(command).recipient) in answering
        and (outcome := fleet.deliver(command).outcome) is not None
    )
    site.decide()


def lose_the_changelog(site: Site) -> None:
    with closing(sqlite3.connect(site.file)) as store, store:
        stream = PARTITION_BITS + OFFSET_BITS, SLOTKEEPER.names.index(CHANGELOG)
        assert store.execute("DELETE FROM compacted WHERE id >> ? = ?", stream).rowcount


def runbook() -> str:
    """Give the commands of the section, as they stand there."""
    page = RUNBOOK.read_text()
    section = re.search(r"^### The changelog is lost\n(.*?)^### ", page, re.DOTALL | re.MULTILINE)
    assert section
    return "\n".join(line.strip() for line in re.findall(r"^ {8}\S.*$", section[1], re.MULTILINE))


def follow_the_runbook(lost: Site, new: Site) -> None:
    script, replaced = re.subn(r"^(OLD|NEW)=.*$", "", runbook(), flags=re.MULTILINE)
    assert replaced == 2
    places = f'OLD="--config {lost.config}"\nNEW="--config {new.config}"\n'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", places + script],
        cwd=new.folder,
        env={"PATH": f"{BIN}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def numbers(commands: Sequence[bytes]) -> dict[tuple[bytes, int], set[bytes]]:
    """Give what was sent under each (recipient, counter); the originator is always the ACB."""
    found = defaultdict(set)
    for command in commands:
        envelope = Envelope.decode(command)
        found[bytes(envelope.recipient), envelope.counter].add(command)
    return dict(found)


def test_no_number_is_given_again_after_the_changelog_was_lost(lost: Site, tmp_path: Path) -> None:
    new = Site(tmp_path / "new", lost.fleet)
    before = lost.commands(), lost.export()
    lose_the_changelog(lost)
    lost.run("run", "--until-idle", expected=3)
    follow_the_runbook(lost, new)
    assert_nothing_is_given_again(lost, new, *before)


def assert_nothing_is_given_again(
    lost: Site, new: Site, before: Sequence[bytes], known: dict[Slot, Entry]
) -> None:
    """Ask the new store for everything again, by the numbers that were given as hints."""
    used = numbers(before)

    taken = new.export()
    for slot, was in known.items():
        for mark in ("seen", "issued"):
            assert int(taken[slot][mark] or 0) >= int(was[mark] or 0)
        assert all(covers(taken[slot], number) for number in named(was))
    given = defaultdict(list)
    for recipient, number in used:
        given[recipient].append(number)
    # Requests that were answered are known; new ones, whose hints were given before, go above.
    members = [one for place, one in enumerate(lost.fleet.members) if place != STRANGER]
    new.publish(
        new.ask(member, 100_000 + 10 * step + role, role, hint)
        for member in members
        for step, hint in enumerate(sorted(given[bytes(member.gpf.device.eui)]))
        for role in (Role.SUPPLIER, Role.NETWORK_OPERATOR)
    )
    new.publish(lost.fleet.handover_requests())
    new.decide()
    after = new.commands()
    assert len(after) > len(used)
    assert not numbers(after).keys() & used.keys()
    assert all(len(sent) == 1 for sent in numbers(after).values())
    repeats = [one for one in new.read(AUDIT) if one["reason"] == "SAME_REQUEST"]
    assert len(repeats) == len(members)


def test_what_the_outputs_tell_is_what_the_changelog_held(lost: Site) -> None:
    exported = lost.folder / "exported.jsonl"
    rebuilt = lost.folder / "rebuilt.jsonl"
    lost.run("counters", "export", exported)
    lost.run("counters", "rebuild", rebuilt)
    assert_rebuilt(entries(rebuilt.read_text()), entries(exported.read_text()))
    told = json.loads(lost.run("counters", "rebuild", rebuilt, "--json"))
    unknown = {one["what"]: one for one in told["cannot_be_known"]}
    assert unknown["PARKED"]["count"] == 1
    assert unknown["PARKED"]["examples"][0].startswith("UNKNOWN_DEVICE: srv-6.15.1-responses")
    assert {"AFTER_THE_ENDS", "SLOTS"} <= unknown.keys()
    assert not {"COMMANDS_GONE", "DECISIONS_GONE", "BEGINNING_GONE"} & unknown.keys()
    ends = told["decided_up_to"]["srv-6.21-requests"]
    assert sum(ends) == len(lost.read("srv-6.21-requests"))
