"""What waits: parked records, and commands without an answer by age."""

from collections.abc import Iterator

from slotkeeper.looks.pages import number
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.journal.taking import COMMANDS
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
from slotkeeper.pages.route import Ask

from .own import own_of

PARKED = Table(
    caption="Parked records",
    source="(SELECT parked.*, (SELECT max(record.at) FROM record WHERE "
    "record.device = parked.device AND source_stream = parked.stream AND "
    "source_partition = parked.partition AND source_offset = parked.offset) AS at FROM parked)",
    columns=(
        Column(name="device", title="Device", kind="device"),
        Column(name="reason", title="Reason", kind="reason"),
        Column(name="disposition", title="Decision", kind="reason"),
        Column(name="stream", title="Stream"),
        Column(name="partition", title="Partition", kind="number"),
        Column(name="offset", title="Offset", kind="number"),
        Column(name="at", title="Judged last", kind="time"),
    ),
    tie="key",
    sort="at",
    filters=(
        Filter(name="reason", title="Reason", sql="reason = ?", hint="Such as UNKNOWN_DEVICE"),
    ),
    empty="Nothing is parked: every record that came could be judged.",
)

PENDING = Table(
    caption="Commands without an answer",
    source="(SELECT pending.device, pending.role, pending.number, record.request, record.at "  # noqa: S608
    "FROM pending LEFT JOIN record ON record.device = pending.device "
    f"AND record.stream = '{COMMANDS}' AND record.number = pending.number)",
    columns=(
        Column(name="at", title="Issued", kind="time"),
        Column(name="device", title="Device", kind="device"),
        Column(name="role", title="Slot"),
        Column(name="number", title="Number", kind="id"),
        Column(name="request", title="RequestID", kind="request"),
    ),
    tie="device, role",
    sort="at",
    empty="Every command was answered.",
)


class Waiting(Frozen):
    """A page of what waits."""

    sentence: str
    told: str
    table: Listing


def parked(desk: Desk, ask: Ask) -> Waiting:
    """List parked records, the longest judged first."""
    table = listing(desk.journal, PARKED, ask.query, _own(desk, ask, "parked"))
    what = "1 record is parked" if table.total == 1 else f"{number(table.total)} records are parked"
    return Waiting(
        sentence=f"{what}.",
        told="They are judged again, by themselves, when the inventory brings the device or its "
        "certificate, or a register the party.",
        table=table,
    )


def parked_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give all of them that fit."""
    return csv_lines(desk.journal, PARKED, ask.query, _own(desk, ask, "parked"))


def pending(desk: Desk, ask: Ask) -> Waiting:
    """List commands without an answer, the oldest first."""
    table = listing(desk.journal, PENDING, ask.query, _own(desk, ask, "pending"))
    what = "1 command waits" if table.total == 1 else f"{number(table.total)} commands wait"
    return Waiting(
        sentence=f"{what} for an answer.",
        told="Lost on the way, discarded by the device, or not yet there: a device does not answer "
        "a command that it discards. A new request simply gets a higher number.",
        table=table,
    )


def pending_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give all of them that fit."""
    return csv_lines(desk.journal, PENDING, ask.query, _own(desk, ask, "pending"))


def _own(desk: Desk, ask: Ask, table: str) -> tuple[str, Values]:
    return own_of(desk, ask.person, f"SELECT DISTINCT device FROM {table}")  # noqa: S608
