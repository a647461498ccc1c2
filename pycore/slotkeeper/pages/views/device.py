"""One device: how it stands, who acts next, and its story with the source of every number."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Literal, TypeAlias

import orjson

from slotkeeper._core import canonical_key
from slotkeeper.explain import findings
from slotkeeper.explain.sentence import Sentence
from slotkeeper.explain.story import MOST_DECISIONS, Story, dead_letter_of, decision_of
from slotkeeper.explain.times import moment
from slotkeeper.explain.verdict import record_name, told, unanswered, verdict
from slotkeeper.looks.pages import day as written
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.journal.taking import AUDIT, DEAD_LETTERS
from slotkeeper.pages.listing import Frozen
from slotkeeper.pages.route import Ask, NotThereError
from slotkeeper.slots.facts import Certificate, KeyUsage
from slotkeeper.slots.table import Finding
from slotkeeper.streams import Record
from slotkeeper.streams.partitioning import partition_of

from .certificates import STATUS
from .find import is_visible

MOST_LETTERS = 50
"""Dead letters of a device that are shown."""


class Fact(Frozen):
    """A key, its value, and who says so."""

    key: str
    value: str
    source: str


Compared: TypeAlias = Literal["the same", "another one, as good", "different"]


class Cell(Frozen):
    """A Trust Anchor Cell: what stands in it, and what belongs there.

    Attributes:
        usage: Digital signature or key agreement.
        subject: EUI-64 of the occupant; None if it is not known.
        key: Its key identifier.
        party: Whose it is, by the registers.
        is_acb: It is the Access Control Broker's.
        status: Of its certificate, in a word.
        expected_serial: Of the certificate that belongs there; None where none does.
        expected_key: Its key identifier.
        compared: How what stands there is to what belongs there; None where nothing does.
        since: By whose clock, and how it is known.
    """

    usage: str
    subject: str | None
    key: str | None
    party: str | None
    is_acb: bool
    status: str | None
    expected_serial: str | None
    expected_key: str | None
    compared: Compared | None
    since: str


class Entry(Frozen):
    """A decision on the timeline.

    Attributes:
        at: When it was decided.
        received_at: When the record was received; empty where nobody noted that.
        device_time: When it happened by the device's own clock; the same.
        what: The kind of record.
        cause: What happened.
        advice: Why, and what to do.
        actor: Who acts next.
        disposition: The decision's two words.
        reason: The same.
        numbers: With their names.
        flags: What else was noted.
        request: The RequestID, where it has one.
        decision: The path of the decision's page.
        message: The path of the message's page; empty where there is none to decode.
    """

    at: str
    received_at: str
    device_time: str
    what: str
    cause: str
    advice: str
    actor: str
    disposition: str
    reason: str
    numbers: list[Fact]
    flags: list[str]
    request: str | None
    decision: str
    message: str


class Device(Frozen):
    """What a device's page says."""

    device_id: str
    partition: int
    served_by: str
    sentence: str
    told: str
    advice: str
    actor: str
    retryable: bool | None
    finding: str | None
    facts: list[Fact]
    cells: list[Cell]
    numbers: list[Fact]
    waiting: list[Fact]
    parked: list[Fact]
    letters: list[Fact]
    timeline: list[Entry]
    left_out: int
    evidence: list[Fact]


def device(desk: Desk, ask: Ask) -> Device:
    """Tell a device's story."""
    canonical = canonical_key(ask.path["device"].encode(errors="replace"))
    if canonical is None or not is_visible(desk, ask.person, canonical.decode()):
        raise NotThereError
    own = canonical.decode()
    story = story_of(desk, own)
    said = verdict(story)
    row = _judged(desk, own)
    partition = partition_of(canonical, desk.streams.partitions)
    return Device(
        device_id=own,
        partition=partition,
        served_by=_served_by(desk, partition),
        sentence=_first_line(row, said),
        told=f"{said.cause}.",
        advice=said.advice,
        actor=said.actor,
        retryable=said.retryable,
        finding=row["finding"] if row else None,
        facts=list(_facts(desk, own, row)),
        cells=_cells(desk, story, row),
        numbers=list(_numbers(story)),
        waiting=[
            Fact(
                key=f"Command {one.get('originator_counter')}",
                value="has no answer",
                source=f"issued at {one.get('decided_at')}",
            )
            for one in unanswered(story.decisions)
        ],
        parked=[
            Fact(
                key=f"{one['stream']} {one['offset']}",
                value=str(one["reason"]),
                source="kept until more is known, then judged again",
            )
            for one in story.parked
        ],
        letters=[
            Fact(
                key=f"{letter['at']['partition']}/{letter['at']['offset']}",
                value=str(letter["fault"]),
                source=str(letter["detail"] or ""),
            )
            for letter in story.dead_letters
        ],
        timeline=[entry(one) for one in reversed(story.decisions)],
        left_out=story.left_out,
        evidence=list(_evidence(desk, own, story)),
    )


def story_of(desk: Desk, own: str) -> Story:
    """Gather what the journal has of a device."""
    count = desk.journal.count(
        "SELECT count(*) FROM record WHERE device = ? AND stream = ?", (own, AUDIT)
    )
    rows = list(
        desk.journal.rows(
            "SELECT stream, partition, offset, value, headers FROM record "
            "WHERE device = ? AND stream = ? ORDER BY partition DESC, offset DESC LIMIT ?",
            (own, AUDIT, MOST_DECISIONS),
        )
    )
    letters = desk.journal.rows(
        "SELECT stream, partition, offset, value, headers FROM record "
        "WHERE device = ? AND stream = ? ORDER BY partition, offset LIMIT ?",
        (own, DEAD_LETTERS, MOST_LETTERS),
    )
    state = desk.journal.one("SELECT state FROM device WHERE device = ?", (own,))
    record = orjson.loads(state["state"]) if state else None
    whole = record is not None and record["kind"] == "device"
    damaged = () if record is None else ("NetworkOperator", "Supplier")
    return Story(
        own,
        record=record if whole else None,
        damaged_roles=tuple(record["damaged_roles"]) if whole and record else damaged,
        parked=list(
            desk.journal.rows(
                "SELECT stream, offset, disposition, reason FROM parked WHERE device = ? "
                "ORDER BY stream, offset",
                (own,),
            )
        ),
        decisions=[decision_of(_record(row)) for row in reversed(rows)],
        left_out=max(0, count - len(rows)),
        dead_letters=[dead_letter_of(_record(row)) for row in letters],
    )


def entry(decision: dict[str, Any]) -> Entry:
    """Show a decision on a timeline."""
    if decision.get("disposition") is None:
        said: Sentence | None = None
    else:
        said = told(decision)
    place = decision["at"]
    message = decision.get("message") or {}
    source = (decision.get("stream"), decision.get("partition"), decision.get("offset"))
    return Entry(
        at=str(decision.get("decided_at") or ""),
        received_at=str(decision.get("received_at") or ""),
        device_time=str(message.get("device_time") or ""),
        what=record_name(decision),
        cause=said.cause if said else str(decision.get("detail") or decision.get("kind")),
        advice=said.advice if said else "",
        actor=said.actor if said else "",
        disposition=str(decision.get("disposition") or ""),
        reason=str(decision.get("reason") or ""),
        numbers=list(decision_numbers(decision)),
        flags=[str(flag) for flag in decision.get("flags") or ()],
        request=decision.get("request_id"),
        decision=f"/decisions/{place['partition']}/{place['offset']}",
        message=f"/messages/{source[0]}/{source[1]}/{source[2]}" if source[0] else "",
    )


def decision_numbers(decision: dict[str, Any]) -> Iterator[Fact]:
    """Give the numbers that a decision names, each with where it comes from."""
    message = decision.get("message") or {}
    for key, value, source in (
        ("Number issued", decision.get("originator_counter"), "chosen by this decision"),
        ("Recorded", decision.get("recorded_counter"), "after this decision"),
        ("Seen", decision.get("seen_counter"), "after this decision"),
        ("Authorising number", message.get("authorising_seq_number"), "the message's payload"),
        ("Header counter", message.get("header_counter"), "the message's header"),
        ("Floor", message.get("floor_seq_number"), "the message's payload"),
    ):
        if value is not None:
            yield Fact(key=key, value=str(value), source=source)


def _first_line(row: dict[str, Any] | None, said: Sentence) -> str:
    if row is None:
        return said.line
    judged = findings.verdict(row)
    return f"{judged.says} {judged.next}"


def _judged(desk: Desk, own: str) -> dict[str, Any] | None:
    if desk.judged is None:
        return None
    return desk.judged.one("SELECT * FROM device WHERE device_id = ?", [own])


def _facts(desk: Desk, own: str, row: dict[str, Any] | None) -> Iterator[Fact]:
    if desk.judged is None:
        return
    day = f"report as of {written(desk.judged.as_of)}"
    if row is not None:
        for key, name, source in _FACTS:
            if row[name] is not None:
                yield Fact(key=key, value=_told_fact(row[name]), source=source.format(day=day))
        return
    found = desk.judged.one(
        "SELECT device_type, status, smets_version, replaces FROM inventory WHERE device = ?", [own]
    )
    if found is None:
        return
    for key, value in (
        ("Type", found["device_type"]),
        ("Status", found["status"]),
        ("Version", found["smets_version"]),
        ("Replaces", found["replaces"]),
    ):
        if value:
            yield Fact(key=key, value=str(value), source="smart-metering-inventory")
    yield Fact(key="Report", value="not judged", source=f"{day}: the rule is not about it")


def _told_fact(value: object) -> str:
    return written(value) if isinstance(value, date) else str(value)


_FACTS = (
    ("Finding", "finding", "{day}"),
    ("Reason", "reason", "{day}"),
    ("Expected", "expected", "{day}"),
    ("Requirement", "requirement", "the rule"),
    ("Due on", "due_on", "{day}"),
    ("Days overdue", "overdue_days", "{day}"),
    ("Obligation from", "obligation_from", "{day}"),
    ("Supplier", "gas_supplier", "gas-registrations"),
    ("Network party", "gas_network_party", "gas-registrations"),
    ("MPRN", "mprn", "smart-metering-inventory"),
    ("Status", "device_status", "smart-metering-inventory"),
    ("GPF commissioned", "gpf_commissioned_on", "smart-metering-inventory"),
    ("GSME commissioned", "gsme_commissioned_on", "smart-metering-inventory"),
    ("Slot since", "slot_since", "audit-trail"),
    ("Evidence", "evidence", "audit-trail"),
    ("Completeness", "completeness", "{day}"),
    ("Exceptions", "exceptions", "{day}"),
    ("Replaces", "replaces", "smart-metering-inventory"),
)


def _cells(desk: Desk, story: Story, row: dict[str, Any] | None) -> list[Cell]:
    roles = (story.record or {}).get("roles", {})
    slot = roles.get("NetworkOperator", {}).get("slot", {})
    ds, ka = (slot.get(member) or {} for member in ("digital_signature", "key_agreement"))
    return [
        _cell(desk, "DS", "Digital signature", ds, row),
        _cell(desk, "KA", "Key agreement", ka, row),
    ]


def _cell(
    desk: Desk, usage: KeyUsage, name: str, told_of: dict[str, Any], row: dict[str, Any] | None
) -> Cell:
    short = usage.lower()
    holder = told_of.get("occupant") or {}
    at = told_of.get("device_time")
    clock = f"since {moment(at)} by the device's clock" if at else "since when is not known"
    proof = "verified" if told_of.get("verified") else "not verified"
    serial = row[f"expected_{short}_serial"] if row else None
    expected = _of_serial(desk, serial, usage)
    key = holder.get("subject_key_identifier")
    return Cell(
        usage=name,
        subject=holder.get("subject_unique_id"),
        key=key,
        party=row[f"{short}_party"] if row else None,
        is_acb=_is_acb(desk, holder.get("subject_unique_id")),
        status=STATUS.get(row[f"{short}_certificate_status"]) if row else None,
        expected_serial=serial,
        expected_key=expected.key_identifier if expected else None,
        compared=_compared(key, expected, row) if key and row else None,
        since=f"{told_of.get('source')}, {proof}, {clock}" if holder else "no message told of it",
    )


def _compared(key: str, expected: Certificate | None, row: dict[str, Any]) -> Compared | None:
    if expected is None:
        return None
    if key == expected.key_identifier:
        return "the same"
    # The rule names the newest certificate of the party; each that is in use is as good.
    return "another one, as good" if row["finding"] == Finding.COMPLIANT else "different"


def _is_acb(desk: Desk, subject: str | None) -> bool:
    return desk.judged is not None and subject == desk.judged.policy.acb_id


def _of_serial(desk: Desk, serial: str | None, usage: KeyUsage) -> Certificate | None:
    if serial is None or desk.judged is None:
        return None
    return next(
        (
            one
            for one in desk.judged.registers.certificates.values()
            if one.serial == serial and one.key_usage == usage
        ),
        None,
    )


def _numbers(story: Story) -> Iterator[Fact]:
    for role, marks in (story.record or {}).get("roles", {}).items():
        for key, mark, source in (
            ("recorded", "recorded", "the number with which the slot went to the ACB"),
            ("seen", "seen", "the highest that is known to have been used"),
            ("issued", "issued", "the highest that was allocated here"),
        ):
            value = marks.get(mark)
            yield Fact(
                key=f"{_ROLES.get(role, role)}, {key}",
                value="unknown" if value is None else str(value),
                source=f"{source}; originator-counters",
            )


_ROLES = {"NetworkOperator": "Network Operator"}


def _served_by(desk: Desk, partition: int) -> str:
    for one in desk.workers:
        if f"partition {partition}" in one.figures:
            return one.address
    return ""


def _evidence(desk: Desk, own: str, story: Story) -> Iterator[Fact]:
    for one in story.decisions:
        message = one.get("message") or {}
        if message.get("signature") == "valid" and one.get("cells"):
            yield Fact(
                key=str(message.get("digest")),
                value=f"device-signed {message.get('kind')}, {one.get('reason')}",
                source=f"{one.get('stream')} {one.get('partition')}:{one.get('offset')}",
            )
    for package in sorted(desk.evidence.glob("*/rows.jsonl"))[:MOST_LETTERS]:
        yield Fact(
            key=package.parent.name,
            value=f"slotkeeper evidence prove {package.parent} {own}",
            source="evidence package: the command proves this one device",
        )


def _record(row: dict[str, Any]) -> Record:
    headers = [(name, str(value).encode()) for name, value in orjson.loads(row["headers"]).items()]
    value = bytes(row["value"]) if row["value"] is not None else None
    return Record(row["stream"], row["partition"], row["offset"], None, value, headers, 0)
