"""Judges commands of the engine by the lab's own codec and by ``cryptography``."""

import base64
from collections.abc import Sequence
from typing import Any

from slotkeeper.lab import sealing
from slotkeeper.lab.certificates import public_key
from slotkeeper.lab.commands import CommandPayload
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.pki import Device, Organisation
from slotkeeper.lab.terms import Cell, Cra, KeyUsage


def judge_command(
    record: dict[str, Any], acb: Sequence[Organisation], device: Device
) -> CommandPayload:
    """Check that a record of ``cs02b-commands`` holds a whole, true CS02b command.

    The octets come back from the decoded fields, the record repeats the message, the signature is
    of the key that the record names, and the MAC of one of the ACB's agreement keys.
    """
    message = base64.b64decode(record["gbcs_payload"], validate=True)
    envelope = Envelope.decode(message)
    payload = CommandPayload.decode(envelope.payload)
    assert envelope.encode() == message
    assert payload.encode() == envelope.payload
    assert (envelope.cra, envelope.date_time) == (Cra.COMMAND, b"")
    assert envelope.message_code == payload.mode.message_code
    assert f"{envelope.message_code:04X}" == record["message_code"]
    assert str(envelope.counter) == str(payload.seq_number) == record["originator_counter"]
    assert str(envelope.originator) == record["originator_id"] == str(acb[0].eui)
    assert str(envelope.recipient) == record["device_id"] == str(device.eui)
    role = payload.mode.authorising_role
    assert payload.authorising_cell == Cell(role, KeyUsage.DIGITAL_SIGNATURE)
    assert payload.execution is None
    signers = {one.digital_signature.details.key_identifier.hex(): one for one in acb}
    signer = signers[record["signing_key_identifier"]].digital_signature.details
    assert sealing.signature_is_true(envelope, public_key(signer.point))
    own = device.key_agreement.key
    peers = [public_key(one.key_agreement.details.point) for one in acb]
    assert any(sealing.mac_is_true(envelope, own, peer) for peer in peers)
    return payload
