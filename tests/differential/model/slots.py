"""Who stands in a cell: computed from all that messages told, in no order of arrival.

A cell keeps links, from the certificate that was there to the one that came; one that failed names
who is there, and leads from it to itself. A slot keeps the commands that are pending.
"""

from collections import Counter
from typing import Any

from .reading import MODES, NETWORK_OPERATOR, Json

USAGES = ("ds", "ka")
PENDING = 8
Party = tuple[str, str | None]
"""EUI-64 and key identifier of a certificate; None: of a party, whatever its certificate."""


def empty_slot() -> Json:
    return {"cells": {usage: empty_cell() for usage in USAGES}, "pending": {}}


def empty_cell() -> Json:
    return {"links": {}, "overlay": {}, "conflict": False}


def is_followed(slot: Json) -> bool:
    """Tell whether anything is known of a slot's cells."""
    return any(cell["links"] or cell["overlay"] for cell in slot["cells"].values())


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
        for usage, (existing, replacing) in steps.items():
            link = {
                "existing": existing,
                "replacing": replacing,
                "time": message["time"],
                "command": acted,
                "message": note_of(message, verified=verified),
            }
            cell = slot["cells"][usage]
            kept = cell["links" if verified else "overlay"]
            if message["signed"] in {**cell["links"], **kept}:
                continue
            if not verified and cell["links"] and settings["signatures"] != "off":
                continue
            kept[message["signed"]], new = link, True
            cell["conflict"] = False
            if verified:
                cell["overlay"] = {}
    return new


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
    for cell in message["cells"]:
        if cell["role"] and cell["usage"]:
            slots[cell["role"]]["cells"][cell["usage"]]["conflict"] = True


def pending(
    slot: Json, sender: str, number: int, replacing: dict[str, Party], *, due: str = "at once"
) -> bool:
    """Keep a command that has no outcome yet; the highest numbers stay. Tell whether it does.

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
    kept[name] = {"replacing": replacing, "accepted": False}
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


def occupant(cell: Json, *, unverified: bool = False) -> tuple[Party | None, str, list[Party]]:
    """Give the occupant, the cell's state (KNOWN, DOUBTFUL, UNKNOWN) and all ends.

    ``unverified``: What nobody verified is read as well, since verification is off.
    """
    links = {**cell["links"], **(cell["overlay"] if unverified or not cell["links"] else {})}
    if not links:
        return None, "DOUBTFUL" if cell["conflict"] else "UNKNOWN", []
    steps = {(link["existing"], link["replacing"]) for link in links.values()}
    net: Counter[Party] = Counter()
    for link in links.values():
        net[link["existing"]] -= 1
        net[link["replacing"]] += 1
    ends = [party for party, times in net.items() for _ in range(times)]
    starts = sum(-times for times in net.values() if times < 0)
    if not ends and not starts:
        # Nothing but readings may name the one who is there.
        ends, starts = _only_reading(steps), 1
    if len(ends) != 1 or starts != 1 or not _hang_together(steps, ends[0]) or cell["conflict"]:
        return None, "DOUBTFUL", ends
    return ends[0], "KNOWN", ends


def _only_reading(steps: set[tuple[Party, Party]]) -> list[Party]:
    if any(existing != replacing for existing, replacing in steps):
        return []
    certain = {party for party, _ in steps if party[1] is not None}
    return sorted(certain or {party for party, _ in steps}, key=str)


def _hang_together(steps: set[tuple[Party, Party]], end: Party) -> bool:
    reached, left = {end}, set(steps)
    while near := {step for step in left if any(_meets(reached, party) for party in step)}:
        left -= near
        reached |= {party for step in near for party in step}
    return not left


def _meets(reached: set[Party], party: Party) -> bool:
    """Tell whether a party was reached; one without key identifier may be any of its EUI-64."""
    return party in reached or any(
        one[0] == party[0] and None in (one[1], party[1]) for one in reached
    )


def certain(slot: Json, settings: Json) -> Party | None:
    """Give whom a refusal may rest on: verified, and told by the message with the latest time."""
    cell = slot["cells"]["ds"]
    if settings["signatures"] == "off" and cell["overlay"]:
        return None
    standing, _, _ = occupant(cell)
    times = [link["time"] for link in cell["links"].values() if link["time"] is not None]
    latest = [
        link["replacing"]
        for link in cell["links"].values()
        if link["time"] is not None and link["time"] == max(times)
    ]
    if not cell["links"] or (times and standing not in latest):
        return None
    return standing


def refuses(slot: Json, settings: Json) -> bool:
    """Tell whether an occupant that is certain, and not the ACB, stands in the way of a 6.21."""
    standing = certain(slot, settings)
    if standing is None or not is_operator(standing, settings):
        return False
    return not _may_lead_to_the_acb(slot, standing, settings)


def _may_lead_to_the_acb(slot: Json, standing: Party, settings: Json) -> bool:
    """Tell whether commands that wait lead from an occupant to the ACB, over others too."""
    steps = [
        (name[0], one["replacing"]["ds"])
        for name, one in slot["pending"].items()
        if "ds" in one["replacing"] and not _is_over(slot, name)
    ]
    reached = {standing[0]}
    while further := {to[0] for by, to in steps if by in reached} - reached:
        reached |= further
    return settings["acb"] in reached


def _is_over(slot: Json, command: tuple[str, int, Any, str]) -> bool:
    """Tell whether the device can execute a command no more, after a later one of its party.

    A party that came twice may count from another base since; what the device holds for later it
    executes all the same.
    """
    sender, number, _, due = command
    links = list(slot["cells"]["ds"]["links"].values())
    changed = [one for one in links if one["existing"][0] != one["replacing"][0]]
    came = sum(one["replacing"][0] == sender for one in changed)
    went = sum(one["existing"][0] == sender for one in changed)
    told = [link for cell in slot["cells"].values() for link in cell["links"].values()]
    commands = [link["command"] for link in told if link["command"] is not None]
    later = any(party == sender and counter > number for party, counter in commands)
    return due == "at once" and max(came, went) <= 1 and later


def is_operator(party: Party, settings: Json) -> bool:
    """Tell whether a party is neither the ACB nor one whom no list knows."""
    if party[0] == settings["acb"]:
        return False
    listed = settings["network_operators"]
    return listed is None or party[0] in listed


def signing_key_held(slot: Json, settings: Json) -> bool:
    """Tell whether the key of the ACB certificate that certainly stands in the cell is here."""
    return certain(slot, settings) not in settings["acb_cells_without_key"]["ds"]
