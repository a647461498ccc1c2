"""What is kept of cells, and what messages add to it.

A cell keeps where the walk begins, its base, and links, from the certificate that was there to the
one that came; one that failed names who is there, and leads from it to itself. A slot keeps the
commands that are pending.
"""

from typing import Any

from . import walk
from .reading import MODES, NETWORK_OPERATOR, Json
from .walk import Party

USAGES = ("ds", "ka")
PENDING = 8


def empty_slot() -> Json:
    return {"cells": {usage: empty_cell() for usage in USAGES}, "pending": {}}


def empty_cell() -> Json:
    return {"base": None, "links": {}, "overlay": {}, "conflict": False}


def is_followed(slot: Json) -> bool:
    """Tell whether anything is known of a slot's cells."""
    return any(walk.is_told(cell) for cell in slot["cells"].values())


def told(
    slots: Json, settings: Json, message: Json, *, verified: bool, roles: set[str] | None = None
) -> bool:
    """Take what a message tells of its cells; give whether any of it is new.

    A command that it answers waits no more: anybody may have written what is not verified.
    """
    new, command = False, (message["recipient"], message["number"])
    for role, steps in steps_of(message, settings).items():
        if roles is not None and role not in roles:
            continue
        slot = slots[role]
        own = MODES.get(message["mode"]) == role
        if verified and own:
            for one in [one for one in slot["pending"] if one[:2] == command]:
                del slot["pending"][one]
                new = True
        # Who acted without holding the cell says nothing of the holder's numbers.
        holder = next((steps[usage][0] for usage in USAGES if usage in steps), ("", None))
        acted = command if own and holder[0] == command[0] else None
        if _is_told_of(slot, message["signed"], verified=verified):
            continue
        for usage, (existing, replacing) in steps.items():
            link = {
                "existing": existing,
                "replacing": replacing,
                "time": message["time"],
                "command": acted,
                "message": note_of(message, verified=verified),
            }
            new |= _tell(slot, usage, message["signed"], link, settings)
    return new


def _is_told_of(slot: Json, signed: str, *, verified: bool) -> bool:
    """Tell whether a message is a link already; a verified one takes an unverified one's place."""
    kept = ("links",) if verified else ("links", "overlay")
    return any(signed in cell[one] for cell in slot["cells"].values() for one in kept)


def _tell(slot: Json, usage: str, signed: str, link: Json, settings: Json) -> bool:
    cell, verified = slot["cells"][usage], link["message"]["verified"]
    if not verified and walk.has_verified(cell) and settings["signatures"] != "off":
        return False
    history = walk.is_history(cell, link)
    if history and link["existing"] == link["replacing"]:
        return False
    cell["links" if verified else "overlay"][signed] = link
    if verified:
        cell["overlay"].pop(signed, None)
    if history:
        return True
    cell["conflict"] = False
    if verified:
        cell["overlay"] = {}
        base = cell["base"]
        if base is not None and not base["verified"] and base["source"] != "import":
            # What was history to an alert is none to the messages that take its place.
            cell["links"] = walk.links_of(cell, "links")
            cell["base"] = None
    return True


def note_of(message: Json, *, verified: bool) -> Json:
    """Give what is remembered of a message, so that its repeat is known."""
    return {
        **{name: message[name] for name in ("whole", "signed", "identity")},
        "verified": verified,
    }


def linked(slots: Json) -> list[Json]:
    """Give the messages that told of cells; they are remembered for as long as their links."""
    return [
        link["message"]
        for slot in slots.values()
        for cell in slot["cells"].values()
        for link in (*cell["links"].values(), *cell["overlay"].values())
    ]


Steps = dict[str, dict[str, tuple[Party, Party]]]
"""From whom to whom each cell went, by role and usage."""


def steps_of(message: Json, settings: Json) -> Steps:
    """Give what a message tells of cells that are followed."""
    found: Steps = {}
    by_acb = message["recipient"] == settings["acb"]
    for cell in message["cells"]:
        if cell["role"] and cell["usage"]:
            after = cell["replacing" if cell["replaced"] else "existing"]
            found.setdefault(cell["role"], {})[cell["usage"]] = (cell["existing"], after)
    own = MODES.get(message["mode"])
    if own in found:
        # Who commands its own slot changes no other.
        found = {own: found[own]}
    if own == NETWORK_OPERATOR and own in found and not by_acb:
        # An operator that commands its slot holds the digital-signature cell.
        sender = (message["recipient"], None)
        found = {own: {"ds": (sender, sender), **found[own]}}
    return found


def disputed(slots: Json, message: Json) -> None:
    """Leave the cells that a conflicting message names in doubt, until the next link."""
    named = [(cell["role"], cell["usage"]) for cell in message["cells"]]
    named += [(role, usage) for role, usage, _ in message.get("held", ())]
    for role, usage in named:
        if role and usage:
            slots[role]["cells"][usage]["conflict"] = True


def pending(
    slot: Json,
    sender: str,
    number: int,
    replacing: dict[str, Party],
    *,
    due: str = "at once",
    signed_with: Party | None = None,
) -> bool:
    """Keep a command that has no outcome yet; the highest numbers stay. Tell whether it does.

    ``signed_with``: The certificate that its sender has in the digital-signature cell, if known.
    ``due``: ``"later"`` where the device holds it until then; ``"never"`` where it takes back what
    its party had the device hold.
    """
    if due == "never":
        replacing = {}
    kept, name = slot["pending"], (sender, number, tuple(sorted(replacing.items())), due)
    answered = {
        link["command"] for cell in slot["cells"].values() for link in cell["links"].values()
    }
    if name in kept or (sender, number) in answered or _is_taken_back(slot, name):
        return False
    party = (sender, None)
    existing = {"ds": signed_with or party, "ka": party}
    kept[name] = {"existing": existing, "replacing": replacing, "accepted": False}
    while len(kept) > PENDING:
        del kept[min(kept, key=lambda one: one[1])]
    return name in kept


def awaits_acceptance(slot: Json, sender: str, number: int) -> bool:
    """Tell whether a command that takes others back waits for its acceptance."""
    return any(
        name[:2] == (sender, number) and name[3] == "never" and not one["accepted"]
        for name, one in slot["pending"].items()
    )


def accepted(slot: Json, sender: str, number: int) -> None:
    """End what a command takes back that the device has accepted."""
    if not awaits_acceptance(slot, sender, number):
        return
    for name, one in slot["pending"].items():
        one["accepted"] |= name[:2] == (sender, number) and name[3] == "never"
    for name in [name for name in slot["pending"] if _is_taken_back(slot, name)]:
        del slot["pending"][name]


def _is_taken_back(slot: Json, command: tuple[str, int, Any, str]) -> bool:
    sender, number, _, due = command
    return due == "later" and any(
        one["accepted"] and by[0] == sender and by[1] > number
        for by, one in slot["pending"].items()
    )
