"""Texts that want to be more than text, and records that hold them wherever one can stand."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import orjson

CONTROLS = "a\x1b[2J\x1b]0;x\x07\r\b\x00\x7f\x85\x9b31m\u061c\u200b\u202eb\u2066\u2028\ufeff"
MARKUP = "[bold]c[/bold] [/] [link=http://x]d[/link] :skull: <script>alert(1)</script>"
TEXT = CONTROLS + MARKUP
FORMULA = "=cmd|' /C calc'!A0"

CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Everything but line feeds."""


def worse(value: Any) -> Any:  # noqa: ANN401  # JSON
    """Put the characters behind every text of a value."""
    match value:
        case dict():
            return {name: worse(member) for name, member in value.items()} | {TEXT: TEXT}
        case list():
            return [worse(member) for member in value]
        case str():
            return value + TEXT
        case _:
            return value


def bad_lines(value: dict[str, Any] | str, key: str) -> list[bytes]:
    """Give a record, JSON or XML, with hostile texts: all at once, and each alone."""
    header = {TEXT: TEXT}
    every = [worse(value)]
    if isinstance(value, str):
        escaped = "".join(f"&#{ord(one)};" for one in CONTROLS)
        every += [value.replace("</", f"{bad}</") for bad in (TEXT, escaped, "\x1b", "\x9b")]
    else:
        for name, member in value.items():
            every.append({**value, name: worse(member)})
            every.append({**value, name: TEXT})
            every += [{**value, name: inner} for inner in _inner(member)]
    lines = [orjson.dumps({"key": key, "value": one, "headers": header}) for one in every]
    lines.append(orjson.dumps({"key": TEXT, "value": value, "headers": header}))
    lines.append(orjson.dumps({"key": key, "value": TEXT, "headers": header}))
    lines.append(orjson.dumps({"key": key, "value": f"<{TEXT}/>", "headers": header}))
    lines.append(orjson.dumps({"key": key, "value": "[" * 100_000}))
    for depth in (300, 800, 1_000):
        nested = "[" * depth + "]" * depth
        lines.append(orjson.dumps({"key": key, "value": f'{{"device_id": {nested}}}'}))
        members = {"reason": 0} if isinstance(value, str) else value
        inner = orjson.dumps({**members, "member": 0}).decode()
        lines.append(orjson.dumps({"key": key, "value": f"{inner[:-2]}{nested}}}"}))
    number = "9" * 5_000
    lines.append(
        orjson.dumps({"key": key, "value": f'{{"device_id": {number}, "kind": {number}}}'})
    )
    half = orjson.dumps(value).decode().replace('":"', '":"\\ud800', 1)
    lines.append(orjson.dumps({"key": key, "value": half}))
    octets = base64.b64encode(TEXT.encode() + b"\xff").decode()
    lines.append(orjson.dumps({"key_base64": octets, "value_base64": octets}))
    return lines


def _inner(member: Any) -> Iterator[Any]:  # noqa: ANN401  # JSON
    """Give a list of objects with each text of the first alone hostile, or a formula."""
    if isinstance(member, list) and member and isinstance(member[0], dict):
        for name, inner in member[0].items():
            if isinstance(inner, str):
                for bad in (inner + TEXT, TEXT, FORMULA):
                    yield [{**member[0], name: bad}, *member[1:]]
    elif isinstance(member, str):
        yield FORMULA
