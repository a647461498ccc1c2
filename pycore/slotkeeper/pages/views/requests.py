"""Requests for a handover (SRV 6.21), and the path of one through the streams."""

from collections.abc import Iterator

from slotkeeper.explain.sentence import Actor
from slotkeeper.explain.story import REQUESTS
from slotkeeper.explain.verdict import verdict
from slotkeeper.looks.pages import number
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.journal.taking import AUDIT, COMMANDS, REFUSALS
from slotkeeper.pages.listing import (
    Column,
    Filter,
    Frozen,
    Listing,
    Table,
    Values,
    csv_lines,
    listing,
)
from slotkeeper.pages.route import Ask, NotThereError

from .device import Entry, entry, story_of
from .find import is_visible
from .own import own_of

MAX_STEPS = 50
"""Records that name one request: itself, repeats, its answers."""

TABLE = Table(
    caption="Requests for a handover (SRV 6.21)",
    source=f"(SELECT * FROM record WHERE stream = '{AUDIT}' AND source_stream = '{REQUESTS}')",  # noqa: S608
    columns=(
        Column(name="at", title="Decided", kind="time"),
        Column(name="device", title="Device", kind="device"),
        Column(name="word", title="Decision", kind="reason"),
        Column(name="reason", title="Reason", kind="reason"),
        Column(name="number", title="Number", kind="id"),
        Column(name="request", title="RequestID", kind="request"),
    ),
    tie="partition, offset",
    sort="at",
    descending=True,
    filters=(
        Filter(
            name="decision",
            title="Decision",
            sql="word = ?",
            choices=("ISSUED", "REFUSED", "REJECTED", "DUPLICATE"),
        ),
        Filter(name="reason", title="Reason", sql="reason = ?", hint="Such as NOT_DCC_CONTROLLED"),
    ),
    empty="No request fits. Requests come on srv-6.21-requests; a worker decides them.",
)


class Requests(Frozen):
    """A page of requests."""

    sentence: str
    table: Listing


class Step(Frozen):
    """A record on a request's path.

    Attributes:
        at: When it was written.
        stream: In which stream.
        what: What it says.
        path: Its page; empty if it has none.
    """

    at: str
    stream: str
    place: str
    what: str
    path: str


class Request(Frozen):
    """What a request's page says: why, who acts next, and its path with times."""

    request_id: str
    device_id: str
    sentence: str
    advice: str
    actor: Actor
    retryable: bool | None
    steps: list[Step]
    decisions: list[Entry]


def requests(desk: Desk, ask: Ask) -> Requests:
    """List requests, the newest first."""
    table = listing(desk.journal, TABLE, ask.query, _own(desk, ask))
    refused = "were refused" if ask.query.get("decision") == "REFUSED" else "were decided"
    what = (
        "1 request was decided" if table.total == 1 else f"{number(table.total)} requests {refused}"
    )
    return Requests(sentence=f"{what}.", table=table)


def requests_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give all of them that fit."""
    return csv_lines(desk.journal, TABLE, ask.query, _own(desk, ask))


def _own(desk: Desk, ask: Ask) -> tuple[str, Values]:
    return own_of(
        desk,
        ask.person,
        "SELECT DISTINCT device FROM record WHERE stream = ? AND source_stream = ?",
        (AUDIT, REQUESTS),
    )


def request(desk: Desk, ask: Ask) -> Request:
    """Follow one request."""
    wanted = ask.path["request"].upper()
    rows = list(
        desk.journal.rows(
            "SELECT * FROM record WHERE request = ? ORDER BY at, stream, partition, offset LIMIT ?",
            (wanted, MAX_STEPS),
        )
    )
    own = next((row["device"] for row in rows if row["device"]), None)
    if own is None or not is_visible(desk, ask.person, own):
        raise NotThereError
    story = story_of(desk, own)
    said = verdict(story, wanted)
    named = [one for one in story.decisions if str(one.get("request_id")).upper() == wanted]
    numbers = {one.get("originator_counter") for one in named} - {None}
    for one in story.decisions:
        message = one.get("message") or {}
        answers = {message.get("authorising_seq_number"), message.get("header_counter")}
        if one not in named and answers & numbers and str(one.get("disposition")).startswith("H"):
            named.append(one)
    return Request(
        request_id=wanted,
        device_id=own,
        sentence=said.line,
        advice=said.advice,
        actor=said.actor,
        retryable=said.retryable,
        steps=[
            Step(
                at=str(row["at"] or ""),
                stream=row["stream"],
                place=f"{row['partition']}:{row['offset']}",
                what=_what(row["stream"], row["word"], row["reason"], row["number"]),
                path=_path(row["stream"], row["partition"], row["offset"]),
            )
            for row in rows
        ],
        decisions=[entry(one) for one in reversed(named)],
    )


def _what(stream: str, word: str | None, reason: str | None, number: str | None) -> str:
    if stream == COMMANDS:
        return f"command {number} was made"
    if stream == REFUSALS:
        return f"refused: {reason}"
    return " ".join(one for one in (word, reason) if one)


def _path(stream: str, partition: int, offset: int) -> str:
    if stream == AUDIT:
        return f"/decisions/{partition}/{offset}"
    return f"/messages/{stream}/{partition}/{offset}" if stream == COMMANDS else ""
