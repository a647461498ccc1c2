"""Records as JSON lines: what ``read`` writes and ``publish`` takes."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from slotkeeper.streams import Message, Record

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LONGEST = 32 << 20
"""Octets of a line. A record of a megabyte is more than a broker takes by default; a file without
line breaks would fill the memory before anybody saw that it holds no records."""

_LONG_NUMBER = re.compile(rb"[:,\[]\s*-?[0-9.eE+-]{16,}")
"""A bare number that orjson might round; the standard library's reader keeps it exactly."""


_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""What some shells and editors begin a file with."""


_DEEPEST = 200
"""Brackets that a value may hold without being tried; orjson writes 254 within one another."""


class LineError(ValueError):
    """A line cannot be published; the text says why."""


def message_of(line: bytes, stream: str) -> Message:
    """Read one line.

    Raises:
        LineError: It is no such JSON object.
    """
    if len(line) > LONGEST:
        raise LineError(f"longer than {LONGEST} octets")
    try:
        return _message_of(line, stream)
    except RecursionError:
        raise LineError("nested too deeply") from None


def _message_of(line: bytes, stream: str) -> Message:
    try:
        fields = orjson.loads(line.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        raise LineError(_no_json(line, error)) from None
    if not isinstance(fields, dict):
        raise LineError("no JSON object")
    unknown = fields.keys() - _MEMBERS
    if unknown:
        raise LineError(f"unknown member {min(unknown)!r}; known are {', '.join(_MEMBERS)}")
    if _LONG_NUMBER.search(line):
        fields = json.loads(line.removeprefix(_BOM))
    partition = fields.get("partition")
    if partition is not None and (not isinstance(partition, int) or isinstance(partition, bool)):
        raise LineError("partition must be a whole number")
    return Message(
        stream=stream,
        key=_octets(fields, "key"),
        value=_octets(fields, "value"),
        headers=_headers(fields.get("headers")),
        partition=partition,
    )


def _no_json(line: bytes, error: orjson.JSONDecodeError) -> str:
    if line.startswith(_UTF_16):
        return "it is UTF-16: save it as UTF-8"
    try:
        line.decode()
    except UnicodeDecodeError as wrong:
        return f"octet {wrong.start} is not UTF-8: save it as UTF-8"
    return f"no JSON: {error}"


def line_of(record: Record) -> bytes:
    """Write one record; ``publish`` makes the same record of it again."""
    line: dict[str, Any] = {"partition": record.partition, "offset": record.offset}
    line.update(_member("key", record.key))
    value = record.value
    if value is not None and value[:1] == b"{" and _is_shallow_json(value):
        # As it is, so that no number loses a digit; a line break can only be white space there.
        line["value"] = orjson.Fragment(value.replace(b"\n", b" ").replace(b"\r", b" "))
    else:
        line.update(_member("value", value))
    line["headers"] = _headers_out(record.headers)
    line["timestamp"] = _time(record.timestamp_ms)
    return orjson.dumps(line)


_MEMBERS = (
    "key",
    "key_base64",
    "value",
    "value_base64",
    "headers",
    "partition",
    # What `read` adds; taken and not used, so that its lines can be published elsewhere.
    "offset",
    "timestamp",
)


def _octets(fields: dict[str, Any], name: str) -> bytes | None:
    encoded = fields.get(f"{name}_base64")
    if encoded is not None:
        return _from_base64(encoded, f"{name}_base64")
    if name not in fields:
        raise LineError(f"{name} is missing")
    match fields[name]:
        case None:
            return None
        case str(text):
            return _utf8(text, name)
        case _ if name == "key":
            raise LineError("key must be a string or null")
        case value:
            return _dumps(value)


def _dumps(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # A number beyond 64 bits, which only the standard library writes.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _headers(headers: object) -> Sequence[tuple[str, bytes]]:
    if headers is None:
        return ()
    if not isinstance(headers, dict):
        raise LineError("headers must be an object")
    pairs: list[tuple[str, bytes]] = []
    for name, given in headers.items():
        for value in given if isinstance(given, list) else [given]:
            match value:
                case str():
                    pairs.append((name, _utf8(value, "headers")))
                case {"base64": encoded}:
                    pairs.append((name, _from_base64(encoded, "headers")))
                case _:
                    raise LineError(f"header {name!r} must be a string")
    return pairs


def _headers_out(headers: Sequence[tuple[str, bytes]]) -> dict[str, object]:
    found: dict[str, list[object]] = {}
    for name, value in headers:
        try:
            found.setdefault(name, []).append(value.decode())
        except UnicodeDecodeError:
            found.setdefault(name, []).append({"base64": base64.b64encode(value).decode()})
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _member(name: str, value: bytes | None) -> dict[str, str | None]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}


def _is_shallow_json(value: bytes) -> bool:
    """Say whether it is JSON that serialisers take again: they go less deep than readers."""
    try:
        found = orjson.loads(value)
        if value.count(b"[") + value.count(b"{") > _DEEPEST:
            orjson.dumps(found)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return False
    return True


def _utf8(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LineError(f"{name} holds half a surrogate pair") from None


def _from_base64(text: object, name: str) -> bytes:
    if not isinstance(text, str):
        raise LineError(f"{name} must be a string")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise LineError(f"{name} is no base64: {error}") from None


def _time(milliseconds: int) -> str:
    """Give RFC 3339, or the milliseconds where its four digits have no such year."""
    try:
        time = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(milliseconds)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
