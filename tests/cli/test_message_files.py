"""A message's octets, however the file writes them, and the capture made of them."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from slotkeeper.cli.message_files import NoMessageError, is_duis, message_octets, payloads
from slotkeeper.cli.pcap import PcapWriter

MESSAGE = bytes.fromhex("df0902" + "00" * 8 + "0403ff")


@pytest.mark.parametrize(
    "data",
    [
        MESSAGE,
        MESSAGE.hex().encode(),
        MESSAGE.hex().upper().encode() + b"\r\n",
        MESSAGE.hex(" ", 8).encode(),
        b"0x" + MESSAGE.hex().encode(),
        base64.b64encode(MESSAGE),
        base64.encodebytes(MESSAGE * 9)[:-1],
    ],
)
def test_every_form_gives_the_octets(data: bytes) -> None:
    octets = message_octets(data)
    assert octets == MESSAGE * (len(octets) // len(MESSAGE))


def test_an_empty_file_is_no_message() -> None:
    with pytest.raises(NoMessageError):
        message_octets(b" \n")


def test_a_document_gives_its_payloads() -> None:
    payload = base64.b64encode(MESSAGE).decode()
    document = f"\ufeff<sr:R><sr:GBCSPayload>{payload}</sr:GBCSPayload></sr:R>".encode()
    assert is_duis(document)
    assert payloads(document) == [MESSAGE]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_hands_the_capture_to_its_gbcs_dissector(tmp_path: Path) -> None:
    path = tmp_path / "out.pcap"
    capture = PcapWriter(path)
    for octets in (MESSAGE, MESSAGE * 3):
        capture.write(octets)
    capture.close()
    read = subprocess.run(
        [
            "tshark",
            "-r",
            str(path),
            "-T",
            "fields",
            "-e",
            "exported_pdu.prot_name",
            "-e",
            "frame.len",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    # 20 octets of tags stand before each message.
    assert read.stdout.split() == [
        "gbcs_message",
        str(20 + len(MESSAGE)),
        "gbcs_message",
        str(20 + 3 * len(MESSAGE)),
    ]
