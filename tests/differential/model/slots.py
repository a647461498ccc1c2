"""Who stands in a cell: a walk over what verified messages told, in no order of arrival.

A cell keeps links (a certificate went out, another came in), commands that are pending, and a base
where the walk begins. The occupant is computed from these alone.
"""

from collections import Counter
from typing import Any

from .reading import Json

USAGES = ("ds", "ka")
LINKS = 64
PENDING = 8
Party = tuple[str, str]
"""EUI-64 and key identifier of a certificate."""


def empty_slot() -> Json:
    return {usage: empty_cell() for usage in USAGES}


def empty_cell() -> Json:
    return {"base": None, "links": {}, "overlay": {}, "pending": {}, "conflict": False}


def told(cell: Json, message: Json, outcome: Json, *, verified: bool) -> bool:
    """Take a replacement that a message tells; give whether anything is new."""
    link = {
        "existing": outcome["existing"],
        "replacing": outcome["replacing"],
        "time": message["time"],
    }
    settled = cell["pending"].pop(pending_key(message), None) is not None
    kept = cell["links" if verified else "overlay"]
    if message["signed"] in kept:
        return settled
    kept[message["signed"]] = link
    if verified:
        cell["overlay"], cell["conflict"] = {}, False
    return True


def pending_key(message: Json) -> tuple[str, int]:
    """Name the command that a message is, or answers: who sent it, and its number."""
    sender = message["originator"] if message["kind"] == "COMMAND" else message["recipient"]
    return (sender, message["number"])


def command_pending(slot: Json, asked: Json, number: int) -> None:
    """Keep a command of our own: from an ACB certificate to the new party's."""
    for usage in USAGES:
        replacing = asked["holder"].get(usage)
        existing = occupant(slot[usage])[0]
        if replacing is None or existing is None:
            continue
        _keep_pending(slot[usage], asked["acb"], number, existing, replacing)


def tapped(slot: Json, message: Json, replacing: dict[str, Party]) -> None:
    """Keep a pre-command that goes to a slot: its sender's certificate goes out."""
    for usage, party in replacing.items():
        existing = occupant(slot[usage])[0]
        if existing is not None and existing[0] == message["originator"]:
            _keep_pending(slot[usage], message["originator"], message["number"], existing, party)


def _keep_pending(cell: Json, sender: str, number: int, existing: Party, replacing: Party) -> None:
    cell["pending"][sender, number] = {"existing": existing, "replacing": replacing}
    while len(cell["pending"]) > PENDING:
        del cell["pending"][min(cell["pending"], key=lambda one: one[1])]


def occupant(cell: Json) -> tuple[Party | None, str, list[Party]]:
    """Give the occupant, the cell's state (KNOWN, DOUBTFUL, UNKNOWN) and all ends."""
    links = cell["links"] or cell["overlay"]
    base = cell["base"]
    if not links and base is None:
        return None, "DOUBTFUL" if cell["conflict"] else "UNKNOWN", []
    net: Counter[Party] = Counter([base["occupant"]] if base else [])
    steps = {(link["existing"], link["replacing"]) for link in links.values()}
    for link in links.values():
        net[link["existing"]] -= 1
        net[link["replacing"]] += 1
    while base and (read := _executed(cell, net)):
        net[read[0]] -= 1
        net[read[1]] += 1
        steps.add(read)
    ends = [party for party, times in net.items() for _ in range(times)]
    starts = sum(-times for times in net.values() if times < 0)
    certain = len(ends) == 1 and starts == (0 if base else 1) and _hang_together(steps, ends, base)
    if not certain or cell["conflict"]:
        return None, "DOUBTFUL", ends
    return ends[0], "KNOWN", ends


def _executed(cell: Json, net: Counter[Party]) -> tuple[Party, Party] | None:
    for _, command in sorted(cell["pending"].items(), key=lambda one: -one[0][1]):
        if net[command["existing"]] > 0 and net[command["replacing"]] < 0:
            return command["existing"], command["replacing"]
    return None


def _hang_together(steps: Any, ends: list[Party], base: Json | None) -> bool:  # noqa: ANN401
    reached, left = {ends[0]}, set(steps)
    while near := {step for step in left if reached & set(step)}:
        left -= near
        reached |= {party for step in near for party in step}
    return not left and (base is None or base["occupant"] in reached)


def refuses(slot: Json, settings: Json) -> bool:
    """Tell whether an occupant that is certain, and not the ACB, stands in the way of a 6.21."""
    cell = slot["ds"]
    standing, _, _ = occupant(cell)
    if standing is None or not cell["links"] or not is_operator(standing, settings):
        return False
    times = [link["time"] for link in cell["links"].values() if link["time"] is not None]
    if times:
        latest = max(times)
        if not any(
            link["replacing"] == standing and link["time"] == latest
            for link in cell["links"].values()
        ):
            return False
    return not any(
        one["existing"] == standing and one["replacing"] in settings["acb_cells"]["ds"]
        for one in cell["pending"].values()
    )


def is_operator(party: Party, settings: Json) -> bool:
    """Tell whether a party is neither the ACB nor one whom no list knows."""
    if party[0] == settings["acb"]:
        return False
    listed = settings["network_operators"]
    return listed is None or party[0] in listed


def signing_key_held(slot: Json, settings: Json) -> bool:
    """Tell whether the key of the ACB certificate in the cell is here; the newest is."""
    standing, _, ends = occupant(slot["ds"])
    for party in [standing] if standing else ends:
        if party in settings["acb_cells"]["ds"]:
            return party not in settings["acb_cells_without_key"]["ds"]
    return True
