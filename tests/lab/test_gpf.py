"""The emulated GPF: whom it obeys, what it refuses, what it remembers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from slotkeeper.lab import anchors, messages, sealing
from slotkeeper.lab.certificates import public_key
from slotkeeper.lab.commands import CANCELLATION, CommandPayload, SeqNumberChange
from slotkeeper.lab.credentials import CredentialsResponse
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.gpf import FloorPolicy, Gpf, Policy, Refusal
from slotkeeper.lab.gpf_state import load, save
from slotkeeper.lab.outcomes import AlertPayload, ResponsePayload
from slotkeeper.lab.pki import Organisation, Pki
from slotkeeper.lab.terms import (
    AlertCode,
    Cell,
    Cra,
    Eui64,
    KeyUsage,
    MessageCode,
    Mode,
    Role,
    Status,
)

PKI = Pki("gpf")
LEAVER = PKI.organisation(Role.NETWORK_OPERATOR, 1)
SUCCESSOR = PKI.organisation(Role.NETWORK_OPERATOR, 2)
SUPPLIER = PKI.organisation(Role.SUPPLIER)
DEVICE = PKI.device(1)
DS = anchors.operator_cell(KeyUsage.DIGITAL_SIGNATURE)
KA = anchors.operator_cell(KeyUsage.KEY_AGREEMENT)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def gpf(policy: Policy | None = None, clock: Callable[[], datetime] | None = None) -> Gpf:
    cells = anchors.factory_anchors(PKI, operator=LEAVER, supplier=SUPPLIER, acb=PKI.acb)
    return Gpf(DEVICE, cells, policy=policy, clock=clock or Clock())


def hand_back(counter: int, *, floor: int | None = None) -> bytes:
    payload = messages.slot_payload(PKI.acb, counter=counter, floor=floor)
    return messages.command(payload, LEAVER, DEVICE, PKI.acb)


def hand_on(counter: int, *, to: Organisation = SUCCESSOR, floor: int | None = None) -> bytes:
    payload = messages.slot_payload(to, counter=counter, floor=floor)
    return messages.command(payload, PKI.acb, DEVICE, PKI.acb)


def test_r10_the_slot_goes_back_and_on() -> None:
    device = gpf()
    back = device.receive(hand_back(1200))
    assert back.refusal is None
    assert anchors.occupant(device.cells[DS]) == PKI.acb.digital_signature.occupant
    on = device.receive(hand_on(1201))
    assert on.refusal is None
    assert on.outcome is not None
    assert [cell.status for cell in on.outcome.cells] == [Status.SUCCESS, Status.SUCCESS]
    assert on.outcome.cells[0].existing == PKI.acb.digital_signature.occupant
    assert on.outcome.cells[0].replacing == SUCCESSOR.digital_signature.occupant
    assert device.numbers[Role.NETWORK_OPERATOR] == 1201


def test_the_response_is_signed_and_repeats_the_counter() -> None:
    reply = gpf().receive(hand_back(1200, floor=0))
    assert reply.response is not None
    envelope = Envelope.decode(reply.response)
    assert (envelope.cra, envelope.counter) == (Cra.RESPONSE, 1200)
    assert (envelope.originator, envelope.recipient) == (DEVICE.eui, LEAVER.eui)
    assert len(envelope.date_time) == 12
    assert envelope.mac is None
    assert sealing.signature_is_true(envelope, public_key(DEVICE.digital_signature.details.point))
    outcome = ResponsePayload.decode(envelope.payload).outcome
    assert outcome is not None
    assert outcome.changes == (SeqNumberChange(role=Role.NETWORK_OPERATOR, floor=0),)


@pytest.mark.parametrize("counter", [1, 1199, 1200])
def test_r5_an_equal_or_lower_number_is_a_replay(counter: int) -> None:
    device = gpf()
    device.receive(hand_back(1200))
    assert device.receive(hand_on(counter)).refusal is Refusal.REPLAY
    assert device.discarded == {Refusal.REPLAY: 1}


@pytest.mark.parametrize(
    ("floor", "policy", "least"),
    [
        (0, FloorPolicy.REPLACE, 1),
        (0, FloorPolicy.MAX, 1201),
        (0, FloorPolicy.IGNORE, 1201),
        (5000, FloorPolicy.REPLACE, 5001),
        (5000, FloorPolicy.MAX, 5001),
        (5000, FloorPolicy.IGNORE, 1201),
    ],
)
def test_every_reading_of_the_floor(floor: int, policy: FloorPolicy, least: int) -> None:
    device = gpf(Policy(floor=policy))
    device.receive(hand_back(1200, floor=floor))
    assert device.receive(hand_on(least - 1)).refusal is Refusal.REPLAY
    assert device.receive(hand_on(least)).refusal is None


def test_a_number_of_one_role_is_not_anothers() -> None:
    device = gpf()
    device.receive(hand_back(1200))
    payload = messages.slot_payload(
        PKI.acb, counter=5, role=Role.SUPPLIER, mode=Mode.SUPPLIER_BY_SUPPLIER
    )
    assert device.receive(messages.command(payload, SUPPLIER, DEVICE, PKI.acb)).refusal is None


def tampered_mac(message: bytes) -> bytes:
    return message[:-1] + bytes((message[-1] ^ 1,))


def tampered_payload(message: bytes) -> bytes:
    return message.replace(b"\x83\x02\x04\xb0", b"\x83\x02\x04\xb1")


def remaced(change: Callable[[Envelope], Envelope]) -> bytes:
    envelope = change(Envelope.decode(hand_back(1200)))
    peer = DEVICE.key_agreement.key.public_key()
    return envelope.maced(sealing.mac(envelope, PKI.acb.key_agreement.key, peer)).encode()


def test_what_is_discarded_without_an_answer() -> None:
    other = PKI.organisation(Role.NETWORK_OPERATOR, 3)
    stranger = messages.command(
        messages.slot_payload(PKI.acb, counter=1200), other, DEVICE, PKI.acb
    )
    elsewhere = messages.command(
        messages.slot_payload(PKI.acb, counter=1200), LEAVER, PKI.device(2), PKI.acb
    )
    without_cell = replace(messages.slot_payload(PKI.acb, counter=1200), authorising_cell=None)
    unsigned = remaced(lambda envelope: envelope.signed(bytes(64)))
    cases = {
        b"\xdf": Refusal.UNREADABLE,
        elsewhere: Refusal.ANOTHER_DEVICE,
        tampered_mac(hand_back(1200)): Refusal.MAC_FALSE,
        tampered_payload(hand_back(1200)): Refusal.MAC_FALSE,
        stranger: Refusal.NOT_THE_OCCUPANT,
        unsigned: Refusal.SIGNATURE_FALSE,
        messages.command(without_cell, LEAVER, DEVICE, PKI.acb): Refusal.WRONG_CELL,
        remaced(lambda envelope: replace(envelope, message_code=0x0102)): Refusal.MODE_MISMATCH,
        messages.pre_command(without_cell, LEAVER, DEVICE.eui): Refusal.MAC_FALSE,
    }
    for message, refusal in cases.items():
        device = gpf()
        reply = device.receive(message)
        assert reply.refusal is refusal
        assert reply.response is None
        assert not device.numbers


def test_a_counter_that_differs_from_the_payloads_is_discarded() -> None:
    payload = messages.slot_payload(PKI.acb, counter=1200)
    envelope = replace(
        Envelope.decode(messages.command(payload, LEAVER, DEVICE, PKI.acb)), counter=1300
    )
    envelope = sealing.signed_and_maced(
        replace(envelope, mac=None),
        LEAVER.digital_signature.key,
        PKI.acb.key_agreement.key,
        DEVICE.key_agreement.key.public_key(),
    )
    assert gpf().receive(envelope.encode()).refusal is Refusal.NUMBERS_DIFFER


def test_n07_one_failed_cell_keeps_its_certificate_and_the_number_is_consumed() -> None:
    device = gpf()
    device.faults.cells = {KA: Status.RESOURCES_BUSY}
    reply = device.receive(hand_back(1200))
    assert reply.outcome is not None
    assert [cell.status for cell in reply.outcome.cells] == [
        Status.SUCCESS,
        Status.RESOURCES_BUSY,
    ]
    failed = reply.outcome.cells[1]
    assert failed.existing == failed.replacing == LEAVER.key_agreement.occupant
    assert device.numbers[Role.NETWORK_OPERATOR] == 1200


@pytest.mark.parametrize(
    ("holder", "status"),
    [
        (
            PKI.organisation(Role.NETWORK_OPERATOR, 2, issuer=PKI.other_issuing),
            Status.NO_TRUST_ANCHOR,
        ),
        (SUPPLIER, Status.BAD_CERTIFICATE),
        (
            PKI.organisation(Role.NETWORK_OPERATOR, 2, not_after=datetime(2025, 1, 1, tzinfo=UTC)),
            Status.BAD_CERTIFICATE,
        ),
    ],
    ids=["path", "role", "expired"],
)
def test_certificates_that_a_device_does_not_take(holder: Organisation, status: Status) -> None:
    payload = replace(messages.slot_payload(holder, counter=9), path=(PKI.issuing.certificate,))
    reply = gpf().receive(messages.command(payload, LEAVER, DEVICE, PKI.acb))
    assert reply.outcome is not None
    assert {cell.status for cell in reply.outcome.cells} == {status}


def test_expired_certificates_pass_where_time_checks_are_disapplied() -> None:
    expired = PKI.organisation(Role.NETWORK_OPERATOR, 2, not_after=datetime(2025, 1, 1, tzinfo=UTC))
    payload = messages.slot_payload(expired, counter=9, apply_time_checks=False)
    reply = gpf().receive(messages.command(payload, LEAVER, DEVICE, PKI.acb))
    assert reply.outcome is not None
    assert {cell.status for cell in reply.outcome.cells} == {Status.SUCCESS}


def test_n13_a_future_dated_command_reports_by_alert_with_the_devices_own_counter() -> None:
    clock = Clock()
    device = gpf(clock=clock)
    payload = messages.slot_payload(PKI.acb, counter=1004, execution=NOW + timedelta(days=20))
    reply = device.receive(messages.command(payload, LEAVER, DEVICE, PKI.acb))
    assert reply.response is not None
    assert ResponsePayload.decode(Envelope.decode(reply.response).payload).outcome is None
    assert device.execute_due() == []
    clock.now += timedelta(days=21)
    (octets,) = device.execute_due()
    envelope = Envelope.decode(octets)
    assert (envelope.cra, envelope.counter, envelope.message_code) == (
        Cra.ALERT,
        1,
        MessageCode.FUTURE_DATED_ALERT,
    )
    alert = AlertPayload.decode(envelope.payload)
    assert alert.code is AlertCode.ALL_REPLACED
    assert alert.outcome.seq_number == 1004
    assert device.execute_due() == []


def test_n15_a_cancellation_clears_what_was_pending() -> None:
    clock = Clock()
    device = gpf(clock=clock)
    for counter, execution in ((1004, NOW + timedelta(days=20)), (1005, CANCELLATION)):
        payload = messages.slot_payload(PKI.acb, counter=counter, execution=execution)
        assert device.receive(messages.command(payload, LEAVER, DEVICE, PKI.acb)).refusal is None
    clock.now += timedelta(days=21)
    assert device.execute_due() == []
    assert anchors.occupant(device.cells[DS]) == LEAVER.digital_signature.occupant


def test_n19_recovery_sets_other_roles_numbers_without_a_mac() -> None:
    recovery = PKI.organisation(Role.RECOVERY)
    payload = replace(
        messages.slot_payload(
            PKI.acb, counter=7000, mode=Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY, floor=10
        ),
        other_changes=(SeqNumberChange(role=Role.NETWORK_OPERATOR, floor=77),),
    )
    message = messages.command(payload, recovery, DEVICE, PKI.acb)
    assert message[0] == 0xDF
    device = gpf()
    reply = device.receive(message)
    assert reply.outcome is not None
    assert [change.role for change in reply.outcome.changes] == [
        Role.RECOVERY,
        Role.NETWORK_OPERATOR,
    ]
    assert device.numbers == {Role.RECOVERY: 10, Role.NETWORK_OPERATOR: 77}


def test_the_acb_replaces_its_own_credentials_by_mac_alone() -> None:
    renewed = PKI.organisation(Role.ACCESS_CONTROL_BROKER, generation=1)
    payload = messages.slot_payload(
        renewed,
        counter=5,
        role=Role.ACCESS_CONTROL_BROKER,
        mode=Mode.ACCESS_CONTROL_BROKER_BY_ACB,
    )
    message = messages.command(payload, PKI.acb, DEVICE, PKI.acb)
    assert Envelope.decode(message).signature == b""
    device = gpf()
    assert device.receive(message).refusal is None
    assert anchors.occupant(device.cells[anchors.ACB_AGREEMENT]) == renewed.key_agreement.occupant


def test_a_contingency_command_needs_the_contingency_key() -> None:
    originator = Organisation(
        Eui64.of(1), Role.ROOT, PKI.acb.digital_signature, PKI.acb.key_agreement, PKI.acb.path
    )
    payload = replace(
        messages.slot_payload(SUCCESSOR, counter=3, mode=Mode.ANY_BY_CONTINGENCY, floor=0),
        authorising_cell=Cell(Role.ROOT, KeyUsage.KEY_CERT_SIGN),
        symmetric_key=bytes(16),
    )
    envelope = Envelope.decode(messages.command(payload, originator, DEVICE, PKI.acb))
    key = PKI.contingency_key()
    signed = envelope.signed(sealing.sign(envelope, key)).encode()
    assert gpf().receive(signed).refusal is Refusal.SIGNATURE_FALSE
    cells = anchors.factory_anchors(PKI, operator=LEAVER, supplier=SUPPLIER, acb=PKI.acb)
    device = Gpf(DEVICE, cells, clock=Clock(), contingency=key.public_key())
    reply = device.receive(signed)
    assert reply.outcome is not None
    assert reply.outcome.changes == (SeqNumberChange(role=Role.ROOT, floor=0),)


def test_a_read_back_names_the_occupants_under_a_mac() -> None:
    device = gpf()
    device.receive(hand_back(1200))
    roles = (Role.NETWORK_OPERATOR, Role.LOAD_CONTROLLER)
    acb, peer = PKI.acb.key_agreement.key, DEVICE.key_agreement.key.public_key()
    reply = device.receive(messages.credentials_command(PKI.acb, DEVICE, counter=1302, roles=roles))
    assert reply.response is not None
    answer = Envelope.decode(reply.response)
    assert sealing.mac_is_true(answer, acb, peer)
    held, absent = CredentialsResponse.decode(answer.payload).roles
    assert (held.seq_number, held.cells[0][1]) == (1200, PKI.acb.digital_signature.occupant)
    assert (absent.status, absent.cells) == (Status.TRUST_ANCHOR_NOT_FOUND, ())


def test_a_read_back_by_an_occupant_is_signed() -> None:
    device = gpf()
    reply = device.receive(messages.credentials_command(SUPPLIER, DEVICE, counter=7))
    assert reply.response is not None
    answer = Envelope.decode(reply.response)
    assert answer.mac is None
    key = DEVICE.digital_signature.key.public_key()
    assert sealing.signature_is_true(answer, key)
    held = CredentialsResponse.decode(answer.payload).roles
    assert [one.role for one in held] == [Role.SUPPLIER, Role.NETWORK_OPERATOR]
    stranger = PKI.organisation(Role.SUPPLIER, 9)
    asked = messages.credentials_command(stranger, DEVICE, counter=8)
    assert device.receive(asked).refusal is Refusal.NOT_THE_OCCUPANT
    forged = replace(Envelope.decode(asked), originator=SUPPLIER.eui).encode()
    assert device.receive(forged).refusal is Refusal.SIGNATURE_FALSE


def test_n16_a_lost_response_leaves_the_device_changed() -> None:
    device = gpf()
    device.faults.lose_responses = True
    reply = device.receive(hand_back(1200))
    assert reply.response is None
    assert reply.refusal is None
    assert anchors.occupant(device.cells[DS]) == PKI.acb.digital_signature.occupant


def test_state_survives_a_power_cut() -> None:
    clock = Clock()
    device = gpf(clock=clock)
    device.receive(hand_back(1200, floor=3))
    payload = messages.slot_payload(SUCCESSOR, counter=1300, execution=NOW + timedelta(days=1))
    device.receive(messages.command(payload, PKI.acb, DEVICE, PKI.acb))
    again = gpf(clock=clock)
    load(again, save(device))
    assert save(again) == save(device)
    assert again.receive(hand_on(1300)).refusal is Refusal.REPLAY
    clock.now += timedelta(days=2)
    assert again.execute_due() == device.execute_due()


def test_state_of_another_device_is_refused() -> None:
    other = Gpf(PKI.device(2), gpf().cells)
    with pytest.raises(ValueError, match="not of"):
        load(other, save(gpf()))


def test_a_garbled_payload_under_a_true_mac_is_discarded() -> None:
    def garbled(envelope: Envelope) -> Envelope:
        return replace(envelope, payload=CommandPayload.encode(_payload())[:-1])

    def _payload() -> CommandPayload:
        return messages.slot_payload(PKI.acb, counter=1200)

    assert gpf().receive(remaced(garbled)).refusal is Refusal.UNREADABLE
