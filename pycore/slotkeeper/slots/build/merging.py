"""Merges what many builds have added to a growing table, so that readers open few files.

Files of earlier builds stay where they are: those builds name them, until they are pruned.
"""

from collections.abc import Sequence

from .layout import LATER, Kept
from .trail import STRETCH
from .work import Bench

SMALL = 16
"""Files of a partition that are left alone, and by its number up to twice as many: one build in 16 to
31 writes again what a partition has of a stretch that is not full."""

_ORDERS = {
    "history": 'device, audit_offset, "at"',
    "attempts": "device, audit_offset",
    "decisions": "device, audit_offset",
}


def merge(bench: Bench, files: Sequence[Kept], partition: int) -> list[Kept]:
    """Give a table's files of a partition, the newest of them as one where they are many.

    Partitions have their turns on different days. A stretch that is full is not written again.

    Args:
        bench: Where the build is worked on.
        files: In the order of their stretches, one table's.
        partition: Whose they are.
    """
    begin, offsets = len(files), 0
    while begin and offsets + _offsets(files[begin - 1]) <= STRETCH:
        begin -= 1
        offsets += _offsets(files[begin])
    if len(files) - begin <= SMALL + partition % SMALL:
        return list(files)
    return [*files[:begin], _united(bench, files[begin:], partition)]


def _united(bench: Bench, files: Sequence[Kept], partition: int) -> Kept:
    table = files[0].table
    cuts = [one.about["cut"] for one in files if one.about["cut"] is not None]
    about = {
        "first": files[0].about["first"],
        "records": sum(one.about["records"] for one in files),
        "cut": cuts[-1] if cuts else None,
    }
    if table in LATER:
        about["has"] = LATER[table][0]
    select = f"FROM {bench.read(table, files)} ORDER BY {_ORDERS[table]}"
    return bench.work.write(bench.made, select, table, partition=partition, about=about)


def _offsets(one: Kept) -> int:
    cut = one.about["cut"]
    return 0 if cut is None else int(cut["offset"]) + 1 - int(one.about["first"])
