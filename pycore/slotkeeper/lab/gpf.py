"""An emulated Gas Proxy Function: takes commands as octets, answers as a device does.

Where the public protocol text is silent, a :class:`Policy` names the choice: what a floor does to
the stored number, whether replay is checked, who may stand in a Network Operator's cell.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slotkeeper.lab import anchors, certificates, messages, sealing
from slotkeeper.lab.commands import CANCELLATION, CommandPayload, SeqNumberChange
from slotkeeper.lab.credentials import CredentialsCommand, CredentialsResponse, RoleCredentials
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.outcomes import CellOutcome, ExecutionOutcome
from slotkeeper.lab.terms import (
    Cell,
    Cra,
    Eui64,
    KeyUsage,
    MessageCode,
    Mode,
    Role,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from slotkeeper.lab.pki import Device

__all__ = ["Faults", "FloorPolicy", "Gpf", "Pending", "Policy", "Refusal", "Reply"]


class FloorPolicy(enum.Enum):
    """What newRemotePartyFloorSeqNumber does to the stored number."""

    REPLACE = "replace"
    """Sets it, downwards as well: what the published vectors report."""
    MAX = "max"
    """Raises it only."""
    IGNORE = "ignore"
    """Nothing: the command's own number stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Choices where GBCS as published leaves one.

    Attributes:
        floor: see :class:`FloorPolicy`.
        strict_replay: a command's number must exceed the stored one of the authorising role.
        guests: roles whose cells may hold ACB certificates.
    """

    floor: FloorPolicy = FloorPolicy.REPLACE
    strict_replay: bool = True
    guests: frozenset[Role] = frozenset({Role.SUPPLIER, Role.NETWORK_OPERATOR})


@dataclass(slots=True)
class Faults:
    """What goes wrong on purpose.

    Attributes:
        cells: the status with which replacements of a cell fail.
        lose_responses: the command is executed, the Response gets lost (N16, S7).
    """

    cells: dict[Cell, Status] = field(default_factory=dict)
    lose_responses: bool = False


class Refusal(enum.Enum):
    """Why a device discards a message without an answer."""

    UNREADABLE = "unreadable"
    ANOTHER_DEVICE = "meant for another device"
    NOT_SERVED = "no command of this device"
    MODE_MISMATCH = "Message Code and mode differ"
    MAC_FALSE = "MAC absent or false"
    WRONG_CELL = "authorising cell absent or not the mode's"
    NOT_THE_OCCUPANT = "the originator does not occupy the authorising cell"
    SIGNATURE_FALSE = "KRP signature absent or false"
    NUMBERS_DIFFER = "Originator Counter and sequence number differ"
    REPLAY = "sequence number not above the stored one"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one message: a refusal, or an execution and the Response that left."""

    refusal: Refusal | None = None
    response: bytes | None = None
    outcome: ExecutionOutcome | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A future-dated command that was accepted."""

    due: datetime
    originator: Eui64
    command: CommandPayload


class Gpf:
    """One device.

    Attributes:
        device: its identity.
        cells: certificates by Trust Anchor Cell.
        numbers: the replay number by role; absent is 0.
        specialist_numbers: top-up numbers by role.
        pending: future-dated commands, oldest first.
        policy: see :class:`Policy`.
        faults: see :class:`Faults`; change it at will.
        discarded: how many messages were refused, by reason.
    """

    def __init__(
        self,
        device: Device,
        cells: Mapping[Cell, bytes],
        *,
        policy: Policy | None = None,
        clock: Callable[[], datetime] | None = None,
        contingency: EllipticCurvePublicKey | None = None,
    ) -> None:
        """Make a device as it leaves the factory.

        Args:
            device: identity and keys.
            cells: for instance :func:`~slotkeeper.lab.anchors.factory_anchors`.
            policy: the default policy where None.
            clock: the device's time; the real one where None.
            contingency: who may send contingency commands; nobody where None.
        """
        self.device = device
        self.cells = dict(cells)
        self.numbers: dict[Role, int] = {}
        self.specialist_numbers: dict[Role, int] = {}
        self.pending: list[Pending] = []
        self.alert_counter = 0
        self.policy = policy or Policy()
        self.faults = Faults()
        self.discarded: dict[Refusal, int] = {}
        self._clock = clock or (lambda: datetime.now(UTC))
        self._contingency = contingency

    def receive(self, message: bytes) -> Reply:
        """Take a command from the WAN."""
        try:
            reply = self._receive(message)
        except _DiscardedError as discarded:
            refusal = discarded.refusal
            self.discarded[refusal] = self.discarded.get(refusal, 0) + 1
            return Reply(refusal)
        return Reply(None, None, reply.outcome) if self.faults.lose_responses else reply

    def twin(self) -> Gpf:
        """Give a device in the same state, on which a command can be tried without consequence."""
        other = Gpf(
            self.device,
            self.cells,
            policy=self.policy,
            clock=self._clock,
            contingency=self._contingency,
        )
        other.numbers = dict(self.numbers)
        other.specialist_numbers = dict(self.specialist_numbers)
        other.pending = list(self.pending)
        other.alert_counter = self.alert_counter
        return other

    def execute_due(self) -> list[bytes]:
        """Execute pending commands whose time has come; give their Alerts, oldest first."""
        now = self._clock()
        due = sorted((one for one in self.pending if one.due <= now), key=lambda one: one.due)
        self.pending = [one for one in self.pending if one.due > now]
        return [self._alert(one) for one in due]

    def _receive(self, message: bytes) -> Reply:
        try:
            envelope = Envelope.decode(message)
        except ValueError:
            raise _DiscardedError(Refusal.UNREADABLE) from None
        if envelope.recipient != self.device.eui:
            raise _DiscardedError(Refusal.ANOTHER_DEVICE)
        if envelope.cra is not Cra.COMMAND:
            raise _DiscardedError(Refusal.NOT_SERVED)
        if envelope.message_code == MessageCode.CS02A:
            return self._read_back(envelope)
        try:
            command = CommandPayload.decode(envelope.payload)
        except ValueError:
            raise _DiscardedError(Refusal.UNREADABLE) from None
        if envelope.message_code != command.mode.message_code:
            raise _DiscardedError(Refusal.MODE_MISMATCH)
        self._authenticate(envelope, command)
        self._check_number(envelope, command)
        return self._accept(envelope, command)

    def _authenticate(self, envelope: Envelope, command: CommandPayload) -> None:
        if command.mode not in _WITHOUT_MAC and not self._mac_is_true(envelope):
            raise _DiscardedError(Refusal.MAC_FALSE)
        cell = command.authorising_cell
        if cell is None or cell.role is not command.mode.authorising_role or cell not in self.cells:
            raise _DiscardedError(Refusal.WRONG_CELL)
        signer = self._contingency
        if command.mode is not Mode.ANY_BY_CONTINGENCY:
            occupant = certificates.read(self.cells[cell])
            if cell.key_usage is not KeyUsage.DIGITAL_SIGNATURE:
                raise _DiscardedError(Refusal.WRONG_CELL)
            if occupant.subject_unique_id != envelope.originator:
                raise _DiscardedError(Refusal.NOT_THE_OCCUPANT)
            signer = certificates.public_key(occupant.point)
        unsigned = command.mode is Mode.ACCESS_CONTROL_BROKER_BY_ACB
        if not unsigned and (signer is None or not sealing.signature_is_true(envelope, signer)):
            raise _DiscardedError(Refusal.SIGNATURE_FALSE)

    def _check_number(self, envelope: Envelope, command: CommandPayload) -> None:
        if command.seq_number != envelope.counter:
            raise _DiscardedError(Refusal.NUMBERS_DIFFER)
        stored = self.numbers.get(command.mode.authorising_role, 0)
        if self.policy.strict_replay and command.seq_number <= stored:
            raise _DiscardedError(Refusal.REPLAY)

    def _accept(self, envelope: Envelope, command: CommandPayload) -> Reply:
        role = command.mode.authorising_role
        self.numbers[role] = command.seq_number
        if command.execution is None or command.execution <= self._clock():
            outcome = self._execute(command)
            return Reply(None, self._respond(envelope, outcome), outcome)
        if command.execution == CANCELLATION:
            self.pending = [
                one for one in self.pending if one.command.mode.authorising_role is not role
            ]
        else:
            self.pending.append(Pending(command.execution, envelope.originator, command))
        return Reply(None, self._respond(envelope, None))

    def _execute(self, command: CommandPayload) -> ExecutionOutcome:
        outcomes = []
        for replacement in command.replacements:
            cell, certificate = replacement.target, replacement.certificate
            existing = anchors.occupant(self.cells.get(cell))
            status = self.faults.cells.get(cell) or anchors.placement_status(
                replacement,
                command,
                self.cells[anchors.ROOT],
                at=self._clock(),
                guests=self.policy.guests,
            )
            if cell not in self.cells:
                status = Status.OTHER
            if status is Status.SUCCESS:
                self.cells[cell] = certificate
            outcomes.append(
                CellOutcome(cell, status, existing, anchors.occupant(self.cells.get(cell)))
            )
        return ExecutionOutcome(
            seq_number=command.seq_number,
            mode=command.mode,
            changes=self._apply_floors(command),
            cells=tuple(outcomes),
        )

    def _apply_floors(self, command: CommandPayload) -> tuple[SeqNumberChange, ...]:
        changes = list(command.other_changes)
        role = command.mode.authorising_role
        if command.floor is not None:
            own = SeqNumberChange(role=role, floor=command.floor, top_up=command.top_up_floor)
            changes.insert(0, own)
        elif command.top_up_floor is not None:
            # Without a floor there is no change of the own role that could report it.
            self.specialist_numbers[role] = command.top_up_floor
        for change in changes:
            if self.policy.floor is FloorPolicy.REPLACE:
                self.numbers[change.role] = change.floor
            elif self.policy.floor is FloorPolicy.MAX:
                stored = self.numbers.get(change.role, 0)
                self.numbers[change.role] = max(stored, change.floor)
            if change.top_up is not None:
                self.specialist_numbers[change.role] = change.top_up
        return tuple(changes)

    def _respond(self, envelope: Envelope, outcome: ExecutionOutcome | None) -> bytes:
        return messages.response(
            self.device,
            envelope.originator,
            outcome,
            counter=envelope.counter,
            at=self._clock(),
            message_code=envelope.message_code,
        )

    def _alert(self, pending: Pending) -> bytes:
        outcome = self._execute(pending.command)
        self.alert_counter += 1
        return messages.alert(
            self.device,
            pending.originator,
            outcome,
            counter=self.alert_counter,
            at=self._clock(),
        )

    def _read_back(self, envelope: Envelope) -> Reply:
        by_acb = not envelope.signature
        if by_acb and not self._mac_is_true(envelope):
            raise _DiscardedError(Refusal.MAC_FALSE)
        try:
            asked = CredentialsCommand.decode(envelope.payload)
        except ValueError:
            raise _DiscardedError(Refusal.UNREADABLE) from None
        if not by_acb:
            self._authenticate_by(asked.authorising_cell, envelope)
        response = Envelope(
            cra=Cra.RESPONSE,
            counter=envelope.counter,
            originator=self.device.eui,
            recipient=envelope.originator,
            message_code=envelope.message_code,
            payload=CredentialsResponse(tuple(map(self._credentials, asked.roles))).encode(),
            signature=b"",
        )
        if not by_acb:
            signature = sealing.sign(response, self.device.digital_signature.key)
            return Reply(None, response.signed(signature).encode())
        tag = sealing.mac(response, self.device.key_agreement.key, self._acb_agreement_key())
        return Reply(None, response.maced(tag).encode())

    def _authenticate_by(self, cell: Cell, envelope: Envelope) -> None:
        if cell not in self.cells or cell.key_usage is not KeyUsage.DIGITAL_SIGNATURE:
            raise _DiscardedError(Refusal.WRONG_CELL)
        occupant = certificates.read(self.cells[cell])
        if occupant.subject_unique_id != envelope.originator:
            raise _DiscardedError(Refusal.NOT_THE_OCCUPANT)
        if not sealing.signature_is_true(envelope, certificates.public_key(occupant.point)):
            raise _DiscardedError(Refusal.SIGNATURE_FALSE)

    def _credentials(self, role: Role) -> RoleCredentials:
        cells = tuple(
            (cell, anchors.occupant(certificate))
            for cell, certificate in self.cells.items()
            if cell.role is role
        )
        if not cells:
            return RoleCredentials(role, Status.TRUST_ANCHOR_NOT_FOUND, None, ())
        return RoleCredentials(role, Status.SUCCESS, self.numbers.get(role, 0), cells)

    def _mac_is_true(self, envelope: Envelope) -> bool:
        own = self.device.key_agreement.key
        return sealing.mac_is_true(envelope, own, self._acb_agreement_key())

    def _acb_agreement_key(self) -> EllipticCurvePublicKey:
        details = certificates.read(self.cells[anchors.ACB_AGREEMENT])
        return certificates.public_key(details.point)


_WITHOUT_MAC = (Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY, Mode.ANY_BY_CONTINGENCY)


class _DiscardedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
