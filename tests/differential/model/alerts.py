"""What others than the device say of its cells: alerts of the DCC, and baselines."""

from . import observed
from .numbers import raise_to
from .outcomes import remembered
from .reading import NETWORK_OPERATOR, SUPPLIER, Json
from .table import device_row, known_as

OTHERS_REMEMBERED = 8
_WITHOUT_CELLS = {
    "DeviceLogRestored": "SEEN LOG_RESTORED",
    "QuarantinedRequest": "SEEN QUARANTINED",
}


def judge(table: Json, settings: Json, entry: Json, alert: Json, parked: Json | None) -> Json:
    """Decide an alert; ``parked`` is its entry where it is judged again."""
    device = entry["device"]
    if alert["device"] != device:
        return {"verdict": "REJECTED WRONG_DEVICE", "role": None}
    updated, recovered = "SecurityCredentialsUpdated", "RecoveryCompleteACBCredentials"
    if alert["kind"] not in (updated, recovered, *_WITHOUT_CELLS):
        return {"verdict": "NOT_RECORDED NOT_AN_OUTCOME", "role": None}
    role = alert["role"] if alert["kind"] == updated else NETWORK_OPERATOR
    if role not in (NETWORK_OPERATOR, SUPPLIER):
        return {"verdict": "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE", "role": None}
    if parked is None and _is_repeated(table, entry):
        return {"verdict": "DUPLICATE SAME_MESSAGE", "role": role}
    said = _by_inventory(table, device)
    if said is not None:
        return {"verdict": said, "role": role}
    if alert["kind"] in _WITHOUT_CELLS:
        return {"verdict": _WITHOUT_CELLS[alert["kind"]], "role": role}
    changed = False
    row = device_row(table, device)
    if alert["kind"] == recovered:
        verdict = "SEEN RECOVERED"
        for whose, usage in alert["cells"]:
            slot = row["slots"][{3: NETWORK_OPERATOR, 2: SUPPLIER}[whose]]
            party = (settings["acb"], None)
            changed |= observed.reported(slot, usage, settings, party, alert["at"])
    else:
        verdict, changed = _updated(table, settings, row, role, alert, parked=parked)
    if changed:
        row["messages"].append(_note(entry))
        del row["messages"][:-OTHERS_REMEMBERED]
    return {"verdict": verdict, "role": role}


def _updated(
    table: Json, settings: Json, row: Json, role: str, alert: Json, *, parked: Json | None
) -> tuple[str, bool]:
    changed, floor = False, alert["floor"]
    if floor is not None and floor <= settings["ceiling"]:
        changed |= raise_to(row["roles"][role], "seen", floor)
    register = table["register"]
    cells = [(usage, register.get(sha1)) for usage, sha1 in alert["named"]]
    unknown = any(party is None for _, party in cells)
    verdict = "PARKED UNKNOWN_CERTIFICATE" if unknown else "SEEN CREDENTIALS_UPDATED"
    # What it leaves in doubt is in doubt once.
    if parked is None or parked["verdict"] != verdict:
        for usage, party in cells:
            slot = row["slots"][role]
            changed |= observed.reported(slot, usage, settings, party, alert["at"])
    return verdict, changed and not unknown


def baseline(table: Json, settings: Json, entry: Json, told: Json, parked: Json | None) -> Json:
    """Decide what people brought about who stood in the Network Operator slot."""
    device, role = entry["device"], NETWORK_OPERATOR
    if told["device"] != device:
        return {"verdict": "REJECTED WRONG_DEVICE", "role": None}
    if parked is None and any(one["whole"] == entry["whole"] for one in _parked(table, device)):
        return {"verdict": "DUPLICATE SAME_MESSAGE", "role": role}
    said = _by_inventory(table, device)
    if said is not None:
        return {"verdict": said, "role": role}
    slot = device_row(table, device)["slots"][role]
    for usage, party in told["cells"]:
        observed.imported(slot, usage, settings, party, told["as_of"])
    return {"verdict": "SEEN IMPORTED", "role": role}


def _by_inventory(table: Json, device: str) -> str | None:
    known = known_as(table, device)
    if known is None:
        return "PARKED UNKNOWN_DEVICE"
    if known["type"] != "GPF":
        return "NOT_RECORDED NOT_GPF"
    return "NOT_RECORDED SMETS1" if known["smets"] == "SMETS1" else None


def _is_repeated(table: Json, entry: Json) -> bool:
    known = [*_parked(table, entry["device"]), *remembered(table, entry["device"])]
    return any(one["whole"] == entry["whole"] for one in known)


def _parked(table: Json, device: str) -> list[Json]:
    return [one for one in table["parked"] if one["device"] == device]


def _note(entry: Json) -> Json:
    return {"whole": entry["whole"], "signed": "", "identity": "an alert", "verified": False}
