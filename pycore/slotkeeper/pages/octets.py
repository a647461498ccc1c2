"""The message in a record: DUIS, or GBCS in JSON."""

import base64
import binascii

import orjson


class NoMessageError(ValueError):
    """There is none; the text says why."""


def message_in(value: bytes) -> tuple[bytes, bool]:
    """Give the octets of a message, and whether they are a DUIS document.

    Raises:
        NoMessageError: There is none.
    """
    if value.lstrip()[:1] == b"<":
        return value, True
    try:
        told = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise NoMessageError("it is neither XML nor JSON") from None
    payload = told.get("gbcs_payload") if isinstance(told, dict) else None
    if not isinstance(payload, str):
        raise NoMessageError("it has no gbcs_payload")
    try:
        return base64.b64decode(payload, validate=True), False
    except binascii.Error:
        raise NoMessageError("its gbcs_payload is no base64") from None
