"""What the inventory says of a device, and what of its certificates is remembered."""

from .reading import Json
from .table import device_row


def take(table: Json, settings: Json, device: str, said: Json | None) -> bool:
    """Apply a record, or a tombstone; False where it is a dead letter."""
    before = table["inventory"].get(device)
    if said is None:
        if before is not None and before["type"] != "GPF":
            del table["inventory"][device]
        elif before is not None:
            note_going(table, settings, device)
            before["gone"] = True
            device_row(table, device)["dropped"] = True
        return True
    certified = said["type"] == "GPF"
    if certified and settings["anchored"] and "invented" in (said["signing"], said["agreement"]):
        return False
    if not certified:
        said = {**said, "signing": None, "agreement": None}
    if before is not None and before["signing"] and not said["signing"]:
        note_going(table, settings, device)
    table["inventory"][device] = {**said, "gone": False}
    if device in table["devices"]:
        device_row(table, device)["dropped"] = False
    return True


def note_going(table: Json, settings: Json, device: str) -> None:
    """Write down that a certificate was at hand: an anchored one counts as it goes."""
    known = table["inventory"][device]
    if known["signing"] and settings["anchored"]:
        device_row(table, device)["had_certificate"] = True
