"""Makes a store of the installed version, for later versions to open.

    python tests/durability/stores/make.py FOLDER

Run it by the interpreter that has the version. Keys and certificates come from the seed; times and
signatures differ, so two runs give other octets and the same story. README.md says what is kept.
"""

import base64
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from slotkeeper.lab import events
from slotkeeper.lab.events import Event
from slotkeeper.lab.fleet import Fleet, Member
from slotkeeper.lab.keystore import write_settings
from slotkeeper.lab.terms import Role

DEVICES = 12
SEED = 21
NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""Of the fleet. The worker's own clock is the real one; no number of the story comes from it."""

STRANGER = 11
"""Of the fleet: in no inventory, so that its hand-back is parked."""

IMPORTED = 0
"""Of the fleet: an import has named numbers of it that no command here had."""

SUPPLIED = 2
"""Of the fleet: the Supplier's slot was asked for as well."""

IMPLAUSIBLE = 5
"""Of the fleet: its request was refused for its floor."""

SETTINGS = """
[sqlite]
witness = "witness"
[snapshot]
directory = "snapshots"
"""

COMMAND = Path(sys.executable).parent / "slotkeeper"


def fleet() -> Fleet:
    """Give the fleet; the same one each time, as long as the lab draws keys in the same way."""
    return Fleet(DEVICES, seed=SEED, now=NOW)


def ask(one: Fleet, member: Member, number: int, role: Role = Role.NETWORK_OPERATOR) -> Event:
    """Ask for a handover; ``number`` is the RequestID's counter."""
    return events.handover_request(
        member.supplier,
        member.gpf.device.eui,
        one.successor if role is Role.NETWORK_OPERATOR else member.supplier,
        number=number,
        role=role,
        hint=member.natural + number,
    )


def imported(member: Member) -> Event:
    """Tell of numbers and a request that another store knew."""
    device = member.gpf.device.eui
    told = events.adjustment(device, 2_000, by=("ann",), kind="issued", reason="import")
    assert isinstance(told.value, dict)
    request = events.request_id(member.supplier.eui, device, 77)
    more = {"issued_numbers": ["1900", "1950", "2000"], "request_ids": {request: "1950"}}
    return Event(told.stream, told.key, {**told.value, **more})


def story(one: Fleet) -> Iterator[Iterable[Event]]:
    """Give what is published before each run of the worker, but for the devices' answers."""
    members = one.members
    known = [told for place, told in enumerate(one.inventory()) if place != STRANGER]
    raised = members[1].gpf.device.eui
    yield [
        *known,
        *one.hand_backs(),
        imported(members[IMPORTED]),
        events.adjustment(raised, 5_000, by=("ann",), kind="seen", role=Role.SUPPLIER),
        Event(events.UPDATE_RESPONSES, str(raised), "{no JSON"),
    ]
    implausible = ask(one, members[IMPLAUSIBLE], 1)
    assert isinstance(implausible.value, dict)
    floor = {"remote_party_floor_seq_number": str(2**62 + 1)}
    yield [
        *(ask(one, member, 1) for member in members[:IMPLAUSIBLE]),
        Event(implausible.stream, implausible.key, {**implausible.value, **floor}),
        ask(one, members[STRANGER], 1),
        ask(one, members[SUPPLIED], 2, Role.SUPPLIER),
    ]
    yield [ask(one, members[3], 2)]


def main(folder: Path) -> None:
    """Make the store in a place of its own, and keep what later versions are to open."""
    one = fleet()
    names = [str(member.gpf.device.eui) for member in one.members]
    with tempfile.TemporaryDirectory() as place:
        site = Path(place)
        config = write_settings(site, [one.pki.acb], streams="sqlite:///streams.db", more=SETTINGS)

        def run(*arguments: str, given: bytes = b"") -> bytes:
            done = subprocess.run(
                [COMMAND, *arguments, "--config", config],
                input=given,
                stdout=subprocess.PIPE,
                check=True,
            )
            return done.stdout

        def tell(told: Iterable[Event]) -> None:
            lines = defaultdict(list)
            for event in told:
                lines[event.stream].append(event.line())
            for stream, of_stream in lines.items():
                run("publish", stream, given=b"".join(of_stream))
            run("run", "--until-idle")

        for told in story(one):
            tell(told)
        # Two devices answer; their slots are the successor's from then on.
        answering = names[:2]
        read = run("read", "cs02b-commands", "--from-start").splitlines()
        commands = [json.loads(line)["value"] for line in read]
        deliveries = [
            one.deliver(base64.b64decode(command["gbcs_payload"]))
            for command in commands
            if command["device_id"] in answering
        ]
        tell(delivery.outcome for delivery in deliveries if delivery.outcome is not None)

        folder.mkdir(parents=True)
        (folder / "export.jsonl").write_bytes(run("counters", "export"))
        shown = [json.loads(run("counters", "show", name, "--json")) for name in names]
        for story_of_device in shown:
            del story_of_device["history"]
        (folder / "devices.jsonl").write_text("".join(f"{json.dumps(told)}\n" for told in shown))
        (folder / "snapshots").mkdir()
        for file in (site / "streams.db", *(site / "snapshots").glob("*.snapshot")):
            kept = folder / file.relative_to(site)
            kept.with_name(f"{kept.name}.gz").write_bytes(
                gzip.compress(file.read_bytes(), 9, mtime=0)
            )
        shutil.copy(site / "witness", folder / "witness")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
