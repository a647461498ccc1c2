"""Register records of parties and registrations, checked, as the facts of the rule.

A record that cannot be believed as a whole is refused as a whole, with the reason: half a party
would make the rule say something about devices that nobody asserted.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, TypeVar

import orjson

from slotkeeper.slots.facts import Exit, Party, Period, Registered

MAX_RECORD = 65_536
"""Octets of a record that are looked at: the same as ``limits.message_bytes`` ships with."""

MAX_ENTRIES = 1_000
"""Of a list in a record; a party with more identities or periods than that is a slip."""

MAX_TEXT = 200
"""Characters of a name."""

_PARTY_ID = re.compile(r"[A-Z0-9_-]{1,16}")
_EUI64 = re.compile(r"[0-9A-F]{16}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_MPRN = 10
"""Characters (DUIS 5.4, MPRN)."""

_T = TypeVar("_T")


class RefusedError(ValueError):
    """A record is not taken; the text is the reason, for the person who supplied it.

    Attributes:
        key: Of the record, where that much could be read.
    """

    key: str | None = None


def party(octets: bytes) -> Party:
    """Read a record of ``gas-network-parties``.

    Raises:
        RefusedError: It does not have the record's form, or contradicts itself.
    """
    record = read_record(octets)
    plain_text(record.get("name") or "", "name", at_most=MAX_TEXT)
    each(record, "by", lambda person, what: plain_text(person, what, at_most=MAX_TEXT))
    if record.get("kind") not in ("GNO", "IGT"):
        raise RefusedError("kind must be GNO or IGT")
    identities = each(record, "eui64", eui64)
    if len(set(identities)) != len(identities):
        raise RefusedError("eui64: the same identity twice")
    exits = sorted(
        each(record, "exits", _exit),
        key=lambda one: (one.intent_on, one.cancelled_on or date.max),
    )
    return Party(
        party_id=party_id(record.get("party_id"), "party_id"),
        eui64=tuple(sorted(identities)),
        dcc_user=_apart(each(record, "dcc_user", _period), "dcc_user"),
        exits=tuple(exits),
    )


def registration(octets: bytes) -> tuple[str, tuple[Registered, ...]]:
    """Read a record of ``gas-registrations``: the MPRN and its history, sorted by day.

    Raises:
        RefusedError: It does not have the record's form, or names two parties for one day.
    """
    record = read_record(octets)
    mprn = plain_text(record.get("mprn"), "mprn", at_most=_MAX_MPRN)
    if not mprn:
        raise RefusedError("mprn must be 1 to 10 characters")
    history = sorted(each(record, "history", _registered), key=lambda entry: entry.first)
    for one, following in pairwise(history):
        if one.first == following.first:
            raise RefusedError(f"history: two entries from {one.first}")
    return mprn, tuple(history)


def party_id(value: object, what: str) -> str:
    """Check the id of a party or supplier.

    Raises:
        RefusedError: It is none.
    """
    # A hyphen is allowed within, but a spreadsheet runs a text that begins with one.
    if not isinstance(value, str) or not _PARTY_ID.fullmatch(value) or value[0] == "-":
        raise RefusedError(f"{what} must be 1 to 16 of A-Z, 0-9, _ and -, and not begin with -")
    return value


def plain_text(value: object, what: str, *, at_most: int) -> str:
    """Check a text that people will read in a spreadsheet.

    Raises:
        RefusedError: It is no text, too long, has control characters, or would run as a formula.
    """
    if not isinstance(value, str) or len(value) > at_most:
        raise RefusedError(f"{what} must be a text of at most {at_most} characters")
    if not value.isprintable():
        raise RefusedError(f"{what} has control characters")
    if value.lstrip()[:1] in tuple("=+-@"):
        raise RefusedError(f"{what} begins like a formula of a spreadsheet")
    return value


def shown_key(key: str) -> str:
    """Give the key of a record that is refused, for a list that people open in a spreadsheet."""
    try:
        return plain_text(key, "the key", at_most=MAX_TEXT)
    except RefusedError:
        # In quotation marks it is no formula.
        return repr(key[:MAX_TEXT])


def printable(text: str) -> str:
    """Give a text in which what cannot be printed is escaped."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def read_record(octets: bytes) -> dict[str, Any]:
    """Read a JSON object of bounded size, or refuse."""
    if len(octets) > MAX_RECORD:
        raise RefusedError(f"longer than {MAX_RECORD} octets")
    try:
        value = orjson.loads(octets)
    except orjson.JSONDecodeError as error:
        raise RefusedError(f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise RefusedError("no JSON object")
    return value


def each(record: dict[str, Any], what: str, read: Callable[[Any, str], _T]) -> list[_T]:
    """Read each entry of a bounded list, or refuse; a list that is absent is empty."""
    values = record.get(what, [])
    if not isinstance(values, list) or len(values) > MAX_ENTRIES:
        raise RefusedError(f"{what} must be a list of at most {MAX_ENTRIES}")
    return [read(value, f"{what}[{index}]") for index, value in enumerate(values)]


def eui64(value: object, what: str) -> str:
    """Read an EUI-64 in its canonical form, or refuse."""
    octets = value.upper().replace("-", "") if isinstance(value, str) else ""
    if not _EUI64.fullmatch(octets):
        raise RefusedError(f"{what} is no EUI-64, such as 90-B3-D5-1F-30-02-00-00")
    return "-".join(octets[at : at + 2] for at in range(0, 16, 2))


def object_of(value: object, what: str) -> dict[str, Any]:
    """Take an object, or refuse."""
    if not isinstance(value, dict):
        raise RefusedError(f"{what} must be an object")
    return value


def day_of(members: dict[str, Any], what: str, name: str) -> date:
    """Read the day that a member must have, or refuse."""
    day = _day_or_none(members, what, name)
    if day is None:
        raise RefusedError(f"{what}.{name} is missing")
    return day


def _day_or_none(members: dict[str, Any], what: str, name: str) -> date | None:
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise RefusedError(f"{what}.{name} must be a day, YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise RefusedError(f"{what}.{name} is no day of the calendar") from None


def _period(value: object, what: str) -> Period:
    members = object_of(value, what)
    first, until = day_of(members, what, "from"), _day_or_none(members, what, "until")
    if until is not None and until <= first:
        raise RefusedError(f"{what} ends before it begins")
    return Period(first=first, until=until)


def _exit(value: object, what: str) -> Exit:
    members = object_of(value, what)
    intent_on = day_of(members, what, "intent_on")
    cancelled_on = _day_or_none(members, what, "cancelled_on")
    keys_kept_until = _day_or_none(members, what, "keys_kept_until")
    if any(day is not None and day < intent_on for day in (cancelled_on, keys_kept_until)):
        raise RefusedError(f"{what} has a day before intent_on")
    return Exit(intent_on=intent_on, cancelled_on=cancelled_on, keys_kept_until=keys_kept_until)


def _registered(value: object, what: str) -> Registered:
    members = object_of(value, what)
    named = {
        name: None if members.get(name) is None else party_id(members[name], f"{what}.{name}")
        for name in ("gas_network_party", "gas_supplier")
    }
    return Registered(first=day_of(members, what, "from"), **named)


def _apart(periods: Sequence[Period], what: str) -> tuple[Period, ...]:
    ordered = sorted(periods, key=lambda period: period.first)
    for one, following in pairwise(ordered):
        if one.until is None or following.first < one.until:
            raise RefusedError(
                f"{what}: the periods from {one.first} and {following.first} overlap"
            )
    return tuple(ordered)
