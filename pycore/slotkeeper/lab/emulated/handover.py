"""The DSP's commands at their devices: delivered, judged, and what a refusal means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slotkeeper.lab import events, messages
from slotkeeper.lab.emulated.parties import ACB, KA
from slotkeeper.lab.emulated.sending import Result, outcome_of
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.gpf import Refusal
from slotkeeper.lab.terms import KeyUsage, Role

if TYPE_CHECKING:
    from slotkeeper.lab.emulated.parties import Parties
    from slotkeeper.lab.emulated.sending import Asked, Told

__all__ = ["Handover", "command_without_tracking", "number_of"]


class Handover:
    """One device's requests of a round, answered."""

    def __init__(self, told: Told, parties: Parties) -> None:
        """Take a device as it stands."""
        self.told = told
        self._parties = parties
        self._moment = told.moment
        self._member = told.member
        self._device = parties.device(told.member.number)
        self._gpf = told.member.gpf(self._device, told.moment)
        self._delivered = 0

    def refused(self, asked: Asked, reason: str) -> None:
        """Note that the DSP makes no command, with its reason."""
        self._note(asked, None, "NOT_ISSUED", reason)

    def deliver(self, asked: Asked, message: bytes) -> None:
        """Bring a command to the device; its Response arrives in the next round."""
        counter = number_of(message)
        known = max(self._member.known(self.told.current), self._delivered)
        self._member.tell(counter, self.told.current, self.told.current)
        if self.told.chance(self.told.plan.rates.command_lost):
            self._note(asked, counter, "LOST")
            return
        held, valid = self._member.held, self._acb_holds_the_slot() and self._member.held <= known
        reply = self._gpf.receive(message)
        result, cause = outcome_of(reply)
        if reply.refusal is Refusal.REPLAY:
            cause = self._too_low(held, known)
        self._note(asked, counter, result, cause, held=held, valid=valid)
        self._member.keep(self._gpf)
        if reply.response is None:
            return
        self._delivered = counter
        self._member.left_by = 0
        event = events.outcome(
            events.HANDOVER_RESPONSES,
            self._device.eui,
            reply.response,
            received_at=self._moment,
        )
        self.told.answer(event, counter, first=self.told.current + 1)

    def _acb_holds_the_slot(self) -> bool:
        return self._parties.holder(self._gpf.cells) == ACB

    def _too_low(self, held: int, known: int) -> str:
        if held > known:
            return "NUMBER_NEVER_TOLD"
        return "OVERTAKEN" if held == self._delivered else "NUMBER_TOO_LOW"

    def _note(
        self,
        asked: Asked,
        counter: int | None,
        result: str,
        cause: str = "",
        *,
        held: int | None = None,
        valid: bool | None = None,
    ) -> None:
        left_by = self._member.left_by
        supplier = self._parties.supplier(asked.supplier)
        self.told.results.append(
            Result(
                device=self._member.number,
                at=self._moment,
                service="6.21",
                originator=self._parties.acb.eui if counter is not None else supplier.eui,
                counter=counter,
                held=self._member.held if held is None else held,
                result=result,
                cause=cause,
                valid=self._acb_holds_the_slot() if valid is None else valid,
                left_by=self._parties.group(left_by).name if left_by else "",
                request_id=asked.request_id,
            )
        )


def number_of(command: bytes) -> int:
    """Give the Originator Counter of a command.

    Raises:
        ValueError: it is no GBCS message.
    """
    return Envelope.decode(command).counter


def command_without_tracking(asked: Asked, parties: Parties, device: int) -> bytes:
    """Make a 6.21 command as a DSP does that knows its own numbers only.

    Where the request has no floor, the command sends 0, as the published vectors do: the next
    operator's numbers begin anew.
    """
    usages = [KeyUsage.DIGITAL_SIGNATURE]
    if asked.key_agreement:
        usages.append(KA.key_usage)
    payload = messages.slot_payload(
        parties.organisation(asked.holder),
        counter=asked.hint,
        role=Role.NETWORK_OPERATOR,
        key_usages=usages,
        floor=asked.floor or 0,
    )
    return messages.command(payload, parties.acb, parties.device(device), parties.acb)
