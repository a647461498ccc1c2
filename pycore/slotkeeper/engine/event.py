"""What a host hands over to be decided: events one by one, or an Arrow table of them.

Whatever an event holds becomes a record that the engine can decide. What cannot be read is written
so that the engine finds it unreadable too: a dead letter of that event, never an exception, which
would cost the whole batch.
"""

import json
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import orjson

from slotkeeper._core import ConfigurationError

if TYPE_CHECKING:
    from slotkeeper._core import InputRecord

MAX_OFFSET = 2**64 - 1
"""The engine keeps offsets in 64 bits."""

Form: TypeAlias = Literal["record", "gbcs"]


@dataclass(frozen=True, slots=True)
class Event:
    """One input.

    Attributes:
        stream: An input of ``docs/streams.md``; the shape of ``value`` follows from it.
        key: The device's EUI-64, in any of its forms.
        value: JSON or DUIS as text or octets, a mapping in the shape of the stream, or None for a
            tombstone of the inventory.
        offset: The host's own number of the event, 0 to 2^64-1; audit records name it.
        form: ``"gbcs"`` if ``value`` is a GBCS message by itself, outside any JSON.
    """

    stream: str
    key: str | bytes | None
    value: str | bytes | Mapping[str, Any] | None
    offset: int = 0
    form: Form = "record"

    def record(self) -> "InputRecord":
        """Give what the engine takes; of any fault in the event, something that it refuses."""
        key, value = _key(self.key), _value(self.value)
        offset = _offset(self.offset)
        if offset is None:
            faulty = b"an offset is 0 to 2^64-1, this one is not: " + (value or b"")
            return (self.stream, 0, key, faulty, "record")
        if self.form not in ("record", "gbcs"):
            faulty = b"a form is `record` or `gbcs`, this one is not: " + (value or b"")
            return (self.stream, offset, key, faulty, "record")
        return (self.stream, offset, key, value, self.form)


def record_of(event: object) -> "InputRecord":
    """Give what the engine takes of one element that a host handed over.

    Raises:
        ConfigurationError: It is no event, so that no stream has it: a fault of the host.
    """
    if not isinstance(event, Event):
        raise ConfigurationError(f"an element of type {type(event).__name__} is no Event")
    return event.record()


@runtime_checkable
class ArrowTable(Protocol):
    """A ``pyarrow.Table`` or ``RecordBatch`` with the columns of `Event`; the last two optional."""

    @property
    def schema(self) -> Any: ...  # noqa: ANN401, D102 - pyarrow has no types

    def column(self, name: str) -> Any: ...  # noqa: ANN401, D102 - pyarrow has no types


def of_arrow(table: ArrowTable) -> Iterator[Event]:
    """Give the events of a table, in its order."""
    names = set(table.schema.names)
    streams = _texts(table.column("stream"))
    keys, values = (_octets(table.column(name)) for name in ("key", "value"))
    offsets = table.column("offset").to_pylist() if "offset" in names else range(len(streams))
    forms = _texts(table.column("form")) if "form" in names else ["record"] * len(streams)
    return map(Event, streams, keys, values, offsets, forms)


def _texts(column: Any) -> list[Any]:  # noqa: ANN401 - pyarrow has no types
    """Take a column of names; what is not UTF-8 is no name that anybody knows."""
    return [
        one.decode(errors="backslashreplace") if isinstance(one, bytes) else one
        for one in _octets(column)
    ]


def _octets(column: Any) -> list[Any]:  # noqa: ANN401 - pyarrow has no types
    """Take a column of text as its octets: text that is not UTF-8 would fail the whole column."""
    if str(column.type).startswith("dictionary"):
        column = column.cast(column.type.value_type)
    if str(column.type) in {"string", "large_string", "string_view"}:
        column = column.cast(f"{column.type}".replace("string", "binary"))
    listed: list[Any] = column.to_pylist()
    return listed


def _offset(offset: object) -> int | None:
    try:
        # Any integer type, as those of numpy.
        number = operator.index(offset)  # type: ignore[arg-type]
    except TypeError:
        return None
    return number if 0 <= number <= MAX_OFFSET else None


def _key(key: object) -> bytes | None:
    match key:
        case None | bytes():
            return key
        case str():
            return _text(key)
        case _:
            # No digits of it: those of a number might be the EUI-64 of some device.
            return _unreadable("a key is text or octets, not", type(key).__name__)


def _value(value: object) -> bytes | None:
    match value:
        case None | bytes():
            return value
        case str():
            return _text(value)
        case bytearray() | memoryview():
            return bytes(value)
        case _:
            return _json(value)


def _text(text: str) -> bytes:
    # A lone surrogate becomes octets that are not UTF-8.
    return text.encode(errors="surrogatepass")


def _json(value: object) -> bytes:
    try:
        return orjson.dumps(value, default=_mapping)
    except orjson.JSONEncodeError:
        pass
    try:
        # It writes what JSON can say and orjson will not: lone surrogates, large numbers.
        return json.dumps(value, default=_mapping).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return _unreadable("not JSON:", str(error))


def _mapping(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _unreadable(what: str, detail: str) -> bytes:
    return f"{what} {detail[:200]}".encode(errors="backslashreplace")
