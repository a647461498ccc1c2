"""Whole messages: what organisations send and devices answer.

A command starts as a :class:`~slotkeeper.lab.commands.CommandPayload`, for instance from
:func:`slot_payload`; :func:`pre_command` and :func:`command` wrap it.
:func:`response` and :func:`alert` are a device's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slotkeeper.lab import sealing
from slotkeeper.lab.anchors import ACB_AGREEMENT, cells_of
from slotkeeper.lab.commands import CommandPayload, Replacement
from slotkeeper.lab.credentials import CredentialsCommand
from slotkeeper.lab.envelope import Envelope, dlms_date_time
from slotkeeper.lab.outcomes import AlertPayload, ResponsePayload
from slotkeeper.lab.terms import (
    AlertCode,
    Cell,
    Cra,
    KeyUsage,
    MessageCode,
    Mode,
    Role,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from slotkeeper.lab.outcomes import ExecutionOutcome
    from slotkeeper.lab.pki import Device, Organisation
    from slotkeeper.lab.terms import Eui64

__all__ = [
    "alert",
    "command",
    "credentials_command",
    "pre_command",
    "response",
    "slot_payload",
]

_BOTH = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT)


def slot_payload(
    holder: Organisation,
    *,
    counter: int,
    role: Role = Role.NETWORK_OPERATOR,
    mode: Mode = Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR,
    key_usages: Collection[KeyUsage] = _BOTH,
    floor: int | None = None,
    execution: datetime | None = None,
    apply_time_checks: bool = True,
) -> CommandPayload:
    """Ask a device to give the slot of ``role`` to ``holder``.

    Args:
        holder: whose certificates go in; the ACB for a slot handed back (SRV 6.15.1).
        counter: Originator Counter and sequence number.
        role: whose slot.
        mode: how it is authorised.
        key_usages: which of the role's cells.
        floor: newRemotePartyFloorSeqNumber.
        execution: for a future-dated command.
        apply_time_checks: whether certificate times count.
    """
    replacements = tuple(
        Replacement(certificate, cell)
        for cell, certificate in cells_of(role, holder).items()
        if cell.key_usage in key_usages
    )
    return CommandPayload(
        mode=mode,
        seq_number=counter,
        replacements=replacements,
        path=holder.path,
        authorising_cell=Cell(mode.authorising_role, KeyUsage.DIGITAL_SIGNATURE),
        floor=floor,
        execution=execution,
        apply_time_checks=apply_time_checks,
    )


def pre_command(
    payload: CommandPayload, originator: Organisation, recipient: Eui64, *, signed: bool = False
) -> bytes:
    """Write a pre-command; ``signed`` adds the originator's signature (SRV 6.15.1 on its way)."""
    envelope = _command_envelope(payload, originator.eui, recipient)
    if signed:
        envelope = envelope.signed(sealing.sign(envelope, originator.digital_signature.key))
    return envelope.encode()


def command(
    payload: CommandPayload, originator: Organisation, device: Device, acb: Organisation
) -> bytes:
    """Write a whole command.

    The originator signs; the ACB makes the MAC, over the originator's identity and counter.
    Recovery and contingency have no MAC; the ACB's own credentials (mode 4) no signature.
    """
    envelope = _command_envelope(payload, originator.eui, device.eui)
    if payload.mode is Mode.ACCESS_CONTROL_BROKER_BY_ACB:
        envelope = envelope.signed(b"")
    else:
        envelope = envelope.signed(sealing.sign(envelope, originator.digital_signature.key))
    if payload.mode in (Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY, Mode.ANY_BY_CONTINGENCY):
        return envelope.encode()
    peer = device.key_agreement.key.public_key()
    return envelope.maced(sealing.mac(envelope, acb.key_agreement.key, peer)).encode()


def credentials_command(
    originator: Organisation,
    device: Device,
    *,
    counter: int,
    roles: Sequence[Role] = (Role.SUPPLIER, Role.NETWORK_OPERATOR),
) -> bytes:
    """Write Provide Security Credential Details (CS02a, SRV 6.24.1).

    The ACB authenticates it with a MAC alone, every other party with its signature alone.
    """
    is_acb = originator.role is Role.ACCESS_CONTROL_BROKER
    cell = ACB_AGREEMENT if is_acb else Cell(originator.role, KeyUsage.DIGITAL_SIGNATURE)
    asked = CredentialsCommand(cell, tuple(roles))
    envelope = Envelope(
        cra=Cra.COMMAND,
        counter=counter,
        originator=originator.eui,
        recipient=device.eui,
        message_code=MessageCode.CS02A,
        payload=asked.encode(),
    )
    if not is_acb:
        return envelope.signed(sealing.sign(envelope, originator.digital_signature.key)).encode()
    unsigned, peer = envelope.signed(b""), device.key_agreement.key.public_key()
    return unsigned.maced(sealing.mac(unsigned, originator.key_agreement.key, peer)).encode()


def response(
    device: Device,
    recipient: Eui64,
    outcome: ExecutionOutcome | None,
    *,
    counter: int,
    at: datetime | None = None,
    message_code: int = Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR.message_code,
) -> bytes:
    """Write a device's Response; without ``outcome`` it only accepts a future-dated command."""
    envelope = Envelope(
        cra=Cra.RESPONSE,
        counter=counter,
        originator=device.eui,
        recipient=recipient,
        message_code=message_code,
        date_time=dlms_date_time(at or datetime.now(UTC)),
        payload=ResponsePayload(outcome).encode(),
    )
    return envelope.signed(sealing.sign(envelope, device.digital_signature.key)).encode()


def alert(
    device: Device,
    recipient: Eui64,
    outcome: ExecutionOutcome,
    *,
    counter: int,
    at: datetime | None = None,
) -> bytes:
    """Write the Alert of an executed future-dated command; ``counter`` is the device's own."""
    failed = any(cell.status is not Status.SUCCESS for cell in outcome.cells)
    code = AlertCode.SOME_FAILED if failed else AlertCode.ALL_REPLACED
    executed = (at or datetime.now(UTC)).replace(microsecond=0)
    envelope = Envelope(
        cra=Cra.ALERT,
        counter=counter,
        originator=device.eui,
        recipient=recipient,
        message_code=MessageCode.FUTURE_DATED_ALERT,
        payload=AlertPayload(code, executed, outcome).encode(),
    )
    return envelope.signed(sealing.sign(envelope, device.digital_signature.key)).encode()


def _command_envelope(payload: CommandPayload, originator: Eui64, recipient: Eui64) -> Envelope:
    return Envelope(
        cra=Cra.COMMAND,
        counter=payload.seq_number,
        originator=originator,
        recipient=recipient,
        message_code=payload.mode.message_code,
        payload=payload.encode(),
    )
