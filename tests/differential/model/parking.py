"""What is kept until more is known, and judged again then."""

from collections.abc import Callable

from .numbers import raise_to
from .reading import Json
from .table import device_row

PARKED_AT_ONCE = 8

Judge = Callable[[Json], Json]


def park(table: Json, settings: Json, entry: Json) -> list[Json]:
    """Keep a message; give the re-decision of the one that has to go for it, if one has."""
    table["arrivals"] += 1
    table["parked"].append({**entry, "arrival": table["arrivals"]})
    own = [one for one in table["parked"] if one["device"] == entry["device"]]
    return [evict(table, settings, own[0])] if len(own) > PARKED_AT_ONCE else []


def evict(table: Json, settings: Json, entry: Json) -> Json:
    table["parked"].remove(entry)
    row = device_row(table, entry["device"])
    row["evicted"] = True
    believed = (
        entry["verdict"] != "REJECTED BAD_SIGNATURE"
        and settings["signatures"] != "require"
        and not row["had_certificate"]
    )
    for role, number in entry["numbers"].items():
        if believed and number <= settings["ceiling"]:
            raise_to(row["roles"][role], "seen", number)
    return _redecision(entry, {"verdict": "DEAD_LETTER PARKING_FULL"})


def judge_again(table: Json, device: str | None, judge: Judge) -> list[Json]:
    """Judge a device's parked messages, or all, in the order in which they came."""
    found = []
    for entry in list(table["parked"]):
        if device is not None and entry["device"] != device:
            continue
        said = judge(entry)
        verified = said.get("verified", False)
        if said["verdict"] == entry["verdict"] and entry["verified"] >= verified:
            continue
        entry |= {"verdict": said["verdict"], "verified": verified}
        if not stays(said["verdict"]):
            table["parked"].remove(entry)
        found.append(_redecision(entry, said))
    return found


def waiting_for_registers(table: Json) -> list[str]:
    """Give devices of which a message waits for what a register that has moved may say."""
    reasons = ("PARKED UNKNOWN_CERTIFICATE", "PARKED UNKNOWN_PARTY")
    waiting = [one["device"] for one in table["parked"] if one["verdict"] in reasons]
    return list(dict.fromkeys(waiting)) if table["register_moved"] else []


def stays(verdict: str) -> bool:
    return verdict.startswith("PARKED") or verdict == "REJECTED BAD_SIGNATURE"


def _redecision(entry: Json, said: Json) -> Json:
    return {
        "kind": "redecision",
        "stream": entry["stream"],
        "offset": entry["offset"],
        "device": entry["device"],
        "role": None,
        **said,
    }
