"""One decision: what was known when it was taken, and the message that it was about."""

from typing import Any

import orjson

from slotkeeper._core import canonical_key, inspect_duis, inspect_message
from slotkeeper.errors import SlotkeeperError
from slotkeeper.explain.story import DEEPEST, decision_of, is_within
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.journal.taking import AUDIT, COMMANDS
from slotkeeper.pages.listing import Frozen
from slotkeeper.pages.octets import NoMessageError, message_in
from slotkeeper.pages.route import Ask, NotThereError
from slotkeeper.streams import Record

from .device import Entry, Fact, entry
from .find import is_visible

MOST_EARLIER = 50
"""Decisions of the device before this one that are shown."""

SHOWN_OCTETS = 4_096
"""Of a message, in hexadecimal; the whole of one that can be decoded."""


class Decision(Frozen):
    """What a decision's page says.

    Attributes:
        device_id: About which device.
        this: The decision.
        sentence: What was decided, and by which numbers.
        known: How far each input had been read when it was taken: everything below was known.
        earlier: What had been decided about the device by then, newest first.
        command: The number of the command that it made; None if it made none.
        raw: The audit record.
    """

    device_id: str
    sentence: str
    this: Entry
    known: list[Fact]
    earlier: list[Entry]
    command: str | None
    raw: dict[str, Any]


class Message(Frozen):
    """What a message's page says.

    Attributes:
        device_id: The device whose record it was in.
        stream: Where the record stands.
        partition: The same.
        offset: The same.
        sentence: Whether it can be decoded.
        decoded: Its members; None if it cannot be.
        octets: In hexadecimal, as far as they are shown.
        length: Of the whole, in octets.
    """

    device_id: str
    stream: str
    partition: int
    offset: int
    sentence: str
    decoded: dict[str, Any] | None
    octets: str
    length: int


def decision(desk: Desk, ask: Ask) -> Decision:
    """Show one decision and what was known."""
    partition, offset = place(ask)
    row = desk.journal.one(
        "SELECT device, value FROM record WHERE stream = ? AND partition = ? AND offset = ?",
        (AUDIT, partition, offset),
    )
    if row is None or row["device"] is None or not is_visible(desk, ask.person, row["device"]):
        raise NotThereError
    own = row["device"]
    told = decision_of(Record(AUDIT, partition, offset, None, bytes(row["value"] or b""), (), 0))
    earlier = desk.journal.rows(
        "SELECT partition, offset, value FROM record WHERE device = ? AND stream = ? "
        "AND partition = ? AND offset < ? ORDER BY offset DESC LIMIT ?",
        (own, AUDIT, partition, offset, MOST_EARLIER),
    )
    this = entry(told)
    known = told.get("decided_after")
    return Decision(
        device_id=own,
        sentence=_sentence(told, this),
        this=this,
        known=[
            Fact(
                key=stream,
                value=str(reached),
                source=f"everything below this offset of partition {partition} was known",
            )
            for stream, reached in (known if isinstance(known, dict) else {}).items()
        ],
        earlier=[
            entry(
                decision_of(
                    Record(AUDIT, one["partition"], one["offset"], None, bytes(one["value"]), (), 0)
                )
            )
            for one in earlier
        ],
        command=_command(desk, own, told),
        raw={name: value for name, value in told.items() if name != "at"},
    )


def _sentence(told: dict[str, Any], this: Entry) -> str:
    number = told.get("originator_counter")
    if told.get("disposition") != "ISSUED" or number is None:
        return f"{this.cause}."
    recorded = told.get("recorded_counter")
    over = f"above the recorded {recorded}" if recorded else "with no number recorded"
    return f"Number {number} was chosen, {over}: {this.cause}."


def _command(desk: Desk, own: str, told: dict[str, Any]) -> str | None:
    number = told.get("originator_counter")
    if number is None or told.get("disposition") != "ISSUED":
        return None
    row = desk.journal.one(
        "SELECT partition, offset FROM record WHERE device = ? AND stream = ? AND number = ?",
        (own, COMMANDS, number),
    )
    return f"/messages/{COMMANDS}/{row['partition']}/{row['offset']}" if row else None


def message(desk: Desk, ask: Ask) -> Message:
    """Decode the message of a record, as far as it can be."""
    partition, offset = place(ask)
    stream = ask.path["stream"]
    readable = (*desk.streams.layout.events, COMMANDS)
    if stream not in readable or partition >= desk.streams.partitions:
        raise NotThereError
    record = desk.record(stream, partition, offset)
    own = device_of(record)
    if record is None or own is None or not is_visible(desk, ask.person, own):
        raise NotThereError
    octets, decoded, sentence = decoded_of(record.value or b"")
    return Message(
        device_id=own,
        stream=stream,
        partition=partition,
        offset=offset,
        sentence=sentence,
        decoded=decoded,
        octets=octets[:SHOWN_OCTETS].hex(" "),
        length=len(octets),
    )


def device_of(record: Record | None) -> str | None:
    """Give the device whose record it is; None for a key that is no device's."""
    canonical = canonical_key(record.key) if record is not None and record.key else None
    return canonical.decode() if canonical else None


def decoded_of(value: bytes) -> tuple[bytes, dict[str, Any] | None, str]:
    """Decode what a record holds: its octets, its members, and a sentence."""
    try:
        octets, is_duis = message_in(value)
    except NoMessageError as error:
        told = _object(value)
        return value, told, f"There is no GBCS message in it: {error}."
    try:
        answer = inspect_duis(octets, None) if is_duis else inspect_message(octets, None)
    except SlotkeeperError as error:
        return octets, None, f"It cannot be decoded: {error}."
    return octets, orjson.loads(answer), "It is decoded below, as it stands in the stream."


def _object(value: bytes) -> dict[str, Any] | None:
    try:
        told = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, dict) and is_within(told, DEEPEST) else None


def place(ask: Ask) -> tuple[int, int]:
    """Read partition and offset of a path."""
    partition, offset = ask.path["partition"], ask.path["offset"]
    for number in (partition, offset):
        if not (number.isascii() and number.isdecimal() and len(number) <= 18):  # noqa: PLR2004
            raise NotThereError
    return int(partition), int(offset)
