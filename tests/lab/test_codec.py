"""The lab's codec against DCC's vectors, and against damaged octets."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract import rtds

from slotkeeper.lab import der, messages, sealing
from slotkeeper.lab.certificates import public_key
from slotkeeper.lab.commands import CommandPayload, SeqNumberChange
from slotkeeper.lab.credentials import CredentialsCommand, CredentialsResponse
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.outcomes import AlertPayload, ResponsePayload
from slotkeeper.lab.pki import Pki
from slotkeeper.lab.terms import MAX_SEQ_NUMBER, Cra, Eui64, KeyUsage, MessageCode, Mode, Role

Payload = CommandPayload | ResponsePayload | AlertPayload | CredentialsCommand | CredentialsResponse


def decode_payload(envelope: Envelope) -> Payload:
    if envelope.message_code == MessageCode.CS02A:
        if envelope.cra is Cra.COMMAND:
            return CredentialsCommand.decode(envelope.payload)
        return CredentialsResponse.decode(envelope.payload)
    if envelope.cra is Cra.COMMAND:
        return CommandPayload.decode(envelope.payload)
    if envelope.cra is Cra.RESPONSE:
        return ResponsePayload.decode(envelope.payload)
    return AlertPayload.decode(envelope.payload)


@pytest.mark.parametrize("file", rtds.vector_files(), ids=lambda file: file.name)
def test_vectors_come_back_octet_for_octet(file: Path) -> None:
    message = bytes.fromhex(file.read_text().strip())
    envelope = Envelope.decode(message)
    assert envelope.encode() == message
    assert decode_payload(envelope).encode() == envelope.payload


def test_vectors_bear_true_signatures_and_macs() -> None:
    parties = rtds.identities()
    acb = parties.key(rtds.ACB, KeyUsage.KEY_AGREEMENT)
    signatures = macs = 0
    for file in rtds.vector_files():
        envelope = Envelope.decode(bytes.fromhex(file.read_text().strip()))
        signer = parties.certificate(envelope.originator, KeyUsage.DIGITAL_SIGNATURE)
        device = envelope.recipient if envelope.cra is Cra.COMMAND else envelope.originator
        if envelope.signature:
            assert sealing.signature_is_true(envelope, public_key(signer.point)), file.name
            signatures += 1
        if envelope.mac is not None:
            peer = public_key(parties.certificate(device, KeyUsage.KEY_AGREEMENT).point)
            assert sealing.mac_is_true(envelope, acb, peer), file.name
            macs += 1
    assert (signatures, macs) == (14, 9)


def test_device_lengths_are_written_as_devices_write_them() -> None:
    assert der.sequence(bytes(0x83), lengths=der.Lengths.DEVICE)[:4].hex() == "30820083"
    assert der.sequence(bytes(0x83))[:3].hex() == "308183"
    assert der.sequence(bytes(0x7F), lengths=der.Lengths.DEVICE)[:2].hex() == "307f"


@given(st.integers(min_value=0, max_value=MAX_SEQ_NUMBER))
def test_integers_are_minimal_and_come_back(value: int) -> None:
    octets = der.integer(value)
    reader = der.Reader(octets)
    assert reader.integer() == value
    reader.finish()
    assert len(octets) == 2 + value.bit_length() // 8 + 1


@given(
    counter=st.integers(min_value=0, max_value=MAX_SEQ_NUMBER),
    floor=st.none() | st.integers(min_value=0, max_value=MAX_SEQ_NUMBER),
    disapply=st.booleans(),
    changes=st.lists(
        st.builds(
            SeqNumberChange,
            role=st.sampled_from(Role),
            floor=st.integers(min_value=0, max_value=MAX_SEQ_NUMBER),
            top_up=st.none() | st.integers(min_value=0, max_value=MAX_SEQ_NUMBER),
        ),
        max_size=3,
    ),
)
def test_command_payloads_come_back(
    *, counter: int, floor: int | None, disapply: bool, changes: list[SeqNumberChange]
) -> None:
    payload = CommandPayload(
        mode=Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY,
        seq_number=counter,
        replacements=PAYLOAD.replacements,
        path=PAYLOAD.path,
        authorising_cell=PAYLOAD.authorising_cell,
        floor=floor,
        apply_time_checks=not disapply,
        other_changes=tuple(changes),
        execution=datetime(2030, 1, 15, tzinfo=UTC),
    )
    assert CommandPayload.decode(payload.encode()) == payload


@given(cut=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_cut_or_changed_messages_never_pass_as_whole(cut: int, flip: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every refusal is a ValueError
        Envelope.decode(COMMAND[: cut % len(COMMAND)])
    with pytest.raises(ValueError):  # noqa: PT011
        Envelope.decode(COMMAND + bytes((flip,)))
    at = cut % len(COMMAND)
    changed = COMMAND[:at] + bytes((COMMAND[at] ^ flip,)) + COMMAND[at + 1 :]
    try:
        envelope = Envelope.decode(changed)
    except ValueError:
        return
    assert envelope != Envelope.decode(COMMAND)


@pytest.mark.parametrize(
    "octets",
    ["30800000", "3085010000000000", "0200", "020180", "02020001", "30030201"],
    ids=["indefinite", "five", "empty", "negative", "padded", "cut"],
)
def test_der_that_is_refused(octets: str) -> None:
    reader = der.Reader(bytes.fromhex(octets))
    with pytest.raises(der.DerError):
        reader.integer() if octets.startswith("02") else reader.enter().integer()


@pytest.mark.parametrize(
    "text", ["00-DB-12-34-56-78-90-A3", "00db1234567890a3", "00db-1234-5678-90A3"]
)
def test_n26_an_eui_reads_in_every_spelling(text: str) -> None:
    assert str(Eui64.parse(text)) == "00-DB-12-34-56-78-90-A3"


@pytest.mark.parametrize("text", ["", "00DB1234567890A", "00DB1234567890A3-", "00:DB:12:34:56:78"])
def test_what_is_no_eui_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an EUI-64"):
        Eui64.parse(text)


_PKI = Pki("codec")
_OPERATOR = _PKI.organisation(Role.NETWORK_OPERATOR)
PAYLOAD = messages.slot_payload(_PKI.acb, counter=1200, floor=0)
COMMAND = messages.command(PAYLOAD, _OPERATOR, _PKI.device(1), _PKI.acb)
