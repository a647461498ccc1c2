"""The whole model: records in, decisions out, and what is kept for the next."""

import hashlib

from . import adjustments, alerts, outcomes, parking, pre_commands, requests
from .inventory import take
from .numbers import ROLE_NAMES, carried, flags_of
from .reading import (
    Json,
    UnreadableError,
    device_of,
    json_of,
    message_of,
    partition,
    payload_of,
)
from .table import copied, device_row, empty_table, overlay, row_of

INVENTORY = "smart-metering-inventory"
REQUESTS = "srv-6.21-requests"
ADJUSTMENTS = "counter-adjustments"
ALERTS = "dcc-alerts"
BASELINES = "slot-baselines"
PRE_COMMANDS = "srv-6.15.1-requests"
HANDOVER_RESPONSES = "srv-6.21-responses"


Record = tuple[str, int, bytes, bytes | None, Json]
"""Stream, offset, key, value, and what the test says of a record that it wrote itself: of an
inventory record and a request what their certificates are, of a bare message or a DUIS document the
JSON record of the same meaning."""


class Model:
    """One partition's decisions."""

    def __init__(self, settings: Json) -> None:
        self.settings = settings
        self.table = empty_table()
        self.staged: Json | None = None

    def stage(self, records: list[Record], now_ms: int) -> list[Json]:
        self.settings["now_s"] = now_ms // 1_000
        self.settings["operators"] = self._operators()
        self.staged = overlay(self.table)
        self.staged["allocated"] = {}
        found: list[Json] = []
        # Of a batch the inventory is applied first.
        named = [one for record in records if (one := self._inventory(record))]
        if self.staged["judge_again"]:
            self.staged["judge_again"] = False
            found += parking.judge_again(self.staged, None, self._again)
        for device in [*named, *parking.waiting_for_registers(self.staged)]:
            found += parking.judge_again(self.staged, device, self._again)
        self.staged["register_moved"] = False
        for record in records:
            if record[0] != INVENTORY:
                found += self._decide(record, now_ms)
        return found

    def fold(self, *, in_doubt: bool = False) -> None:
        """Take what was committed; where nobody knew that it was, it is burned as well."""
        assert self.staged is not None
        if in_doubt:
            self._burn()
        self.staged["burned"] = dict(self.table["burned"])
        self.table = self.staged
        self.staged = None

    def discard(self) -> None:
        assert self.staged is not None
        self._burn()
        self.staged = None

    def _burn(self) -> None:
        assert self.staged is not None
        burned = self.table["burned"]
        for slot, number in self.staged["allocated"].items():
            burned[slot] = max(burned.get(slot, 0), number)

    def restored(self, *, burned_kept: bool, inventory: list[tuple[str, Json]] | None) -> None:
        """Begin again with what was committed; burned numbers live as long as the process.

        Args:
            burned_kept: It is the same process.
            inventory: What is read of it again, in its order; None: what is in memory stays.
        """
        self.table["judge_again"] = True
        if not burned_kept:
            self.table["burned"] = {}
        if inventory is not None:
            scratch = empty_table()
            for device, facts in inventory:
                take(scratch, self.settings, device, facts["said"])
            self.table["inventory"] = scratch["inventory"]

    def overlay(self) -> Json:
        return overlay(self.table)

    def register(self, certificates: dict[str, tuple[str, str]]) -> None:
        """Take certificates that came into the register: SHA-1 and holder."""
        self.table["register"] |= certificates
        self.table["register_moved"] |= bool(certificates)

    def parties(self, told: Json) -> None:
        """Take the register of parties as it stands: identities and periods, by their keys."""
        self.table["parties"] = told
        self.table["register_moved"] = True

    def _operators(self) -> list[str] | None:
        """Give who may be a network operator: those configured, else whom the register has."""
        configured: list[str] | None = self.settings["network_operators"]
        if configured is not None or not self.table["parties"]:
            return configured
        return [eui for party in self.table["parties"].values() for eui in party["identities"]]

    def kept(self, key: bytes) -> Json | None:
        """Give what is kept of a device with that key of the changelog, for later."""
        row = self.table["devices"].get(key.decode())
        return None if row is None else copied(row)

    def damaged(self, device: str, digest: str | None, whole: Json | None) -> None:
        """Forget what stood in a stored record that was damaged: a device's, or a parked one.

        ``whole``: What the newest record of the device says that is not damaged.
        """
        if digest is None:
            self.table["devices"].pop(device, None)
        if digest is None and whole is not None:
            self.table["devices"][device] = copied(whole)
        self.table["parked"] = [
            one
            for one in self.table["parked"]
            if one["device"] != device or not digest or not one["whole"].startswith(digest)
        ]
        device_row(self.table, device)["damaged"] = list(ROLE_NAMES)

    def _decide(self, record: Record, now_ms: int) -> list[Json]:
        said, waits = self._event(record, now_ms)
        device = device_of(record[2])
        own = {"kind": "decision", "stream": record[0], "offset": record[1], "device": device}
        own |= said
        assert self.staged is not None
        if device is not None and own["role"] in ROLE_NAMES:
            kept = row_of(self.staged, device)["roles"][own["role"]]
            own |= {"recorded": kept["recorded"], "seen": kept["seen"]}
        # What goes for one that is parked goes after it was decided.
        extra = [] if waits is None else parking.park(self.staged, self.settings, waits)
        return [own, *extra]

    def _inventory(self, record: Record) -> str | None:
        """Apply a record of the inventory; give the device that it is about."""
        stream, _, key, _, facts = record
        device = device_of(key)
        if stream != INVENTORY or device is None or facts.get("unreadable"):
            return None
        assert self.staged is not None
        return device if take(self.staged, self.settings, device, facts["said"]) else None

    def _event(self, record: Record, now_ms: int) -> tuple[Json, Json | None]:
        """Decide an event; give what is to be parked of it as well."""
        stream, offset, key, value, facts = record
        device = device_of(key)
        table, settings = self.staged, self.settings
        assert table is not None
        if device is None:
            return {"verdict": "DEAD_LETTER BAD_KEY", "role": None}, None
        if partition(device, settings["partitions"]) != settings["partition"]:
            return {"verdict": "REROUTED WRONG_PARTITION", "role": None}, None
        try:
            if stream == REQUESTS:
                asked = {**facts["asked"], "acb": settings["acb"]}
                return requests.judge(table, settings, device, asked, now_ms), None
            if stream == ADJUSTMENTS:
                return adjustments.judge(table, settings, device, facts["entry"]), None
            if stream in (ALERTS, BASELINES):
                return self._told_by_others(record)
            entry = facts.get("entry") or json_of(value)
            octets = payload_of(entry)
            if octets is None:
                return _without_message(stream, entry), None
            message = message_of(octets)
        except UnreadableError:
            return {"verdict": "DEAD_LETTER MALFORMED", "role": None}, None
        said = self._judge(stream, device, message, None)
        if not parking.stays(said["verdict"]):
            return said, None
        return said, {
            "device": device,
            "stream": stream,
            "offset": offset,
            "whole": message["whole"],
            "message": message,
            "verdict": said["verdict"],
            "verified": said.get("verified", False),
            "numbers": carried(message),
        }

    def _told_by_others(self, record: Record) -> tuple[Json, Json | None]:
        """Decide an alert or a baseline."""
        stream, offset, key, value, facts = record
        if "alert" not in facts and "baseline" not in facts:
            raise UnreadableError
        device, whole = device_of(key), hashlib.sha256(value or b"").hexdigest()
        entry = {
            "device": device,
            "stream": stream,
            "offset": offset,
            "whole": whole,
            "message": None,
            "told": facts,
            "verified": False,
            "numbers": {},
        }
        said = self._judge_others(entry, None)
        waits = {**entry, "verdict": said["verdict"]} if parking.stays(said["verdict"]) else None
        return said, waits

    def _judge_others(self, entry: Json, parked: Json | None) -> Json:
        table, settings, told = self.staged, self.settings, entry["told"]
        assert table is not None
        if "alert" in told:
            return alerts.judge(table, settings, entry, told["alert"], parked)
        return alerts.baseline(table, settings, entry, told["baseline"], parked)

    def _again(self, entry: Json) -> Json:
        if entry["message"] is None:
            return self._judge_others(entry, entry)
        return self._judge(entry["stream"], entry["device"], entry["message"], entry)

    def _judge(self, stream: str, device: str, message: Json, parked: Json | None) -> Json:
        assert self.staged is not None
        judge = outcomes.judge
        if stream == PRE_COMMANDS and message["kind"] == "COMMAND" and "command" in message:
            judge = pre_commands.judge
        said = judge(self.staged, self.settings, device, message, parked)
        return {**said, "flags": flags_of(message)}

    def device(self, device: str) -> Json:
        return row_of(self.table, device)


def _without_message(stream: str, entry: Json) -> Json:
    code = entry.get("response_code")
    if not isinstance(code, str):
        raise UnreadableError
    if code.startswith("I"):
        return {"verdict": "NOT_RECORDED NO_OUTCOME", "role": None}
    disposition = "HANDOVER_FAILED" if stream == HANDOVER_RESPONSES else "NOT_RECORDED"
    return {"verdict": f"{disposition} ERROR_RESPONSE", "role": None}
