"""What parties do with a device: one act a round, drawn by who holds the slot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from slotkeeper.lab import duis, events, messages
from slotkeeper.lab.commands import CANCELLATION, SeqNumberChange
from slotkeeper.lab.emulated.member import NEVER, Member
from slotkeeper.lab.emulated.parties import ACB, DS, KA, SUPPLIERS, Holder, milliseconds
from slotkeeper.lab.emulated.sending import Asked, Result, meter_record, outcome_of
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.terms import Mode, Role, Status

if TYPE_CHECKING:
    from slotkeeper.lab.commands import CommandPayload
    from slotkeeper.lab.emulated.parties import Parties
    from slotkeeper.lab.emulated.sending import Told
    from slotkeeper.lab.events import Event
    from slotkeeper.lab.gpf import Reply
    from slotkeeper.lab.pki import Organisation
    from slotkeeper.lab.terms import Eui64

__all__ = ["Act"]

# Parts of a hundred, apart from faults.
_BY_OPERATOR: Final = {
    "hand_back": 52,
    "renew": 14,
    "sell": 10,
    "renew_supplier": 10,
    "read_back": 6,
    "recover": 3,
    "exchange_hub": 5,
}
_BY_ACB: Final = {
    "request": 74,
    "renew_supplier": 8,
    "read_back": 6,
    "send_again": 5,
    "recover": 2,
    "exchange_hub": 5,
}
_WHILE_DATED: Final = {"read_back": 50, "renew_supplier": 50}

# An operator sends at most so many commands in a round.
_COMMANDS: Final = 4
_AS_DUIS: Final = 0.125
_WITH_FLOOR: Final = 0.15
_ONE_CELL: Final = 0.02
_CANCELLED: Final = 0.2
_HALF: Final = 0.5
_LONGEST_DATE: Final = 60
_HOURS: Final = 3_600
_YEARS: Final = 366 * 24 * _HOURS
# A clock that was never set begins years ago, one that was set wrong is anywhere near.
_CLOCK_ERRORS: Final = (0, 0, -10 * _YEARS, 7 * _YEARS, 2 * _HOURS, -2 * _HOURS)


class Act:
    """One device's round until suppliers' requests are answered.

    Attributes:
        told: what comes of it.
    """

    def __init__(self, told: Told, parties: Parties) -> None:
        """Take a device as it stands."""
        self.told = told
        self._parties = parties
        self._moment = told.moment
        self._member = told.member
        self._random = told.random
        self._rates = told.plan.rates
        self._device = parties.device(told.member.number)
        if told.chance(self._rates.clock_wrong):
            told.member.clock_error = self._random.choice(_CLOCK_ERRORS)
        self._gpf = told.member.gpf(self._device, told.moment)

    def execute_due(self) -> None:
        """Let the device execute what was dated, and tell of its Alerts."""
        before = sorted(self._gpf.pending, key=lambda one: one.due)
        alerts = self._gpf.execute_due()
        executed = [one for one in before if one not in self._gpf.pending]
        for pending, alert in zip(executed, alerts, strict=True):
            number = pending.command.seq_number
            self._member.left_by = _operator_number(pending.originator)
            self.told.answer(self._outcome(alert, str(pending.originator), number), number)

    def act(self) -> None:
        """Draw who does something, and let it be done."""
        holder = self._parties.holder(self._gpf.cells)
        if self.told.chance(self._rates.error_response):
            self._error_response(holder)
        if self._gpf.pending:
            kinds = _WHILE_DATED
        elif holder.role is Role.ACCESS_CONTROL_BROKER:
            kinds = _BY_ACB
        elif self.told.chance(self._rates.request_premature):
            kinds = {"request": 1}
        else:
            kinds = _BY_OPERATOR
        (kind,) = self._random.choices(list(kinds), list(kinds.values()))
        if kind == "request":
            self._request()
        elif kind == "exchange_hub":
            self._exchange_hub(holder)
        elif kind == "read_back":
            self._read_back()
        elif kind == "recover":
            self._recover()
        elif kind == "renew_supplier":
            self._renew_supplier()
        else:
            self._operate(kind, holder)

    def finish(self) -> None:
        """Write the device's state back."""
        self._member.keep(self._gpf)

    def _operate(self, kind: str, holder: Holder) -> None:
        """Let a network operator send a 6.15.1."""
        if kind == "send_again":
            # Nobody told the operator that its slot is no longer its own.
            holder = Holder(Role.NETWORK_OPERATOR, self._member.left_by or 1, 0)
        group = self._parties.group(holder.number)
        counter = group.counter(_COMMANDS * self.told.current, self._moment)
        execution = None
        if kind == "hand_back" and self.told.chance(self._rates.future_dated):
            days = self._random.randint(1, _LONGEST_DATE)
            execution = (self._moment + timedelta(days=days)).replace(microsecond=0)
        successor = {
            "renew": self._parties.renewed(holder),
            "sell": self._another(holder),
        }.get(kind, ACB)
        if kind == "sell":
            self._member.owner = successor.number
        # A new operator counts from 0: its numbers may be far below those of the old one.
        floor = 0 if kind == "sell" or self.told.chance(_WITH_FLOOR) else None
        payload = messages.slot_payload(
            self._parties.organisation(successor),
            counter=counter,
            floor=floor,
            execution=execution,
        )
        if kind == "hand_back" and self.told.chance(_ONE_CELL):
            cell = self._random.choice((DS, KA))
            kept = tuple(one for one in payload.replacements if one.target == cell)
            payload = replace(payload, replacements=kept)
        self._send("6.15.1", payload, self._parties.organisation(holder))
        if execution is not None and self.told.chance(_CANCELLED):
            self._send(
                "6.15.1",
                replace(payload, seq_number=counter + 1, execution=CANCELLATION),
                self._parties.organisation(holder),
            )

    def _announce(self, command: bytes, sender: Organisation, counter: int) -> None:
        """Tell of what the operator signed, before the ACB's MAC."""
        pre = replace(Envelope.decode(command), mac=None).encode()
        event = self._outcome(pre, str(sender.eui), counter, events.PRE_COMMANDS)
        self.told.pre_command(event, counter)

    def _send(
        self,
        service: str,
        payload: CommandPayload,
        sender: Organisation,
        *,
        announced: bool = False,
    ) -> None:
        """Bring a party's command to the device, and tell of the Response."""
        operator = payload.mode is Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR
        counter = payload.seq_number
        command = messages.command(payload, sender, self._device, self._parties.acb)
        if operator and not announced:
            self._announce(command, sender, counter)
        if self.told.chance(self._rates.cell_failed):
            cell = self._random.choice(payload.replacements).target
            self._gpf.faults.cells[cell] = Status.RESOURCES_BUSY
        held = self._member.held
        reply = self._gpf.receive(command)
        self._gpf.faults.cells.clear()
        self._note(service, sender, payload, held, reply)
        if reply.response is None:
            return
        if operator:
            self._member.left_by = _operator_number(sender.eui)
        told = [counter] if operator else []
        told += [one.floor for one in payload.other_changes]
        event = self._outcome(reply.response, str(sender.eui), counter)
        self.told.answer(event, max(told, default=0))

    def _note(
        self,
        service: str,
        sender: Organisation,
        payload: CommandPayload,
        held: int,
        reply: Reply,
    ) -> None:
        result, cause = outcome_of(reply)
        self.told.results.append(
            Result(
                device=self._member.number,
                at=self._moment,
                service=service,
                originator=sender.eui,
                counter=payload.seq_number,
                held=held,
                result=result,
                cause=cause,
            )
        )

    def _recover(self) -> None:
        """Let recovery put the ACB into the slot, and set the operator's number anew."""
        payload = messages.slot_payload(
            self._parties.acb,
            counter=milliseconds(self._moment),
            mode=Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY,
        )
        change = SeqNumberChange(role=Role.NETWORK_OPERATOR, floor=self._random.choice((0, 1_000)))
        self._send("recovery", replace(payload, other_changes=(change,)), self._parties.recovery)

    def _renew_supplier(self) -> None:
        payload = messages.slot_payload(
            self._parties.supplier(self._member.supplier),
            counter=milliseconds(self._moment),
            role=Role.SUPPLIER,
            mode=Mode.SUPPLIER_BY_SUPPLIER,
        )
        self._send("supplier", payload, self._parties.supplier(self._member.supplier))

    def _read_back(self) -> None:
        """Let the ACB read the slots (CS02a, SRV 6.24.1)."""
        acb = self._parties.acb
        # Odd, where the hints of 6.21 are even: no number is used twice by the ACB.
        counter = milliseconds(self._moment) | 1
        reply = self._gpf.receive(messages.credentials_command(acb, self._device, counter=counter))
        if reply.response is not None:
            event = self._outcome(reply.response, str(acb.eui), counter, events.READ_BACKS)
            self.told.answer(event)

    def _request(self) -> None:
        """Let a supplier ask for the handover (SRV 6.21)."""
        holder = Holder(Role.NETWORK_OPERATOR, self._member.owner, 0)
        if self.told.chance(_HALF):
            holder = self._another(holder)
        if self._parties.holder(self._gpf.cells) == ACB:
            # The network has been sold since the operator left; or it comes back.
            self._member.owner = holder.number
        floor = 0 if self.told.chance(_HALF) else None
        key_agreement = not self.told.chance(_ONE_CELL)
        hint = milliseconds(self._moment) & ~1
        suppliers = [self._member.supplier]
        if self.told.chance(self._rates.request_repeated):
            suppliers.append((self._member.supplier + 1) % SUPPLIERS)
        for supplier in suppliers:
            sender = self._parties.supplier(supplier)
            number = 1_000 + self.told.current
            event = events.handover_request(
                sender,
                self._device.eui,
                self._parties.organisation(holder),
                number=number,
                floor=floor,
                key_agreement=key_agreement,
                hint=hint,
            )
            request_id = events.request_id(sender.eui, self._device.eui, number)
            self.told.request(
                event, Asked(request_id, supplier, hint, holder, floor, key_agreement)
            )

    def _exchange_hub(self, holder: Holder) -> None:
        """Replace the Communications Hub: another GPF, as it left the factory."""
        member, plan = self._member, self.told.plan
        member.status, member.next_act = "Decommissioned", NEVER
        self.told.tell(events.inventory(self._device, status=member.status))
        number = member.number + plan.devices
        at_factory = holder if self.told.chance(_HALF) else ACB
        self.told.made = Member(
            number=number,
            cells=self._parties.factory_cells(at_factory, member.supplier),
            supplier=member.supplier,
            owner=member.owner,
            next_act=self.told.current + 1,
            replaces=member.number,
            owned_by=member.owner,
        )
        self.told.tell(
            events.inventory(
                self._parties.device(number),
                replaces=str(self._device.eui),
                commissioned_on=self._moment.date().isoformat(),
            )
        )
        self.told.tell(meter_record(plan, number))

    def _error_response(self, holder: Holder) -> None:
        eui = self._parties.organisation(holder).eui
        request = events.request_id(eui, self._device.eui, milliseconds(self._moment))
        self.told.tell(
            events.outcome(
                events.UPDATE_RESPONSES,
                self._device.eui,
                None,
                request=request,
                response_code="E21",
                received_at=self._moment,
            )
        )

    def _another(self, holder: Holder) -> Holder:
        step = self._random.randrange(1, self._parties.operators)
        number = (holder.number - 1 + step) % self._parties.operators + 1
        return Holder(Role.NETWORK_OPERATOR, number, 0)

    def _outcome(
        self, message: bytes, originator: str, counter: int, stream: str = events.UPDATE_RESPONSES
    ) -> Event:
        event = events.outcome(
            stream,
            self._device.eui,
            message,
            request=f"{originator}:{self._device.eui}:{counter}",
            received_at=self._moment,
        )
        if stream == events.UPDATE_RESPONSES and self.told.chance(_AS_DUIS):
            return duis.response_document(event)
        return event


def _operator_number(eui: Eui64) -> int:
    """Give the number of an operator, which is the end of its EUI-64."""
    return int.from_bytes(eui[-2:], "big")
