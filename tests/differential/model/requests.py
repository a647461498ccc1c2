"""Requests for handovers, in the order in which they are refused."""

from datetime import UTC, datetime

from . import slots, walk
from .allocation import ExhaustedError, allocate
from .numbers import REMEMBERED_HERE, raise_to, remember, settle
from .reading import LAST, NETWORK_OPERATOR, SUPPLIER, Json
from .table import device_row, is_retired, known_as, row_of

RETRYABLE = {
    "UNKNOWN_DEVICE",
    "NO_DEVICE_CERTIFICATE",
    "NOT_DUE",
    "NOT_DCC_CONTROLLED",
    "ACB_KEY_NOT_HELD",
    "NO_EVIDENCE",
}


def judge(table: Json, settings: Json, device: str, asked: Json, now_ms: int) -> Json:
    """Decide a request; ``asked`` is the record with what the test knows of its certificates."""
    role = asked["remote_party_role"]
    role = role if role in (NETWORK_OPERATOR, SUPPLIER) else None
    if asked["target"] != device:
        return refused("WRONG_DEVICE", disposition="REJECTED", role=role)
    if role is None:
        return refused("UNSUPPORTED_ROLE", role=role)
    for kept in row_of(table, device)["roles"].values():
        numbers = {**kept["imported"], **kept["here"]}
        if asked["request_id"] in numbers:
            number = numbers[asked["request_id"]]
            return {"verdict": "DUPLICATE SAME_REQUEST", "role": role, "number": number}
    reason = _of_device(table, device) or _of_request(settings, asked, now_ms)
    advice = advice_of(table, settings, asked, now_ms) if role == NETWORK_OPERATOR else []
    if reason is None:
        reason = _of_slot(table, device, role, settings)
    if reason is None and advice and settings["advisory"] == "refuse":
        reason = advice[0]
    if reason is None:
        reason = _of_keys(table, device, role, settings)
    if reason is not None:
        return refused(reason, role=role)
    said = _issue(table, settings, device, role, asked, now_ms=now_ms)
    if "flags" in said:
        said["flags"] += advice
    return said


def refused(
    reason: str, *, role: str | None, disposition: str = "REFUSED", retryable: bool | None = None
) -> Json:
    if retryable is None:
        retryable = reason in RETRYABLE
    return {"verdict": f"{disposition} {reason}", "role": role, "retryable": retryable}


def _of_device(table: Json, device: str) -> str | None:
    known = known_as(table, device)
    if known is None:
        return "UNKNOWN_DEVICE"
    if known["type"] != "GPF":
        return "NOT_GPF"
    if known["smets"] == "SMETS1":
        return "SMETS1"
    # Its record keeps that its inventory record was gone, until another one comes.
    if is_retired(known) or row_of(table, device)["dropped"]:
        return "DEVICE_RETIRED"
    if not known["agreement"]:
        return "NO_DEVICE_CERTIFICATE"
    return None


def _of_request(settings: Json, asked: Json, now_ms: int) -> str | None:
    if asked["execution_ms"] is not None and asked["execution_ms"] > now_ms:
        return "NOT_DUE"
    fault: str | None = asked["certificate_fault"](settings, asked)
    if fault is not None:
        return fault
    floor, top_up = asked["floor"], asked["top_up_floor"]
    if floor is not None and floor > settings["ceiling"]:
        return "FLOOR_IMPLAUSIBLE"
    if floor is None and settings["absent_floor"] == "refuse":
        return "FLOOR_ABSENT"
    if (top_up or 0) > LAST:
        return "FLOOR_IMPLAUSIBLE"
    return None


def _of_slot(table: Json, device: str, role: str, settings: Json) -> str | None:
    row = row_of(table, device)
    kept = row["roles"][role]
    if role in row["damaged"]:
        return "NO_EVIDENCE"
    if walk.refuses(row["slots"][role], settings):
        return "NOT_DCC_CONTROLLED"
    unknown = kept["recorded"] is None and kept["seen"] is None
    if settings["without_evidence"] == "refuse" and (unknown or row["evicted"]):
        return "NO_EVIDENCE"
    return None


def _of_keys(table: Json, device: str, role: str, settings: Json) -> str | None:
    if not walk.signing_key_held(row_of(table, device)["slots"][role], settings):
        return "ACB_KEY_NOT_HELD"
    if (known_as(table, device) or {})["acb_agreement"] == "acb-retired":
        return "ACB_KEY_NOT_HELD"
    return None


def advice_of(table: Json, settings: Json, asked: Json, now_ms: int) -> list[str]:
    """Give what the register of parties says of who takes over, the gravest first."""
    today = datetime.fromtimestamp(now_ms / 1_000, UTC).date().isoformat()
    eui = asked["holder"]["ds"][0]
    parties = sorted(table["parties"].items())
    party = next((one for _, one in parties if eui in one["identities"]), None)
    if party is None or settings["advisory"] == "off":
        return []

    def holds(period: tuple[str, str | None]) -> bool:
        begin, end = period
        return begin <= today and (end is None or today < end)

    found = []
    begun = [begin for begin, _ in party["user"] if begin <= today]
    # Who became a DCC User again since has come back.
    if any(holds(one) and not any(one[0] < begin for begin in begun) for one in party["exits"]):
        found.append("OPERATOR_LEAVING")
    if not any(holds(one) for one in party["user"]):
        found.append("OPERATOR_NOT_A_USER")
    return found


def _issue(
    table: Json, settings: Json, device: str, role: str, asked: Json, *, now_ms: int
) -> Json:
    hint = asked["hint"]
    from_source = hint is None
    if from_source and settings["source"] == "clock-ms":
        hint = now_ms
    device_row(table, device)
    try:
        number, reason, held = allocate(table, settings, device, role, hint)
    except ExhaustedError as exhausted:
        return refused("COUNTER_EXHAUSTED", role=role, retryable=exhausted.retryable)
    row = table["devices"][device]
    kept = row["roles"][role]
    own_choice = from_source and (held or (reason == "NATURAL"))
    flags = []
    floor = asked["floor"]
    if floor is None:
        send = {"zero": True, "omit": False}.get(settings["absent_floor"], not own_choice)
        flags.append("ABSENT_FLOOR_ZEROED" if send else "ABSENT_FLOOR_OMITTED")
        floor = 0 if send else None
    evidence = (
        "recorded"
        if kept["recorded"] is not None
        else "seen"
        if kept["seen"] is not None
        else "none"
    )
    if row["evicted"]:
        flags.append("EVICTED")
    remember(kept, "here", asked["request_id"], number, REMEMBERED_HERE)
    raise_to(kept, "issued", floor)
    settle(kept, settings["ceiling"])
    table["allocated"][device, role] = max(table["allocated"].get((device, role), 0), number)
    newest = settings["acb_cells"]["ds"][0]
    slot = row["slots"][role]
    slots.pending(slot, asked["acb"], number, asked["holder"], signed_with=newest)
    return {
        "verdict": f"ISSUED {reason}",
        "role": role,
        "number": number,
        "floor": floor,
        "evidence": evidence,
        "flags": flags,
    }
