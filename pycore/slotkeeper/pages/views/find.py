"""Finds a device, a meter point, a request, a certificate or a party, by what somebody has of it.

It is posted: a meter point's number stands in no URL, and so in no log and no history.
"""

import re
from collections.abc import Callable, Iterator

from slotkeeper._core import canonical_key
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.judged import own_devices, own_listed
from slotkeeper.pages.listing import Frozen
from slotkeeper.pages.persons import Person
from slotkeeper.pages.route import Ask

MAX_ASKED = 200
"""Characters: a RequestID has at most 68."""

MOST = 20
"""Results of a kind."""

_MPRN = re.compile(r"[0-9A-Za-z]{1,10}")
"""Text of 1 to 10 characters (DUIS 5.4); those in use are digits."""

_HEX = re.compile(r"[0-9a-fA-F]{4,64}")


class Result(Frozen):
    """Something that fits.

    Attributes:
        kind: What it is.
        name: How it is called.
        path: Its page.
        told: More about it.
    """

    kind: str
    name: str
    path: str
    told: str


class Find(Frozen):
    """What was found.

    Attributes:
        asked: Whether somebody has asked yet; what is not said again, since it may be an MPRN.
        sentence: The answer.
        results: At most 20 of a kind.
    """

    asked: bool
    sentence: str
    results: list[Result]


def find(desk: Desk, ask: Ask) -> Find:
    """Look for what was posted."""
    wanted = ask.form.get("wanted", "").strip()[:MAX_ASKED]
    if not wanted:
        return Find(
            asked=False,
            sentence="A device, a meter point (MPRN), a RequestID, a certificate's serial or key "
            "identifier, a party or a supplier.",
            results=[],
        )
    results = [one for look in _LOOKS for one in look(desk, ask.person, wanted)]
    count = "1 thing fits." if len(results) == 1 else f"{len(results)} things fit."
    return Find(
        asked=True,
        sentence=count
        if results
        else "Nothing that you may see fits. Write the whole of it: an "
        "EUI-64 with or without hyphens, a RequestID with all three parts.",
        results=results,
    )


def _device(desk: Desk, person: Person, wanted: str) -> Iterator[Result]:
    canonical = canonical_key(wanted.encode())
    if canonical is None:
        return
    device = canonical.decode()
    if is_visible(desk, person, device):
        yield Result(
            kind="device", name=device, path=f"/devices/{device}", told="Its story and its slot."
        )
        return
    if desk.judged is None:
        return
    row = desk.judged.one("SELECT gpf FROM inventory WHERE device = ?", [device])
    if row and row["gpf"] and is_visible(desk, person, row["gpf"]):
        yield Result(
            kind="device",
            name=row["gpf"],
            path=f"/devices/{row['gpf']}",
            told="The GPF that answers for this gas meter.",
        )


def _meter_point(desk: Desk, person: Person, wanted: str) -> Iterator[Result]:
    if desk.judged is None or not _MPRN.fullmatch(wanted):
        return
    where, given = own_listed(person)
    places = desk.judged.rows(
        "SELECT place FROM meter_point WHERE mprn = ? LIMIT ?", [wanted, MOST]
    )
    for place in list(places):
        row = desk.judged.one(
            f"SELECT device_id FROM listed WHERE place = ? AND {where}",  # noqa: S608
            [place["place"], *given],
        )
        if row is None:
            continue
        yield Result(
            kind="device",
            name=row["device_id"],
            path=f"/devices/{row['device_id']}",
            told="The GPF of the meter point.",
        )


def _request(desk: Desk, person: Person, wanted: str) -> Iterator[Result]:
    if wanted.count(":") != 2:  # noqa: PLR2004  # originator, device, number
        return
    row = desk.journal.one(
        "SELECT request, device FROM record WHERE request = ? COLLATE NOCASE LIMIT 1",
        (wanted.upper(),),
    )
    if row and row["device"] and is_visible(desk, person, row["device"]):
        yield Result(
            kind="request",
            name=row["request"],
            path=f"/requests/{row['request']}",
            told="Its path through the streams.",
        )


def _certificate(desk: Desk, person: Person, wanted: str) -> Iterator[Result]:
    del person  # organisation certificates are no secret
    plain = wanted.replace(":", "").replace(" ", "")
    if desk.judged is None or not _HEX.fullmatch(plain):
        return
    keys = {
        one.key_identifier
        for one in desk.judged.registers.certificates.values()
        if plain.upper().lstrip("0") == one.serial or plain.lower() == one.key_identifier
    }
    for key in sorted(keys)[:MOST]:
        yield Result(
            kind="certificate", name=key, path=f"/certificates/{key}", told="A key of the register."
        )


def _party(desk: Desk, person: Person, wanted: str) -> Iterator[Result]:
    if desk.judged is None:
        return
    name = wanted.upper()
    canonical = canonical_key(wanted.encode())
    identity = canonical.decode() if canonical else None
    for party_id, party in desk.judged.registers.parties.items():
        if (name == party_id or identity in party.eui64) and (
            person.sees_all or party_id in person.parties
        ):
            yield Result(
                kind="party", name=party_id, path=f"/parties/{party_id}", told="A network party."
            )
    where, given = own_devices(person)
    if desk.judged.one(
        f"SELECT 1 FROM total WHERE gas_supplier = ? AND {where} LIMIT 1",  # noqa: S608
        [name, *given],
    ):
        yield Result(kind="supplier", name=name, path=f"/suppliers/{name}", told="A gas supplier.")


def is_visible(desk: Desk, person: Person, device: str) -> bool:
    """Say whether a person may see a device; what nobody knows of is nobody's.

    Who sees all sees whatever a stream or a build names; others what the report gives to them.
    """
    if not person.sees_all:
        where, given = own_devices(person)
        return desk.judged is not None and bool(
            desk.judged.one(
                f"SELECT 1 FROM device WHERE device_id = ? AND {where}",  # noqa: S608
                [device, *given],
            )
        )
    # The report first: it is sorted by device, and most devices are in it.
    if desk.judged and desk.judged.one("SELECT 1 FROM device WHERE device_id = ?", [device]):
        return True
    in_streams = desk.journal.one("SELECT 1 FROM record WHERE device = ? LIMIT 1", (device,))
    return bool(
        in_streams
        or desk.journal.one("SELECT 1 FROM device WHERE device = ?", (device,))
        or (
            desk.judged
            and desk.judged.one(
                "SELECT 1 FROM inventory WHERE device = ? AND device_type = 'GPF'", [device]
            )
        )
    )


_LOOKS: tuple[Callable[[Desk, Person, str], Iterator[Result]], ...] = (
    _device,
    _meter_point,
    _request,
    _certificate,
    _party,
)
