"""The truth table for people and for programs; ``docs/slot-rule.md`` holds what is printed here."""

from itertools import product
from typing import TypedDict

from .table import TABLE, CellClass, Expected, SlotClass, slot_class


class JsonRow(TypedDict):
    """One of the 648 combinations of cells, party and expectation, with its answer."""

    digital_signature: str
    key_agreement: str
    same_party: bool
    slot: str
    expected: str
    finding: str
    action_by: str
    action: str
    requirement: str


def as_json_rows() -> list[JsonRow]:
    """Give every combination: a program needs no precedence to look one up."""
    rows: list[JsonRow] = []
    for ds, ka, same, expected in product(CellClass, CellClass, (True, False), Expected):
        found = slot_class(ds, ka, same_party=same)
        row = TABLE[found, expected]
        rows.append(
            JsonRow(
                digital_signature=ds,
                key_agreement=ka,
                same_party=same,
                slot=found,
                expected=expected,
                finding=row.finding,
                action_by=row.action_by,
                action=row.action,
                requirement=row.requirement,
            )
        )
    return rows


def as_markdown() -> str:
    """Give both tables: cells to a slot, then slot and expectation to a finding."""
    lines = [
        "| digital signature | key agreement, same party | key agreement, another party |",
        "|---|---|---|",
    ]
    lines += [
        f"| {ds} | {_of(ds, same_party=True)} | {_of(ds, same_party=False)} |" for ds in CellClass
    ]
    lines += [
        "",
        "| slot | expected | finding | who | what | requirement |",
        "|---|---|---|---|---|---|",
    ]
    for found, expected in product(SlotClass, Expected):
        row = TABLE[found, expected]
        lines.append(
            f"| {found} | {expected} | {row.finding} | {row.action_by} | {row.action} "
            f"| {row.requirement} |"
        )
    return "\n".join(lines) + "\n"


def _of(ds: CellClass, *, same_party: bool) -> str:
    """List the slot classes of one digital signature cell with the key agreement cells of each."""
    cells: dict[SlotClass, list[str]] = {}
    for ka in CellClass:
        cells.setdefault(slot_class(ds, ka, same_party=same_party), []).append(ka)
    if len(cells) == 1:
        return f"{next(iter(cells))}: any"
    return "; ".join(f"{found}: {', '.join(kinds)}" for found, kinds in cells.items())
