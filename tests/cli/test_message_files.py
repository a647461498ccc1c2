"""A message's octets, however the file writes them, and the capture made of them."""

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from slotkeeper._core import inspect_duis, inspect_message
from slotkeeper.cli.message_files import (
    NoMessageError,
    documents,
    is_duis,
    message_octets,
    payloads,
)
from slotkeeper.cli.pcap import PcapWriter

MESSAGE = bytes.fromhex("df0902" + "00" * 8 + "0403ff")

SPACE = "http://www.dccinterface.co.uk/ServiceUserGateway"

ODDITIES = {
    "attribute": '<sr:GBCSPayload note="a>b">{first}{second}</sr:GBCSPayload>',
    "CDATA": "<sr:GBCSPayload><![CDATA[{first}]]>{second}</sr:GBCSPayload>",
    "comment": "<sr:GBCSPayload>{first}<!-- half -->{second}</sr:GBCSPayload>",
    "instruction": "<sr:GBCSPayload>{first}<?x y?>{second}</sr:GBCSPayload>",
    "character reference": "<sr:GBCSPayload>{first}&#13;\n{second}&#x20;</sr:GBCSPayload>",
}
"""Ways in which XML may write the same text; none of them is what a pattern expects."""


def response(content: str) -> bytes:
    """A DUIS Response whose GBCSPayload element has that content."""
    return (
        '\ufeff<?xml version="1.0" encoding="UTF-8"?>'
        f'<sr:Response xmlns:sr="{SPACE}" schemaVersion="5.4"><sr:Header>'
        "<sr:RequestID>02-1A-B0-00-00-03-00-01:02-1A-B0-01-00-00-00-01:5</sr:RequestID>"
        "<sr:ResponseID>02-1A-B0-01-00-00-00-01:02-1A-B0-00-00-03-00-01:5</sr:ResponseID>"
        "<sr:ResponseCode>I0</sr:ResponseCode></sr:Header><!-- <sr:GBCSPayload>3wkB"
        "</sr:GBCSPayload> --><sr:Body><sr:ResponseMessage>"
        "<sr:ServiceReference>6.15</sr:ServiceReference>"
        f"<sr:ServiceReferenceVariant>6.15.1</sr:ServiceReferenceVariant>{content}"
        "</sr:ResponseMessage></sr:Body></sr:Response>"
    ).encode()


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
    document = response(f"<sr:GBCSPayload>{base64.b64encode(MESSAGE).decode()}</sr:GBCSPayload>")
    assert is_duis(document)
    assert payloads(document) == [MESSAGE]


@pytest.mark.parametrize("oddity", sorted(ODDITIES))
def test_the_capture_has_the_octets_that_are_decoded(oddity: str) -> None:
    digits = base64.b64encode(MESSAGE).decode()
    half = len(digits) // 2
    document = response(ODDITIES[oddity].format(first=digits[:half], second=digits[half:]))
    (told,) = orjson.loads(inspect_duis(document))["messages"]
    assert told["error"] == orjson.loads(inspect_message(MESSAGE))["error"]
    assert payloads(document) == [MESSAGE]


PLAIN = f"<sr:GBCSPayload>{base64.b64encode(MESSAGE).decode()}</sr:GBCSPayload>"

WAYS: dict[str, Callable[[str], str]] = {
    "byte order mark": lambda text: f"\ufeff{text}",
    "no declaration": lambda text: text.partition("?>")[2],
    "another prefix": lambda text: text.replace("sr:", "x.-1:").replace(":sr=", ":x.-1="),
    "a default namespace": lambda text: text.replace("sr:", "").replace(":sr=", "="),
    "two prefixes": lambda text: text.replace("<sr:Body>", f'<b:Body xmlns:b="{SPACE}">').replace(
        "</sr:Body>", "</b:Body>"
    ),
    "an instruction before it": lambda text: f"<?a b?>{text.partition('?>')[2]}",
    "an attribute over lines": lambda text: text.replace("Payload>", 'Payload\n\ta = "1>"\n>', 1),
    "quotes of the other kind": lambda text: text.replace('"', "'"),
    "sections of CDATA": lambda text: text.replace(
        "<sr:GBCSPayload>", "<sr:GBCSPayload><![CDATA["
    ).replace("</sr:GBCSPayload>", "]]></sr:GBCSPayload>"),
    "white space around it": lambda text: f"\r\n{text}\r\n",
}
"""By name, another document that says the same."""

REFUSED: dict[str, tuple[Callable[[str], str], str]] = {
    "a document type": (
        lambda text: f'<!DOCTYPE a [<!ENTITY x "y">]>{text.partition("?>")[2]}',
        "DTD",
    ),
    "an entity of its own": (lambda text: text.replace("3wk", "&nosuch;"), "nosuch"),
    "a character reference to no character": (lambda text: text.replace(">I0", ">I&#0;"), "entity"),
    "another namespace": (lambda text: text.replace(SPACE, "urn:x"), "DUIS namespace"),
    "a prefix of no namespace": (lambda text: text.replace(f' xmlns:sr="{SPACE}"', ""), "prefix"),
    "an attribute twice": (
        lambda text: text.replace('"5.4"', '"5.4" schemaVersion="1"'),
        "already",
    ),
    "an element in the payload": (lambda text: text.replace("3wk", "<b>3wk</b>"), "only text"),
    "another root behind it": (lambda text: text + text.partition("?>")[2], "unknown token"),
    "a control character": (lambda text: text.replace(">I0", ">I\x1b[2J"), "non-XML character"),
    "too many levels": (lambda text: text.replace("3wk", "<a>" * 5_000), "limit"),
    "no end": (lambda text: text[:400], ""),
}
"""By name, a document that is none, and what is told."""


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_document_that_is_written_otherwise_says_the_same(way: str) -> None:
    document = WAYS[way](response(PLAIN).decode("utf-8-sig")).encode()
    told = orjson.loads(inspect_duis(document))
    assert told == orjson.loads(inspect_duis(response(PLAIN)))
    assert payloads(document) == [MESSAGE]


@pytest.mark.parametrize("way", sorted(REFUSED))
def test_a_document_that_is_none_says_why(way: str) -> None:
    change, said = REFUSED[way]
    told = orjson.loads(inspect_duis(change(response(PLAIN).decode("utf-8-sig")).encode()))
    assert told["messages"] == []
    assert said in told["error"]


@pytest.mark.parametrize("text", [response(PLAIN).decode("utf-8-sig"), MESSAGE.hex()])
@pytest.mark.parametrize("order", ["le", "be"])
def test_another_encoding_is_named(text: str, order: str) -> None:
    with pytest.raises(NoMessageError, match="UTF-16: save it as UTF-8"):
        documents(f"\ufeff{text}".encode(f"utf-16-{order}"))


def test_what_is_no_document_has_no_payloads() -> None:
    assert payloads(b"<sr:GBCSPayload>3wkB</sr:GBCSPayload>") == []


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"\xef\xbb\xbf" + MESSAGE.hex().encode(), 1),
        (f"{MESSAGE.hex()}\n{MESSAGE.hex().upper()}\r\n".encode(), 2),
        (base64.b64encode(MESSAGE) + b"\n" + base64.b64encode(MESSAGE), 2),
        (base64.urlsafe_b64encode(MESSAGE).rstrip(b"="), 1),
        (orjson.dumps({"value": {"gbcs_payload": base64.b64encode(MESSAGE).decode()}}), 1),
        (
            orjson.dumps({"value": {"note": "no message"}})
            + b"\n"
            + orjson.dumps({"gbcs_payload": base64.b64encode(MESSAGE).decode()}),
            1,
        ),
        (orjson.dumps({"value_base64": base64.b64encode(MESSAGE).decode()}), 1),
    ],
    ids=["BOM", "hex lines", "base64 lines", "base64url", "read", "plain lines", "octets"],
)
def test_a_file_may_hold_several_messages(data: bytes, count: int) -> None:
    found = documents(data)
    assert [message_octets(one) for one in found] == [MESSAGE] * count


def test_long_input_takes_no_longer_than_its_length() -> None:
    assert len(message_octets(b"df" * (8 << 20))) == 8 << 20
    assert message_octets(b"(" * (1 << 20)) == b"(" * (1 << 20)


def test_deep_json_is_no_message() -> None:
    with pytest.raises(NoMessageError):
        documents(b'{"value":' * 5_000)


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
