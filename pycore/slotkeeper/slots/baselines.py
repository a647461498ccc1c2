"""What stood in the slots of a fleet when it was taken over, read from files: ``slot-baselines``.

A row that cannot be right is refused with its reason, and the others are taken.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from slotkeeper.slots.registers.lines import bounded_lines, by_column, cells
from slotkeeper.slots.registers.records import (
    MAX_TEXT,
    RefusedError,
    day_of,
    each,
    eui64,
    object_of,
    plain_text,
    read_record,
)

STREAM = "slot-baselines"

COLUMNS = (
    "device_id",
    "as_of",
    "ds_subject",
    "ds_key_identifier",
    "ka_subject",
    "ka_key_identifier",
    "source",
    "by",
)
"""Of a CSV file, in any order; a cell that is empty says nothing, ``by`` is divided by ``;``."""

_CELLS = {"digital_signature": "ds", "key_agreement": "ka"}
_KEY_IDENTIFIER = re.compile(r"[0-9a-f]{16}")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LOOK = 512


class Baseline(NamedTuple):
    """A record that may be published."""

    device_id: str
    value: bytes


def baselines(
    path: Path, source: str, advance: Callable[[int], None]
) -> Iterator[tuple[int, Baseline | RefusedError]]:
    """Read a file, CSV or JSON lines: the number of each row, and what it says or why not.

    Args:
        path: Of the file.
        source: Of rows that name none.
        advance: Told how many octets were read.

    Raises:
        RefusedError: The first line names no columns of baselines.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        look = file.read(_LOOK)
        file.seek(0)
        numbered = enumerate(bounded_lines(file, advance), start=1)
        columns: list[str] | None = None
        if not look.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"{"):
            columns = _columns(next(numbered, (1, b""))[1])
        for number, line in numbered:
            if not line.strip():
                continue
            try:
                told = read_record(line) if columns is None else _of_row(columns, line)
                yield number, _checked(told, source)
            except RefusedError as refused:
                yield number, refused


def _columns(line: bytes) -> list[str]:
    columns = cells(line) if line.strip() else []
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise RefusedError(f"no column {unknown[0][:40]!r}; baselines have {', '.join(COLUMNS)}")
    if len(set(columns)) != len(columns) or not {"device_id", "as_of"} <= set(columns):
        raise RefusedError("the first line names device_id and as_of, and each column once")
    return columns


def _of_row(columns: list[str], line: bytes) -> Mapping[str, Any]:
    told = by_column(columns, cells(line))
    record: dict[str, Any] = {name: told.get(name) for name in ("device_id", "as_of", "source")}
    record["by"] = [one.strip() for one in told.get("by", "").split(";") if one.strip()]
    for name, short in _CELLS.items():
        if told.keys() & {f"{short}_subject", f"{short}_key_identifier"}:
            record[name] = {
                "subject_unique_id": told.get(f"{short}_subject"),
                "subject_key_identifier": told.get(f"{short}_key_identifier"),
            }
    return record


def _checked(told: Mapping[str, Any], source: str) -> Baseline:
    device_id = eui64(told.get("device_id"), "device_id")
    as_of = day_of(dict(told), "baseline", "as_of")
    record: dict[str, Any] = {"device_id": device_id, "as_of": as_of.isoformat()}
    for name in _CELLS:
        record[name] = None if told.get(name) is None else _holder(told[name], name)
    if record["digital_signature"] is None and record["key_agreement"] is None:
        raise RefusedError("neither digital_signature nor key_agreement")
    record["source"] = plain_text(told.get("source") or source, "source", at_most=MAX_TEXT)
    persons = {"by": told.get("by") or []}
    record["by"] = each(persons, "by", lambda one, what: plain_text(one, what, at_most=MAX_TEXT))
    return Baseline(device_id, orjson.dumps(record))


def _holder(value: object, what: str) -> dict[str, str]:
    members = object_of(value, what)
    key_identifier = members.get("subject_key_identifier")
    key = key_identifier.lower() if isinstance(key_identifier, str) else ""
    if not _KEY_IDENTIFIER.fullmatch(key):
        raise RefusedError(f"{what}: the key identifier is not 16 hexadecimal digits")
    return {
        "subject_unique_id": eui64(members.get("subject_unique_id"), f"{what}: the subject"),
        "subject_key_identifier": key,
    }
