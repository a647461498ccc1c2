"""The course of one device through an exit: its states, one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from .facts import Attempt, DeviceFacts, Key, Occupant, Seen, View, Waits, What
from .states import DONE, LATER, State


class Change(NamedTuple):
    """A device from a time on.

    Attributes:
        state: Where it stands.
        keys: The party's keys that it holds; none of a retired one.
        parked: Some message about it waits for more knowledge.
        verified: Whether what is known of its slot was told under a checked signature.
    """

    at: datetime
    state: State
    keys: frozenset[Key]
    parked: bool
    verified: bool

    @property
    def blocks(self) -> bool:
        """Whether it keeps the exit from being READY."""
        return self.state not in DONE or self.parked


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a device.

    Attributes:
        changes: By time; each differs from the one before.
        entered: When it came into the plan; None: there was never anything to do.
        asked: When it was asked last; None: never.
    """

    changes: tuple[Change, ...]
    entered: datetime | None
    asked: datetime | None

    @property
    def last(self) -> Change | None:
        """How it stands at the end; None where it is not in the plan."""
        return self.changes[-1] if self.changes else None


def course_of(device: DeviceFacts, opened: datetime, view: View, waits: Waits) -> Course:
    """Follow a device up to a view.

    Args:
        device: Its facts.
        opened: When the exit was opened: holding again is what comes after it.
        view: Up to when, and by what knowledge.
        waits: When a device is silent.
    """
    walk = _Walk(device, opened, waits.silent)
    for fact in _in_order(device, view):
        walk.wait_until(fact[0])
        walk.take(*fact)
    walk.wait_until(view.at)
    return Course(tuple(walk.changes), walk.entered, walk.asked)


def _in_order(device: DeviceFacts, view: View) -> Iterator[tuple[datetime, Seen | Attempt]]:
    """Give the facts by time. Of a request the order is that of the decisions about it."""
    facts: list[tuple[datetime, int, int, Seen | Attempt]] = [
        (one.at, one.offset, number, one)
        for number, one in enumerate(device.seen)
        if view.knows(one)
    ]
    latest: dict[str, datetime] = {}
    for one in device.attempts:
        if view.knows(one):
            # A device's clock may be behind the one that saw its command off.
            latest[one.request] = max(one.at, latest.get(one.request, one.at))
            # What was done is told before what it left.
            facts.append((latest[one.request], one.offset, -1, one))
    for at, _, _, fact in sorted(facts, key=lambda one: one[:3]):
        yield at, fact


@dataclass(slots=True)
class _Walk:
    device: DeviceFacts
    opened: datetime
    silent: timedelta
    changes: list[Change] = field(default_factory=list)
    entered: datetime | None = None
    asked: datetime | None = None
    _ds: Occupant = Occupant.UNKNOWN
    _ka: Occupant = Occupant.UNKNOWN
    _keys: frozenset[Key] = frozenset()
    _verified: bool = True
    _ever_held: bool = False
    _clear: bool = False
    _handed_back: bool = False
    _held_again: bool = False
    _failed: bool = False
    _heard_of: bool = False
    _registered: bool = False
    _open: dict[str, tuple[What, datetime]] = field(default_factory=dict)
    _answered: set[str] = field(default_factory=set)
    _parked: set[str] = field(default_factory=set)

    def take(self, at: datetime, fact: Seen | Attempt) -> None:
        if isinstance(fact, Seen):
            self._see(fact)
        else:
            self._try(at, fact)
        self._note(at)

    def wait_until(self, at: datetime) -> None:
        """Let a registration begin and a request grow old, if that was before a time."""
        begins = self.device.registered
        if begins is not None and begins <= at and not self._registered:
            self._registered = True
            self._note(begins)
        if (due := self._silent_from()) is not None and due <= at:
            self._note(due)

    def _silent_from(self) -> datetime | None:
        asked = [since for what, since in self._open.values() if what is What.REQUESTED]
        return max(asked) + self.silent if asked else None

    def _see(self, fact: Seen) -> None:
        self._heard_of = True
        self._ds, self._ka, self._keys = fact.ds, fact.ka, fact.keys
        self._verified = fact.verified
        if Occupant.OWN in (fact.ds, fact.ka):
            if self._clear:
                self._handed_back = False
                self._held_again = self._held_again or fact.at > self.opened
            self._ever_held, self._clear = True, False
        elif Occupant.UNKNOWN not in (fact.ds, fact.ka):
            self._clear, self._held_again = True, False
            # Whatever was asked before has its answer by what stands there now.
            for request, (_, since) in list(self._open.items()):
                if since <= fact.at:
                    del self._open[request]
            self._failed = False

    def _try(self, at: datetime, fact: Attempt) -> None:
        if fact.what is What.PARKED:
            self._parked.add(fact.request)
        elif fact.what is What.ANSWERED:
            self._parked.discard(fact.request)
        elif fact.what in {What.FAILED, What.HANDED_BACK}:
            self._open.pop(fact.request, None)
            self._answered.add(fact.request)
            self._failed = fact.what is What.FAILED
            self._handed_back = self._handed_back or not self._failed
        elif fact.request not in self._answered:
            self._await(at, fact)

    def _await(self, at: datetime, fact: Attempt) -> None:
        """Wait for an answer, unless it came before: streams are not read in step."""
        if fact.what is What.REQUESTED:
            self.asked, self._failed = at, False
            # A request that came after takes the place of those that nobody answered.
            for request, (what, _) in list(self._open.items()):
                if what is What.REQUESTED:
                    del self._open[request]
            self._open.setdefault(fact.request, (fact.what, at))
        else:
            self._open[fact.request] = (fact.what, at)

    def _note(self, at: datetime) -> None:
        in_view = self._ever_held or self._registered
        standing = self._standing(at)
        # What was clear before anybody looked is nobody's task; a hub that took the place of
        # another during the exit is, whatever it holds (P40).
        task = in_view and (standing not in DONE or self._took_a_place())
        if at <= self.opened:
            # The plan is made of what is left to do when the exit is opened.
            self.entered = at if task else None
            self.changes.clear()
        elif self.entered is None and task:
            self.entered = at
        if self.entered is None:
            return
        # An inventory record has no time: a device that has gone counts so from the beginning.
        retired = self.device.retired and standing is not State.HELD_AGAIN
        state = State.RETIRED if retired else standing
        if self.changes and self.changes[-1].at == at:
            self.changes.pop()
        # Nobody has to reach it any more, whatever it held.
        keys = frozenset[Key]() if state is State.RETIRED else self._keys
        told = Change(at, state, keys, bool(self._parked), self._verified)
        if not self.changes or self.changes[-1][1:] != told[1:]:
            self.changes.append(told)

    def _took_a_place(self) -> bool:
        begins = self.device.registered
        new = self._registered and begins is not None and begins > self.opened
        return new and self.device.successor

    def _standing(self, at: datetime) -> State:
        """Give the state, retirement aside."""
        if self.device.doubted:
            return State.UNKNOWN
        cells = (self._ds, self._ka)
        holds = Occupant.OWN in cells
        presumed = self.device.presumed and not self._heard_of
        found = [State.HOLDING]
        found += [_BY_WHAT[what] for what, _ in self._open.values()]
        if (due := self._silent_from()) is not None and due <= at:
            found.append(State.SILENT)
        if self._failed:
            found.append(State.FAILED)
        if holds:
            if Occupant.UNKNOWN not in cells and self._ds is not self._ka:
                found.append(State.PARTIAL_KA if self._ds is Occupant.OWN else State.PARTIAL_DS)
            if self._held_again:
                found.append(State.HELD_AGAIN)
        elif Occupant.UNKNOWN in cells and not presumed:
            found.append(State.UNKNOWN)
        else:
            found.append(self._without())
        return max(found, key=LATER.__getitem__)

    def _without(self) -> State:
        if not self._ever_held:
            return State.NOT_HOLDING
        both = self._ds is self._ka is Occupant.ACB
        return State.REPLACED if both and self._handed_back else State.REPLACED_OTHERWISE


_BY_WHAT = {
    What.REQUESTED: State.REQUESTED,
    What.SCHEDULED: State.SCHEDULED,
    What.QUARANTINED: State.QUARANTINED,
}
