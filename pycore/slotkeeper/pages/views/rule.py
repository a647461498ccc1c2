"""The rule for a Network Operator slot: the truth table, out of the code that judges."""

from slotkeeper.pages.desk import Desk
from slotkeeper.pages.listing import Frozen
from slotkeeper.pages.route import Ask
from slotkeeper.slots import rule as judging
from slotkeeper.slots.table import TABLE, CellClass, Expected, SlotClass, slot_class


class RuleRow(Frozen):
    """A class of slots under an expectation."""

    slot: str
    expected: str
    finding: str
    action_by: str
    action: str
    requirement: str
    holds: bool


class SlotRow(Frozen):
    """What a cell of signatures becomes with the cells of agreement."""

    digital_signature: str
    same_party: list[tuple[str, str]]
    another_party: list[tuple[str, str]]


class Rule(Frozen):
    """The page of the rule.

    Attributes:
        version: Of the rule, as manifests name it.
        policy: The settings by which the newest report was judged.
        slots: Cells to a slot.
        rows: Slot and expectation to a finding; the row that was asked for holds.
    """

    sentence: str
    version: str
    policy: list[tuple[str, str]]
    slots: list[SlotRow]
    rows: list[RuleRow]


def rule(desk: Desk, ask: Ask) -> Rule:
    """Show the truth table."""
    slot, expected = ask.query.get("slot", ""), ask.query.get("expected", "")
    policy = desk.judged.build.manifest["policy"] if desk.judged else {}
    return Rule(
        sentence="What belongs in the Network Operator slot of a GPF, what is there, and so who "
        "acts: every combination has one row.",
        version=str(judging.VERSION),
        policy=[(name, _told(value)) for name, value in policy.items()],
        slots=[
            SlotRow(
                digital_signature=ds,
                same_party=_of(ds, same_party=True),
                another_party=_of(ds, same_party=False),
            )
            for ds in CellClass
        ],
        rows=[
            RuleRow(
                slot=kind,
                expected=belongs,
                finding=TABLE[kind, belongs].finding,
                action_by=TABLE[kind, belongs].action_by,
                action=TABLE[kind, belongs].action,
                requirement=TABLE[kind, belongs].requirement,
                holds=kind == slot and belongs == expected,
            )
            for kind in SlotClass
            for belongs in Expected
        ],
    )


def _of(ds: CellClass, *, same_party: bool) -> list[tuple[str, str]]:
    cells: dict[str, list[str]] = {}
    for ka in CellClass:
        cells.setdefault(slot_class(ds, ka, same_party=same_party), []).append(ka)
    if len(cells) == 1:
        return [(next(iter(cells)), "any")]
    return [(found, ", ".join(kinds)) for found, kinds in cells.items()]


def _told(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {', '.join(keys)}" for name, keys in value.items())
    return (
        {True: "yes", False: "no", None: "not set"}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )
