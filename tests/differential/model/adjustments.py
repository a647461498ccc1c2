"""Raises by hand and imports."""

from .numbers import REMEMBERED_IMPORTED, is_remembered, is_used, raise_to, remember, settle, used
from .reading import NETWORK_OPERATOR, SUPPLIER, Json
from .table import device_row, known_as


def judge(table: Json, settings: Json, device: str, entry: Json) -> Json:
    """Decide an adjustment whose members are well formed, numbers as integers."""
    role, by = entry["remote_party_role"], {one.strip().lower() for one in entry["by"]}
    role = role if role in (NETWORK_OPERATOR, SUPPLIER) else None
    if entry["device_id"] != device:
        return {"verdict": "REJECTED WRONG_DEVICE", "role": None}
    if role is None:
        return {"verdict": "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE", "role": role}
    known = known_as(table, device)
    if known is not None and known["type"] != "GPF":
        return {"verdict": "NOT_RECORDED NOT_GPF", "role": role}
    numbers = [
        *entry["issued_numbers"],
        *entry["request_ids"].values(),
        *(number for block in entry["issued_blocks"] for number in block),
        *(n for n in (entry["at_least"], entry["issued_floor"]) if n is not None),
    ]
    above = max(numbers) > settings["ceiling"]
    signed, claimed = entry.get("signed"), len({one for one in by if one})
    if settings["signers"]:
        needed = 2 if above or settings["dual_control"] else 1
        taken = signed is not None and len(signed) >= needed
        two = sum((signed or {}).values()) >= 2
    else:
        # Names are claims: of nobody who did not sign is a number above the ceiling taken.
        two = claimed >= 2
        taken = signed is None and not above and (two or not settings["dual_control"])
    if not taken:
        return {"verdict": "REJECTED NOT_AUTHORISED", "role": role}
    changed = _apply(table, settings, device, entry, two=two)
    return {"verdict": "SEEN ADJUSTED" if changed else "SEEN NO_CHANGE", "role": role}


def _apply(table: Json, settings: Json, device: str, entry: Json, *, two: bool) -> bool:
    existed = device in table["devices"]
    row = device_row(table, device)
    kept = row["roles"][entry["remote_party_role"]]
    least, kind, changed = entry["at_least"], entry["kind"], False
    highest = max([n for n in (kept["recorded"], kept["seen"], kept["issued"]) if n], default=0)
    if least is not None:
        if kind == "issued":
            changed |= used(kept, least)
        else:
            changed |= raise_to(kept, "seen", least)
            if kind == "recorded":
                changed |= raise_to(kept, "recorded", least)
            changed |= row["evicted"]
            row["evicted"] = False
    for number in entry["issued_numbers"]:
        changed |= used(kept, number)
    for first, last in entry["issued_blocks"]:
        changed |= used(kept, first, last)
    changed |= raise_to(kept, "issued", entry["issued_floor"])
    # In the order of their numbers: one that lower numbers push out is remembered anew.
    for number, request in sorted((n, one) for one, n in entry["request_ids"].items()):
        if is_remembered(row["roles"], request):
            changed |= used(kept, number)
            continue
        changed |= not is_used(kept, number)
        before = dict(kept["imported"])
        remember(kept, "imported", request, number, REMEMBERED_IMPORTED)
        changed |= kept["imported"] != before
    settle(kept, settings["ceiling"])
    role = entry["remote_party_role"]
    if role in row["damaged"] and two and kind == "issued" and (least or 0) >= max(highest, 1):
        row["damaged"].remove(role)
        changed = True
    if not changed and not existed:
        del table["devices"][device]
    return changed
