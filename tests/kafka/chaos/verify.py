"""What can be seen from outside, after everything has been decided: reads committed records only.

``tests/laws.py`` checks the laws on what stands in the streams. Here the streams are held against
what their writer knows, and the changelog against the audit trail.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from tests.kafka.chaos.hostilities import Hostilities
from tests.kafka.chaos.image import Image, Marks, read_image
from tests.kafka.chaos.journal import Journal
from tests.laws import Findings, Json, Place, Slot, check_laws, each

from slotkeeper.lab.events import ADJUSTMENTS, HANDOVER_REQUESTS, INVENTORY
from slotkeeper.streams import Record, Streams

AUDIT = "audit-trail"
CHANGELOG = "originator-counters"
DEAD_LETTERS = "dead-letters"
POSITIONS = b"@positions"
RESERVED = {*b"@/"}
"""Octets that no key of a device has: the worker's own keys begin with one, parked records' have
the other."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the writers of the inputs know.

    Attributes:
        journal: What was acknowledged to the honest one.
        expected: Decisions by disposition, of its records.
        dead_tables: How many of its inventory records must be dead letters.
        hostilities: What was acknowledged to the hostile one.
        acknowledged: How often an operator has acknowledged a loss of a partition.
        imported: How many adjustments an operator has published.
    """

    journal: Journal
    expected: Mapping[str, int]
    dead_tables: int
    hostilities: Hostilities = field(default_factory=Hostilities)
    acknowledged: Mapping[int, int] = field(default_factory=dict)
    imported: int = 0


async def verify(streams: Streams, account: Account) -> Findings:
    """Check everything; the findings say what is broken."""
    findings = await check_laws(streams)
    trail = await follow(streams, findings.broken, account)
    trail.end()
    tables = await check_dead_letters(streams, findings.broken, trail.dead)
    hostilities = account.hostilities
    findings.broken += hostilities.differences(trail.decisions, tables)
    planned = account.dead_tables + len(hostilities.dead_tables)
    if len(tables) != planned:
        findings.broken.append(f"{len(tables)} inventory records are dead letters, not {planned}")
    imported = account.imported
    written = account.journal.written + hostilities.written + Counter({ADJUSTMENTS: imported})
    await check_inputs(streams, findings.broken, written)
    expected = Counter(account.expected) + hostilities.expected + Counter({"SEEN": imported})
    again = trail.recorded_again
    compare_dispositions(findings, expected + Counter(RECORDED=again) - Counter(DUPLICATE=again))
    return findings


async def verify_what_stands(streams: Streams, account: Account) -> Findings:
    """Check the laws where workers had to stop before all was decided."""
    findings = await check_laws(streams, ended=False)
    trail = await follow(streams, findings.broken, account)
    await check_dead_letters(streams, findings.broken, trail.dead)
    return findings


async def follow(streams: Streams, broken: list[str], account: Account) -> "Trail":
    """Read audit trail and changelog, and hold one against the other; gives the former."""
    trail = Trail(broken, account.journal, await originals(streams))
    async for record in each(streams, AUDIT):
        entry = orjson.loads(record.value or b"")
        if entry["kind"] in {"decision", "redecision", "acknowledgement"}:
            trail.see(entry)
    if trail.acknowledged != account.acknowledged:
        broken.append(f"acknowledged are {trail.acknowledged}, not {account.acknowledged}")
    memory = Memory(broken, account.acknowledged)
    async for record in each(streams, CHANGELOG):
        memory.see(record)
    memory.compare(trail)
    return trail


async def originals(streams: Streams) -> dict[Place, Place]:
    """Find requests that were written again to their device's partition; gives whence they came."""
    found = {}
    async for record in each(streams, HANDOVER_REQUESTS):
        origin = dict(record.headers).get("rerouted-from")
        if origin is not None:
            partition, offset = map(int, origin.split(b"/"))
            place = (HANDOVER_REQUESTS, record.partition, record.offset)
            found[place] = (HANDOVER_REQUESTS, partition, offset)
    return found


class Trail:
    """Follows the audit trail.

    Attributes:
        decisions: The first of each place, as ``DISPOSITION REASON``.
        marks: The numbers that it told last of each device and role.
        passed: For each partition and stream, the offset after its last decision.
        dead: Places of events that became dead letters.
        reported: Those of which a person named numbers that were issued: not all of them are told.
        acknowledged: How often an operator let a partition go on.
        recorded_again: How many messages were recorded a second time, of partitions whose memory of
            the first was lost.
    """

    def __init__(
        self, broken: list[str], journal: Journal, originals: Mapping[Place, Place]
    ) -> None:
        self.decisions: dict[Place, str] = {}
        self.marks: dict[Slot, Marks] = {}
        self.passed: dict[tuple[int, str], int] = {}
        self.dead: set[Place] = set()
        self.reported: set[Slot] = set()
        self.acknowledged: Counter[int] = Counter()
        self.recorded_again = 0
        self._recorded: set[str] = set()
        self._broken = broken
        self._promises = dict(journal.promises)
        self._originals = originals

    def see(self, entry: Json) -> None:
        if entry["kind"] == "acknowledgement":
            self.acknowledged[entry["partition"]] += 1
            return
        place = (entry["stream"], entry["partition"], entry["offset"])
        if entry["kind"] == "redecision":
            self._see_cause(place, entry)
        else:
            self.decisions[place] = f"{entry['disposition']} {entry['reason']}"
            self.passed[place[1], place[0]] = place[2] + 1
            self._see_recorded(entry)
        if entry["disposition"] == "DEAD_LETTER":
            self.dead.add(place)
        if entry["reason"] == "ENGINE_FAULT":
            self._broken.append(f"the engine failed over {place}: {entry['detail']}")
        if place[0] == HANDOVER_REQUESTS and entry["disposition"] != "REROUTED":
            self._see_request(place, entry)
        self._remember(entry)

    def end(self) -> None:
        self._broken += [
            f"the request {place} was acknowledged and never decided" for place in self._promises
        ]

    def _see_recorded(self, entry: Json) -> None:
        """Tell a repeat from what nobody could know any more."""
        if entry["disposition"] != "RECORDED" or entry["message"] is None:
            return
        digest = entry["message"]["digest"]
        if digest in self._recorded and self.acknowledged[entry["partition"]]:
            self.recorded_again += 1
        self._recorded.add(digest)

    def _see_cause(self, place: Place, entry: Json) -> None:
        cause = entry.get("cause_stream")
        if not cause or (cause == "restart") != (entry["cause_offset"] is None):
            self._broken.append(f"law 5: {place} was decided again without a cause")
        if place not in self.decisions:
            self._broken.append(f"law 5: {place} was decided again before it was decided")

    def _see_request(self, place: Place, entry: Json) -> None:
        """Hold a decision against what stood in the partition before the request was written."""
        promise = self._promises.pop(self._originals.get(place, place), None)
        if promise is None:
            return
        for stream, end in promise.read.items():
            if entry["decided_after"].get(stream, 0) < end:
                self._broken.append(
                    f"law 2: {place} was decided after {stream} {entry['decided_after']}, and "
                    f"{end} had been reached before it was written"
                )
        if entry["disposition"] == "ISSUED" and int(entry["originator_counter"]) <= promise.above:
            self._broken.append(
                f"law 2: {place} was given {entry['originator_counter']}, and {promise.above} had "
                "been told before it was written"
            )

    def _remember(self, entry: Json) -> None:
        device, role = entry.get("device_id"), entry.get("remote_party_role")
        if not device or not role:
            return
        marks = self.marks.setdefault((device, role), {})
        for name in ("recorded", "seen"):
            if entry[f"{name}_counter"] is not None:
                marks[name] = int(entry[f"{name}_counter"])
        if entry["disposition"] == "ISSUED":
            marks["issued"] = int(entry["originator_counter"])
        if entry["reason"] == "ADJUSTED" and entry["adjusted"]["kind"] == "issued":
            self.reported.add((device, role))


class Memory:
    """Follows the changelog.

    Each commit writes the positions with the next sequence number, so that two owners of a
    partition who wrote side by side would show.
    """

    def __init__(self, broken: list[str], acknowledged: Mapping[int, int]) -> None:
        self._broken = broken
        self._renewals = Counter(acknowledged)
        self._images: dict[str, Image] = {}
        self._positions: dict[int, Json] = {}

    def see(self, record: Record) -> None:
        if record.key == POSITIONS:
            self._see_positions(record)
        elif record.key is not None and record.value is not None and not RESERVED & {*record.key}:
            device, image = record.key.decode(), read_image(record.value)
            before = self._images.get(device)
            if before is not None and image.version <= before.version:
                self._broken.append(
                    f"law 7: {device} has version {image.version} after {before.version} at "
                    f"{record.partition}/{record.offset}"
                )
            self._images[device] = image

    def compare(self, trail: Trail) -> None:
        """See that the newest of it is what the audit trail told last."""
        for (device, role), told in trail.marks.items():
            image = self._images.get(device)
            kept = {} if image is None else image.marks.get(role, {})
            untold = {"issued"} if (device, role) in trail.reported else set()
            if any(kept.get(name) != told.get(name) for name in {*kept, *told} - untold):
                self._broken.append(f"the changelog has {kept} of {device}, the audit trail {told}")
        for (partition, stream), passed in trail.passed.items():
            position = self._positions.get(partition, {}).get("positions", {}).get(stream, 0)
            if position < passed:
                self._broken.append(
                    f"{stream} {partition} is decided below {passed}, its position is {position}"
                )

    def _see_positions(self, record: Record) -> None:
        found = orjson.loads(record.value or b"")
        before = self._positions.get(record.partition)
        self._positions[record.partition] = found
        if before is None:
            return
        at = f"at {record.partition}/{record.offset}"
        renewed = found["incarnation"] != before["incarnation"]
        # Each acknowledgement begins a new one.
        self._renewals[record.partition] -= renewed
        if found["sequence"] <= before["sequence"] or self._renewals[record.partition] < 0:
            self._broken.append(f"law 7: {found} came after {before} {at}")
        for stream, position in before["positions"].items():
            if found["positions"][stream] < position:
                self._broken.append(f"law 5: the position of {stream} fell from {position} {at}")


async def check_dead_letters(
    streams: Streams, broken: list[str], decided: set[Place]
) -> set[Place]:
    """See that each was decided, and that there is one of each; gives those of the inventory."""
    found: Counter[Place] = Counter()
    async for record in each(streams, DEAD_LETTERS):
        headers = dict(record.headers)
        stream, partition, offset = (headers[name] for name in ("stream", "partition", "offset"))
        found[stream.decode(), int(partition), int(offset)] += 1
    tables = {place for place in found if place[0] == INVENTORY}
    broken += [
        f"{place} became {count} dead letters" for place, count in found.items() if count > 1
    ]
    broken += [f"{place} has no dead letter" for place in decided - found.keys()]
    broken += [f"{place} is a dead letter" for place in found.keys() - decided - tables]
    return tables


async def check_inputs(streams: Streams, broken: list[str], written: Mapping[str, int]) -> None:
    """See that what was acknowledged stands there, and nothing else but what was rerouted."""
    for stream in streams.layout.events:
        standing = 0
        async for record in each(streams, stream):
            standing += "rerouted-from" not in dict(record.headers)
        if standing != written[stream]:
            broken.append(f"{stream} holds {standing} records, not {written[stream]}")


async def compacted(streams: Streams) -> int:
    """Count the changelog's offsets below its last records at which nothing is left."""
    kept, ends = 0, dict[int, int]()
    async for record in each(streams, CHANGELOG):
        kept += 1
        ends[record.partition] = record.offset + 1
    return sum(ends.values()) - kept


def compare_dispositions(findings: Findings, expected: Mapping[str, int]) -> None:
    found, wanted = by_disposition(findings.decisions), Counter(expected)
    if found != wanted:
        findings.broken.append(f"decided too often {found - wanted}, too rarely {wanted - found}")


def by_disposition(reasons: Mapping[str, int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for reason, count in reasons.items():
        counts[reason.partition(" ")[0]] += count
    return counts
