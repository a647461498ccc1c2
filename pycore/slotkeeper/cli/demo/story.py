"""The demo's story: what happens, in order. Only public parts of the project take part."""

import base64
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from slotkeeper._core import Keystore, inspect_message
from slotkeeper.cli.demo.second_half import coverage_from
from slotkeeper.cli.output import Advance
from slotkeeper.engine.port import engines
from slotkeeper.lab.events import Event
from slotkeeper.lab.fleet import Fleet, Group, Member, Tally
from slotkeeper.lab.keystore import write_keystore, write_settings
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Streams, open_streams
from slotkeeper.worker import Progress, run

_BATCH = 1000
"""Records of one or two kilobytes, published in one transaction."""

_WATCHED_GROUP = "nanoseconds"
"""Whose first device is followed: the farthest above a clock in milliseconds."""


@dataclass
class Story:
    """What came of it.

    Attributes:
        groups: Each way of counting, with what became of its devices.
        device_id: The device that was followed.
        messages: What was sent to it and what it answered, decoded and checked.
        decisions: Its records of the audit trail, in order.
        natural: The counter that the DCC's own clock proposed for its handover.
        parties: Who is who, by EUI-64.
        lost: Devices that did not carry out their handover.
    """

    groups: list[tuple[Group, Tally]]
    device_id: str
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    natural: int = 0
    parties: dict[str, str] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Devices that did not carry out their handover."""
        return sum(tally.devices - tally.accepted for _, tally in self.groups)


async def play(folder: Path, *, devices: int, seed: int, advance: Advance) -> Story:
    """Play it in a folder, which holds streams, keys, settings and messages afterwards."""
    fleet = Fleet(devices, seed=seed)
    file = write_settings(
        folder,
        [fleet.pki.acb],
        streams="sqlite:///streams.db",
        more=f'[slots]\ncoverage_from = "{coverage_from()}"',
    )
    settings = Settings.load(file, environment={})
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        stage = _Stage(streams, settings, advance)
        await stage.publish("the inventory", devices, fleet.inventory())
        await stage.publish("operators hand back (6.15.1)", devices, fleet.hand_backs())
        await stage.work("recording", 2 * devices)
        await stage.publish("suppliers ask (6.21)", devices, fleet.handover_requests())
        await stage.work("making commands", devices)
        outcomes = [event async for event in stage.deliver(fleet, devices)]
        await stage.publish("devices answer", len(outcomes), outcomes)
        await stage.work("confirming", len(outcomes))
        member = _watched(fleet)
        decisions = await stage.decisions(str(member.gpf.device.eui))
    return Story(
        groups=[
            (group, fleet.tallies[group.name])
            for group in dict.fromkeys(member.group for member in fleet.members)
        ],
        device_id=str(member.gpf.device.eui),
        messages=_decoded(folder, fleet, member),
        decisions=decisions,
        natural=member.natural,
        parties={
            str(fleet.pki.acb.eui): "the ACB",
            str(member.operator.eui): "the leaving operator",
            str(fleet.successor.eui): "the next operator",
        },
    )


class _Stage:
    """The steps of the story."""

    def __init__(self, streams: Streams, settings: Settings, advance: Advance) -> None:
        self._streams = streams
        self._advance = advance
        self._engines = engines(settings.authority(), settings.engine_json())

    async def publish(self, what: str, total: int, events: Iterable[Event]) -> None:
        self._advance.now(what, total)
        batch: list[Message] = []
        for event in events:
            key = event.key if isinstance(event.key, bytes) else event.key.encode()
            batch.append(Message(event.stream, key, event.octets))
            if len(batch) == _BATCH:
                await self._streams.publish(batch)
                batch = []
            self._advance.by(1)
        await self._streams.publish(batch)

    async def work(self, what: str, total: int) -> None:
        self._advance.now(what, total)

        def tell(now: Progress) -> None:
            self._advance.to(now.records, total)

        await run(self._streams, self._engines, until_idle=True, progress=tell)

    async def deliver(self, fleet: Fleet, total: int) -> AsyncIterator[Event]:
        self._advance.now("devices check the commands", total)
        async for records in self._streams.read("cs02b-commands"):
            for record in records:
                command = orjson.loads(record.value or b"{}")
                delivery = fleet.deliver(_octets(command["gbcs_payload"]))
                self._advance.by(1)
                if delivery.outcome is not None:
                    yield delivery.outcome

    async def decisions(self, device_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for records in self._streams.read("audit-trail"):
            found += [
                orjson.loads(record.value or b"{}")
                for record in records
                if record.key == device_id.encode()
            ]
        return found


def _watched(fleet: Fleet) -> Member:
    return next(
        member for member in fleet.members if member.watched and member.group.name == _WATCHED_GROUP
    )


def _decoded(folder: Path, fleet: Fleet, member: Member) -> list[tuple[str, dict[str, Any]]]:
    keystore = folder / "keystore"
    write_keystore(keystore, [member.gpf.device, fleet.pki.acb, member.operator, fleet.successor])
    messages = folder / "messages"
    messages.mkdir()
    for number, (what, message) in enumerate(member.journal, start=1):
        name = f"{number}-{what.replace(' ', '-')}.hex"
        (messages / name).write_text(message.hex() + "\n")
    keys = Keystore(str(keystore))
    return [
        (what, orjson.loads(inspect_message(message, keys))) for what, message in member.journal
    ]


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
