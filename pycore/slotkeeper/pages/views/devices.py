"""Devices as a table, and where somebody must act."""

from collections.abc import Iterator

from slotkeeper.looks.pages import number
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.judged import own_listed
from slotkeeper.pages.listed import is_word
from slotkeeper.pages.listing import (
    Column,
    Filter,
    Frozen,
    Listing,
    Rows,
    Table,
    csv_lines,
    listing,
)
from slotkeeper.pages.route import Ask
from slotkeeper.slots.table import Finding

ACTORS = (
    "SUPPLIER",
    "GNO_IN_SLOT",
    "SUPPLIER_OR_GNO",
    "DCC",
    "DCC_SECURITY",
    "NOBODY_REMOTELY",
    "NOBODY",
)
"""Words of ``action_by`` in a report."""

DEVICES = Table(
    caption="Devices",
    source="listed",
    stands_by="place",
    columns=(
        Column(name="device_id", title="Device", kind="device"),
        Column(name="finding", title="Finding", kind="tag"),
        Column(name="action_by", title="Who acts", kind="reason"),
        Column(name="action", title="How", kind="reason"),
        Column(name="due_on", title="Due", kind="day"),
        Column(name="overdue_days", title="Days overdue", kind="number"),
        Column(name="gas_supplier", title="Supplier", kind="supplier"),
        Column(name="gas_network_party", title="Network party", kind="party"),
        Column(name="ds_party", title="In the slot", kind="party"),
        Column(name="slot_since", title="Since", kind="day"),
        Column(name="reason", title="Reason", kind="reason"),
        Column(name="mprn", title="MPRN", hidden=True),
        Column(name="expected", title="Expected", hidden=True),
        Column(name="evidence", title="Evidence", hidden=True),
        Column(name="ds_key_identifier", title="Key of signatures", hidden=True),
        Column(name="ka_key_identifier", title="Key of agreement", hidden=True),
        Column(name="requirement", title="Requirement", hidden=True),
    ),
    tie="place",
    sort="device_id",
    filters=(
        Filter(
            name="finding",
            title="Finding",
            sql=is_word("finding"),
            choices=tuple(one for one in Finding if one != "NOT_APPLICABLE"),
        ),
        Filter(name="action_by", title="Who acts", sql=is_word("action_by"), choices=ACTORS),
        Filter(name="supplier", title="Supplier", sql=is_word("gas_supplier"), hint="Its id"),
        Filter(
            name="party", title="Network party", sql=is_word("gas_network_party"), hint="Its id"
        ),
        Filter(name="in_slot", title="In the slot", sql=is_word("ds_party"), hint="A party's id"),
        Filter(
            name="key",
            title="Key in a cell",
            sql=f"({is_word('ds_key_identifier')} OR {is_word('ka_key_identifier')})",
            hint="A key identifier",
        ),
        Filter(name="due_by", title="Due by", sql="due_on <= ?::DATE", kind="day", hint="A day"),
    ),
    empty="No device fits. Take a filter away, or look whether a build has been made since the "
    "device was commissioned.",
)


class Devices(Frozen):
    """A page of devices.

    Attributes:
        sentence: The answer.
        as_of: The day at whose end they are judged.
        table: The rows.
    """

    sentence: str
    as_of: str | None
    table: Listing


def devices(desk: Desk, ask: Ask) -> Devices:
    """List devices."""
    judged = desk.judged
    table = listing(judged or Nothing(), DEVICES, ask.query, own_listed(ask.person))
    what = "1 device" if table.total == 1 else f"{number(table.total)} devices"
    fit = "fits" if table.total == 1 else "fit"
    return Devices(
        sentence=f"{what} {fit} what you asked for."
        if table.query
        else f"{what}, as a report judges them.",
        as_of=judged.as_of.isoformat() if judged else None,
        table=table,
    )


def devices_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give all of them that fit."""
    return csv_lines(desk.judged or Nothing(), DEVICES, ask.query, own_listed(ask.person))


class Nothing(Rows):
    """Stands for the tables of devices until there is a report."""

    def rows(self, query: str, given: object = ()) -> Iterator[dict[str, object]]:
        """Give none."""
        del query, given
        return iter(())

    def count(self, query: str, given: object = ()) -> int:
        """Count none."""
        del query, given
        return 0
