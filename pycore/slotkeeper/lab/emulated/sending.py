"""How messages travel: told at once, late, twice or never; and what is written down of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from slotkeeper.lab import events
from slotkeeper.lab.pki import Pki
from slotkeeper.lab.terms import Status

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from slotkeeper.lab.emulated.member import Member
    from slotkeeper.lab.emulated.parties import Holder
    from slotkeeper.lab.emulated.plan import Plan
    from slotkeeper.lab.events import Event
    from slotkeeper.lab.gpf import Reply
    from slotkeeper.lab.terms import Eui64

__all__ = [
    "FACTS",
    "REQUESTS",
    "TABLE",
    "Asked",
    "Result",
    "Sent",
    "Told",
    "meter_record",
    "mprn",
    "outcome_of",
]

TABLE: Final = 0
"""The inventory comes before all else of a round."""

FACTS: Final = 1
"""Then what devices and operators did."""

REQUESTS: Final = 2
"""Then what suppliers ask for, once all of the above is written."""

_LATEST: Final = 6
"""By so many rounds a late message is late at most."""


class Sent(NamedTuple):
    """A record on its way.

    Attributes:
        due: the round in which it is published.
        order: ``TABLE``, ``FACTS`` or ``REQUESTS``.
        event: the record.
    """

    due: int
    order: int
    event: Event


class Asked(NamedTuple):
    """A request that waits for a command or a refusal.

    Attributes:
        request_id: RequestID of the 6.21 request.
        supplier: whose request it is.
        hint: the DSP's own number for the command.
        holder: whose certificates go in.
        floor: remote_party_floor_seq_number.
        key_agreement: whether a key-agreement certificate comes along.
    """

    request_id: str
    supplier: int
    hint: int
    holder: Holder
    floor: int | None
    key_agreement: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one command or request.

    Attributes:
        device: number of the device.
        at: by the right time.
        service: ``6.15.1``, ``6.21``, ``recovery`` or ``supplier``.
        originator: whose command; for a request without command the supplier's EUI-64.
        counter: its Originator Counter; None where no command was made.
        held: the number that it had to exceed.
        result: ``ACCEPTED``, ``PARTIAL``, ``FAILED`` (no cell replaced), ``FOR_LATER``,
            ``REFUSED`` (by the device), ``LOST`` (never arrived) or ``NOT_ISSUED``.
        cause: why, in one word; empty where it was accepted.
        valid: whether the device had to accept it as far as anybody was told.
        left_by: how the operator counted that left the number; empty where nobody did.
        request_id: of a 6.21.
    """

    device: int
    at: datetime
    service: str
    originator: Eui64
    counter: int | None
    held: int
    result: str
    cause: str = ""
    valid: bool = True
    left_by: str = ""
    request_id: str = ""


@dataclass(slots=True)
class Told:
    """What one device's round brings about.

    Attributes:
        plan: of the fleet.
        member: the device.
        current: the round.
        random: where everything about this device and round is drawn from.
        moment: when it happens, by the right time.
        sent: records for the streams.
        results: what became of commands.
        asked: requests that wait for an answer.
        made: the hub that took the device's place.
    """

    plan: Plan
    member: Member
    current: int
    random: random.Random
    moment: datetime
    sent: list[Sent] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    made: Member | None = None

    def chance(self, rate: float) -> bool:
        """Draw; a rate of 0 never happens."""
        return self.random.random() < rate

    def pre_command(self, event: Event, number: int) -> None:
        """Tell of a command on its way down, unless nobody sees it."""
        if not self.chance(self.plan.rates.command_unseen):
            self.sent.append(Sent(self.current, FACTS, event))
            self.member.tell(number, self.current, self.current)

    def answer(self, event: Event, number: int = 0, *, first: int | None = None) -> None:
        """Tell of a device's message: at once, late, twice or never.

        Args:
            event: the record that carries it.
            number: the highest number towards the Network Operator slot that it tells.
            first: the round of its arrival if it is in time; this one if not given.
        """
        rates = self.plan.rates
        lost, late, doubled = (
            self.chance(rate)
            for rate in (rates.response_lost, rates.response_late, rates.response_doubled)
        )
        delay, again = self.random.randint(1, _LATEST), self.random.randint(0, _LATEST)
        if lost:
            return
        due = (self.current if first is None else first) + (delay if late else 0)
        for arrival in (due, due + again) if doubled else (due,):
            self.sent.append(Sent(arrival, FACTS, event))
        self.member.tell(number, due, self.current)

    def tell(self, event: Event) -> None:
        """Tell of something that always arrives: an inventory record, an error of the DSP."""
        order = TABLE if event.stream == events.INVENTORY else FACTS
        self.sent.append(Sent(self.current, order, event))

    def request(self, event: Event, asked: Asked) -> None:
        """Let a supplier's request arrive, maybe twice."""
        self.sent.append(Sent(self.current, REQUESTS, event))
        if self.chance(self.plan.rates.request_repeated):
            self.sent.append(Sent(self.current + self.random.randint(0, 1), REQUESTS, event))
        self.asked.append(asked)


def mprn(plan: Plan, number: int) -> str:
    """Name the meter point of a device, which stays when the hub is exchanged."""
    return str(1_000_000_000 + number % plan.devices)


def meter_record(plan: Plan, number: int, **more: str) -> Event:
    """Give the inventory record of a device's gas meter, which tells its meter point."""
    eui = Pki.meter_eui(number % plan.devices)
    return events.meter(eui, Pki.device_eui(number), mprn(plan, number), **more)


def outcome_of(reply: Reply) -> tuple[str, str]:
    """Give result and cause of a message that a device has received."""
    if reply.refusal is not None:
        return "REFUSED", reply.refusal.name
    if reply.outcome is None:
        return "FOR_LATER", ""
    failed = [one for one in reply.outcome.cells if one.status is not Status.SUCCESS]
    if not failed:
        return "ACCEPTED", ""
    result = "FAILED" if len(failed) == len(reply.outcome.cells) else "PARTIAL"
    return result, failed[0].status.name
