"""What Rust makes and reads, judged by ``cryptography`` and the lab's own codec."""

import base64
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract import engines
from tests.contract.judge import judge_command

from slotkeeper._core import Keystore, inspect_message
from slotkeeper.lab import anchors, events, keystore, messages, sealing, vectors
from slotkeeper.lab.commands import CommandPayload, SeqNumberChange
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.outcomes import CellOutcome, ExecutionOutcome, Occupant
from slotkeeper.lab.pki import Pki
from slotkeeper.lab.terms import (
    MAX_SEQ_NUMBER,
    Cell,
    CellUsage,
    Eui64,
    KeyUsage,
    Mode,
    Role,
    Status,
)
from slotkeeper.lab.vectors import Vector

PKI = Pki("opinion")
OPERATOR = PKI.organisation(Role.NETWORK_OPERATOR, 1)
SUCCESSOR = PKI.organisation(Role.NETWORK_OPERATOR, 2)
SUPPLIER = PKI.organisation(Role.SUPPLIER)
DEVICE = PKI.device(1)

numbers = st.integers(min_value=0, max_value=MAX_SEQ_NUMBER)
occupants = st.builds(
    Occupant, st.binary(min_size=8, max_size=8).map(Eui64), st.binary(min_size=8, max_size=8)
)
cells = st.builds(
    Cell,
    st.sampled_from(Role),
    st.sampled_from((KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT, KeyUsage.KEY_CERT_SIGN)),
    st.sampled_from(CellUsage),
)
outcomes = st.builds(
    ExecutionOutcome,
    seq_number=numbers,
    mode=st.sampled_from(Mode),
    changes=st.lists(
        st.builds(
            SeqNumberChange,
            role=st.sampled_from(Role),
            floor=numbers,
            top_up=st.none() | numbers,
        ),
        max_size=3,
    ).map(tuple),
    cells=st.lists(
        st.builds(CellOutcome, cells, st.sampled_from(Status), occupants, occupants), max_size=5
    ).map(tuple),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    folder = tmp_path_factory.mktemp("keystore")
    keystore.write_keystore(folder, [PKI.acb, OPERATOR, SUCCESSOR, SUPPLIER, DEVICE])
    return Keystore(str(folder))


@settings(max_examples=60)
@given(
    outcome=outcomes,
    counter=st.integers(min_value=0, max_value=2**64 - 1),
    future=st.booleans(),
    as_alert=st.booleans(),
)
def test_device_messages_read_the_same_on_both_sides(
    store: Keystore, *, outcome: ExecutionOutcome, counter: int, future: bool, as_alert: bool
) -> None:
    if as_alert:
        message = messages.alert(DEVICE, OPERATOR.eui, outcome, counter=counter)
    else:
        message = messages.response(
            DEVICE,
            OPERATOR.eui,
            None if future else outcome,
            counter=counter,
            message_code=outcome.mode.message_code,
        )
    seen = orjson.loads(inspect_message(message, store))
    assert seen["error"] is None
    assert seen["kind"] == ("ALERT" if as_alert else "RESPONSE")
    assert seen["round_trip"] is True
    assert seen["signature"] == {"present": True, "valid": True}
    assert seen["originator_counter"] == str(counter)
    assert (seen["originator_id"], seen["recipient_id"]) == (str(DEVICE.eui), str(OPERATOR.eui))
    if future and not as_alert:
        assert seen["outcomes"] == []
        return
    assert seen["authorising_seq_number"] == str(outcome.seq_number)
    assert seen["credentials_replacement_mode"] == outcome.mode.label
    assert [(one["role"], one["floor"]) for one in seen["seq_number_changes"]] == [
        (one.role.label, str(one.floor)) for one in outcome.changes
    ]
    assert seen["outcomes"] == [
        {
            "role": one.cell.role.label,
            "key_usage": one.cell.key_usage.label,
            "cell_usage": one.cell.cell_usage.label,
            "status": one.status.label,
            "existing_subject_unique_id": str(one.existing.eui),
            "existing_subject_key_identifier": one.existing.key_identifier.hex(),
            "replacing_subject_unique_id": str(one.replacing.eui),
            "replacing_subject_key_identifier": one.replacing.key_identifier.hex(),
        }
        for one in outcome.cells
    ]


@settings(max_examples=60)
@given(
    counter=numbers,
    floor=st.none() | numbers,
    apply_time_checks=st.booleans(),
    flip=st.integers(min_value=0, max_value=64 + 12 - 1),
)
def test_commands_read_the_same_and_one_false_octet_shows(
    store: Keystore, *, counter: int, floor: int | None, apply_time_checks: bool, flip: int
) -> None:
    payload = messages.slot_payload(
        PKI.acb, counter=counter, floor=floor, apply_time_checks=apply_time_checks
    )
    message = messages.command(payload, OPERATOR, DEVICE, PKI.acb)
    seen = orjson.loads(inspect_message(message, store))
    assert (seen["kind"], seen["error"], seen["round_trip"]) == ("COMMAND", None, True)
    assert seen["signature"] == {"present": True, "valid": True}
    assert seen["mac"] == {"present": True, "valid": True}
    assert seen["floor_seq_number"] == (None if floor is None else str(floor))
    assert seen["apply_time_based_cpv_checks"] is apply_time_checks
    spoilt = bytearray(message)
    spoilt[-1 - flip] ^= 1
    seen = orjson.loads(inspect_message(bytes(spoilt), store))
    # The MAC covers the signature, so it is false in either case.
    assert seen["mac"]["valid"] is False
    assert seen["signature"]["valid"] is (flip < 12)


@pytest.mark.parametrize("vector", vectors.make(), ids=lambda vector: vector.name)
def test_every_mode_reads_on_both_sides(vector: Vector, tmp_path: Path) -> None:
    vectors.write(tmp_path)
    seen = orjson.loads(inspect_message(vector.message, Keystore(str(tmp_path / "keystore"))))
    assert seen["error"] is None
    assert seen["round_trip"] is True
    envelope = Envelope.decode(vector.message)
    assert seen["originator_counter"] == str(envelope.counter)
    assert seen["mac"]["present"] is (envelope.mac is not None)
    by_contingency = vector.name.startswith("ByContingency") and seen["kind"] == "COMMAND"
    assert seen["signature"]["valid"] is (
        True if envelope.signature and not by_contingency else None
    )


@settings(max_examples=25)
@given(
    recorded=st.integers(min_value=0, max_value=MAX_SEQ_NUMBER - 1),
    hint=st.none() | st.integers(min_value=0, max_value=2**64 - 1),
    floor=st.none() | st.integers(min_value=0, max_value=2**62),
    role=st.sampled_from((Role.NETWORK_OPERATOR, Role.SUPPLIER)),
    apply_time_checks=st.booleans(),
    key_agreement=st.booleans(),
)
def test_what_the_engine_seals_is_true_elsewhere(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    recorded: int,
    hint: int | None,
    floor: int | None,
    role: Role,
    apply_time_checks: bool,
    key_agreement: bool,
) -> None:
    holder = SUCCESSOR if role is Role.NETWORK_OPERATOR else SUPPLIER
    told = [
        events.inventory(DEVICE),
        events.adjustment(DEVICE.eui, min(recorded, 2**62), by=("a", "b"), role=role),
        events.handover_request(
            SUPPLIER,
            DEVICE.eui,
            holder,
            number=1001,
            role=role,
            floor=floor,
            hint=hint,
            apply_time_checks=apply_time_checks,
            key_agreement=key_agreement,
        ),
    ]
    written = engines.decide(tmp_path_factory.mktemp("engine"), [PKI.acb], told)
    (record,) = [value for stream, value in written if stream == "cs02b-commands"]
    payload = judge_command(record, [PKI.acb], DEVICE)
    assert payload.seq_number > min(recorded, 2**62)
    assert payload.mode is Mode(role.value)
    assert payload.apply_time_checks is apply_time_checks
    assert payload.floor in (floor, 0)
    assert payload.path == holder.path
    wanted = [
        certificate
        for cell, certificate in anchors.cells_of(role, holder).items()
        if key_agreement or cell.key_usage is KeyUsage.DIGITAL_SIGNATURE
    ]
    assert [one.certificate for one in payload.replacements] == wanted


def test_a_mac_with_the_wrong_originator_is_told_apart(store: Keystore) -> None:
    """The classic mistake: the ACB's own EUI-64 in the key derivation of an operator's command."""
    payload = messages.slot_payload(PKI.acb, counter=1200)
    envelope = Envelope.decode(messages.command(payload, OPERATOR, DEVICE, PKI.acb))
    mistaken = Envelope.decode(messages.command(payload, PKI.acb, DEVICE, PKI.acb))
    wrong = sealing.mac(
        mistaken.signed(envelope.signature or b""),
        PKI.acb.key_agreement.key,
        DEVICE.key_agreement.key.public_key(),
    )
    seen = orjson.loads(inspect_message(envelope.maced(wrong).encode(), store))
    assert (seen["signature"]["valid"], seen["mac"]["valid"]) == (True, False)
    assert CommandPayload.decode(envelope.payload).seq_number == 1200
    assert base64.b64encode(envelope.encode())
