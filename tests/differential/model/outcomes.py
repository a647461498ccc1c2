"""What becomes of a device's message, in the order in which its reasons are looked for."""

from . import observed, slots
from .numbers import (
    ROLE_NAMES,
    carried,
    every_number,
    is_used,
    plausible,
    raise_to,
    settle,
    used,
)
from .reading import LAST, MODES, NETWORK_OPERATOR, SUPPLIER, Json
from .table import copied, device_row, known_as, row_of
from .verdicts import by_acb, role_of, verdict_of

OTHERS_REMEMBERED = 8


def judge(
    table: Json, settings: Json, device: str, message: Json, parked: Json | None = None
) -> Json:
    """Decide an outcome; ``parked`` is its entry where it is judged again."""
    alone = _alone(settings, device, message)
    if alone is not None:
        verdict, role = alone
        if verdict in ("NOT_RECORDED NO_OUTCOME", "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE"):
            set_aside(table, settings, device, message)
        return {"verdict": verdict, "role": role}
    role = _role_read(message) if message.get("read_back") else role_of(settings, message)
    if parked is None and is_repeated(table, settings, device, message):
        return {"verdict": "DUPLICATE SAME_MESSAGE", "role": role}
    refused = parked is not None and parked["verdict"] == "REJECTED BAD_SIGNATURE"
    if refused and known_as(table, device) is None:
        return {"verdict": "REJECTED BAD_SIGNATURE", "role": role}
    said = _by_inventory(table, settings, device, message)
    if said is None:
        said = _by_signature(table, settings, device, message, parked)
    if said is None:
        said = _by_identity(table, settings, device, message, parked)
    if said is None:
        judge_cells = _read_back if message.get("read_back") else _by_cells
        said = judge_cells(table, settings, device, message, parked)
    return {"role": role, **said}


def _alone(settings: Json, device: str, message: Json) -> tuple[str, str | None] | None:
    """Judge by the message alone; None where its outcome has to be looked at."""
    about = message["recipient"] if message["kind"] == "COMMAND" else message["originator"]
    if about != device:
        return "REJECTED WRONG_DEVICE", None
    if message["kind"] == "COMMAND" or message.get("foreign"):
        return "NOT_RECORDED NOT_AN_OUTCOME", None
    if message.get("read_back"):
        told = message["held"] or message["floors"]
        return None if told else ("NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE", None)
    mode, acb = message["mode"], by_acb(settings, message)
    roles = {cell["role"] for cell in message["cells"]} | {one for one, _ in message["floors"]}
    if message.get("accepted"):
        if acb and mode in MODES:
            return None
        if mode == 3:
            return "NOT_RECORDED NO_OUTCOME", NETWORK_OPERATOR
        return "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE", None
    if mode == 3 or (acb and mode in MODES):
        return None
    if NETWORK_OPERATOR in roles and mode not in MODES:
        return None
    return "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE", None


def set_aside(table: Json, settings: Json, device: str, message: Json) -> None:
    """Note numbers where they are believed, and cells of a slot that is followed.

    The signature is looked at only where there is anything to note.
    """
    known = known_as(table, device)
    if known is not None and (known["type"] != "GPF" or known["smets"] == "SMETS1"):
        return
    row = row_of(table, device)
    steps = slots.steps_of(message, settings)
    followed = {role for role in steps if slots.is_followed(row["slots"][role])}
    slot, command = row["slots"][NETWORK_OPERATOR], (message["recipient"], message["header"])
    awaited = bool(message.get("accepted")) and slots.awaits_acceptance(slot, *command)
    if not followed and not awaited and not _is_news(row["roles"], settings, message):
        return
    _, believed, verified = proof(table, settings, device, message)
    if not believed:
        return
    note_numbers(table, settings, device, message, verified=verified)
    if verified and awaited:
        slots.accepted(device_row(table, device)["slots"][NETWORK_OPERATOR], *command)
    slots.told(
        device_row(table, device)["slots"], settings, message, verified=verified, roles=followed
    )


def _is_news(roles: Json, settings: Json, message: Json) -> bool:
    for role, number in carried(message).items():
        if roles[role]["seen"] is None or roles[role]["seen"] < number:
            return True
    return by_acb(settings, message) and _is_unknown(roles, message)


def _is_unknown(roles: Json, message: Json) -> bool:
    """Tell whether any number of the command that is answered was known for neither role."""
    numbers = [number for _, number in every_number(message, floors=False) if number <= LAST]
    return not all(any(is_used(kept, number) for kept in roles.values()) for number in numbers)


def is_repeated(table: Json, settings: Json, device: str, message: Json) -> bool:
    for entry in table["parked"]:
        if entry["device"] == device and entry["whole"] == message["whole"]:
            return True
    known = known_as(table, device)
    checked = known and known["signing"] and settings["signatures"] != "off"
    checked = checked and message["kind"] != "COMMAND"
    return any(
        one["whole"] == message["whole"] and bool(one["verified"] or not checked)
        for one in remembered(table, device)
    )


def remembered(table: Json, device: str) -> list[Json]:
    """Give the messages that told of cells, and the last ones that changed something else."""
    row = row_of(table, device)
    return [*slots.linked(row["slots"]), *row["messages"]]


def _by_inventory(table: Json, settings: Json, device: str, message: Json) -> Json | None:
    known = known_as(table, device)
    if known is None:
        _, believed, _ = proof(table, settings, device, message)
        if believed:
            note_numbers(table, settings, device, message, verified=False)
        return {"verdict": "PARKED UNKNOWN_DEVICE"}
    if known["type"] != "GPF":
        return {"verdict": "NOT_RECORDED NOT_GPF"}
    if known["smets"] == "SMETS1":
        return {"verdict": "NOT_RECORDED SMETS1"}
    return None


def proof(table: Json, settings: Json, device: str, message: Json) -> tuple[str, bool, bool]:
    """Give the signature's state, whether the numbers are believed, and whether it is proven."""
    known = known_as(table, device)
    signing = known["signing"] if known and settings["signatures"] != "off" else None
    row = row_of(table, device)
    roles, ceiling = row["roles"], settings["ceiling"]
    had = settings["signatures"] == "if-known" and row["had_certificate"]
    if signing is None:
        likely = plausible(message, roles, ceiling, signed=False)
        unproven = settings["signatures"] == "require" or had
        return "unchecked", likely and not unproven, False
    valid = _is_true(settings, device, message, known or {})
    if valid is None:
        likely = plausible(message, roles, ceiling, signed=False)
        return "unchecked", likely and settings["signatures"] == "if-known" and not had, False
    if valid:
        device_row(table, device)["had_certificate"] = True
        likely = plausible(message, roles, ceiling, signed=True)
        return "valid", settings["anchored"] or likely, True
    if settings["anchored"]:
        device_row(table, device)["had_certificate"] = True
    return "invalid", False, False


def _is_true(settings: Json, device: str, message: Json, known: Json) -> bool | None:
    """Tell whether the device wrote a message; None where the key for its MAC is not at hand.

    To the ACB a read-back has a MAC in the place of a signature.
    """
    if not (message.get("read_back") and message["maced"]):
        return bool(settings["verifies"](message["octets"], device, known["signing"]))
    if not by_acb(settings, message):
        return False
    if not known["agreement"] or known["acb_agreement"] == "acb-retired":
        return None
    return bool(settings["is_maced"](message["octets"], device, known["agreement"]))


def _by_signature(
    table: Json, settings: Json, device: str, message: Json, parked: Json | None
) -> Json | None:
    signature, believed, _ = proof(table, settings, device, message)
    refused_before = parked is not None and parked["verdict"] == "REJECTED BAD_SIGNATURE"
    if signature == "invalid" or (signature == "unchecked" and refused_before):
        return {"verdict": "REJECTED BAD_SIGNATURE", "signature": signature}
    if not believed:
        return {"verdict": "PARKED UNVERIFIED", "signature": signature}
    return None


def _by_identity(
    table: Json, settings: Json, device: str, message: Json, parked: Json | None
) -> Json | None:
    of_its_headers = [
        one
        for one in remembered(table, device)
        if one["identity"] == message["identity"]
        and (parked is None or one["whole"] != message["whole"])
    ]
    if not any(one["verified"] for one in of_its_headers):
        return None
    _, _, verified = proof(table, settings, device, message)
    if any(
        one["signed"] == message["signed"] and (one["verified"] or not verified)
        for one in of_its_headers
    ):
        return {"verdict": "DUPLICATE SAME_MESSAGE"}
    note_numbers(table, settings, device, message, verified=verified)
    if verified:
        slots.disputed(device_row(table, device)["slots"], message)
    remember(table, device, message, verified=verified)
    return {"verdict": "DUPLICATE CONFLICTING_CONTENT"}


def note_numbers(
    table: Json, settings: Json, device: str, message: Json, *, verified: bool
) -> bool:
    """Raise what the message's numbers raise; tell whether anything rose."""
    counts = carried(message)
    row, changed = device_row(table, device), False
    for role, number in counts.items():
        changed |= raise_to(row["roles"][role], "seen", number)
    own = MODES.get(message["mode"])
    if verified and by_acb(settings, message) and (own or _is_unknown(row["roles"], message)):
        # A number of neither slot counts for that which the other one steers clear of as well.
        kept = row["roles"][own or NETWORK_OPERATOR]
        for _, told in every_number(message, floors=False):
            changed |= told <= LAST and used(kept, told)
        settle(kept, settings["ceiling"])
    return changed


def _by_cells(table: Json, settings: Json, device: str, message: Json, parked: Json | None) -> Json:
    _, _, verified = proof(table, settings, device, message)
    row, role = device_row(table, device), role_of(settings, message)
    own = message["header"] if message["number"] is None else message["number"]
    issued_here = any(is_used(one, own) for one in row["roles"].values())
    after = copied(row["slots"])
    slots.told(after, settings, message, verified=verified)
    verdict, recorded = verdict_of(settings, row, message, after[role], issued_here=issued_here)
    changed = note_numbers(table, settings, device, message, verified=verified)
    if recorded:
        changed |= raise_to(row["roles"][role], "recorded", carried(message)[role])
    # What was judged before and is judged the same has told its cells.
    anew = parked is None or parked["verdict"] != verdict or not parked["verified"]
    if anew and (verified or not verdict.startswith(("PARKED", "NOT_RECORDED UNEXPECTED"))):
        changed |= slots.told(row["slots"], settings, message, verified=verified)
    # A parked message is known by its cells, if it has told of any, and by being parked.
    if changed and not verdict.startswith("PARKED"):
        remember(table, device, message, verified=verified)
    return {"verdict": verdict, "verified": verified}


def _role_read(message: Json) -> str:
    roles = {role for role, _, _ in message["held"]}
    return SUPPLIER if SUPPLIER in roles and NETWORK_OPERATOR not in roles else NETWORK_OPERATOR


def _read_back(
    table: Json, settings: Json, device: str, message: Json, _parked: Json | None
) -> Json:
    _, _, verified = proof(table, settings, device, message)
    row = device_row(table, device)
    newest = _is_newest(settings, row, message)
    before = copied(row["roles"])
    changed = note_numbers(table, settings, device, message, verified=False)
    for role, usage, party in message["held"]:
        known = [n for n in row["roles"][role].items() if n[0] in ("recorded", "seen", "issued")]
        settled = max((n for _, n in known if n is not None), default=None)
        seen = observed.base_of(party, "read", message["time"], verified=verified, settled=settled)
        slot = row["slots"][role]
        changed |= observed.read_back(slot, usage, settings, seen, newest=newest)
    note_numbers(table, settings, device, message, verified=verified)
    if changed or row["roles"] != before:
        remember(table, device, message, verified=verified)
    return {"verdict": "SEEN READ_BACK", "role": _role_read(message)}


def _is_newest(settings: Json, row: Json, message: Json) -> bool:
    """Tell whether the command that is answered came after all that its originator sent before."""
    if by_acb(settings, message):
        known = [row["roles"][role]["issued"] for role in ROLE_NAMES]
    else:
        of = {role for role, _, party in message["held"] if party[0] == message["recipient"]}
        known = [row["roles"][role]["seen"] for role in of]
    return all(message["header"] > number for number in known if number is not None) and (
        message["header"] <= LAST
    )


def remember(table: Json, device: str, message: Json, *, verified: bool) -> None:
    """Remember a message that has told of no cell among the last eight such ones."""
    note = slots.note_of(message, verified=verified)
    if note in remembered(table, device):
        return
    messages = device_row(table, device)["messages"]
    for one in messages:
        if one["whole"] == message["whole"]:
            one["verified"] |= verified
            return
    messages.append(note)
    del messages[:-OTHERS_REMEMBERED]
