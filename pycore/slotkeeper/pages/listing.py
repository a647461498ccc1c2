"""Tables of pages: filtered, sorted and paged by the database, with the same rows as CSV.

A table is described once. What a person asks for, filters, column, page, stands in the query of the
URL; it chooses among what is described and gives values, and never becomes part of a statement.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

PAGE = 50
"""Rows of a page (looks)."""

MOST_PAGES = 200
"""Pages that can be turned to: a database sorts all rows before a page, and nobody turns a hundred
thousand pages. Filters narrow, and CSV has all."""

MAX_VALUE = 200
"""Characters of a filter's value."""

Kind: TypeAlias = Literal[
    "text",
    "reason",
    "id",
    "number",
    "day",
    "time",
    "tag",
    "device",
    "supplier",
    "party",
    "request",
    "key",
    "report",
    "letter",
]
"""How a cell is shown, and where it leads."""

Values: TypeAlias = list[object]


class Rows(Protocol):
    """A database: DuckDB or SQLite."""

    def rows(self, query: str, given: Sequence[object] = ()) -> Iterator[dict[str, Any]]:
        """Give the rows of a query by column."""

    def count(self, query: str, given: Sequence[object] = ()) -> int:
        """Give the only number that a query asks for."""


class Frozen(BaseModel):
    """Part of what a page says; the same in HTML and JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)


class Column(Frozen):
    """A column of a table.

    Attributes:
        name: In JSON and CSV.
        title: In the table's head.
        kind: How it is shown.
        hidden: It is in JSON and CSV alone.
    """

    name: str
    title: str
    kind: Kind = "text"
    hidden: bool = False


class Filter(Frozen):
    """What the rows can be narrowed by.

    Attributes:
        name: In the query.
        title: Of its field.
        sql: A condition with places for the value.
        kind: Of the value; one that does not fit is as if it were not there.
        choices: The values there are; empty: any.
        hint: What to write.
    """

    name: str
    title: str
    sql: str
    kind: Literal["text", "day"] = "text"
    choices: tuple[str, ...] = ()
    hint: str = ""


class Table(Frozen):
    """A table that can be asked for in pages.

    Attributes:
        caption: What the rows are.
        source: A table, a view or a query in brackets; a constant.
        columns: Shown from left to right.
        tie: A column that no two rows share.
        stands_by: The tie by which the source stands already, where that is the order of ``sort``.
        sort: The column by which it is sorted if nobody asks.
        descending: The same.
        filters: What it can be narrowed by.
        empty: What it means that there is nothing, and what to do next.
    """

    caption: str
    source: str
    columns: tuple[Column, ...]
    tie: str
    sort: str
    descending: bool = False
    filters: tuple[Filter, ...] = ()
    stands_by: str = ""
    empty: str


class Field(Frozen):
    """A filter as it stands."""

    name: str
    title: str
    kind: str
    value: str
    choices: tuple[str, ...]
    hint: str


class Listing(Frozen):
    """One page of a table.

    Attributes:
        total: Rows that fit.
        page: From 1.
        pages: At least 1, and at most 200, however many rows there are.
        query: What narrows and sorts, for the links to other pages.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: list[dict[str, Any]]
    total: int
    page: int
    pages: int
    sort: str
    descending: bool
    fields: tuple[Field, ...]
    query: dict[str, str]
    empty: str


def listing(
    database: Rows,
    table: Table,
    query: Mapping[str, str],
    own: tuple[str, Values] = ("true", []),
) -> Listing:
    """Give the page that a query asks for.

    Args:
        database: Has the source.
        table: What can be asked for.
        query: Of the URL; what is not described is passed over.
        own: The condition of the rows that may be seen at all, and its values.
    """
    where, given, fields = _narrowed(table, query, own)
    sort, descending = _sorted(table, query)
    total = database.count(f"SELECT count(*) FROM {table.source} WHERE {where}", given)  # noqa: S608
    pages = min(max(1, -(-total // PAGE)), MOST_PAGES)
    page = min(_whole(query.get("page", "")), pages)
    select = _select(table, where, sort, descending=descending)
    rows = database.rows(f"{select} LIMIT {PAGE} OFFSET {PAGE * (page - 1)}", given)
    asked = {field.name: field.value for field in fields if field.value}
    if sort != table.sort or descending != table.descending:
        asked |= {"sort": f"-{sort}" if descending else sort}
    return Listing(
        caption=table.caption,
        columns=table.columns,
        rows=[_plain(row) for row in rows],
        total=total,
        page=page,
        pages=pages,
        sort=sort,
        descending=descending,
        fields=tuple(fields),
        query=asked,
        empty=table.empty,
    )


def csv_lines(
    database: Rows,
    table: Table,
    query: Mapping[str, str],
    own: tuple[str, Values] = ("true", []),
) -> Iterator[bytes]:
    """Give all rows that a query asks for as CSV (RFC 4180, UTF-8, LF), piece by piece."""
    where, given, _ = _narrowed(table, query, own)
    sort, descending = _sorted(table, query)
    names = [column.name for column in table.columns]
    yield _csv([names])
    piece: list[list[str]] = []
    select = _select(table, where, sort, descending=descending)
    if table.stands_by and sort == table.sort and not descending:
        # Not sorted once more: millions of rows begin to come at once.
        select = select.partition(" ORDER BY ")[0]
    for row in database.rows(select, given):
        piece.append([_cell(row[name]) for name in names])
        if len(piece) == PAGE:
            yield _csv(piece)
            piece = []
    yield _csv(piece)


def _narrowed(
    table: Table, query: Mapping[str, str], own: tuple[str, Values]
) -> tuple[str, Values, list[Field]]:
    condition, values = own
    parts, given, fields = [condition], list(values), []
    for one in table.filters:
        value = _value(one, query.get(one.name, ""))
        fields.append(
            Field(
                name=one.name,
                title=one.title,
                kind=one.kind,
                value=value,
                choices=one.choices,
                hint=one.hint,
            )
        )
        if value:
            parts.append(one.sql)
            given += [value] * one.sql.count("?")
    return " AND ".join(parts), given, fields


def _value(one: Filter, text: str) -> str:
    value = text.strip()[:MAX_VALUE]
    if one.kind == "day":
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            return ""
    return value if value.isprintable() and (not one.choices or value in one.choices) else ""


def _sorted(table: Table, query: Mapping[str, str]) -> tuple[str, bool]:
    asked = query.get("sort", "")
    name = asked.removeprefix("-")
    if name in {column.name for column in table.columns if not column.hidden}:
        return name, asked.startswith("-")
    return table.sort, table.descending


def _select(table: Table, where: str, sort: str, *, descending: bool) -> str:
    # Names and conditions are constants of the table; values stand in their places.
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    way = "DESC" if descending else "ASC"
    order = f'"{sort}" {way} NULLS LAST, {table.tie}'
    if table.stands_by and sort == table.sort:
        order = f"{table.stands_by} {way}"
    return f"SELECT {names} FROM {table.source} WHERE {where} ORDER BY {order}"  # noqa: S608


def _whole(text: str) -> int:
    fits = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_PAGES))
    return max(1, int(text)) if fits else 1


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _text(value) for name, value in row.items()}


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds") + "Z"
    return value.isoformat() if isinstance(value, date) else value


def _cell(value: object) -> str:
    """Write a cell; what a spreadsheet would run gets an apostrophe, no control stays."""
    told = _text(value)
    if told is None:
        return ""
    if isinstance(told, bool):
        return "true" if told else "false"
    text = str(told)
    runs = text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(text)
    plain = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
    return f"'{plain}" if runs else plain


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def _csv(rows: list[list[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()
