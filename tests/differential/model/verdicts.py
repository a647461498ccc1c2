"""What a believed outcome is called, by its cells."""

from . import slots, walk
from .numbers import carried
from .reading import MODES, NETWORK_OPERATOR, Json


def by_acb(settings: Json, message: Json) -> bool:
    return bool(message["recipient"] == settings["acb"])


def role_of(settings: Json, message: Json) -> str:
    """Give the role whose slot a message with an outcome is about."""
    own = MODES.get(message["mode"], NETWORK_OPERATOR)
    return own if by_acb(settings, message) else NETWORK_OPERATOR


def verdict_of(
    settings: Json, row: Json, message: Json, slot: Json, *, issued_here: bool
) -> tuple[str, bool]:
    """Give disposition and reason, and whether the number is recorded.

    ``slot`` is the one that the message is about, as it stands once the message has told.
    """
    role = role_of(settings, message)
    cells = {cell["usage"]: cell for cell in message["cells"] if cell["role"] == role}
    if by_acb(settings, message) and message["mode"] in MODES:
        return _handover(settings, message, cells, issued_here=issued_here), False
    if message["mode"] != 3 or (message["cells"] and not cells):
        return "SEEN SLOT_CHANGED_OTHERWISE", False
    before = row["roles"][role]["recorded"]
    late = before is not None and carried(message)[role] < before
    return _handed_back(settings, message, slot, cells, late=late)


def _handed_back(
    settings: Json, message: Json, slot: Json, cells: Json, *, late: bool
) -> tuple[str, bool]:
    signing = cells.get("ds")
    if signing and signing["existing"][0] != message["recipient"]:
        return "NOT_RECORDED UNEXPECTED_PARTY", False
    replaced = {usage: cell["replacing"] for usage, cell in cells.items() if cell["replaced"]}
    if not replaced:
        return "NOT_RECORDED ALL_CELLS_FAILED", False
    acb_cells = settings["acb_cells"]
    for usage, party in replaced.items():
        if party[0] == settings["acb"] and party not in acb_cells[usage]:
            return "PARKED UNKNOWN_ACB_CERTIFICATE", False
    listed = settings["operators"]
    for party in replaced.values():
        if party[0] != settings["acb"] and listed is not None and party[0] not in listed:
            return "PARKED UNKNOWN_PARTY", False
    back = {usage for usage, party in replaced.items() if party[0] == settings["acb"]}
    if not back:
        return "SEEN GNO_REPLACED_BY_GNO", False
    if late:
        return "RECORDED LATE", True
    return f"RECORDED {_extent(settings, slot, back)}", True


def _extent(settings: Json, slot: Json, back: set[str]) -> str:
    """Tell whether a known certificate of the ACB stands in both cells now, or in which one."""
    acb = set(back)
    for usage in slots.USAGES:
        unverified = settings["signatures"] == "off"
        standing = walk.occupant(slot, usage, unverified=unverified)[0]
        if standing in settings["acb_cells"][usage] or standing == (settings["acb"], None):
            acb.add(usage)
    if len(acb) == len(slots.USAGES):
        return "ACB_IN_SLOT"
    return "PARTIAL_DS" if "ds" in acb else "PARTIAL_KA"


def _handover(settings: Json, message: Json, cells: Json, *, issued_here: bool) -> str:
    if message.get("accepted"):
        reason = "ACCEPTED_FOR_LATER" if issued_here else "UNSOLICITED"
        return f"HANDOVER_CONFIRMED {reason}"
    signing = cells.get("ds")
    if signing and signing["existing"][0] != settings["acb"]:
        return "NOT_RECORDED UNEXPECTED_PARTY"
    replaced = {usage for usage, cell in cells.items() if cell["replaced"]}
    if not replaced:
        return "HANDOVER_FAILED ALL_CELLS_FAILED"
    if not issued_here:
        return "HANDOVER_CONFIRMED UNSOLICITED"
    if len(replaced) == len(slots.USAGES):
        return "HANDOVER_CONFIRMED SLOT_CHANGED"
    return "HANDOVER_CONFIRMED " + ("PARTIAL_DS" if "ds" in replaced else "PARTIAL_KA")
