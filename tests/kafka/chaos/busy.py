"""A few hundred devices that are handed back and asked for again and again."""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from slotkeeper.lab import anchors, events, messages
from slotkeeper.lab.events import Event
from slotkeeper.lab.outcomes import CellOutcome, ExecutionOutcome
from slotkeeper.lab.pki import Pki
from slotkeeper.lab.terms import KeyUsage, Mode, Role, Status

DEVICES = 200

_FIRST_DEVICE = 2**30
_FIRST_UNKNOWN = 2**31 - 2**28
"""Of devices. Other loads of the same PKI count from 0, and strangers from 2**31."""

_KEY_PAIRS = 64
_FIRST_COUNTER = 1_000
_STEP = 40
"""A told number exceeds the one before by up to so much: below what was issued since as often as
above it."""

_REPEATED = 8
_REMEMBERED = 8
"""Every eighth request may be repeated, until eight such have come after it; an engine remembers 64
of a device."""

_SHARES = {
    "request": 42,
    "repeated_request": 4,
    "hand_back": 28,
    "adjustment": 8,
    "pre_command": 5,
    "inventory": 10,
    "malformed_inventory": 3,
}
_MODE = Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR
_BOTH = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT)


@dataclass(frozen=True, slots=True)
class Saying:
    """A record about a busy device.

    Attributes:
        event: The record.
        tells: What the device's next command must exceed then; None if it tells no number.
        stays: It must not be written to a wrong partition.
    """

    event: Event
    tells: int | None = None
    stays: bool = False


class BusyDevices:
    """Makes records.

    Attributes:
        expected: Decisions by disposition.
        dead_tables: How many inventory records must become dead letters.
    """

    def __init__(self, pki: Pki, draw: random.Random) -> None:
        self.expected: Counter[str] = Counter()
        self.dead_tables = 0
        self._pki = pki
        self._draw = draw
        self._leaver = pki.organisation(Role.NETWORK_OPERATOR, 11)
        self._successor = pki.organisation(Role.NETWORK_OPERATOR, 12)
        self._supplier = pki.organisation(Role.SUPPLIER, 11)
        self._devices = [
            pki.device(_FIRST_DEVICE + number, shared_keys=_KEY_PAIRS) for number in range(DEVICES)
        ]
        self._told = [_FIRST_COUNTER] * DEVICES
        self._requests = 0
        self._unknown = _FIRST_UNKNOWN
        self._asked: deque[Event] = deque(maxlen=_REMEMBERED)
        self._makers: dict[str, Callable[[int], Saying]] = {
            "request": self._request,
            "repeated_request": self._repeated_request,
            "hand_back": self._hand_back,
            "adjustment": self._adjustment,
            "pre_command": self._pre_command,
            "inventory": self._inventory,
            "malformed_inventory": self._malformed_inventory,
        }

    def sayings(self) -> Iterator[Saying]:
        """Give records without an end; first those by which the devices become known."""
        yield from map(self._inventory, range(DEVICES))
        kinds, weights = list(_SHARES), list(_SHARES.values())
        while True:
            (kind,) = self._draw.choices(kinds, weights)
            yield self._makers[kind](self._draw.randrange(DEVICES))

    def _request(self, number: int) -> Saying:
        self._requests += 1
        self.expected["ISSUED"] += 1
        event = events.handover_request(
            self._supplier,
            self._devices[number].eui,
            self._successor,
            number=self._requests,
            # Below every mark, so that each command's number hangs on what was issued before.
            hint=1,
        )
        # Where one of the two strays, so much may be asked for before it comes home that the other
        # is no longer remembered.
        repeated = self._requests % _REPEATED == 0
        if repeated:
            self._asked.append(event)
        return Saying(event, stays=repeated)

    def _repeated_request(self, number: int) -> Saying:
        if not self._asked:
            return self._request(number)
        self.expected["DUPLICATE"] += 1
        return Saying(self._draw.choice(self._asked), stays=True)

    def _hand_back(self, number: int) -> Saying:
        device, counter = self._devices[number], self._raise(number)
        self.expected["RECORDED"] += 1
        outcome = ExecutionOutcome(
            seq_number=counter,
            mode=_MODE,
            cells=tuple(
                CellOutcome(cell, Status.SUCCESS, anchors.occupant(left), anchors.occupant(placed))
                for (cell, left), placed in zip(
                    anchors.cells_of(Role.NETWORK_OPERATOR, self._leaver).items(),
                    anchors.cells_of(Role.NETWORK_OPERATOR, self._pki.acb).values(),
                    strict=True,
                )
                if cell.key_usage in _BOTH
            ),
        )
        message = messages.response(device, self._leaver.eui, outcome, counter=counter)
        request = events.request_id(self._leaver.eui, device.eui, counter)
        event = events.outcome(events.UPDATE_RESPONSES, device.eui, message, request=request)
        return Saying(event, counter)

    def _adjustment(self, number: int) -> Saying:
        counter = self._raise(number)
        self.expected["SEEN"] += 1
        kind = self._draw.choice(("recorded", "seen"))
        event = events.adjustment(self._devices[number].eui, counter, by=("operations",), kind=kind)
        return Saying(event, counter)

    def _pre_command(self, number: int) -> Saying:
        counter = self._raise(number)
        self.expected["SEEN"] += 1
        device = self._devices[number]
        payload = messages.slot_payload(self._pki.acb, counter=counter)
        message = messages.pre_command(payload, self._leaver, device.eui, signed=True)
        return Saying(events.outcome(events.PRE_COMMANDS, device.eui, message), counter)

    def _inventory(self, number: int) -> Saying:
        device = self._devices[number]
        return Saying(events.inventory(device, mprn=str(self._draw.randrange(10**10))))

    def _malformed_inventory(self, _number: int) -> Saying:
        """Spoil the record of a device that nothing else names: compaction keeps the newest of a
        key, so a known device would lose its good record in the course of a long run."""
        self._unknown += 1
        self.dead_tables += 1
        device = self._pki.device(self._unknown, shared_keys=_KEY_PAIRS)
        return Saying(Event(events.INVENTORY, str(device.eui), "{"))

    def _raise(self, number: int) -> int:
        self._told[number] += self._draw.randrange(1, _STEP)
        return self._told[number]
