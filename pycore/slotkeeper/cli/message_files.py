"""What a file holds: a message in hex, base64 or as it is, or a DUIS document."""

import base64
import binascii
import re

_HEX = re.compile(rb"\A(?:0[xX])?(?:[0-9A-Fa-f]{2}[\s:]*)+\Z")

_PAYLOAD = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?GBCSPayload[^>]*>([^<]*)<")
"""The element's text. Whether the document around it is one of DUIS was judged before."""


class NoMessageError(ValueError):
    """The file holds nothing that could be a message."""


def is_duis(data: bytes) -> bool:
    """Tell whether the file is XML: messages begin with DF or DD, as text with D or 3."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def message_octets(data: bytes) -> bytes:
    """Give the octets of a message that is written in hex, in base64, or in binary.

    Raises:
        NoMessageError: The file is empty.
    """
    text = data.strip()
    if not text:
        raise NoMessageError("the file is empty")
    if _HEX.match(text):
        return bytes.fromhex(re.sub(rb"[\s:]|\A0[xX]", b"", text).decode())
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return data


def payloads(data: bytes) -> list[bytes]:
    """Give every message of a file; those of a DUIS document stand in its GBCSPayload elements."""
    if not is_duis(data):
        return [message_octets(data)]
    return [message_octets(found.group(1)) for found in _PAYLOAD.finditer(data)]
