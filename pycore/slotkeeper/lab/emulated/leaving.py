"""An operator leaves: waves of 6.15.1, and what goes otherwise than planned."""

from __future__ import annotations

import functools
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from slotkeeper.lab import events, messages
from slotkeeper.lab.emulated.acts import Act
from slotkeeper.lab.emulated.member import NEVER
from slotkeeper.lab.emulated.parties import ACB, DS, KA, Holder, milliseconds
from slotkeeper.lab.emulated.sending import Asked
from slotkeeper.lab.terms import Role, Status

if TYPE_CHECKING:
    from slotkeeper.lab.commands import CommandPayload
    from slotkeeper.lab.emulated.plan import Plan
    from slotkeeper.lab.pki import Organisation

__all__ = ["WAVES", "Leave", "next_step", "steps"]

WAVES: Final = range(2, 6)
"""The rounds in which devices are asked first: what they hold is told in round 1."""

_KNOWN: Final = 1
"""The round in which it is told what the devices hold."""

_EXCHANGE: Final = 3
_PLACE_AGAIN: Final = 6
_SECOND: Final = 8
"""The round in which what went wrong is tried again."""

_WAKE: Final = 9
"""The round in which silent devices are reached, beyond 14 days after every wave, and in which it
is read back what recovery has left."""

_DATED_BY: Final = timedelta(days=10)
_LEAVER: Final = Holder(Role.NETWORK_OPERATOR, 1, 0)


def steps(plan: Plan, number: int) -> tuple[tuple[int, str], ...]:
    """Give what happens to a device, by rounds."""
    if plan.leaving is None:
        return ()
    if number >= 2 * plan.devices:
        return ((plan.rounds - 1, "wake"),)
    if number >= plan.devices:
        # It took the place of another, with the ACB's certificates.
        return ()
    kind, wave = _kinds(plan)[number]
    until = plan.rounds if plan.leaving.until is None else plan.leaving.until
    # Those of which more comes are read back first: then it is known where their slot began.
    first = () if kind == "plain" else ((_KNOWN, "wake"),)
    found = {
        "exchanged": ((_EXCHANGE, "exchange"),),
        "placed_again": ((2, "hand_back"), (_PLACE_AGAIN, "ask"), (_SECOND, "hand_back")),
        "silent": ((wave, "call"), (_WAKE, "hand_back")),
        "partial": ((wave, "half"), (_SECOND, "rest"), (_WAKE, "wake")),
        "quarantined": ((wave, "quarantine"), (wave + 1, "release")),
        "dated": ((wave, "date"),),
        "plain": ((wave, "hand_back"),),
    }[kind]
    return tuple((at, step) for at, step in (*first, *found) if at <= until)


def next_step(plan: Plan, number: int, current: int) -> int:
    """Give the round of a device's next step after a round."""
    return next((at for at, _ in steps(plan, number) if at > current), NEVER)


@functools.lru_cache(maxsize=4)
def _kinds(plan: Plan) -> tuple[tuple[str, int], ...]:
    """Draw for each device what becomes of it, and its wave."""
    if plan.leaving is None:
        return ()
    leaving, devices = plan.leaving, plan.devices
    draw = random.Random(f"{plan.seed}/leaving")  # noqa: S311 - a fleet is drawn, not a secret
    numbers = list(range(devices))
    draw.shuffle(numbers)
    counts = {
        "exchanged": leaving.exchanged,
        "placed_again": leaving.placed_again,
        "silent": round(leaving.silent * devices),
        "partial": round(leaving.partial * devices),
        "quarantined": round(leaving.quarantined * devices),
        "dated": round(leaving.dated * devices),
    }
    kinds = ["plain"] * devices
    for kind, count in counts.items():
        for number in numbers[:count]:
            kinds[number] = kind
        del numbers[:count]
    return tuple((kind, draw.choice(WAVES)) for kind in kinds)


class Leave(Act):
    """A device's round while its operator leaves."""

    def go_on(self) -> None:
        """Let happen what is due in this round."""
        plan, member = self.told.plan, self._member
        current = self.told.current
        for at, step in steps(plan, member.number):
            if at == current and member.next_act <= current:
                _STEPS[step](self)
        if member.next_act <= current:
            member.next_act = next_step(plan, member.number, current)

    def hand_back(self) -> None:
        """Let the operator send its 6.15.1."""
        self._send("6.15.1", self._payload(), self._leaver)

    def half(self) -> None:
        """Let one cell be busy: sometimes the one that the operator signs for."""
        self._gpf.faults.cells[self._random.choice((DS, KA))] = Status.RESOURCES_BUSY
        self.hand_back()

    def rest(self) -> None:
        """Let the other cell follow."""
        if self._parties.holder(self._gpf.cells) == ACB:
            # The operator has no key in the slot that could sign: recovery finishes it.
            self._recover()
        else:
            self.hand_back()

    def call(self) -> str:
        """Let the operator send its 6.15.1, which does not reach the device; give its RequestID."""
        payload = self._payload()
        command = messages.command(payload, self._leaver, self._device, self._parties.acb)
        self._announce(command, self._leaver, payload.seq_number)
        return events.request_id(self._leaver.eui, self._device.eui, payload.seq_number)

    def quarantine(self) -> None:
        """Let anomaly detection hold it."""
        self.told.tell(events.quarantined(self._device.eui, self.call(), self._moment))

    def release(self) -> None:
        """Let what was held in the round before reach the device."""
        payload = self._payload(self.told.current - 1)
        self._send("6.15.1", payload, self._leaver, announced=True)

    def date(self) -> None:
        """Let the operator date its 6.15.1 (N13)."""
        self._send("6.15.1", self._payload(dated=True), self._leaver)

    def exchange(self) -> None:
        """Exchange the hub; the new one has the ACB's certificates, as it was made (P40)."""
        self._exchange_hub(ACB)

    def wake(self) -> None:
        """Let the ACB read what the device holds (SRV 6.24.1)."""
        self._read_back()

    @property
    def _leaver(self) -> Organisation:
        return self._parties.organisation(_LEAVER)

    def _payload(self, asked_in: int | None = None, *, dated: bool = False) -> CommandPayload:
        """Give the hand-back that the operator signed in a round."""
        number = self.told.current if asked_in is None else asked_in
        begin = self.told.plan.begin_of(number)
        return messages.slot_payload(
            self._parties.organisation(ACB),
            counter=self._parties.group(_LEAVER.number).counter(number, begin),
            execution=(self._moment + _DATED_BY).replace(microsecond=0) if dated else None,
        )

    def ask(self) -> None:
        """Let a supplier that follows the register place the certificate again (R12)."""
        supplier = self._parties.supplier(self._member.supplier)
        hint = milliseconds(self._moment) & ~1
        number = 1_000 + self.told.current
        event = events.handover_request(
            supplier, self._device.eui, self._leaver, number=number, hint=hint
        )
        request_id = events.request_id(supplier.eui, self._device.eui, number)
        asked = Asked(request_id, self._member.supplier, hint, _LEAVER, None, key_agreement=True)
        self.told.request(event, asked)


_STEPS: Final = {
    step.__name__: step
    for step in (
        Leave.hand_back,
        Leave.half,
        Leave.rest,
        Leave.call,
        Leave.quarantine,
        Leave.release,
        Leave.date,
        Leave.exchange,
        Leave.ask,
        Leave.wake,
    )
}
