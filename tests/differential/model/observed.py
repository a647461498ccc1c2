"""What is seen to stand in a cell, by a reading, an alert or an import, and where the walk begins.

``docs/rules.md``, "Read back" and "Alerts and baselines".
"""

from . import walk
from .reading import Json
from .slots import empty_cell
from .walk import Party

DAY_S = 86_400


def base_of(
    party: Party,
    source: str,
    time: float | None,
    *,
    verified: bool = False,
    settled: int | None = None,
) -> Json:
    return {
        "party": party,
        "source": source,
        "time": time,
        "verified": verified,
        "settled": settled,
    }


def read_back(slot: Json, usage: str, settings: Json, seen: Json, *, newest: bool) -> bool:
    """Take what a device reports of a cell; tell whether that changes anything.

    ``newest``: The answer is to the newest command of its originator.
    """
    cell, unverified = slot["cells"][usage], settings["signatures"] == "off"
    if walk.has_verified(cell) and not seen["verified"] and not unverified:
        return False
    later = _is_later(cell, settings, seen["time"])
    if later is not None:
        return later and _begin(cell, settings, seen)
    standing, state, _ = walk.occupant(slot, usage, unverified=unverified)
    if state == "UNKNOWN":
        return _begin(cell, settings, seen)
    if not newest:
        return False
    if standing is not None and walk.same(standing, seen["party"]):
        names_certificate = standing[1] is None and seen["party"][1] is not None
        return names_certificate and _begin(cell, settings, seen)
    return _begin(cell, settings, seen) if standing is None else _dispute(cell)


def reported(slot: Json, usage: str, settings: Json, party: Party | None, at: float | None) -> bool:
    """Take what an alert says came into a cell; None is a certificate that nobody can name."""
    cell, unverified = slot["cells"][usage], settings["signatures"] == "off"
    standing, _, _ = walk.occupant(slot, usage, unverified=unverified)
    later = _is_later(cell, settings, at)
    if party is None:
        return later is not False and _dispute(cell)
    if standing is not None and walk.same(standing, party):
        return False
    seen = base_of(party, "alert", at)
    if later is not None:
        return later and _begin(cell, settings, seen)
    if standing is None:
        return _begin(cell, settings, seen)
    told = [
        one
        for link in walk.links_of(cell, "links", "overlay").values()
        for one in (link["existing"], link["replacing"])
    ]
    return not any(walk.same(party, one) for one in told) and _dispute(cell)


def imported(slot: Json, usage: str, settings: Json, party: Party, as_of: float) -> bool:
    """Let the walk begin with a baseline, where messages do not tell who stands there."""
    cell, unverified = slot["cells"][usage], settings["signatures"] == "off"
    standing, _, _ = walk.occupant(slot, usage, unverified=unverified)
    if standing is not None and cell["base"] is not None and cell["base"]["source"] != "import":
        return False
    before = dict(cell)
    changed = _begin(cell, settings, base_of(party, "import", as_of))
    after, _, _ = walk.occupant(slot, usage, unverified=unverified)
    if standing is not None and after != standing:
        cell.update(before)
        return False
    return changed


def _begin(cell: Json, settings: Json, seen: Json) -> bool:
    """Let the walk begin here: what was told before is forgotten, but what came after an import."""
    before = dict(cell)
    seen = {**seen, "time": _sound(settings, seen["time"])}
    cell.update(empty_cell() | {"base": seen})
    if seen["source"] == "import":
        for kept in ("links", "overlay"):
            cell[kept] = {
                name: link for name, link in before[kept].items() if not walk.is_history(cell, link)
            }
    return cell != before


def _dispute(cell: Json) -> bool:
    was, cell["conflict"] = cell["conflict"], True
    return not was


def _is_later(cell: Json, settings: Json, time: float | None) -> bool | None:
    """Tell whether a time is later than all that is known of a cell; None where times tell nothing.

    A clock that runs ahead by more than a day orders nothing.
    """
    links = walk.links_of(cell, "links", "overlay").values()
    known = [_sound(settings, link["time"]) for link in links]
    if cell["base"] is not None:
        known.append(_sound(settings, cell["base"]["time"]))
    times = [one for one in known if one is not None]
    sound = _sound(settings, time)
    if not times or sound is None:
        return None
    return sound > max(times)


def _sound(settings: Json, time: float | None) -> float | None:
    return None if time is None or time > settings["now_s"] + DAY_S else time
