"""Organisation certificates: who has which, when each expires, and which devices hold it."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from slotkeeper.looks.pages import number
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.judged import Judged, own_devices
from slotkeeper.pages.listing import PAGE, Frozen
from slotkeeper.pages.persons import Person
from slotkeeper.pages.route import Ask, NotThereError
from slotkeeper.slots.facts import NETWORK_OPERATOR
from slotkeeper.slots.registers.reading import owners_of
from slotkeeper.slots.standing import status_at

STATUS = {
    "P": "pending",
    "I": "in use",
    "N": "not in use",
    "E": "expired",
    "R": "revoked",
    None: "no status",
}
"""The Repository's codes in words."""

_QUARTER = 3
"""Months."""

_LONGEST_PARTY = 16
"""Characters of an id in the registers."""


class Row(Frozen):
    """A certificate of the register.

    Attributes:
        key: Its key identifier, which names its page.
        serial: Upper-case hexadecimal.
        party: Whose it is; None if that is nobody's in the register.
        subject: EUI-64.
        role: Two hexadecimal digits.
        usage: DS or KA.
        status: Of the report's day, in a word.
        valid_from: The first day.
        expires: The first day on which it is not valid any more; None: never.
        devices: In how many slots its key stands.
    """

    key: str
    serial: str
    party: str | None
    subject: str
    role: str
    usage: str
    status: str
    valid_from: date
    expires: date | None
    devices: int


class Month(Frozen):
    """Certificates that expire in a month."""

    month: str
    certificates: int
    devices: int


class Certificates(Frozen):
    """A page of certificates.

    Attributes:
        sentence: The answer.
        quarter_ends: The last day of the running quarter.
        calendar: Those in use, by the month in which they expire.
        rows: In the order in which they expire.
        total: How many fit.
        page: From 1.
        pages: At least 1.
        status: The filter, as it stands.
        expires_by: The same.
    """

    sentence: str
    as_of: date | None
    quarter_ends: date
    calendar: list[Month]
    rows: list[Row]
    total: int
    page: int
    pages: int
    status: str
    expires_by: date | None
    party: str


class Key(Frozen):
    """What a key's page says: its certificates, and who holds it."""

    key: str
    sentence: str
    certificates: list[Row]
    history: list[tuple[date, str]]
    devices: int


def certificates(desk: Desk, ask: Ask) -> Certificates:
    """List certificates by the day on which they expire."""
    rows = certificates_of(desk.judged, ask.person) if desk.judged else []
    today = ask.now.date()
    ends = quarter_end(today)
    status, party = ask.query.get("status", "")[:20], _party(ask.query.get("party", ""))
    expires_by = _day(ask.query.get("expires_by", ""))
    soon = [one for one in rows if _expires(one, ends) and one.status == "in use"]
    fit = [
        one
        for one in rows
        if (not status or one.status == status)
        and (not party or one.party == party)
        and (expires_by is None or _expires(one, expires_by))
    ]
    page = min(_page(ask.query.get("page", "")), max(1, -(-len(fit) // PAGE)))
    what = (
        "1 certificate in use expires"
        if len(soon) == 1
        else f"{len(soon)} certificates in use expire"
    )
    return Certificates(
        sentence=f"{what} this quarter, by {ends.day} {ends:%b %Y}.",
        as_of=desk.judged.as_of if desk.judged else None,
        quarter_ends=ends,
        calendar=_calendar(rows, today),
        rows=fit[PAGE * (page - 1) : PAGE * page],
        total=len(fit),
        page=page,
        pages=max(1, -(-len(fit) // PAGE)),
        status=status if status in STATUS.values() else "",
        expires_by=expires_by,
        party=party,
    )


def certificates_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give all of them."""
    names = list(Row.model_fields)
    yield (",".join(names) + "\n").encode()
    for one in certificates_of(desk.judged, ask.person) if desk.judged else []:
        told = one.model_dump(mode="json")
        # Hexadecimal, ids, days and numbers: nothing in them needs quotation marks.
        yield (
            ",".join("" if told[name] is None else str(told[name]) for name in names) + "\n"
        ).encode()


def key(desk: Desk, ask: Ask) -> Key:
    """Show one key."""
    judged = desk.judged
    wanted = ask.path["key"].lower()
    known = certificates_of(judged, ask.person) if judged else []
    rows = [one for one in known if one.key == wanted]
    if judged is None or not rows:
        raise NotThereError
    where, given = own_devices(ask.person)
    held = judged.count(
        "SELECT count(*) FROM device WHERE ? IN (ds_key_identifier, ka_key_identifier) "  # noqa: S608
        f"AND {where}",
        [wanted, *given],
    )
    history = [
        (status.first, STATUS[status.code])
        for one in judged.registers.certificates.values()
        if one.key_identifier == wanted
        for status in one.status
    ]
    whose = rows[-1].party or rows[-1].subject
    held_by = "1 device holds it" if held == 1 else f"{number(held)} devices hold it"
    return Key(
        key=wanted,
        sentence=f"A key of {whose}, {rows[-1].status}; {held_by}.",
        certificates=rows,
        history=sorted(history),
        devices=held,
    )


def certificates_of(judged: Judged, person: Person) -> list[Row]:
    """Give the certificates of network operators and the ACB, in the order in which they expire.

    Devices are counted as far as the person may see them.
    """
    held = {(row["key"], row["usage"]): int(row["devices"]) for row in held_by(judged, person)}
    owners = owners_of(judged.registers.parties)
    rows = [
        Row(
            key=one.key_identifier,
            serial=one.serial,
            party=one.party_id or owners.get(one.subject_eui64),
            subject=one.subject_eui64,
            role=one.role_code,
            usage=one.key_usage,
            status=STATUS[status_at(one, judged.as_of)],
            valid_from=one.valid.first,
            expires=one.valid.until,
            devices=held.get((one.key_identifier, one.key_usage), 0),
        )
        for one in judged.registers.certificates.values()
        if one.role_code in (NETWORK_OPERATOR, "04")
    ]
    return sorted(rows, key=lambda one: (one.expires or date.max, one.serial))


def held_by(judged: Judged, person: Person) -> Iterator[dict[str, Any]]:
    """Count the devices of a person by the keys that they hold."""
    if person.sees_all:
        return judged.rows("SELECT key, usage, devices FROM held")
    where, given = own_devices(person)
    of_cells = " UNION ALL ".join(
        f"SELECT {cell}_key_identifier AS key, '{cell.upper()}' AS usage FROM device WHERE {where}"  # noqa: S608
        for cell in ("ds", "ka")
    )
    return judged.rows(
        f"SELECT key, usage, count(*) AS devices FROM ({of_cells}) GROUP BY ALL",  # noqa: S608
        [*given, *given],
    )


def quarter_end(day: date) -> date:
    """Give the last day of a day's quarter."""
    month = (day.month - 1) // _QUARTER * _QUARTER + _QUARTER
    following = date(day.year + month // 12, month % 12 + 1, 1)
    return following - timedelta(days=1)


def _expires(one: Row, by: date) -> bool:
    return one.expires is not None and one.expires <= by


def _calendar(rows: list[Row], today: date) -> list[Month]:
    """Count those in use by month, for a year."""
    months = []
    first = today.replace(day=1)
    for _ in range(12):
        following = (first + timedelta(days=32)).replace(day=1)
        of_month = [
            one
            for one in rows
            if one.status == "in use" and one.expires and first <= one.expires < following
        ]
        months.append(
            Month(
                month=f"{first:%b %Y}",
                certificates=len(of_month),
                devices=sum(one.devices for one in of_month),
            )
        )
        first = following
    return months


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _party(text: str) -> str:
    """Give a party's id of a query as it is written again in its field, without what is no text."""
    return text[:_LONGEST_PARTY] if text.isprintable() else ""


def _page(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else 1  # noqa: PLR2004
