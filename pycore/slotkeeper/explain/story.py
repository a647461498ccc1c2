"""What is known of one device: its record, what waits, and its decisions in order."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from slotkeeper._core import describe_change
from slotkeeper.explain.times import is_time
from slotkeeper.streams import Record, Streams
from slotkeeper.streams.partitioning import partition_of

AUDIT = "audit-trail"
DEAD_LETTERS = "dead-letters"
REQUESTS = "srv-6.21-requests"

MOST_DECISIONS = 500
"""Newest decisions that are kept of a device; few devices ever have more than a dozen. With some
2 kB each a story stays below a few megabytes, however many there are."""

MOST_OF_A_REQUEST = 50
"""Decisions that name one request: the request, its repeats, its outcomes."""

MOST_DEAD_LETTERS = 50

Json = dict[str, Any]
Advance = Callable[[str, int], None]
"""Is told which stream is read, and how many of its records more were."""


@dataclass(slots=True)
class Story:
    """One device, as the streams tell it.

    Attributes:
        device_id: Canonical.
        record: Its numbers and cells, as the changelog has them; None where it has none.
        damaged_roles: Roles whose numbers are not known, since their record was damaged.
        parked: What waits to be judged again.
        decisions: Of the audit trail, oldest first, each with ``at``: where it stands there.
        left_out: How many older decisions there were.
        dead_letters: Headers of those that concern it, oldest first.
    """

    device_id: str
    record: Json | None = None
    damaged_roles: tuple[str, ...] = ()
    parked: list[Json] = field(default_factory=list)
    decisions: list[Json] = field(default_factory=list)
    left_out: int = 0
    dead_letters: list[Json] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known."""
        return not (
            self.record or self.damaged_roles or self.parked or self.decisions or self.dead_letters
        )

    def standing(self) -> list[Json]:
        """Give the newest decision about each record, in the order in which they were taken."""
        newest: dict[tuple[object, ...], Json] = {}
        for decision in self.decisions:
            if decision.get("disposition") is None:
                continue
            place = (decision.get("stream"), decision.get("partition"), decision.get("offset"))
            # Taken out first, so that a decision that was taken again stands where it was.
            newest.pop(place, None)
            newest[place] = decision
        return list(newest.values())


async def damaged_roles_of(streams: Streams, device: str) -> tuple[str, ...]:
    """Give the roles of a device whose numbers are not known, by the changelog alone."""
    changes = await _changes(streams, device.encode(), lambda _stream, _records: None)
    return _with_changes(Story(device), changes).damaged_roles


async def gather(
    streams: Streams,
    device: str,
    *,
    request_id: str | None = None,
    advance: Advance = lambda _stream, _records: None,
) -> Story:
    """Read what the streams tell of a device: one partition of each, in bounded memory.

    Args:
        streams: Open ones.
        device: Canonical EUI-64.
        request_id: Decisions that name it are kept, however old they are.
        advance: Told of progress.
    """
    key = device.encode()
    partition = partition_of(key, streams.partitions)
    changes = await _changes(streams, key, advance)
    told = _Told(request_id)
    async for record in _read(streams, AUDIT, partition, advance):
        if record.key == key and record.value is not None:
            told.add(decision_of(record))
    letters: deque[Json] = deque(maxlen=MOST_DEAD_LETTERS)
    async for record in _read(streams, DEAD_LETTERS, partition, advance):
        if record.key == key:
            letters.append(dead_letter_of(record))
    return _with_changes(
        Story(
            device,
            decisions=told.decisions(),
            left_out=told.left_out,
            dead_letters=list(letters),
        ),
        changes,
    )


def told_by(device: str, records: Iterable[Record], request_id: str | None = None) -> Story:
    """Give the story that records of the audit trail tell by themselves, such as an export's."""
    told = _Told(request_id)
    for record in records:
        if record.key == device.encode() and record.value is not None:
            told.add(decision_of(record))
    return Story(device, decisions=told.decisions(), left_out=told.left_out)


def decision_of(record: Record) -> Json:
    """Read an audit record; one that cannot be read says so in its detail."""
    place = {"at": {"partition": record.partition, "offset": record.offset}}
    try:
        decision = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        decision = None
    if not (isinstance(decision, dict) and is_within(decision, DEEPEST) and _is_sound(decision)):
        return {**place, "kind": "unreadable", "detail": "this audit record cannot be read"}
    return {**place, **decision}


DEEPEST = 32
"""Levels of members that are told of. A record may have a thousand, of which no page can be made,
and which no serialiser writes."""


def is_within(value: object, levels: int) -> bool:
    """Say whether no more levels than these are within one another."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(is_within(one, levels - 1) for one in inner)


_TEXTS = (
    *("kind", "stream", "cause_stream", "device_id", "remote_party_role", "request_id"),
    *("disposition", "reason", "detail", "evidence"),
    *("recorded_counter", "seen_counter", "originator_counter"),
)
_OFFSETS = ("partition", "offset", "cause_partition", "cause_offset")
_TIMES = ("decided_at", "received_at")


def _is_sound(decision: Json) -> bool:
    """Say whether members are what the contract says, as far as people are told of them.

    Others than workers may write there, and files of an export come from anybody.
    """
    message, adjusted = decision.get("message"), decision.get("adjusted")
    cells, flags = decision.get("cells"), decision.get("flags")
    by = adjusted.get("by") if isinstance(adjusted, dict) else None
    return (
        all(isinstance(decision.get(name), str | None) for name in _TEXTS)
        and all(isinstance(decision.get(name), int | None) for name in _OFFSETS)
        and all(is_time(decision.get(name)) for name in _TIMES)
        and (message is None or (_is_flat(message) and is_time(message.get("device_time"))))
        and (cells is None or (isinstance(cells, list) and all(map(_is_flat, cells))))
        and (
            flags is None
            or (isinstance(flags, list) and all(isinstance(one, str) for one in flags))
        )
        and isinstance(by, list | None)
    )


def _is_flat(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(one, str | int | float | None) for one in value.values()
    )


def dead_letter_of(record: Record) -> Json:
    """Give where a dead letter stood and what was wrong with it."""
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    return {
        "at": {"partition": record.partition, "offset": record.offset},
        **{name: headers.get(name) for name in ("stream", "partition", "offset")},
        "fault": headers.get("fault"),
        "detail": headers.get("detail"),
    }


class _Told:
    """Decisions as they come: the newest, and those that name the request."""

    def __init__(self, request_id: str | None) -> None:
        self._request_id = request_id and request_id.casefold()
        self._newest: deque[Json] = deque(maxlen=MOST_DECISIONS)
        self._named: deque[Json] = deque(maxlen=MOST_OF_A_REQUEST)
        self._seen = 0

    def add(self, decision: Json) -> None:
        self._seen += 1
        oldest = self._newest[0] if len(self._newest) == MOST_DECISIONS else None
        if oldest is not None and self._names(oldest):
            self._named.append(oldest)
        self._newest.append(decision)

    def _names(self, decision: Json) -> bool:
        named = decision.get("request_id")
        return isinstance(named, str) and named.casefold() == self._request_id

    def decisions(self) -> list[Json]:
        return [*self._named, *self._newest]

    @property
    def left_out(self) -> int:
        return self._seen - len(self._named) - len(self._newest)


async def _changes(streams: Streams, key: bytes, advance: Advance) -> dict[bytes, bytes]:
    """Give the newest records of the device in the changelog: its own, and parked ones."""
    changes: dict[bytes, bytes] = {}
    partition = partition_of(key, streams.partitions)
    async for record in _read(streams, streams.layout.changelog, partition, advance):
        if record.key is not None and record.key.startswith(key):
            changes.pop(record.key, None)
            if record.value is not None:
                changes[record.key] = record.value
    return changes


async def _read(
    streams: Streams, stream: str, partition: int, advance: Advance
) -> AsyncIterator[Record]:
    async for records in streams.read(stream, since={partition: 0}):
        advance(stream, len(records))
        for record in records:
            yield record


def _with_changes(story: Story, changes: dict[bytes, bytes]) -> Story:
    known = [orjson.loads(describe_change(key, value)) for key, value in sorted(changes.items())]
    kept = next((change for change in known if change["kind"] in {"device", "damaged"}), None)
    if kept is not None and kept["kind"] == "device":
        story.record = kept
    story.damaged_roles = tuple(_damaged_roles(kept))
    story.parked = [change for change in known if change["kind"] == "parked"]
    return story


def _damaged_roles(kept: Json | None) -> Iterator[str]:
    """Give the roles whose numbers are unknown: both where the record itself cannot be read."""
    if kept is not None and kept["kind"] == "damaged":
        yield from ("NetworkOperator", "Supplier")
    elif kept is not None:
        yield from kept["damaged_roles"]
