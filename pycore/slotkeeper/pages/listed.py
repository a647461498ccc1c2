"""A table of all devices that a page can filter and sort while somebody waits.

A report of 25 million lines is a Parquet file sorted by device; to find fifty of them by anything
else reads whole columns of texts. Here each word is a number in alphabetical order, a device is its
place in the report, and only the rows of the page are written out.
"""

from slotkeeper.slots.tables import Tables

WORDS = (
    "finding",
    "action_by",
    "action",
    "gas_supplier",
    "gas_network_party",
    "ds_party",
    "ka_party",
    "reason",
    "expected",
    "evidence",
    "ds_key_identifier",
    "ka_key_identifier",
    "requirement",
)
"""Columns of few different texts."""

_PLAIN = ("device_id", "mprn", "due_on", "overdue_days", "slot_since")

_TYPE = """
CREATE TYPE {name}_word AS ENUM (
    SELECT word FROM (SELECT DISTINCT {name} AS word FROM device WHERE {name} IS NOT NULL
        UNION SELECT '') ORDER BY word
)
"""
"""Sorted, so that words sort as texts do; with the empty one, since there is no type of none."""

_LISTED = """
CREATE TABLE listed AS
SELECT file_row_number AS place, {columns}
FROM read_parquet('{report}', file_row_number = true)
"""

_METER_POINT = """
CREATE TABLE meter_point AS
SELECT mprn, place FROM listed WHERE mprn IS NOT NULL ORDER BY mprn
"""
"""Sorted, so that the statistics of its blocks name the one that has a meter point."""


def make_listed(made: Tables, report: str) -> None:
    """Make the table ``listed``, in the order of devices, and ``meter_point``, from ``device``.

    Args:
        made: Has the view ``device``.
        report: The path of its Parquet file, quoted for a statement.
    """
    for name in WORDS:
        made.run(_TYPE.format(name=name))
    columns = [*_PLAIN, *(f"CAST({name} AS {name}_word) AS {name}" for name in WORDS)]
    made.run(_LISTED.format(columns=", ".join(columns), report=report))
    made.run(_METER_POINT)


def is_word(name: str) -> str:
    """Give the condition that a column of ``listed`` has the text that is given in its place.

    A text that no device has fits none; compared as text, each row would have to be written out.
    """
    return f"{name} = TRY_CAST(? AS {name}_word)"
