"""The settings in effect, as TOML, each value with where it comes from."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from slotkeeper.settings.redaction import redacted

_DEFAULT = "default"
_COLUMN = 44
"""Where origins stand, where a value leaves room."""


def toml(settings: Mapping[str, Any], origins: Mapping[str, str]) -> Iterator[str]:
    """Give the lines. Secrets are hidden; a comment says the origin.

    Args:
        settings: As JSON has them, by section.
        origins: By name of a value, such as ``counter.ceiling``.
    """
    shown = redacted(dict(settings))
    for name, value in shown.items():
        if not isinstance(value, dict):
            yield _line(name, value, origins.get(name, _DEFAULT))
    for section, members in shown.items():
        if not isinstance(members, dict):
            continue
        yield ""
        yield f"[{section}]"
        tables = {name: rows for name, rows in members.items() if _is_tables(rows)}
        for name, value in members.items():
            if name not in tables:
                yield _line(name, value, origins.get(f"{section}.{name}", _DEFAULT))
        for name, rows in tables.items():
            origin = origins.get(f"{section}.{name}", _DEFAULT)
            for row in rows:
                yield f"[[{section}.{name}]]"
                yield from (
                    _line(key, value, origin) for key, value in row.items() if value is not None
                )


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _line(name: str, value: object, origin: str) -> str:
    return f"{f'{name} = {_value(value)}'.ljust(_COLUMN)}  # {origin}"


def _value(value: object) -> str:
    # TOML's basic strings have JSON's escapes, its numbers and truth values JSON's spelling.
    return json.dumps(value if value is not None else "", ensure_ascii=True)
