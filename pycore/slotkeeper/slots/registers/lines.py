"""CSV and JSON lines: one row a line, each read or refused by itself."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import orjson

from .asserted import Asserted, instant
from .certificate import der_of
from .certificate_rows import Known, Told, certificate_told
from .kinds import CERTIFICATES, PARTIES, REGISTRATIONS, Members, Register, members_of
from .records import (
    MAX_RECORD,
    MAX_TEXT,
    RefusedError,
    day_of,
    eui64,
    party,
    party_id,
    plain_text,
    registration,
)
from .uniting import UNDATED
from .whole import whole_record

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LONGEST = 32 << 20
"""Octets of a line whose end is looked for, so that the rows behind it are read: far more than any
row has. What goes on for longer is no table."""

_DATED = ("asserted_at", "source")
"""Columns that any table may have: when and by whom its row was asserted."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "parties": (
        "party_id",
        "name",
        "kind",
        "eui64",
        "dcc_user_from",
        "dcc_user_until",
        "intent_on",
        "cancelled_on",
        "keys_kept_until",
        "by",
    ),
    "registrations": ("mprn", "from", "gas_network_party", "gas_supplier"),
    "certificates": (
        "certificate",
        "party_id",
        "status",
        "status_from",
        *CERTIFICATES.derived,
    ),
}
"""Columns of a CSV file by register, in any order; a cell that is empty says nothing."""

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What spreadsheets write instead of commas."""

_FIELD = r'(?:"(?:[^"]|"")*"|[^",]*)'
_STRICT = re.compile(rf"{_FIELD}(?:,{_FIELD})*")
"""A line of RFC 4180: a quotation mark stands around a cell, or twice within such a one."""

_REQUIRED = {"parties": "party_id", "registrations": "mprn", "certificates": "certificate"}


def csv_rows(
    register: Register, lines: Iterable[bytes], default: Asserted, known: Known
) -> Iterator[tuple[int, Told | RefusedError]]:
    """Read the rows of a CSV file (RFC 4180, UTF-8) that has no line breaks within its fields.

    Gives the number of each line and what it says, or why it is refused.

    Raises:
        RefusedError: The first line names no columns of this register.
    """
    numbered = enumerate(lines, start=1)
    columns = _columns(register, next(numbered, (1, b""))[1])
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            told = by_column(columns, cells(line))
            yield number, _keyed(register, told, default, known)
        except RefusedError as refused:
            yield number, refused


def _keyed(
    register: Register, told: Mapping[str, str], default: Asserted, known: Known
) -> Told | RefusedError:
    try:
        return _CSV[register.name](told, _asserted(told, default, known), known)
    except RefusedError as refused:
        if register is not CERTIFICATES:
            refused.key = told.get(_REQUIRED[register.name])
        return refused


def json_rows(
    register: Register, lines: Iterable[bytes], default: Asserted, known: Known
) -> Iterator[tuple[int, Told | RefusedError]]:
    """Read records of the register's own form, one a line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            key, record = whole_record(register, line)
            at = _asserted(record, default, known)
            beside = _CHECKS[register.name](record, at, known)
            told = Told(key, {**beside, **members_of(register, {**record, **at.members()})})
            _require_past(told.members, known)
            yield number, told
        except RefusedError as refused:
            yield number, refused


def bounded_lines(file: BinaryIO, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Give the lines of a file; of one that is too long only so much that it shows.

    Args:
        file: Stands at its first line.
        advance: Is told how many octets were read.

    Raises:
        RefusedError: A line does not end; the rows before it are given.
    """
    longest = MAX_RECORD + 2
    first = True
    while line := file.readline(longest):
        octets = len(line)
        if not line.endswith(b"\n") and octets == longest:
            while rest := file.readline(1 << 20):
                octets += len(rest)
                if rest.endswith(b"\n"):
                    break
                if octets > _LONGEST:
                    advance(octets)
                    raise RefusedError(
                        f"no line break within {_LONGEST} octets: nothing from here on was read"
                    )
        advance(octets)
        yield line.removeprefix(_BYTE_ORDER_MARK) if first else line
        first = False


def cells(line: bytes) -> list[str]:
    """Read one line of a CSV file.

    Raises:
        RefusedError: It is none, too long, or no UTF-8.
    """
    if len(line) > MAX_RECORD:
        raise RefusedError(f"longer than {MAX_RECORD} octets")
    try:
        # Line by line: a quotation mark that is never closed costs its own row and no other.
        text = line.decode().rstrip("\r\n")
        [cells] = csv.reader([text], strict=True)
    except UnicodeDecodeError:
        raise RefusedError("no UTF-8") from None
    except (csv.Error, ValueError) as error:
        raise RefusedError(f"no CSV: {error}") from None
    if '"' in text and not _STRICT.fullmatch(text):
        raise RefusedError("no CSV: a quotation mark within a cell")
    return [cell.strip() for cell in cells]


def by_column(columns: list[str], cells: list[str]) -> dict[str, str]:
    """Give the cells of a line that say something, by column.

    Raises:
        RefusedError: There are more or fewer cells than columns.
    """
    if len(cells) != len(columns):
        raise RefusedError(f"{len(cells)} cells under {len(columns)} columns")
    return {name: cell for name, cell in zip(columns, cells, strict=True) if cell}


def _columns(register: Register, line: bytes) -> list[str]:
    known = (*COLUMNS[register.name], *_DATED)
    if not line.strip():
        raise RefusedError("it is empty" if not line else "the first line names no columns")
    columns = cells(line)
    for separator, named in _SEPARATORS.items():
        if len(columns) == 1 and separator in columns[0]:
            raise RefusedError(f"its columns are separated by {named}, and must be by commas")
    for name in columns:
        if name not in known:
            raise RefusedError(
                f"no column {name[:40]!r}; {register.name} have {', '.join(COLUMNS[register.name])}"
            )
    if len(set(columns)) != len(columns):
        raise RefusedError("a column stands twice")
    if _REQUIRED[register.name] not in columns:
        raise RefusedError(f"the first line names no column {_REQUIRED[register.name]}")
    return columns


def _asserted(told: Mapping[str, Any], default: Asserted, known: Known) -> Asserted:
    at = told.get("asserted_at")
    asserted = Asserted(
        default.at if at is None else instant(at, "asserted_at"),
        plain_text(told.get("source") or default.source, "source", at_most=MAX_TEXT),
    )
    if asserted.at > known.latest:
        raise RefusedError("asserted_at is in the future")
    return asserted


def _require_past(members: Members, known: Known) -> None:
    if any(held.at > known.latest for held in members.values()):
        raise RefusedError("asserted_at of an earlier assertion is in the future")


def _party_row(told: Mapping[str, str], at: Asserted, _: Known) -> Told:
    key = party_id(told.get("party_id"), "party_id")
    record: dict[str, Any] = {name: told[name] for name in ("name", "kind") if name in told}
    if "eui64" in told:
        record["eui64"] = [eui64(one.strip(), "eui64") for one in told["eui64"].split(";")]
    if "by" in told:
        record["by"] = [one.strip() for one in told["by"].split(";")]
    if told.keys() & {"dcc_user_from", "dcc_user_until"}:
        period = {"from": told.get("dcc_user_from"), "until": told.get("dcc_user_until")}
        record["dcc_user"] = [period]
    days = {name: told.get(name) for name in ("intent_on", "cancelled_on", "keys_kept_until")}
    if any(days.values()):
        record["exits"] = [days]
    # The kind may stand in another row, or in the register.
    party(orjson.dumps({"kind": "GNO", **record, "party_id": key}))
    return Told(key, members_of(PARTIES, {**record, **at.members()}))


def _registration_row(told: Mapping[str, str], at: Asserted, known: Known) -> Told:
    parties = {name: told.get(name) for name in ("gas_network_party", "gas_supplier")}
    record = {"mprn": told.get("mprn"), "history": [{"from": told.get("from"), **parties}]}
    key, _ = registration(orjson.dumps(record))
    _check_registration(record, at, known)
    return Told(key, members_of(REGISTRATIONS, {**record, **at.members()}))


def _certificate_row(told: Mapping[str, str], at: Asserted, known: Known) -> Told:
    if "status_from" in told:
        day_of({"from": told["status_from"]}, "status", "from")
    return certificate_told(der_of(told), told, at, known, from_repository=False)


def _check_party(_record: Mapping[str, Any], _at: Asserted, _known: Known) -> Members:
    """A party needs nobody else."""
    return {}


def _check_registration(record: Mapping[str, Any], _at: Asserted, known: Known) -> Members:
    if not record.get("history"):
        raise RefusedError("history is empty")
    for entry in record["history"]:
        named = entry.get("gas_network_party")
        if named is not None and named not in known.parties:
            raise RefusedError(f"gas_network_party {named} is not in the register of parties")
    return {}


def _check_certificate(record: Mapping[str, Any], at: Asserted, known: Known) -> Members:
    """Give the status that a record without one gets beside its own members."""
    told = {name: value for name, value in record.items() if name != "status"}
    members = certificate_told(der_of(record), told, at, known, from_repository=False).members
    if record.get("status"):
        return {}
    return {path: held for path, held in members.items() if path.startswith(f"{UNDATED}/")}


_CSV = {
    "parties": _party_row,
    "registrations": _registration_row,
    "certificates": _certificate_row,
}
_CHECKS = {
    "parties": _check_party,
    "registrations": _check_registration,
    "certificates": _check_certificate,
}
