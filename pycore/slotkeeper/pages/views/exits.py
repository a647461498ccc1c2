"""Exits of network parties: how far each is, and what is missing."""

from slotkeeper.pages.desk import Desk
from slotkeeper.pages.listing import Frozen
from slotkeeper.pages.route import Ask
from slotkeeper.slots.standing import open_exit


class Leaving(Frozen):
    """A party that leaves."""

    party_id: str
    intent_on: str
    held: int


class Exits(Frozen):
    """The page of exits."""

    sentence: str
    exits: list[Leaving]


def exits(desk: Desk, ask: Ask) -> Exits:
    """List the parties that the register says are leaving."""
    judged = desk.judged
    found = []
    for name, party in sorted(judged.registers.parties.items()) if judged else []:
        leaves = open_exit(party, judged.as_of) if judged else None
        if leaves is None or not (ask.person.sees_all or name in ask.person.parties):
            continue
        held = (
            judged.count(
                "SELECT sum(devices) FROM total WHERE ds_party = ? OR ka_party = ?", [name, name]
            )
            if judged
            else 0
        )
        found.append(Leaving(party_id=name, intent_on=str(leaves.intent_on), held=held))
    what = "1 network party leaves." if len(found) == 1 else f"{len(found)} network parties leave."
    return Exits(sentence=what, exits=found)
