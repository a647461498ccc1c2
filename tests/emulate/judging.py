"""Whether reports say what devices held, and whether the evidence says why they could not.

What devices held comes from the fleet, the evidence from the audit trail: a difference is explained
only where something in the trail says that the report may be wrong about this device. Where a
report names who stands there, its finding must be that of the second rule, asked about what the
device held.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import orjson
from tests.emulate.year import Json, Year
from tests.slots.second_rule import Switches, Told, World, judge

from slotkeeper.settings import Settings
from slotkeeper.slots.registers.kinds import CERTIFICATES, PARTIES, REGISTRATIONS
from slotkeeper.streams import Streams, open_streams

_NOT_BELIEVED = {"PARKED", "REJECTED"}
_JUDGED = ("expected", "finding", "action_by", "action")
_SUPPLIERS = {"PENDING", "ACTION_ON_SUPPLIER", "PLACEMENT_POSSIBLE"}
"""They differ by days alone, of which ``tests/slots`` asks."""

_CELLS = ("ds_subject", "ds_key_identifier", "ka_subject", "ka_key_identifier")

Cells = tuple[str, str, str, str]


class Change(NamedTuple):
    """Who stood in a slot from a moment on."""

    at: datetime
    cells: Cells


@dataclass
class Heard:
    """What the audit trail has of a device.

    Attributes:
        commands: Number of each that was sent to its slot, and when.
        answered: Those of which it was told what became of them.
        clock: Whether a message of it has another time than who received it.
        recovered: Numbers of recoveries, and when; nothing is told of one but what came of it.
    """

    commands: dict[int, datetime] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    clock: bool = False
    recovered: dict[int, datetime] = field(default_factory=dict)

    def untold(self, day: date) -> bool:
        """Say whether the slot was recovered, which its Response alone would have told."""
        done = ((number, at) for number, at in self.recovered.items() if at.date() <= day)
        return any(number not in self.answered for number, _ in done)

    def silent(self, day: date, *, dated: bool) -> bool:
        """Say whether a command that was sent by the end of a day has no answer.

        Where it is not known since when the occupant has been there, any command may have put it
        there.
        """
        sent = [number for number, at in self.commands.items() if not dated or at.date() <= day]
        return any(number not in self.answered for number in sent)


@dataclass
class Found:
    """What a year's reports were like, by day.

    Attributes:
        rows: How many rows of each kind a day's report had.
        wrong: Rows that nothing explains, with what the device held.
    """

    rows: dict[date, Counter[str]] = field(default_factory=dict)
    wrong: list[tuple[date, dict[str, str], Change]] = field(default_factory=list)


def judged(year: Year) -> Found:
    """Compare each of the year's reports with what the devices held at the end of its day."""
    held = _held(year)
    heard, rules = asyncio.run(_heard(year)), asyncio.run(_rules(year))
    found = Found()
    for day in year.days:
        kinds = found.rows[day] = Counter()
        for row in year.report(day):
            device = row["device_id"]
            changes = held[device]
            here = [one for one in changes if one.at.date() <= day][-1]
            kind = _kind(row, changes, here, day, heard[device])
            if kind == "SAME" and not rules.agree(row, changes, day):
                kind = "MISJUDGED"
            kinds[kind] += 1
            if kind in {"WRONG", "MISJUDGED"}:
                found.wrong.append((day, row, here))
    return found


def _kind(row: dict[str, str], changes: list[Change], here: Change, day: date, heard: Heard) -> str:
    said = tuple(row[name] for name in _CELLS)
    if row["finding"] == "UNKNOWN":
        return "NO_EVIDENCE" if row["evidence"] == "NONE" else "DOUBTFUL"
    if said == here.cells:
        return "SAME"
    if row["completeness"] == "UNVERIFIED" and said[:2] == here.cells[:2] and not said[3]:
        return "UNVERIFIED"
    if heard.silent(day, dated=bool(row["slot_since"])):
        return "SILENT"
    if heard.untold(day):
        return "UNTOLD"
    near = (abs(one.at.date() - day) <= timedelta(days=1) for one in changes)
    return "CLOCK" if heard.clock and any(near) else "WRONG"


def _held(year: Year) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = defaultdict(list)
    for one in year.told("slots"):
        cells = (one[_CELLS[0]], one[_CELLS[1]], one[_CELLS[2]], one[_CELLS[3]])
        found[one["device_id"]].append(Change(datetime.fromisoformat(one["at"]), cells))
    return found


async def _heard(year: Year) -> dict[str, Heard]:
    """Read the audit trail; a 6.21 is dated by the fleet, since a request has no time."""
    asked = {
        (one["device_id"], one["counter"]): datetime.fromisoformat(one["at"])
        for one in year.told("commands")
        if one["service"] == "6.21" and one["counter"]
    }
    settings = Settings.load(year.settings)
    found: dict[str, Heard] = defaultdict(Heard)
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        async for batch in streams.read("audit-trail"):
            for record in batch:
                told = orjson.loads(record.value or b"{}")
                if told.get("remote_party_role") == "NetworkOperator":
                    _hear(found[told["device_id"]], told, asked)
    for one in year.told("commands"):
        if one["service"] == "recovery" and one["result"] != "REFUSED":
            recovered = found[one["device_id"]].recovered
            recovered[int(one["counter"])] = _time(one["at"])
    return found


@dataclass
class _Rules:
    """The second rule, and what it is asked with.

    Attributes:
        devices: Each GPF with its gas meters, as the inventory has them.
    """

    world: World
    switches: Switches
    devices: dict[str, tuple[Json, list[Json]]]

    def agree(self, row: dict[str, str], changes: list[Change], day: date) -> bool:
        """Say whether a row's finding follows from what the device held."""
        device, meters = self.devices[row["device_id"]]
        told = [
            Told(one.at, one.cells[:2], one.cells[2:], "OUTCOME" if number else "IMPORT")
            for number, one in enumerate(changes)
        ]
        self.world.told = {row["device_id"]: told}
        said = judge(self.world, device, meters, self.switches, day)
        if said is None:
            return False
        if {said["finding"], row["finding"]} <= _SUPPLIERS:
            said["finding"] = row["finding"]
        return all(said[name] == row[name] for name in _JUDGED)


async def _rules(year: Year) -> _Rules:
    """Read registers and inventory from the streams."""
    settings = Settings.load(year.settings)
    policy = settings.slot_policy()
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        registers = [await _newest(streams, one.stream) for one in (PARTIES, CERTIFICATES)]
        parties, certificates = registers
        registered = await _newest(streams, REGISTRATIONS.stream)
        inventory = await _newest(streams, "smart-metering-inventory")
    # Without dates it says PENDING where a supplier acts, and need not walk back to 2016.
    undated = {"commissioned_on": None}
    meters: dict[str, list[Json]] = defaultdict(list)
    for one in inventory.values():
        if one["device_type"] == "GSME":
            meters[one["gpf"]].append({**one, **undated})
    absent = {"mprn": None, "gas_network_party": None}
    return _Rules(
        World(
            {key: {"dcc_user": [], "exits": [], **one} for key, one in parties.items()},
            [{"party_id": None, **one} for one in certificates.values() if "certificate" in one],
            {key: one["history"] for key, one in registered.items()},
            datetime.now(UTC).date(),
        ),
        Switches(policy.acb_id, policy.acb_keys["DS"], policy.acb_keys["KA"]),
        {key: ({**absent, **one, **undated}, meters[key]) for key, one in inventory.items()},
    )


async def _newest(streams: Streams, stream: str) -> dict[str, Json]:
    found: dict[str, Json] = {}
    async for batch in streams.read(stream):
        for record in batch:
            found[(record.key or b"").decode()] = orjson.loads(record.value or b"{}")
    return found


def _hear(heard: Heard, told: Json, asked: dict[tuple[str, str], datetime]) -> None:
    message = told.get("message") or {}
    number = message.get("authorising_seq_number")
    if told["disposition"] == "ISSUED":
        issued = told["originator_counter"]
        heard.commands[int(issued)] = asked[told["device_id"], issued]
    elif told["reason"] == "PRE_COMMAND":
        heard.commands[int(message["header_counter"])] = _time(told["received_at"])
    elif told.get("cells") and number and told["disposition"] not in _NOT_BELIEVED:
        heard.answered.add(int(number))
    if message.get("device_time"):
        heard.clock |= message["device_time"] != told["received_at"]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def lines(found: Found) -> Iterator[str]:
    """Say what was found, a line a day."""
    for day, kinds in found.rows.items():
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        yield f"{day}: {told}"
    for day, row, here in found.wrong[:20]:
        yield f"{day} {row['device_id']} {row['finding']} {[row[name] for name in _CELLS]} {here}"
