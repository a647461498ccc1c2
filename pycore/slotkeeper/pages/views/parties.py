"""Suppliers and network parties: how many devices each has, and what each must do."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from slotkeeper.looks.pages import number
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.judged import Judged, own_devices
from slotkeeper.pages.listing import Column, Frozen, Listing, Table, csv_lines, listing
from slotkeeper.pages.persons import Person
from slotkeeper.pages.route import Ask, NotThereError
from slotkeeper.slots.standing import is_user, open_exit

from .certificates import Row as CertificateRow
from .certificates import certificates_of
from .devices import Nothing
from .overview import Count

_COUNTED = (
    "sum(devices)::BIGINT AS devices, "
    "coalesce(sum(devices) FILTER (finding = 'COMPLIANT'), 0)::BIGINT AS compliant, "
    "coalesce(sum(devices) FILTER (action_by = 'SUPPLIER'), 0)::BIGINT AS to_place, "
    "coalesce(sum(devices) FILTER (action_by = 'SUPPLIER' AND late), 0)::BIGINT AS overdue, "
    "coalesce(sum(devices) FILTER (action_by = 'GNO_IN_SLOT'), 0)::BIGINT AS to_hand_back, "
    "coalesce(sum(devices) FILTER (finding = 'STRANDED'), 0)::BIGINT AS stranded, "
    "min(first_due) FILTER (action_by = 'SUPPLIER') AS first_due"
)

_NUMBERS = (
    Column(name="devices", title="Devices", kind="number"),
    Column(name="compliant", title="Compliant", kind="number"),
    Column(name="to_place", title="To place (6.21)", kind="number"),
    Column(name="overdue", title="Overdue", kind="number"),
    Column(name="to_hand_back", title="To hand back (6.15.1)", kind="number"),
    Column(name="stranded", title="Stranded", kind="number"),
    Column(name="first_due", title="First due", kind="day"),
)

_EMPTY = (
    "No device names one. Registrations say who is responsible for a meter point: "
    "`slotkeeper registers import registrations`, then the next build."
)


def _grouped(person: Person, column: str, name: str) -> Table:
    """Give the table of totals by a column of the report, of a person's own devices."""
    where, _ = own_devices(person)
    kind: Any = "supplier" if name == "supplier" else "party"
    return Table(
        caption=f"{'Suppliers' if name == 'supplier' else 'Network parties'}, as of the report",
        source=f"(SELECT {column} AS {name}, {_COUNTED} FROM total "  # noqa: S608
        f"WHERE {column} IS NOT NULL AND {where} GROUP BY {column})",
        columns=(Column(name=name, title=name.capitalize(), kind=kind), *_NUMBERS),
        tie=name,
        sort=name,
        empty=_EMPTY,
    )


class Totals(Frozen):
    """A page of suppliers or parties."""

    sentence: str
    as_of: str | None
    table: Listing


class Period(Frozen):
    """Days, half-open; None: open."""

    what: str
    first: date
    until: date | None


class Party(Frozen):
    """What the page of a supplier or of a network party says.

    Attributes:
        party_id: Its id.
        kind: supplier or network party.
        sentence: How it stands.
        findings: Its devices by finding.
        due: Devices to act on, by when, with the path of each list.
        identities: EUI-64s, of a network party.
        periods: Of a network party: DCC User, exits.
        certificates: Of a network party.
    """

    party_id: str
    kind: str
    sentence: str
    as_of: str | None
    findings: list[Count]
    due: list[tuple[str, int, str]]
    identities: list[str]
    periods: list[Period]
    certificates: list[CertificateRow]


def suppliers(desk: Desk, ask: Ask) -> Totals:
    """List suppliers with what each has to do."""
    return _totals(desk, ask, "gas_supplier", "supplier")


def suppliers_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give all of them."""
    return _csv(desk, ask, "gas_supplier", "supplier")


def parties(desk: Desk, ask: Ask) -> Totals:
    """List network parties with their devices."""
    return _totals(desk, ask, "gas_network_party", "party")


def parties_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give all of them."""
    return _csv(desk, ask, "gas_network_party", "party")


def _totals(desk: Desk, ask: Ask, column: str, name: str) -> Totals:
    judged = desk.judged
    _, given = own_devices(ask.person)
    table = listing(
        judged or Nothing(), _grouped(ask.person, column, name), ask.query, ("true", given)
    )
    plural = "suppliers" if name == "supplier" else "network parties"
    one = "supplier" if name == "supplier" else "network party"
    return Totals(
        sentence=f"1 {one} has devices."
        if table.total == 1
        else f"{table.total} {plural} have devices.",
        as_of=judged.as_of.isoformat() if judged else None,
        table=table,
    )


def _csv(desk: Desk, ask: Ask, column: str, name: str) -> Iterator[bytes]:
    _, given = own_devices(ask.person)
    table = _grouped(ask.person, column, name)
    return csv_lines(desk.judged or Nothing(), table, ask.query, ("true", given))


def supplier(desk: Desk, ask: Ask) -> Party:
    """Show one supplier."""
    name = ask.path["supplier"]
    judged = _required(desk)
    findings = _findings(judged, ask.person, "gas_supplier", name)
    if not findings:
        raise NotThereError
    due = list(_due(judged, ask, "gas_supplier", name, f"supplier={name}"))
    first = due[0][1] if due else 0
    return Party(
        party_id=name,
        kind="supplier",
        sentence=f"{number(sum(one.devices for one in findings))} devices; {number(first)} of them "
        "wait for its 6.21.",
        as_of=judged.as_of.isoformat(),
        findings=findings,
        due=due,
        identities=[],
        periods=[],
        certificates=[],
    )


def party(desk: Desk, ask: Ask) -> Party:
    """Show one network party."""
    name = ask.path["party"]
    judged = _required(desk)
    known = judged.registers.parties.get(name)
    findings = _findings(judged, ask.person, "gas_network_party", name)
    may = ask.person.sees_all or name in ask.person.parties
    if not may or (known is None and not findings):
        raise NotThereError
    day = judged.as_of
    periods = []
    user = "not in the register"
    if known is not None:
        user = "a DCC User" if is_user(known, day) else "no DCC User"
        if open_exit(known, day):
            user += " that leaves"
        periods = [
            Period(what="DCC User", first=one.first, until=one.until) for one in known.dcc_user
        ]
        periods += [
            Period(what="Exit intended", first=one.intent_on, until=one.cancelled_on)
            for one in known.exits
        ]
    held = judged.count(
        "SELECT sum(devices) FROM total WHERE ds_party = ? OR ka_party = ?", [name, name]
    )
    due = [("Slots that hold its certificates", held, f"/devices?in_slot={name}")]
    return Party(
        party_id=name,
        kind="network party",
        sentence=f"{name} is {user}; {number(held)} slots hold its certificates.",
        as_of=day.isoformat(),
        findings=findings,
        due=due,
        identities=list(known.eui64) if known else [],
        periods=periods,
        certificates=[one for one in certificates_of(judged, ask.person) if one.party == name],
    )


def _required(desk: Desk) -> Judged:
    if desk.judged is None:
        raise NotThereError
    return desk.judged


def _findings(judged: Judged, person: Person, column: str, name: str) -> list[Count]:
    where, given = own_devices(person)
    rows = judged.rows(
        "SELECT finding, sum(devices)::BIGINT AS devices FROM total "  # noqa: S608
        f"WHERE {column} = ? AND {where} GROUP BY finding ORDER BY devices DESC, finding",
        [name, *given],
    )
    return [Count(name=row["finding"], devices=row["devices"]) for row in rows]


def _due(
    judged: Judged, ask: Ask, column: str, name: str, narrowed: str
) -> Iterator[tuple[str, int, str]]:
    """Give the lists of devices that wait for a 6.21: all, those due by Friday, those overdue."""
    where, given = own_devices(ask.person)
    today = ask.now.date()
    friday = today + timedelta(days=(4 - today.weekday()) % 7)
    base = f"/devices?{narrowed}&action_by=SUPPLIER"
    for what, condition, more, path in (
        ("Wait for its 6.21", "true", [], base),
        (
            f"Due by Friday, {friday.day} {friday:%b}",
            "due_on <= ?",
            [friday],
            f"{base}&due_by={friday}",
        ),
        ("Overdue", "late", [], f"{base}&finding=ACTION_ON_SUPPLIER"),
    ):
        count = judged.count(
            f"SELECT sum(devices) FROM due WHERE {column} = ? AND {condition} AND {where}",  # noqa: S608
            [name, *more, *given],
        )
        yield what, count, path
