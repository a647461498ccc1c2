"""What is wrong with a value, in words for whoever wrote it: no patterns, no Python, no value."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_WORDS = {
    "counter.ceiling": "must be a whole number in decimal digits, such as 4611686018427387904",
    "console.build_every": "must be a number with s, m, h or d, such as 15m, or empty",
    "http.listen": "must be HOST:PORT, such as 127.0.0.1:9464, or empty",
    "kafka.topic_prefix": "may have letters, digits, '.', '_' and '-', and 200 of them at most",
    "kafka.application": "must not be empty",
    "verify.certificate_time": "must be a time, such as 2016-06-01T00:00:00Z, a day, or empty",
    "slots.coverage_from": "must be a day, such as 2026-01-31, or empty",
}
"""Of keys whose form takes a sentence."""

_KINDS = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "missing": "is missing",
    "finite_number": "must be a number",
}
"""By pydantic's name of the fault."""


def sentences(error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Give each fault's place and what is wrong there."""
    told: set[str] = set()
    for fault in error.errors(include_url=False, include_input=False):
        # Of a union each member complains; the place is one.
        place = tuple(part for part in fault["loc"] if not _is_of_union(part))
        name = dotted(place)
        if name not in told:
            told.add(name)
            yield place, f"{name}: {_said(name, fault)}"


def dotted(place: tuple[str | int, ...]) -> str:
    """Write a place as settings are named: ``acb.digital_signature[0].key``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _said(name: str, fault: ErrorDetails) -> str:
    kind, about = fault["type"], fault.get("ctx") or {}
    if name in _WORDS and kind not in ("greater_than_equal", "less_than_equal", "value_error"):
        return _WORDS[name]
    match kind:
        case "literal_error":
            return f"must be {_literals(about)}"
        case "greater_than_equal":
            return f"must be at least {about['ge']}"
        case "less_than_equal":
            return f"must be at most {about['le']}"
        case "value_error":
            return fault["msg"].removeprefix("Value error, ")
    return _KINDS.get(kind, fault["msg"][:1].lower() + fault["msg"][1:])


def _literals(about: dict[str, Any]) -> str:
    return str(about.get("expected", "")).replace("'", '"') or "one of the known words"


def _is_of_union(part: str | int) -> bool:
    return isinstance(part, str) and (part.startswith("literal[") or part in ("datetime", "date"))
