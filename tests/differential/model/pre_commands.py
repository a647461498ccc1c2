"""Signed pre-commands on their way down, whose signature nobody checks here."""

from slotkeeper.lab.terms import Cra

from . import slots
from .numbers import carried, every_number, raise_to
from .outcomes import is_repeated, remember, remembered
from .reading import NETWORK_OPERATOR, Json
from .table import device_row, known_as


def judge(
    table: Json, settings: Json, device: str, message: Json, parked: Json | None = None
) -> Json:
    """Decide a signed pre-command on its way down; nobody checks its signature here."""
    if message["recipient"] != device:
        return {"verdict": "REJECTED WRONG_DEVICE", "role": None}
    if message["mode"] != 3:
        return {"verdict": "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE", "role": None}
    role = NETWORK_OPERATOR
    if parked is None and is_repeated(table, settings, device, message):
        return {"verdict": "DUPLICATE SAME_MESSAGE", "role": role}
    known = known_as(table, device)
    if known is not None and known["type"] != "GPF":
        return {"verdict": "NOT_RECORDED NOT_GPF", "role": role}
    if known is not None and known["smets"] == "SMETS1":
        return {"verdict": "NOT_RECORDED SMETS1", "role": role}
    changed = _note(table, settings, device, message)
    if known is None:
        return {"verdict": "PARKED UNKNOWN_DEVICE", "role": role}
    if message["number"] <= settings["ceiling"] and not _is_answered(table, device, message):
        slot = device_row(table, device)["slots"][role]
        sender, number = message["originator"], message["number"]
        changed |= slots.pending(slot, sender, number, message["replacing"], due=message["due"])
    if changed:
        remember(table, device, message, verified=False)
    return {"verdict": "SEEN PRE_COMMAND", "role": role}


def _is_answered(table: Json, device: str, message: Json) -> bool:
    """Tell whether the device's Response to this command is remembered, and was verified."""
    response = (
        message["originator"],
        device,
        message["header"],
        message["code"],
        int(Cra.RESPONSE),
    )
    return any(one["verified"] and one["identity"] == response for one in remembered(table, device))


def _note(table: Json, settings: Json, device: str, message: Json) -> bool:
    """Raise what the numbers raise, if all are plausible; tell whether anything rose."""
    if any(number > settings["ceiling"] for _, number in every_number(message)):
        return False
    roles, changed = device_row(table, device)["roles"], False
    for role, number in carried(message).items():
        changed |= raise_to(roles[role], "seen", number)
    return changed
