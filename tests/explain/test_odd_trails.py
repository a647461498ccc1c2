"""Whatever stands in an audit trail, or in an export of one, a story is told of it."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from slotkeeper.cli.why.telling import print_story, story_json
from slotkeeper.explain.outline import outline
from slotkeeper.explain.story import decision_of, told_by
from slotkeeper.pages.views.device import entry
from slotkeeper.streams import Record

DEVICE = "02-1A-B0-01-00-00-00-01"
REQUEST = f"02-1A-B0-00-00-02-00-01:{DEVICE}:7"
CELL = {
    "key_usage": "digitalSignature",
    "status": "success",
    "existing_subject_unique_id": "02-1A-B0-00-00-03-00-02",
    "replacing_subject_unique_id": "02-1A-B0-00-00-04-00-01",
}
MESSAGE = {
    "kind": "RESPONSE",
    "message_code": "0103",
    "header_counter": "1301",
    "authorising_seq_number": "1301",
    "signature": "valid",
}
ADJUSTED = {"by": ["ann"], "reason": "r", "source": "s", "kind": "issued", "at_least": "1"}
DECISION = {
    "kind": "decision",
    "partition": 0,
    "device_id": DEVICE,
    "remote_party_role": "NetworkOperator",
    "request_id": REQUEST,
    "detail": None,
    "recorded_counter": "1200",
    "seen_counter": "1200",
    "originator_counter": "1301",
    "slot": {"state": "ACB"},
    "evidence": "recorded",
    "flags": ["UNANCHORED"],
    "decided_at": "2026-11-27T10:54:55.718Z",
}
ISSUED = {
    **DECISION,
    "stream": "srv-6.21-requests",
    "offset": 1,
    "disposition": "ISSUED",
    "reason": "NATURAL",
    "message": None,
}
CONFIRMED = {
    **DECISION,
    "stream": "srv-6.21-responses",
    "offset": 2,
    "disposition": "HANDOVER_CONFIRMED",
    "reason": "SLOT_CHANGED",
    "message": MESSAGE,
    "cells": [CELL],
}
RAISED = {
    **DECISION,
    "stream": "counter-adjustments",
    "offset": 3,
    "disposition": "SEEN",
    "reason": "ADJUSTED",
    "adjusted": ADJUSTED,
}
ODD: list[Any] = [None, True, 1.5, -1, "", "x", "9" * 5_000, [], [None], [[]], {}, {"a": {}}]


def spoilt(value: Any) -> Iterator[Any]:  # noqa: ANN401  # JSON
    """Give it with each of its members, and of theirs, odd."""
    yield from ODD
    inner = value.items() if isinstance(value, dict) else ()
    for name, member in inner:
        for odd in spoilt(member):
            yield {**value, name: odd}
    if isinstance(value, list) and value:
        yield from ([odd] for odd in spoilt(value[0]))


@pytest.mark.parametrize("decision", [ISSUED, CONFIRMED, RAISED], ids=lambda one: one["reason"])
def test_a_story_is_told_whatever_a_decision_says(decision: dict[str, Any]) -> None:
    for odd in spoilt(decision):
        trail = [ISSUED, odd, CONFIRMED]
        records = [
            Record("audit-trail", 0, at, DEVICE.encode(), json.dumps(one).encode(), (), 0)
            for at, one in enumerate(trail)
        ]
        story = told_by(DEVICE, records)
        assert [story.decisions[at]["reason"] for at in (0, -1)] == ["NATURAL", "SLOT_CHANGED"]
        console = Console(file=io.StringIO(), width=80)
        for request in (None, REQUEST):
            print_story(console, story, request)
            story_json(story, request)
        outline(story, brief=True)
        for one in story.decisions:
            entry(one)


@pytest.mark.parametrize("depth", [40, 300, 1_000])
def test_members_within_members_are_not_told_of(depth: int) -> None:
    """Readers of JSON go deeper than those who write it."""
    value = b'{"kind": "decision", "more": %s}' % (b"[" * depth + b"]" * depth)
    told = decision_of(Record("audit-trail", 0, 1, DEVICE.encode(), value, (), 0))
    assert told["kind"] == "unreadable"
