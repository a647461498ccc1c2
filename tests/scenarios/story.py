"""Tells a scenario to the whole line: publish, let the worker decide, read what it wrote."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from tests.contract.judge import judge_command

from slotkeeper.engine.port import engines
from slotkeeper.lab import anchors, events, keystore, messages
from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import Gpf, Policy, Reply
from slotkeeper.lab.pki import Authority, Device, Organisation, Pki
from slotkeeper.lab.terms import Role
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Record, Streams
from slotkeeper.worker import run

Json = dict[str, Any]

PKI = Pki("scenarios")
ACB = PKI.acb
RENEWED_ACB = PKI.organisation(Role.ACCESS_CONTROL_BROKER, generation=1)
LEAVER = PKI.organisation(Role.NETWORK_OPERATOR, 1)
SUCCESSOR = PKI.organisation(Role.NETWORK_OPERATOR, 2)
SUPPLIER = PKI.organisation(Role.SUPPLIER, 1)
OTHER_SUPPLIER = PKI.organisation(Role.SUPPLIER, 2)

NATURAL = 10_000
"""A hint that stands for the DSP's own next counter."""


class DeviceClock:
    """The devices' time: moves on by a second whenever it is looked at, so that order shows."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class Story:
    """One scenario's devices on running streams.

    Attributes:
        folder: for settings and key files.
        first_device: numbers of this story's devices rise from here.
        acb: generations of the ACB whose keys the worker holds, newest first.
        retired: generations whose certificates it knows and whose keys it does not hold.
        more: further TOML of the settings.
        authorities: who may issue certificates.
        clock: the time of all devices.
    """

    streams: Streams
    folder: Path
    first_device: int = 0
    acb: Sequence[Organisation] = (ACB,)
    retired: Sequence[Organisation] = ()
    more: str = ""
    authorities: Sequence[Authority] = (PKI.issuing, PKI.device_issuing)
    clock: DeviceClock = field(default_factory=DeviceClock)
    _passed: dict[tuple[str, int], int] = field(default_factory=dict)
    _devices: dict[str, Device] = field(default_factory=dict)

    def gpf(self, *, operator: Organisation = LEAVER, policy: Policy | None = None) -> Gpf:
        """Make a device that nobody has told the inventory of."""
        cells = anchors.factory_anchors(PKI, operator=operator, supplier=SUPPLIER, acb=ACB)
        return Gpf(self.device(), cells, policy=policy, clock=self.clock)

    async def known_gpf(
        self, *, operator: Organisation = LEAVER, policy: Policy | None = None
    ) -> Gpf:
        """Make a device and tell the inventory of it."""
        gpf = self.gpf(operator=operator, policy=policy)
        await self.publish(events.inventory(gpf.device))
        return gpf

    async def publish(self, *told: Event) -> None:
        """Put records into their streams."""
        await self.streams.publish(
            [
                Message(
                    event.stream,
                    event.key.encode() if isinstance(event.key, str) else event.key,
                    event.octets,
                    (),
                    event.partition,
                )
                for event in told
            ]
        )

    async def work(self) -> list[Json]:
        """Run the worker until idle; give what the audit trail has learnt about the devices."""
        file = keystore.write_settings(self.folder, self.acb, retired=self.retired, more=self.more)
        settings = Settings.load(file, environment=self._anchors())
        factory = engines(settings.authority(), settings.engine_json())
        await run(self.streams, factory, until_idle=True)
        return await self.learnt("audit-trail")

    def _anchors(self) -> dict[str, str]:
        """Configure the authorities beside the file, which may have a table of that name."""
        paths = []
        for number, authority in enumerate(self.authorities):
            path = self.folder / f"authority-{number}.pem"
            path.write_bytes(keystore.pem(authority.certificate))
            paths.append(str(path))
        return {"SLOTKEEPER_VERIFY__ISSUING_CERTIFICATES": orjson.dumps(paths).decode()}

    async def tell(self, *told: Event) -> Json:
        """Publish and work; give the one decision that came of it."""
        decisions = await self.tell_all(*told)
        assert len(decisions) == 1, decisions
        return decisions[0]

    async def tell_all(self, *told: Event) -> list[Json]:
        """Publish and work; give the decisions in order."""
        await self.publish(*told)
        return await self.work()

    async def hand_back(
        self, gpf: Gpf, counter: int, *, operator: Organisation = LEAVER, floor: int | None = None
    ) -> Json:
        """Let the operator put the ACB into its slot, and tell of the device's Response."""
        return await self.tell(hand_back(gpf, counter, operator=operator, floor=floor))

    async def alert_of(self, gpf: Gpf, counter: int) -> Json:
        """Let the operator date its hand-back, and tell of the Alert at its execution."""
        due = self.clock.now + timedelta(days=30)
        payload = messages.slot_payload(ACB, counter=counter, execution=due)
        gpf.receive(messages.command(payload, LEAVER, gpf.device, ACB))
        self.clock.now = due
        (alert,) = gpf.execute_due()
        return await self.tell(told(gpf, alert, counter=counter))

    async def ask(
        self,
        gpf: Gpf,
        *,
        number: int = 1001,
        hint: int | None = NATURAL,
        holder: Organisation = SUCCESSOR,
        **more: Any,  # noqa: ANN401 - further arguments of a handover request
    ) -> Json:
        """Let the supplier ask for a handover; give the decision."""
        return await self.tell(request(gpf, number=number, hint=hint, holder=holder, **more))

    async def commands(self) -> list[Json]:
        """Give the commands that are new, each judged by the independent codec."""
        found = await self.learnt("cs02b-commands")
        for command in found:
            judge_command(command, self.acb, self._devices[command["device_id"]])
        return found

    async def deliver(self, gpf: Gpf) -> Reply:
        """Bring the one new command to its device."""
        (command,) = await self.commands()
        return gpf.receive(base64.b64decode(command["gbcs_payload"]))

    async def learnt(self, stream: str) -> list[Json]:
        """Give the records of an output that are new and concern this story's devices."""
        return [
            orjson.loads(record.value or b"null")
            for record in await self.records(stream)
            if (record.key or b"").decode(errors="replace") in self._devices
        ]

    async def records(self, stream: str) -> list[Record]:
        """Give an output's new records as they stand."""
        found = []
        async for batch in self.streams.read(stream):
            for record in batch:
                place = (stream, record.partition)
                if record.offset > self._passed.get(place, -1):
                    self._passed[place] = record.offset
                    found.append(record)
        return found

    def device(self) -> Device:
        """Make an identity that only this story knows."""
        device = PKI.device(self.first_device + len(self._devices))
        self._devices[str(device.eui)] = device
        return device


def hand_back(
    gpf: Gpf, counter: int, *, operator: Organisation = LEAVER, floor: int | None = None
) -> Event:
    """Let the operator put the ACB into its slot; give the record of the Response."""
    return update(gpf, counter, operator=operator, holder=ACB, floor=floor)


def update(
    gpf: Gpf,
    counter: int,
    *,
    operator: Organisation = LEAVER,
    holder: Organisation,
    **more: Any,  # noqa: ANN401 - further arguments of a slot payload
) -> Event:
    """Send an operator's 6.15.1 to the device; give the record of the Response."""
    payload = messages.slot_payload(holder, counter=counter, **more)
    reply = gpf.receive(messages.command(payload, operator, gpf.device, ACB))
    assert reply.response is not None, reply.refusal
    return told(gpf, reply.response, operator=operator, counter=counter)


def told(
    gpf: Gpf,
    message: bytes,
    *,
    operator: Organisation = LEAVER,
    counter: int = 1,
    stream: str = events.UPDATE_RESPONSES,
) -> Event:
    """Give the record that carries a device's message."""
    request_id = events.request_id(operator.eui, gpf.device.eui, counter)
    return events.outcome(stream, gpf.device.eui, message, request=request_id)


def request(
    gpf: Gpf,
    *,
    number: int = 1001,
    hint: int | None = NATURAL,
    supplier: Organisation = SUPPLIER,
    holder: Organisation = SUCCESSOR,
    **more: Any,  # noqa: ANN401 - further arguments of a handover request
) -> Event:
    """Give a supplier's handover request."""
    return events.handover_request(
        supplier, gpf.device.eui, holder, number=number, hint=hint, **more
    )


def verdict(decision: Json) -> str:
    """Give disposition and reason in one line."""
    return f"{decision['disposition']} {decision['reason']}"


def verdicts(decisions: Iterable[Json]) -> list[str]:
    """Give dispositions and reasons in order."""
    return [verdict(one) for one in decisions]
