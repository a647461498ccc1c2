"""Checks the laws on what stands in the streams, whatever happened while it was written.

Reads through the public interface only, and decodes commands with the lab's codec, which shares
nothing with the one that made them.
"""

import base64
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeAlias

from slotkeeper.lab.envelope import Envelope
from slotkeeper.streams import Record, Streams

Json: TypeAlias = dict[str, Any]
Place: TypeAlias = tuple[str, int, int]
"""Stream, partition and offset of an input record."""

Slot: TypeAlias = tuple[str, str]
"""Device and role."""


@dataclass
class Findings:
    """What stands in the streams.

    Attributes:
        broken: One sentence for each breach of a law.
        decisions: Decisions in force, by ``DISPOSITION REASON``; re-decisions not counted.
        commands: How many there are.
        undecided: Events without a decision.
    """

    broken: list[str] = field(default_factory=list)
    decisions: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    undecided: set[Place] = field(default_factory=set)


async def check_laws(streams: Streams, *, ended: bool = True) -> Findings:
    """Check what stands there; where the work has not ``ended``, not all of it is decided."""
    findings = Findings()
    issued = await check_decisions(streams, findings)
    if ended:
        findings.broken += [f"{place} was never decided" for place in findings.undecided]
    await check_commands(streams, findings, issued)
    await check_chain(streams, findings)
    return findings


async def check_decisions(streams: Streams, findings: Findings) -> dict[Place, str]:
    """Laws 2, 3 and 5 on the audit trail; gives the counters issued, by their requests."""
    order = DecisionOrder(findings)
    decided: Counter[Place] = Counter()
    rerouted: Counter[str] = Counter()
    issued: dict[Place, str] = {}
    async for record in each(streams, "audit-trail"):
        entry = json.loads(record.value or b"")
        if entry["kind"] == "acknowledgement":
            order.forgive(record.partition)
        if entry["kind"] != "decision":
            continue
        place = (entry["stream"], entry["partition"], entry["offset"])
        decided[place] += 1
        findings.decisions[f"{entry['disposition']} {entry['reason']}"] += 1
        if place[1] != record.partition:
            findings.broken.append(f"{place} was decided in partition {record.partition}")
        order.see(place, entry)
        if entry["disposition"] == "ISSUED":
            issued[place] = entry["originator_counter"]
        elif entry["disposition"] == "REROUTED":
            rerouted[f"{place[0]} {place[1]}/{place[2]}"] += 1
    order.end()

    checkpoint, arrived = await standing(streams)
    findings.undecided = checkpoint - decided.keys()
    findings.broken += [
        f"{place} was decided and is not there" for place in decided.keys() - checkpoint
    ]
    findings.broken += [f"{place} was decided {n} times" for place, n in decided.items() if n > 1]
    if rerouted != arrived:
        findings.broken.append(f"rerouted {rerouted - arrived}, arrived {arrived - rerouted}")
    return issued


async def standing(streams: Streams) -> tuple[set[Place], Counter[str]]:
    """Give the places of all events, and whence those came that were written again."""
    places: set[Place] = set()
    arrived: Counter[str] = Counter()
    for stream in streams.layout.events:
        async for record in each(streams, stream):
            places.add((stream, record.partition, record.offset))
            origin = dict(record.headers).get("rerouted-from")
            if origin is not None:
                arrived[f"{stream} {origin.decode()}"] += 1
    return places, arrived


class DecisionOrder:
    """Follows each partition's decisions in the order in which they were made."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._marks: dict[str, dict[Slot, int]] = {"recorded_counter": {}, "seen_counter": {}}
        self._lost: dict[str, dict[Slot, int]] = {"recorded_counter": {}, "seen_counter": {}}
        self._known: dict[Slot, int] = {}
        self._homes: dict[Slot, int] = {}
        self._fences: dict[tuple[int, str], int] = defaultdict(int)
        self._next: dict[tuple[str, int], int] = {}

    def see(self, place: Place, entry: Json) -> None:
        stream, partition, offset = place
        if offset < self._next.get((stream, partition), 0):
            self._findings.broken.append(f"{place} was decided out of order")
        self._next[stream, partition] = offset + 1
        if offset < self._fences[partition, stream]:
            self._findings.broken.append(
                f"law 2: {place} stood in its partition before a request that was decided earlier"
            )
        for name, end in (entry.get("decided_after") or {}).items():
            self._fences[partition, name] = max(self._fences[partition, name], end)
        device, role = entry.get("device_id"), entry.get("remote_party_role")
        if device and role:
            self._homes[device, role] = partition
            self._weigh((device, role), place, entry)

    def forgive(self, partition: int) -> None:
        """Let a partition's numbers be lost: an operator said so. They must come back."""
        for name, marks in self._marks.items():
            for slot in [slot for slot in marks if self._homes[slot] == partition]:
                lost = self._lost[name]
                lost[slot] = max(lost.get(slot, 0), marks.pop(slot))

    def end(self) -> None:
        for name, lost in self._lost.items():
            for slot, before in lost.items():
                now = self._marks[name].get(slot)
                if now is None or now < before:
                    self._findings.broken.append(
                        f"law 3: {name} of {slot} was {before} before an acknowledged loss, and "
                        f"came back as {now}"
                    )

    def _weigh(self, slot: Slot, place: Place, entry: Json) -> None:
        known = self._known.get(slot, -1)
        if entry["disposition"] == "ISSUED" and int(entry["originator_counter"]) <= known:
            number = entry["originator_counter"]
            self._findings.broken.append(f"law 2: {place} issued {number}, known was {known}")
        for name, marks in self._marks.items():
            if entry.get(name) is None:
                continue
            value = int(entry[name])
            if value < marks.get(slot, 0):
                self._findings.broken.append(f"law 3: {name} of {slot} fell to {value} at {place}")
            marks[slot] = max(marks.get(slot, 0), value)
            self._known[slot] = max(self._known.get(slot, -1), value)


async def check_commands(streams: Streams, findings: Findings, issued: dict[Place, str]) -> None:
    """Laws 1 and 4 on the commands, and that they are those that were decided."""
    last: dict[Slot, int] = {}
    octets: dict[tuple[str, int, str], bytes] = {}
    left = dict(issued)
    async for record in each(streams, "cs02b-commands"):
        findings.commands += 1
        command = json.loads(record.value or b"")
        message = base64.b64decode(command["gbcs_payload"], validate=True)
        envelope = Envelope.decode(message)
        number = envelope.counter
        if str(number) != command["originator_counter"]:
            findings.broken.append(f"a command says {command['originator_counter']}, has {number}")
        slot = (str(envelope.recipient), command["remote_party_role"])
        if number <= last.get(slot, -1):
            findings.broken.append(f"law 1: {slot} was given {number} after {last[slot]}")
        last[slot] = number
        nonce = (str(envelope.originator), number, str(envelope.recipient))
        if octets.setdefault(nonce, message) != message:
            findings.broken.append(f"law 4: two messages with {nonce}")
        source = command["source"]
        place = (source["stream"], source["partition"], source["offset"])
        if left.pop(place, None) != command["originator_counter"]:
            findings.broken.append(f"a command for {place} that was not decided so, or a second")
    findings.broken += [
        f"{place} was ISSUED {number}, without command" for place, number in left.items()
    ]


async def check_chain(streams: Streams, findings: Findings) -> None:
    """Each audit record names the one before it, and the changelog names the last one."""
    heads: dict[int, Json] = {}
    async for record in each(streams, "audit-trail"):
        value = record.value or b""
        entry = json.loads(value)
        head = heads.get(record.partition)
        if head is None and "number" not in entry:
            continue  # of a version that knew no chain
        expected = (1, None) if head is None else (head["number"] + 1, head["sha256"])
        if (entry.get("number"), entry.get("previous")) != expected:
            findings.broken.append(f"audit record {record.offset} does not follow {expected}")
        heads[record.partition] = {
            "number": entry.get("number"),
            "sha256": sha256(value).hexdigest(),
        }
    named: dict[int, Json] = {}
    async for record in each(streams, "originator-counters"):
        if record.key == b"@positions":
            positions = json.loads(record.value or b"")
            if positions["sequence"] > named.get(record.partition, {"sequence": -1})["sequence"]:
                named[record.partition] = positions
    told = {partition: at["audit"] for partition, at in named.items() if "audit" in at}
    if told != heads:
        findings.broken.append(f"the audit trail ends with {heads}, the changelog names {told}")


async def each(streams: Streams, stream: str) -> AsyncIterator[Record]:
    async for records in streams.read(stream):
        for record in records:
            yield record
