"""A mixed load with countable expectations: most of it sound, a tenth of it malformed.

``python -m slotkeeper.lab.mixed FOLDER --records 200000`` writes one file of JSON lines for each
input stream, as ``slotkeeper publish STREAM FILE`` reads them, ``expected.json``, and a
``slotkeeper.toml`` with the ACB's keys. Publish the inventory first; the expectations then hold in
any order of the other files.
"""

from __future__ import annotations

import argparse
import functools
import random
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from slotkeeper.lab import anchors, duis, events, keystore, malformed, messages
from slotkeeper.lab.outcomes import CellOutcome, ExecutionOutcome
from slotkeeper.lab.partitions import partition_of
from slotkeeper.lab.pki import Device, Organisation, Pki
from slotkeeper.lab.terms import Eui64, KeyUsage, Mode, Role, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from slotkeeper.lab.events import Event

__all__ = ["MixedLoad", "write"]

_KEY_PAIRS: Final = 64
_NATURAL: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
# Above the leavers' milliseconds and below their microseconds.
_HINT: Final = _NATURAL + 2**36
_COUNTERS: Final = (1_200, _NATURAL, _NATURAL * 1_000, _NATURAL * 1_000_000)
_FIRST_REQUEST: Final = 1_000
_FIRST_STRANGER: Final = 2**31
# Two devices of each group take no part in handovers, so that their records have one possible
# outcome whatever stream is read first.
_GROUP: Final = 16
_ADJUSTED_ONLY: Final = 15
_ANNOUNCED_ONLY: Final = 14
_BOTH: Final = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT)

# Parts in a thousand. Where no device is in the state that a kind needs, it becomes an inventory
# record.
_SHARES: Final = {
    "inventory": 180,
    "hand_back": 170,
    "supplier_outcome": 150,
    "error_response": 100,
    "unknown_device": 50,
    "wrong_device": 10,
    "repeated_outcome": 50,
    "request": 110,
    "repeated_request": 20,
    "adjustment": 20,
    "pre_command": 20,
    "misplaced": 20,
    "malformed": 100,
}


class MixedLoad:
    """Records and what should become of them.

    Attributes:
        expected: decisions to be found in the audit trail, by ``DISPOSITION REASON``; complete
            once :meth:`events` has ended.
        published: records by stream.
    """

    def __init__(self, records: int, *, seed: int = 0, partitions: int = 4) -> None:
        """Plan a load.

        Args:
            records: how many records :meth:`events` gives, inventory included.
            seed: the same one gives the same records.
            partitions: of the streams, for records that go to the wrong one.
        """
        self.pki = Pki(f"mixed {seed}")
        self.expected: Counter[str] = Counter()
        self.published: Counter[str] = Counter()
        self._records = records
        self._partitions = partitions
        self._random = random.Random(seed)  # noqa: S311 - a load is drawn, not a secret
        self._leaver = self.pki.organisation(Role.NETWORK_OPERATOR, 1)
        self._successor = self.pki.organisation(Role.NETWORK_OPERATOR, 2)
        self._supplier = self.pki.organisation(Role.SUPPLIER, 1)
        self._device = functools.lru_cache(maxsize=1_024)(self._make_device)
        self._known = 0
        self._strangers = 0
        self._adjusted = 0
        self._announced = 0
        self._handed_back = 0
        self._requested = 0
        self._last_outcome: Event | None = None
        self._last_request: Event | None = None

    def events(self) -> Iterator[Event]:
        """Give the records; a device's inventory record comes before all that concerns it."""
        kinds, weights = list(_SHARES), list(_SHARES.values())
        for kind in self._random.choices(kinds, weights, k=self._records):
            event = self._make(kind) or self._inventory()
            self.published[event.stream] += 1
            yield event

    def device(self, eui: Eui64) -> Device:
        """Give the identity of a device of this load, by which its commands can be checked."""
        return self._device(int.from_bytes(eui[4:], "big"))

    def _make(self, kind: str) -> Event | None:
        makers = {
            "hand_back": self._hand_back,
            "supplier_outcome": self._supplier_outcome,
            "error_response": self._error_response,
            "unknown_device": self._unknown_device,
            "wrong_device": self._wrong_device,
            "repeated_outcome": self._repeated_outcome,
            "request": self._request,
            "repeated_request": self._repeated_request,
            "adjustment": self._adjustment,
            "pre_command": self._pre_command,
            "misplaced": self._misplaced,
            "malformed": self._malformed,
        }
        maker = makers.get(kind)
        return maker() if maker and self._known else None

    def _inventory(self) -> Event:
        device = self._device(self._known)
        self._known += 1
        return events.inventory(device)

    def _hand_back(self) -> Event | None:
        number = self._handed_back
        if number >= self._known:
            return None
        self._handed_back = _after(number)
        device = self._device(number)
        event = self._outcome(device, self._leaver, self.pki.acb, _COUNTERS[number % 4])
        self._last_outcome = duis.response_document(event) if number % 8 == 0 else event
        self.expected["RECORDED ACB_IN_SLOT"] += 1
        return self._last_outcome

    def _unknown_device(self) -> Event:
        self.expected["PARKED UNKNOWN_DEVICE"] += 1
        return self._outcome(self._stranger(), self._leaver, self.pki.acb, 1_200)

    def _wrong_device(self) -> Event:
        self.expected["REJECTED WRONG_DEVICE"] += 1
        event = self._outcome(self._stranger(), self._leaver, self.pki.acb, 1_200)
        return replace(event, key=str(self._any_device().eui))

    def _supplier_outcome(self) -> Event:
        device = self._any_device()
        renewed = self.pki.organisation(Role.SUPPLIER, 1, generation=1)
        counter = _NATURAL + self._random.randrange(2**40)
        self.expected["NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE"] += 1
        return self._outcome(device, self._supplier, renewed, counter, Role.SUPPLIER)

    def _error_response(self) -> Event:
        self.expected["NOT_RECORDED ERROR_RESPONSE"] += 1
        device = self._any_device()
        request = events.request_id(self._leaver.eui, device.eui, self._random.randrange(2**40))
        return events.outcome(
            events.UPDATE_RESPONSES, device.eui, None, request=request, response_code="E21"
        )

    def _repeated_outcome(self) -> Event | None:
        if self._last_outcome is not None:
            self.expected["DUPLICATE SAME_MESSAGE"] += 1
        return self._last_outcome

    def _request(self) -> Event | None:
        number = self._requested
        if number >= self._handed_back:
            return None
        self._requested = _after(number)
        event = events.handover_request(
            self._supplier,
            self._device(number).eui,
            self._successor,
            number=_FIRST_REQUEST + number,
            hint=_HINT,
        )
        self._last_request = duis.request_document(event) if number % 8 == 1 else event
        reason = "NATURAL" if _COUNTERS[number % 4] < _HINT else "WATERMARK_EXCEEDED"
        self.expected[f"ISSUED {reason}"] += 1
        return self._last_request

    def _repeated_request(self) -> Event | None:
        if self._last_request is not None:
            self.expected["DUPLICATE SAME_REQUEST"] += 1
        return self._last_request

    def _adjustment(self) -> Event | None:
        number = self._adjusted * _GROUP + _ADJUSTED_ONLY
        if number >= self._known:
            return None
        self._adjusted += 1
        self.expected["SEEN ADJUSTED"] += 1
        return events.adjustment(self._device(number).eui, _NATURAL, by=("operations",))

    def _pre_command(self) -> Event | None:
        number = self._announced * _GROUP + _ANNOUNCED_ONLY
        if number >= self._known:
            return None
        self._announced += 1
        self.expected["SEEN PRE_COMMAND"] += 1
        device = self._device(number)
        payload = messages.slot_payload(self.pki.acb, counter=1_200)
        message = messages.pre_command(payload, self._leaver, device.eui, signed=True)
        return events.outcome(events.PRE_COMMANDS, device.eui, message)

    def _misplaced(self) -> Event:
        """Make an error response that stands in another device's partition."""
        event = self._error_response()
        right = partition_of(str(event.key).encode(), self._partitions)
        if self._partitions == 1:
            return event
        self.expected["REROUTED WRONG_PARTITION"] += 1
        step = self._random.randrange(1, self._partitions)
        return replace(event, partition=(right + step) % self._partitions)

    def _malformed(self) -> Event:
        device = self._any_device()
        outcome = self._outcome(device, self._leaver, self.pki.acb, self._random.randrange(2**40))
        event, reason = malformed.spoil(outcome, self._random, self._partitions)
        self.expected[f"DEAD_LETTER {reason}"] += 1
        return event

    def _outcome(
        self,
        device: Device,
        existing: Organisation,
        replacing: Organisation,
        counter: int,
        role: Role = Role.NETWORK_OPERATOR,
    ) -> Event:
        mode = Mode(role.value)
        before = anchors.cells_of(role, existing)
        outcome = ExecutionOutcome(
            seq_number=counter,
            mode=mode,
            cells=tuple(
                CellOutcome(
                    cell,
                    Status.SUCCESS,
                    anchors.occupant(before[cell]),
                    anchors.occupant(certificate),
                )
                for cell, certificate in anchors.cells_of(role, replacing).items()
                if cell.key_usage in _BOTH
            ),
        )
        message = messages.response(
            device,
            existing.eui,
            outcome,
            counter=counter,
            at=_MOMENT,
            message_code=mode.message_code,
        )
        request = events.request_id(existing.eui, device.eui, counter)
        return events.outcome(events.UPDATE_RESPONSES, device.eui, message, request=request)

    def _any_device(self) -> Device:
        return self._device(max(0, self._known - 1 - self._random.randrange(512)))

    def _stranger(self) -> Device:
        """Give a device that no inventory record names, another one each time."""
        self._strangers += 1
        return self._make_device(_FIRST_STRANGER + self._strangers)

    def _make_device(self, number: int) -> Device:
        return self.pki.device(number, shared_keys=_KEY_PAIRS)


def write(folder: Path, records: int, *, seed: int = 0, partitions: int = 4) -> MixedLoad:
    """Write the files of a load; see the module's head.

    Memory stays flat: records go to the files as they are made.
    """
    load = MixedLoad(records, seed=seed, partitions=partitions)
    keystore.write_settings(folder, [load.pki.acb], streams="sqlite:///slotkeeper.db")
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        for event in load.events():
            if event.stream not in files:
                path = folder / f"{event.stream}.jsonl"
                files[event.stream] = stack.enter_context(path.open("wb"))
            files[event.stream].write(event.line())
    expected = {"published": dict(load.published), "decisions": dict(load.expected)}
    (folder / "expected.json").write_bytes(orjson.dumps(expected, option=orjson.OPT_INDENT_2))
    return load


def _after(number: int) -> int:
    """Give the next device that takes part in handovers."""
    following = number + 1
    return following + 2 if following % _GROUP == _ANNOUNCED_ONLY else following


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m slotkeeper.lab.mixed", description=__doc__)
    parser.add_argument("folder", type=Path, help="made where it is absent")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--partitions", type=int, default=4)
    wanted = parser.parse_args()
    write(wanted.folder, wanted.records, seed=wanted.seed, partitions=wanted.partitions)


if __name__ == "__main__":
    _main()
