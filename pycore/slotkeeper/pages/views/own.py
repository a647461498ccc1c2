"""Which devices of the journal's rows a person may see: the report says whose each is."""

from collections.abc import Sequence

import orjson

from slotkeeper.pages.desk import Desk
from slotkeeper.pages.judged import own_listed
from slotkeeper.pages.listing import Values
from slotkeeper.pages.persons import Person

MOST = 100_000
"""Devices that are compared; with more, those beyond are not shown to who does not see all."""


def own_of(
    desk: Desk, person: Person, devices: str, given: Sequence[object] = ()
) -> tuple[str, Values]:
    """Give the condition on ``device`` that a row of the journal may be seen, and its values.

    Args:
        desk: With journal and report.
        person: Who asks.
        devices: Asks the journal for the devices that rows are about.
        given: The values of that question.
    """
    if person.sees_all:
        return "true", []
    if desk.judged is None:
        return "false", []
    named = [
        row["device"]
        for row in desk.journal.rows(f"{devices} LIMIT {MOST}", given)
        if row["device"] is not None
    ]
    where, values = own_listed(person)
    own = [
        row["device_id"]
        for row in desk.judged.rows(
            "SELECT device_id FROM listed SEMI JOIN (SELECT unnest(?) AS named) "  # noqa: S608
            f"ON device_id = named WHERE {where}",
            [named, *values],
        )
    ]
    return "device IN (SELECT value FROM json_each(?))", [orjson.dumps(own).decode()]
