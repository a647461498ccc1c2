"""The published handover command, made again from a request for it."""

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.contract import engines, rtds, tshark

from slotkeeper.lab import certificates, sealing
from slotkeeper.lab.commands import CommandPayload
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.events import HANDOVER_REQUESTS, INVENTORY, Event
from slotkeeper.lab.terms import KeyUsage, Role

NAME = "CS02bNOByNOHandover_6.21_SUCCESS"
REQUEST_ID = f"{rtds.SUPPLIER}:{rtds.GPF}:1001"


def published() -> bytes:
    return rtds.vector(f"{NAME}_COMMAND")


def known_gpf() -> Event:
    folder = rtds.folder() / "keystore"

    def certificate(usage: str) -> str:
        octets = (folder / f"{rtds.GPF.compact}-{usage}.pem").read_bytes()
        der = x509.load_pem_x509_certificate(octets).public_bytes(Encoding.DER)
        return base64.b64encode(der).decode()

    return Event(
        INVENTORY,
        str(rtds.GPF),
        {
            "device_id": str(rtds.GPF),
            "device_type": "GPF",
            "status": "Commissioned",
            "smets_version": "SMETS2",
            "key_agreement_certificate": certificate("ka"),
            "digital_signing_certificate": certificate("ds"),
        },
    )


def json_request() -> Event:
    """Ask for what the published command did, with the certificates that it carries."""
    payload = CommandPayload.decode(Envelope.decode(published()).payload)
    signing, agreement = (one.certificate for one in payload.replacements)
    return Event(
        HANDOVER_REQUESTS,
        str(rtds.GPF),
        {
            "request_id": REQUEST_ID,
            "remote_party_role": "NetworkOperator",
            "remote_party_floor_seq_number": "0",
            "replacement_certificates": {
                "digital_signing": base64.b64encode(signing).decode(),
                "key_agreement": base64.b64encode(agreement).decode(),
            },
            "certification_path_certificates": [
                base64.b64encode(one).decode() for one in payload.path
            ],
            "apply_time_based_cpv_checks": True,
            "originator_counter": "1301",
        },
    )


def issued(folder: Path, request: Event, *, at: str) -> dict[str, Any]:
    """Let the engine answer a request; give the record of the command."""
    acb = rtds.organisation(rtds.ACB, Role.ACCESS_CONTROL_BROKER)
    more = f"[verify]\ncertificate_time = {at}T00:00:00Z"
    written = engines.decide(folder, [acb], [known_gpf(), request], more=more)
    commands = [value for stream, value in written if stream == "cs02b-commands"]
    assert len(commands) == 1, written
    record: dict[str, Any] = commands[0]
    return record


@pytest.fixture
def made(tmp_path: Path) -> bytes:
    record = issued(tmp_path / "settings", json_request(), at="2016-06-01")
    assert record["reason"] == "NATURAL"
    return base64.b64decode(record["gbcs_payload"])


def test_headers_and_payload_are_the_published_ones(made: bytes) -> None:
    own, theirs = Envelope.decode(made), Envelope.decode(published())
    assert own.signed_octets() == theirs.signed_octets()
    assert own.payload == theirs.payload
    assert len(made) == len(published()) == 1421
    assert made[:14] == published()[:14]


def test_signature_and_mac_are_true(made: bytes) -> None:
    envelope, parties = Envelope.decode(made), rtds.identities()
    signer = parties.certificate(rtds.ACB, KeyUsage.DIGITAL_SIGNATURE)
    assert sealing.signature_is_true(envelope, certificates.public_key(signer.point))
    own = parties.key(rtds.ACB, KeyUsage.KEY_AGREEMENT)
    peer = certificates.public_key(parties.certificate(rtds.GPF, KeyUsage.KEY_AGREEMENT).point)
    assert sealing.mac_is_true(envelope, own, peer)


def test_the_mac_over_the_published_signature_is_the_published_one() -> None:
    envelope, parties = Envelope.decode(published()), rtds.identities()
    own = parties.key(rtds.ACB, KeyUsage.KEY_AGREEMENT)
    peer = certificates.public_key(parties.certificate(rtds.GPF, KeyUsage.KEY_AGREEMENT).point)
    assert sealing.mac(envelope, own, peer).hex() == "f499637ef0ead9defbf3ea39"


def test_wireshark_reads_it_as_the_published_one(made: bytes, tmp_path: Path) -> None:
    own = tshark.dissect(made, tmp_path)
    assert "networkOperatorByNetworkOperator" in own
    for complaint in ("Malformed", "Expert Info (Error", "BER Error"):
        assert complaint not in own
    theirs = tshark.dissect(published(), tmp_path)
    assert differing_lines(own, theirs) == {"KRP", "MAC"}


def test_the_duis_document_gives_the_same_but_for_counter_and_certificates(
    tmp_path: Path,
) -> None:
    document = (rtds.folder() / "duis" / f"{NAME}_REQUEST_DUIS.XML").read_text()
    request = Event(HANDOVER_REQUESTS, str(rtds.GPF), document)
    record = issued(tmp_path, request, at="2026-06-01")
    assert record["request_id"] == REQUEST_ID
    assert record["originator_counter"] == "1800000000000"
    own = Envelope.decode(base64.b64decode(record["gbcs_payload"]))
    theirs = Envelope.decode(published())
    assert own.message_code == theirs.message_code
    assert (own.originator, own.recipient) == (theirs.originator, theirs.recipient)
    mine, other = CommandPayload.decode(own.payload), CommandPayload.decode(theirs.payload)
    assert mine.seq_number == own.counter
    assert (mine.mode, mine.authorising_cell, mine.floor) == (
        other.mode,
        other.authorising_cell,
        other.floor,
    )
    assert [one.target for one in mine.replacements] == [one.target for one in other.replacements]
    assert len(mine.path) == len(other.path)
    assert mine.apply_time_checks is other.apply_time_checks is True
    for replacement in mine.replacements:
        details = certificates.read(replacement.certificate)
        assert details.subject_unique_id == rtds.NETWORK_OPERATOR


def differing_lines(first: str, second: str) -> set[str]:
    """Name the fields of two dissections whose lines differ."""
    pairs = zip(first.splitlines(), second.splitlines(), strict=True)
    return {
        mine.partition(":")[0].strip()
        for mine, other in pairs
        if mine != other and "Frame" not in mine and "Time" not in mine
    }
