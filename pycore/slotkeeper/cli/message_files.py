"""What a file holds: messages in hex, base64 or binary, DUIS documents, or a stream's lines."""

import base64
import binascii
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

from slotkeeper._core import duis_payloads

LARGEST_FILE = 64 << 20
"""So much of a file is read: tens of thousands of messages, of some 4 kB each in base64."""

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""Marks of the order of its octets, as some shells and editors begin a text with them; no message
begins so."""

_WHITE_SPACE = b" \t\r\n\v\f"
_HEX = re.compile(rb"(?:0[xX])?[0-9A-Fa-f]*")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

_BEGINS = re.compile(rb"(?:0[xX])?(?:df09|dd0000)|3wk|3QAA", re.IGNORECASE)
"""How each message begins, in hex and in base64: a grouping header, or a MAC header before it
(GBCS 7.2.7). A line of a message that is broken into lines does not begin so."""


class NoMessageError(ValueError):
    """The file holds nothing that could be a message."""


def is_duis(data: bytes) -> bool:
    """Tell whether the file is XML: messages begin with DF or DD, as text with D or 3."""
    return data.removeprefix(_BOM).lstrip()[:1] == b"<"


def read_input(name: str) -> bytes:
    """Read a file, or standard input if its name is a dash.

    Raises:
        NoMessageError: It is larger than any that is read.
        OSError: It cannot be read.
    """
    if name == "-":
        data = sys.stdin.buffer.read(LARGEST_FILE + 1)
    else:
        with Path(name).open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise NoMessageError(f"it is larger than {LARGEST_FILE >> 20} MiB: divide it")
    return data


def documents(data: bytes) -> list[bytes]:
    """Give each message or DUIS document of a file, as ``message_octets`` and DUIS readers take it.

    A file holds one; or a message a line; or the lines that ``slotkeeper read`` writes, of which
    those without a message are passed over.

    Raises:
        NoMessageError: There is none.
    """
    if data.startswith(_UTF_16):
        raise NoMessageError("it is UTF-16: save it as UTF-8")
    text = data.removeprefix(_BOM).strip()
    if not text:
        raise NoMessageError("the file is empty")
    if text.startswith(b"{"):
        found = list(_of_stream(text))
        if not found:
            raise NoMessageError("no line of it has a message")
        return found
    lines = text.split()
    if len(lines) > 1 and all(_BEGINS.match(line) for line in lines):
        return lines
    return [data.removeprefix(_BOM)]


def message_octets(data: bytes) -> bytes:
    """Give the octets of a message that is written in hex, in base64, or in binary.

    Base64 may be of the alphabet for addresses, and without its padding.

    Raises:
        NoMessageError: The file is empty.
    """
    text = data.removeprefix(_BOM).strip()
    if not text:
        raise NoMessageError("the file is empty")
    digits = text.translate(None, delete=_WHITE_SPACE + b":")
    if _HEX.fullmatch(digits) and len(digits) % 2 == 0:
        return bytes.fromhex(digits.removeprefix(b"0x").removeprefix(b"0X").decode())
    letters = text.translate(_URL_SAFE, delete=_WHITE_SPACE)
    try:
        return base64.b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    except binascii.Error:
        return data


def payloads(document: bytes) -> list[bytes]:
    """Give the octets of every message of a document, the very ones that are decoded."""
    return duis_payloads(document) if is_duis(document) else [message_octets(document)]


def _of_stream(text: bytes) -> Iterator[bytes]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise NoMessageError(f"line {number} is no JSON: {error}") from None
        found = _of_record(record) if isinstance(record, dict) else None
        if found:
            yield found


def _of_record(record: dict[str, object]) -> bytes | None:
    """Give what a record carries: the value's message, or a value that is a document or message."""
    value = record.get("value", record)
    if isinstance(value, dict) and isinstance(value.get("gbcs_payload"), str):
        return str(value["gbcs_payload"]).encode(errors="replace")
    if isinstance(value, str) and is_duis(value.encode(errors="replace")):
        return value.encode(errors="replace")
    octets = record.get("value_base64")
    return octets.encode(errors="replace") if isinstance(octets, str) else None
