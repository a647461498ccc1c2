"""Dead letters: what could not be read, with its octets, and how one is replayed."""

import hashlib
from collections.abc import Iterator
from typing import Any

import orjson

from slotkeeper.looks.pages import number
from slotkeeper.pages.acts import ActRefusedError
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.journal.taking import DEAD_LETTERS
from slotkeeper.pages.listing import Column, Filter, Frozen, Listing, Table, csv_lines, listing
from slotkeeper.pages.replay import can_be_replayed, prepared_replay, replay
from slotkeeper.pages.route import Ask, NotThereError, Octets, Refused

from .decision import SHOWN_OCTETS, decoded_of, place
from .device import Fact

TABLE = Table(
    caption="Dead letters",
    source=f"(SELECT *, partition || '/' || offset AS letter FROM record "  # noqa: S608
    f"WHERE stream = '{DEAD_LETTERS}')",
    columns=(
        Column(name="letter", title="Letter", kind="letter"),
        Column(name="at", title="Written", kind="time"),
        Column(name="reason", title="Fault", kind="reason"),
        Column(name="source_stream", title="Came on"),
        Column(name="source_partition", title="Partition", kind="number"),
        Column(name="source_offset", title="Offset", kind="number"),
        Column(name="device", title="Device", kind="device"),
    ),
    tie="partition, offset",
    sort="at",
    descending=True,
    filters=(
        Filter(name="fault", title="Fault", sql="reason = ?", hint="Such as MALFORMED"),
        Filter(name="stream", title="Came on", sql="source_stream = ?", hint="A stream's name"),
    ),
    empty="There are no dead letters: every record that came could be read.",
)


class Letters(Frozen):
    """A page of dead letters."""

    sentence: str
    table: Listing


class Letter(Frozen):
    """What a dead letter's page says.

    Attributes:
        name: Partition and offset.
        sentence: What was wrong.
        facts: Where it came from, by its headers.
        decoded: As far as it can be decoded.
        decoded_told: The same as a sentence.
        octets: In hexadecimal, as far as they are shown.
        text: The same as text, control characters replaced.
        length: Of the whole that is kept, in octets.
        sha256: Of the same.
        replay_refused: Why it cannot be replayed; empty if it can.
        error: What was wrong with an act that was handed in.
    """

    name: str
    sentence: str
    facts: list[Fact]
    decoded: dict[str, Any] | None
    decoded_told: str
    octets: str
    text: str
    length: int
    sha256: str
    replay_refused: str
    error: str
    done: str


def letters(desk: Desk, ask: Ask) -> Letters:
    """List dead letters, the newest first."""
    table = listing(desk.journal, TABLE, ask.query)
    what = "1 record" if table.total == 1 else f"{number(table.total)} records"
    return Letters(sentence=f"{what} could not be read.", table=table)


def letters_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give all of them that fit."""
    return csv_lines(desk.journal, TABLE, ask.query)


def letter(desk: Desk, ask: Ask) -> Letter | Refused[Letter]:
    """Show one dead letter; a signed act that was posted is checked and done."""
    row = _row(desk, ask)
    value = bytes(row["value"] or b"")
    told: dict[str, Any] = orjson.loads(row["headers"])
    done, refusal = "", None
    if ask.files or ask.form:
        try:
            done = replay(desk, ask.person, row, ask.files.get("act", b""))
        except ActRefusedError as refused:
            refusal = refused
    octets, decoded, sentence = decoded_of(value)
    said = Letter(
        name=f"{row['partition']}/{row['offset']}",
        sentence=str(told.get("detail") or told.get("fault") or "it could not be read"),
        facts=[
            Fact(key=name, value=str(told_of), source="header of the dead letter")
            for name, told_of in told.items()
            if name != "detail"
        ],
        decoded=decoded,
        decoded_told=sentence,
        octets=octets[:SHOWN_OCTETS].hex(" "),
        text=_printable(value[:SHOWN_OCTETS]),
        length=len(value),
        sha256=hashlib.sha256(value).hexdigest(),
        replay_refused=can_be_replayed(desk, ask.person, row),
        error=str(refusal or ""),
        done=done,
    )
    return Refused(said=said, status=refusal.status) if refusal else said


def prepared(desk: Desk, ask: Ask) -> Octets:
    """Give the file that a person signs on the command line."""
    row = _row(desk, ask)
    if can_be_replayed(desk, ask.person, row):
        raise NotThereError
    octets = prepared_replay(desk, row, ask.now)
    name = f"replay-{row['partition']}-{row['offset']}.json"
    return Octets(name=name, content_type="application/json", parts=iter([octets]))


def octets(desk: Desk, ask: Ask) -> Octets:
    """Give a dead letter's octets as they are kept."""
    row = _row(desk, ask)
    return Octets(
        name=f"dead-letter-{row['partition']}-{row['offset']}.bin",
        content_type="application/octet-stream",
        parts=iter([bytes(row["value"] or b"")]),
    )


def _row(desk: Desk, ask: Ask) -> dict[str, Any]:
    partition, offset = place(ask)
    row = desk.journal.one(
        "SELECT * FROM record WHERE stream = ? AND partition = ? AND offset = ?",
        (DEAD_LETTERS, partition, offset),
    )
    if row is None:
        raise NotThereError
    return row


def _printable(octets: bytes) -> str:
    text = octets.decode(errors="replace")
    return "".join(
        one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text
    )
