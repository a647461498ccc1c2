"""Whether a device's history ends with what the changelog says of its cells."""

from collections.abc import Sequence

from slotkeeper.slots.tables import Tables

from .layout import PLACE, Kept
from .work import Bench

_CELLS = "ds_eui, ds_key, ka_eui, ka_key, ds_doubtful"

_TOUCHED = """
CREATE OR REPLACE TABLE touched AS
SELECT DISTINCT device FROM ({sources})
"""

_COMPARED = """
CREATE OR REPLACE TABLE compared AS
WITH ended AS (
    SELECT device, arg_max({{'cells': ({cells}), 'is_blank': coalesce(ds_eui, ka_eui) IS NULL
        AND NOT ds_doubtful}}, {place}) AS last
    FROM {history} {semi} WHERE at_source <> 'EXISTED' GROUP BY device
), known AS (
    SELECT device, ({cells}) AS cells, readable,
        coalesce(ds_eui, ka_eui) IS NULL AND NOT ds_doubtful AS is_blank,
        ds_source = 'PRESUMED_FACTORY' OR ka_source = 'PRESUMED_FACTORY' AS is_presumed
    FROM {changelog} {semi}
)
SELECT device, CASE
    WHEN readable = false THEN 'UNREADABLE'
    WHEN known.device IS NULL THEN 'NOT_IN_CHANGELOG'
    WHEN ended.device IS NULL THEN 'NOT_IN_HISTORY'
    ELSE 'OTHER_OCCUPANT' END AS why
FROM ended FULL JOIN known USING (device)
WHERE coalesce(readable = false, false) OR NOT (
    coalesce(is_presumed, false)
    OR coalesce(last.is_blank, true) AND coalesce(known.is_blank, true)
    OR last.cells IS NOT DISTINCT FROM known.cells
)
"""


def compare(
    bench: Bench,
    *,
    history: Sequence[Kept],
    cells: Sequence[Kept],
    new: Sequence[Kept],
    before: Sequence[Kept],
) -> int:
    """Make the table ``compared``: the devices of a partition that differ, and why.

    Args:
        bench: Where the build is worked on.
        history: All files of the partition's history.
        cells: All files of its cells.
        new: Those of both that the build before did not have.
        before: Its files of devices that differed.

    Returns:
        How many differ.
    """
    made = bench.made
    semi = ""
    if len(new) < len(history) + len(cells):
        # What neither has changed nor differed before is as it was.
        sources = " UNION ALL ".join(
            f"SELECT device FROM {bench.rows(one)}"  # noqa: S608
            for one in [*new, *before]
        )
        made.run(_TOUCHED.format(sources=sources or "SELECT NULL AS device LIMIT 0"))
        semi = "SEMI JOIN touched USING (device)"
    made.run(
        _COMPARED.format(
            cells=_CELLS,
            place=PLACE,
            history=bench.read("history", history),
            changelog=bench.read("cells", cells),
            semi=semi,
        )
    )
    return int(made.one("SELECT count(*) FROM compared"))


def compare_nothing(made: Tables) -> None:
    """Make ``compared`` of a partition whose changelog says nothing."""
    made.run("CREATE OR REPLACE TABLE compared (device VARCHAR, why VARCHAR)")


def write_compared(bench: Bench, partition: int) -> Kept:
    """Write the table ``compared``."""
    select = f"SELECT device, {partition}::INTEGER AS partition, why FROM compared ORDER BY device"  # noqa: S608
    return bench.work.write(bench.made, select, "differing", partition=partition)
