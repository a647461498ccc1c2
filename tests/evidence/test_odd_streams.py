"""Others than workers may write to the streams that a package is made of."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from slotkeeper.slots.evidence.staging import TABLES, Decisions, Evidence
from slotkeeper.slots.tables import Tables, tables
from slotkeeper.streams import Record

DEVICE = "00-DB-12-34-56-78-90-A3"
MESSAGE = base64.b64encode(b"message").decode()
EVIDENCE: dict[str, Any] = {
    "device_id": DEVICE,
    "kind": "UPDATE",
    "message": MESSAGE,
    "public_key": None,
    "verified": False,
    "source": {"stream": "srv-6.15.1-responses", "partition": 0, "offset": 7},
    "audit_sha256": "00" * 32,
}
DECISION: dict[str, Any] = {
    "device_id": DEVICE,
    "remote_party_role": "NetworkOperator",
    "number": 1,
    "decided_at": "2026-11-26T12:00:00.000Z",
    "received_at": None,
    "message": {"device_time": None},
}
ODD: tuple[Any, ...] = (
    None,
    "x",
    "9" * 400,
    1.5,
    -1,
    2**63,
    2**64 - 1,
    True,
    [],
    [1],
    {},
    {"a": [{}]},
    "a\0b",
)


def records(stream: str, entry: dict[str, Any]) -> Iterator[Record]:
    """Give the entry, and it with one member after the other in every odd way."""
    every = [entry]
    for name, member in entry.items():
        every += [{**entry, name: odd} for odd in ODD]
        if isinstance(member, dict):
            every += [{**entry, name: {**member, inner: odd}} for inner in member for odd in ODD]
    for offset, one in enumerate(every):
        yield Record(stream, 0, offset, DEVICE.encode(), orjson.dumps(one), (), 0)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Tables]:
    with tables(tmp_path) as made:
        made.run(TABLES)
        yield made


def test_evidence_of_no_worker_is_counted_and_costs_nothing(made: Tables) -> None:
    evidence = Evidence(made)
    every = list(records("slot-evidence", EVIDENCE))
    evidence.take(every)
    taken = made.one("SELECT count(*) FROM told")
    assert taken == len(every) - evidence.unreadable > 0
    assert made.one('SELECT count(*) FROM told WHERE "offset" = 0') == 1


def test_decisions_of_no_worker_are_no_rows(made: Tables) -> None:
    decisions = Decisions(made, None, {})
    decisions.take(list(records("audit-trail", DECISION)))
    assert made.one('SELECT number FROM decided WHERE "offset" = 0') == 1
    assert made.one("SELECT max(number) FROM decided") == 1
