"""Fleets of emulated GPFs whose slots a leaving Network Operator hands back.

The groups differ in how the leaving operator counted. The DSP's own counter is a clock in
milliseconds, so it lies below what an operator with finer units, or with a fast clock, has left in
the device.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from slotkeeper.lab import anchors, duis, events, messages
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.gpf import Gpf, Refusal, Reply
from slotkeeper.lab.pki import Organisation, Pki
from slotkeeper.lab.terms import Role, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slotkeeper.lab.events import Event

__all__ = ["GROUPS", "Delivery", "Fleet", "Group", "Member", "Tally"]

_SUPPLIERS: Final = 5
# As many key pairs as make a fleet of 10,000 quick and still differ from device to device.
_KEY_PAIRS: Final = 64
_FIRST_SEQUENCE_NUMBER: Final = 1_000
_FAST_CLOCK: Final = timedelta(days=400)
_EARLIEST_HAND_BACK: Final = timedelta(days=30)
_LATEST_HAND_BACK: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Group:
    """How a leaving operator chose its Originator Counters.

    Attributes:
        name: short, for tables.
        description: one phrase.
        lost_without_tracking: whether the DSP's clock lies below these counters.
        counter: gives the number of the n-th hand-back, made at a moment.
    """

    name: str
    description: str
    lost_without_tracking: bool
    counter: Callable[[int, datetime], int]


@dataclass(slots=True)
class Tally:
    """What became of one group.

    Attributes:
        devices: how many there are.
        handed_back: slots that the ACB took.
        accepted: handovers that the devices carried out in full.
        refused: commands that a device discarded.
        refused_without_tracking: how many of the same handovers the same device, in the same
            state, discards with the DSP's own counter.
    """

    devices: int = 0
    handed_back: int = 0
    accepted: int = 0
    refused: int = 0
    refused_without_tracking: int = 0


@dataclass(slots=True)
class Member:
    """A device of the fleet, and its story.

    Attributes:
        gpf: the emulated device.
        group: how its leaving operator counts.
        operator: who leaves.
        supplier: who asks for the handover.
        natural: the DSP's own next counter at the request.
        journal: what was sent and answered, kept for the first device of a group only.
    """

    gpf: Gpf
    group: Group
    operator: Organisation
    supplier: Organisation
    natural: int
    watched: bool
    journal: list[tuple[str, bytes]] = field(default_factory=list)

    def note(self, what: str, message: bytes | None) -> None:
        """Keep a message if this device is watched."""
        if self.watched and message is not None:
            self.journal.append((what, message))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A command's way to its device and back.

    Attributes:
        member: the device.
        reply: what it did.
        outcome: the record of its Response; None if there is none.
        refused_without_tracking: what the device says to the same handover with the DSP's own
            counter; None if it would have carried it out.
    """

    member: Member
    reply: Reply
    outcome: Event | None
    refused_without_tracking: Refusal | None


class Fleet:
    """Devices, operators and suppliers, from one seed.

    Attributes:
        pki: everyone's certificates; ``pki.acb`` is the Access Control Broker.
        successor: the operator that the slots go to.
        members: all devices, group after group.
    """

    def __init__(
        self,
        devices: int,
        *,
        seed: int = 0,
        now: datetime | None = None,
        groups: tuple[Group, ...] | None = None,
    ) -> None:
        """Make a fleet.

        Args:
            devices: at least one for each group; they are spread evenly.
            seed: the same one gives the same fleet, as long as ``now`` is the same.
            now: the moment of the handovers; the real one where None.
            groups: :data:`GROUPS` where None.
        """
        self.pki = Pki(seed)
        self.successor = self.pki.organisation(Role.NETWORK_OPERATOR, 100)
        self._now = (now or datetime.now(UTC)).replace(microsecond=0)
        self._random = random.Random(seed)  # noqa: S311 - a fleet is drawn, not a secret
        self._groups = groups or GROUPS
        self._suppliers = [
            self.pki.organisation(Role.SUPPLIER, number + 1) for number in range(_SUPPLIERS)
        ]
        self.members = list(self._make_members(devices))
        self._by_eui = {member.gpf.device.eui: member for member in self.members}
        self.tallies = {group.name: Tally() for group in self._groups}
        for member in self.members:
            self.tallies[member.group.name].devices += 1

    def inventory(self) -> Iterator[Event]:
        """Give what the Smart Metering Inventory says of every device."""
        for member in self.members:
            yield events.inventory(member.gpf.device)

    def hand_backs(self) -> Iterator[Event]:
        """Let every leaving operator hand its slots back (SRV 6.15.1); give the outcomes."""
        for number, member in enumerate(self.members):
            span = _EARLIEST_HAND_BACK - _LATEST_HAND_BACK
            moment = self._now - _LATEST_HAND_BACK - span * self._random.random()
            counter = member.group.counter(number, moment)
            device = member.gpf.device
            payload = messages.slot_payload(self.pki.acb, counter=counter)
            command = messages.command(payload, member.operator, device, self.pki.acb)
            reply = member.gpf.receive(command)
            member.note("6.15.1 command", command)
            member.note("6.15.1 response", reply.response)
            if reply.response is None:
                continue
            self.tallies[member.group.name].handed_back += 1
            yield events.outcome(
                events.UPDATE_RESPONSES,
                device.eui,
                reply.response,
                request=events.request_id(member.operator.eui, device.eui, counter),
                received_at=moment,
            )

    def handover_requests(self, *, as_duis: bool = False) -> Iterator[Event]:
        """Let a supplier ask for each handover (SRV 6.21), with the DSP's own counter as hint.

        A DUIS document has no place for the hint; the engine's own clock is of the same kind.
        """
        for number, member in enumerate(self.members):
            event = events.handover_request(
                member.supplier,
                member.gpf.device.eui,
                self.successor,
                number=number + 1,
                hint=member.natural,
            )
            yield duis.request_document(event) if as_duis else event

    def deliver(self, command: bytes) -> Delivery:
        """Bring a command to the device that it names.

        Raises:
            ValueError: no GBCS message.
            KeyError: no device of this fleet.
        """
        member = self._by_eui[Envelope.decode(command).recipient]
        without = self._refusal_without_tracking(member)
        reply = member.gpf.receive(command)
        member.note("6.21 command", command)
        member.note("6.21 response", reply.response)
        tally = self.tallies[member.group.name]
        carried_out = reply.outcome is not None and all(
            cell.status is Status.SUCCESS for cell in reply.outcome.cells
        )
        tally.accepted += carried_out
        tally.refused += reply.refusal is not None
        tally.refused_without_tracking += without is not None
        outcome = None
        if reply.response is not None:
            outcome = events.outcome(
                events.HANDOVER_RESPONSES, member.gpf.device.eui, reply.response
            )
        return Delivery(member, reply, outcome, without)

    def _refusal_without_tracking(self, member: Member) -> Refusal | None:
        payload = messages.slot_payload(self.successor, counter=member.natural)
        acb = self.pki.acb
        command = messages.command(payload, acb, member.gpf.device, acb)
        return member.gpf.twin().receive(command).refusal

    def _make_members(self, devices: int) -> Iterator[Member]:
        clock = _milliseconds(self._now)
        for place, group in enumerate(self._groups):
            operator = self.pki.organisation(Role.NETWORK_OPERATOR, place + 1)
            share = range(place, devices, len(self._groups))
            for rank, number in enumerate(share):
                supplier = self._suppliers[number % _SUPPLIERS]
                cells = anchors.factory_anchors(
                    self.pki, operator=operator, supplier=supplier, acb=self.pki.acb
                )
                device = self.pki.device(number, shared_keys=_KEY_PAIRS)
                yield Member(
                    gpf=Gpf(device, cells, clock=lambda: self._now),
                    group=group,
                    operator=operator,
                    supplier=supplier,
                    natural=clock + number,
                    watched=rank == 0,
                )


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _in_sequence(number: int, _moment: datetime) -> int:
    return _FIRST_SEQUENCE_NUMBER + number


GROUPS: Final = (
    Group("sequence", "counted one by one", lost_without_tracking=False, counter=_in_sequence),
    Group(
        "milliseconds",
        "clock in milliseconds",
        lost_without_tracking=False,
        counter=lambda _, moment: _milliseconds(moment),
    ),
    Group(
        "microseconds",
        "clock in microseconds",
        lost_without_tracking=True,
        counter=lambda number, moment: _milliseconds(moment) * 1_000 + number % 1_000,
    ),
    Group(
        "nanoseconds",
        "clock in nanoseconds",
        lost_without_tracking=True,
        counter=lambda number, moment: _milliseconds(moment) * 1_000_000 + number % 1_000_000,
    ),
    Group(
        "fast clock",
        "clock in milliseconds that runs ahead",
        lost_without_tracking=True,
        counter=lambda _, moment: _milliseconds(moment + _FAST_CLOCK),
    ),
)
"""The operators of the demonstration."""
