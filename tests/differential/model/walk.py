"""Who stands in a cell: computed from all that is kept of it, in no order of arrival."""

from collections import Counter
from typing import Any

from .reading import Json

Party = tuple[str, str | None]
"""EUI-64 and key identifier of a certificate; None: of a party, whatever its certificate."""
Step = tuple[Party, Party]


def same(one: Party, other: Party) -> bool:
    """Tell whether two may be one: a party without key identifier may be any of its EUI-64."""
    return one[0] == other[0] and (one[1] == other[1] or None in (one[1], other[1]))


def has_verified(cell: Json) -> bool:
    verified = cell["base"] is not None and cell["base"]["verified"]
    return bool(verified or links_of(cell, "links"))


def is_told(cell: Json) -> bool:
    """Tell whether anything at all is known of a cell."""
    return bool(cell["links"] or cell["overlay"] or cell["conflict"] or cell["base"])


def occupant(
    slot: Json, usage: str, *, unverified: bool = False
) -> tuple[Party | None, str, list[Party]]:
    """Give the occupant, the cell's state (KNOWN, DOUBTFUL, UNKNOWN) and all ends.

    ``unverified``: What nobody verified is read as well, since verification is off.
    """
    cell = slot["cells"][usage]
    everything = unverified or not has_verified(cell)
    read = ("links", "overlay") if everything else ("links",)
    links = links_of(cell, *read)
    base = base_read(cell, everything=everything)
    if not links and base is None:
        return None, "DOUBTFUL" if cell["conflict"] else "UNKNOWN", []
    steps = [(link["existing"], link["replacing"]) for link in links.values()]
    told = [link for one in read for name, link in cell[one].items() if name not in links]
    waiting = _waiting(slot, usage, everything=everything) + [_history(cell, one) for one in told]
    waiting.sort(key=lambda one: (one[0], str(one[1])), reverse=True)
    found, ends = walk(None if base is None else base["party"], steps, waiting)
    if found is None or cell["conflict"]:
        return None, "DOUBTFUL", ends
    return found, "KNOWN", ends


def base_read(cell: Json, *, everything: bool) -> Json | None:
    """Give the base, if it is read: what was imported stays beside what is verified."""
    base: Json | None = cell["base"]
    if base is None or everything or base["verified"] or base["source"] == "import":
        return base
    return None


Open = tuple[int, Step, bool, bool]
"""A change that is no link: number, step, whether it may be read as executed, whether the device
told of it."""


def _history(cell: Json, link: Json) -> Open:
    step = (link["existing"], link["replacing"])
    return number_of(link), step, order(cell["base"], link) == "contradictory", True


def _waiting(slot: Json, usage: str, *, everything: bool) -> list[Open]:
    """Give where commands lead that are pending and have no answer that is read."""
    answers: Json = {}
    for cell in slot["cells"].values():
        for one in (cell["links"], cell["overlay"] if everything else {}):
            answers = one | answers
    # Of an answer that is forgotten of the sender's own cell nothing counts.
    answered = {
        link["command"]
        for link in answers.values()
        if link["command"] is not None and link["existing"][0] == link["command"][0]
    }
    return [
        (name[1], (one["existing"][usage], one["replacing"][usage]), True, False)
        for name, one in slot["pending"].items()
        if usage in one["replacing"] and name[:2] not in answered
    ]


def walk(
    base: Party | None, steps: list[Step], waiting: list[Open]
) -> tuple[Party | None, list[Party]]:
    """Give the occupant, and where the walk may have ended."""
    net: Counter[Party] = Counter()
    for existing, replacing in steps:
        net[existing] -= 1
        net[replacing] += 1
    if base is not None:
        base = _begin(net, base)
        steps, waiting = _executed(net, steps, waiting)
    ends = [party for party, times in net.items() for _ in range(times)]
    starts = sum(-times for times in net.values() if times < 0)
    if not ends and not starts and base is None:
        # Nothing but readings may name the one who is there.
        ends, starts = _only_reading(set(steps)), 1
    if len(ends) != 1 or starts != (1 if base is None else 0):
        return None, ends
    # What happened before the reading, by clocks that may be wrong, took the cell from this one.
    left = any(told and same(step[0], ends[0]) for _, step, _, told in waiting)
    return (ends[0] if _hang_together(set(steps), ends[0], base) and not left else None), ends


def _begin(net: Counter[Party], base: Party) -> Party:
    """Let the base come in; a party's certificate that is not known is the one start of it."""
    starts = [one for one, times in net.items() if times < 0 and one[0] == base[0]]
    if base[1] is None and len(starts) == 1:
        base = starts[0]
    net[base] += 1
    return base


def _executed(
    net: Counter[Party], steps: list[Step], waiting: list[Open]
) -> tuple[list[Step], list[Open]]:
    """Read as executed what leads from an end to a start; give all steps, and what is left."""
    steps, left = list(steps), list(waiting)
    while True:
        fitting = [(one, step) for one in left if one[2] and (step := _fits(net, one[1]))]
        if not fitting:
            return steps, left
        one, (existing, replacing) = fitting[0]
        left.remove(one)
        net[existing] -= 1
        net[replacing] += 1
        steps.append((existing, replacing))


def _fits(net: Counter[Party], step: Step) -> Step | None:
    ends = [one for one, times in net.items() if times > 0 and same(one, step[0])]
    starts = [one for one, times in net.items() if times < 0 and same(one, step[1])]
    return (ends[0], starts[0]) if ends and starts else None


def _only_reading(steps: set[Step]) -> list[Party]:
    if any(existing != replacing for existing, replacing in steps):
        return []
    certain = {party for party, _ in steps if party[1] is not None}
    return sorted(certain or {party for party, _ in steps}, key=str)


def _hang_together(steps: set[Step], end: Party, base: Party | None) -> bool:
    reached, left = {end}, set(steps)
    while near := {step for step in left if any(_meets(reached, party) for party in step)}:
        left -= near
        reached |= {party for step in near for party in step}
    return not left and (base is None or _meets(reached, base))


def _meets(reached: set[Party], party: Party) -> bool:
    return any(same(one, party) for one in reached)


def certain(slot: Json, settings: Json) -> Party | None:
    """Give whom a refusal may rest on.

    All that is read is verified; the message with the latest time, if any has one, tells of this
    occupant; nothing is unordered beside a reading; and it does not rest on what was imported.
    """
    cell = slot["cells"]["ds"]
    standing, _, _ = occupant(slot, "ds", unverified=settings["signatures"] == "off")
    if settings["signatures"] == "off" and links_of(cell, "overlay"):
        return None
    links, base = list(links_of(cell, "links").values()), cell["base"]
    if not has_verified(cell) or standing is None:
        return None
    times = [link["time"] for link in links if link["time"] is not None]
    latest = [
        link["replacing"]
        for link in links
        if link["time"] is not None and link["time"] == max(times)
    ]
    if times and standing not in latest:
        return None
    every = cell["links"].values()
    if base is not None and any(order(base, one) in ("contradictory", "unknown") for one in every):
        return None
    if base is not None and base["source"] == "import":
        steps = [(link["existing"], link["replacing"]) for link in links]
        if walk(None, steps, [])[0] != standing:
            return None
    return standing


def is_older(base: Json, link: Json) -> tuple[bool | None, bool | None]:
    """Tell whether what a message says is older than a base, by its time and by its number.

    No device takes a command with the number 0, so that it counts as none.
    """
    time, number = link["time"], (link["command"] or (None, None))[1]
    by_time = None if None in (time, base["time"]) else time <= base["time"]
    by_number = number <= base["settled"] if number and base["settled"] is not None else None
    return by_time, by_number


def is_history(cell: Json, link: Json) -> bool:
    """Tell whether a message is older than what the walk of its cell begins with."""
    base = cell["base"]
    if base is None:
        return False
    # The device itself tells of the change that an alert was about, whatever its time.
    if not base["verified"] and same(base["party"], link["replacing"]):
        return False
    return order(base, link) in ("earlier", "contradictory")


def order(base: Json, link: Json) -> str:
    """Tell where a message stands to a base: its time decides, and without one its number.

    No device takes a command with the number 0, so that it counts as none.
    """
    number, settled = number_of(link), base["settled"]
    later = None if None in (link["time"], base["time"]) else link["time"] > base["time"]
    above = number > settled if number and settled is not None else None
    if later is False:
        return "contradictory" if above else "earlier"
    if later is None and above is None and settled is not None:
        return "unknown"
    return "earlier" if later is None and above is False else "later"


def number_of(link: Json) -> int:
    return 0 if link["command"] is None else int(link["command"][1])


def links_of(cell: Json, *kept: str) -> dict[str, Json]:
    """Give the links of a cell without history, by what was signed."""
    every = {name: link for one in kept for name, link in cell[one].items()}
    return {name: link for name, link in every.items() if not is_history(cell, link)}


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
    cell = slot["cells"]["ds"]
    changed = [one for one in cell["links"].values() if one["existing"][0] != one["replacing"][0]]
    came = sum(one["replacing"][0] == sender for one in changed)
    came += cell["base"] is not None and cell["base"]["party"][0] == sender
    went = sum(one["existing"][0] == sender for one in changed)
    told = [link for one in slot["cells"].values() for link in one["links"].values()]
    # Of an answer that is forgotten of the sender's own cell nothing counts.
    commands = [
        link["command"]
        for link in told
        if link["command"] is not None and link["existing"][0] == link["command"][0]
    ]
    later = any(party == sender and counter > number for party, counter in commands)
    return due == "at once" and max(came, went) <= 1 and later


def is_operator(party: Party, settings: Json) -> bool:
    """Tell whether a party is neither the ACB nor one whom no list knows."""
    if party[0] == settings["acb"]:
        return False
    listed = settings["operators"]
    return listed is None or party[0] in listed


def signing_key_held(slot: Json, settings: Json) -> bool:
    """Tell whether the key of the ACB certificate that certainly stands in the cell is here."""
    return certain(slot, settings) not in settings["acb_cells_without_key"]["ds"]
