"""The plan of an exit as a whole: devices by state, the burn-down, and when nothing was left."""

import statistics
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from .course import Change, Course, course_of
from .facts import DeviceFacts, Key, View, Waits
from .states import State

_DAY = timedelta(days=1)
PACE_DAYS = 7
"""Days whose median is the pace: a week has the same working days as any other."""

_REPLACED = frozenset({State.REPLACED, State.REPLACED_OTHERWISE})


@dataclass(slots=True)
class Survey:
    """How a plan stood at a view.

    Attributes:
        opened: When the exit was opened.
        view: What was asked.
        baseline: Devices of the plan when it was opened.
        joined: Those that came to it after.
        counts: Devices by state.
        parked: Devices of which a message waits for more knowledge.
        unverified: Devices that are done, by a message whose signature nobody checked.
        replaced: Devices by the day on which the party's certificates went.
        blocking: Devices that keep the exit from being READY.
        holding: Devices that hold a key of the party.
        joined_on: Those that joined, by day.
        holders: Devices that still held a revoked key, by the day asked about.
        moves: How many more devices kept it from being READY from a moment on; 0 where something
            else changed then.
        returns: When a device was left to do again, or joined with something to do.
    """

    opened: datetime
    view: View
    baseline: int = 0
    joined: int = 0
    counts: Counter[State] = field(default_factory=Counter)
    parked: int = 0
    unverified: int = 0
    blocking: int = 0
    holding: int = 0
    replaced: Counter[date] = field(default_factory=Counter)
    joined_on: Counter[date] = field(default_factory=Counter)
    holders: Counter[date] = field(default_factory=Counter)
    moves: Counter[datetime] = field(default_factory=Counter)
    returns: list[datetime] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """The identity: what the plan began with and what joined is what the states hold."""
        return self.baseline + self.joined == sum(self.counts.values())

    @property
    def quiet_since(self) -> datetime:
        """When something changed last."""
        return max(self.moves, default=self.opened)

    def ready_periods(self, quiet: timedelta) -> list[tuple[datetime, datetime | None]]:
        """Give from when until when the plan was READY.

        It becomes so once nothing is left and nothing has changed for the quiet days, and ceases
        when something is left to do again.
        """
        if not self.baseline + self.joined:
            return []
        found: list[tuple[datetime, datetime | None]] = []
        moments = sorted({self.opened, *self.moves})
        left, ready = 0, None
        for moment, following in zip(moments, [*moments[1:], None], strict=True):
            left += self.moves[moment]
            if left and ready:
                found.append((ready, moment))
                ready = None
            begins = moment + quiet
            if left == 0 and ready is None and begins <= (following or self.view.at):
                ready = begins
        return [*found, (ready, None)] if ready else found

    def returned_after(self, moment: datetime) -> bool:
        """Say whether a device that was done, or was not in the plan, was left to do again."""
        return any(at > moment for at in self.returns)

    def pace(self) -> float:
        """Give devices replaced a day: the median of the last seven whole days, or fewer."""
        today = self.view.at.date()
        first = max(self.opened.date(), today - PACE_DAYS * _DAY)
        days = [first + number * _DAY for number in range((today - first).days)]
        return float(statistics.median([self.replaced[day] for day in days])) if days else 0.0

    def forecast(self) -> date | None:
        """Give the day on which nothing would be left at this pace; None at pace 0."""
        pace = self.pace()
        if not self.blocking or pace <= 0:
            return None
        days = -int(-self.blocking // pace)
        limit = (date.max - self.view.at.date()).days
        return self.view.at.date() + min(days, limit) * _DAY

    def burn_down(self) -> Iterator["Day"]:
        """Give the end of each day from the opening to the view."""
        left, replaced, joined = 0, 0, 0
        by_day: Counter[date] = Counter()
        for moment, change in self.moves.items():
            by_day[max(moment, self.opened).date()] += change
        day = self.opened.date()
        while day <= self.view.at.date():
            left += by_day[day]
            replaced += self.replaced[day]
            joined += self.joined_on[day]
            yield Day(day, self.baseline, joined, replaced, left)
            day += _DAY


@dataclass(frozen=True, slots=True)
class Day:
    """The end of a day of an exit.

    Attributes:
        joined: Devices that had joined the plan.
        replaced: Devices whose certificates had gone since the opening.
        left: Devices that still kept the exit from being READY.
    """

    day: date
    baseline: int
    joined: int
    replaced: int
    left: int


def survey(
    devices: Iterable[DeviceFacts],
    opened: datetime,
    views: Sequence[View],
    waits: Waits,
    revoked: Mapping[date, frozenset[Key]],
) -> list[Survey]:
    """Look at all devices once, from several views.

    Args:
        devices: Of the scope; each is looked at and let go.
        opened: When the exit was opened.
        views: Each gives a survey.
        waits: The settings.
        revoked: Keys that were revoked, by the day asked about.
    """
    made = [Survey(opened, view) for view in views]
    for device in devices:
        for one in made:
            _count(one, course_of(device, opened, one.view, waits), revoked)
    return made


def _count(told: Survey, course: Course, revoked: Mapping[date, frozenset[Key]]) -> None:
    last = course.last
    if last is None or course.entered is None:
        return
    if course.entered > told.opened:
        told.joined += 1
        told.joined_on[course.entered.date()] += 1
    else:
        told.baseline += 1
    told.counts[last.state] += 1
    told.parked += last.parked
    told.blocking += last.blocks
    told.holding += bool(last.keys)
    told.unverified += last.state in _REPLACED and not last.verified
    _follow(told, course.changes)
    _look_back(told, course.changes, revoked)


def _follow(told: Survey, changes: Sequence[Change]) -> None:
    blocked, state = False, None
    for change in changes:
        if change.at > told.opened and change.blocks and not blocked:
            told.returns.append(change.at)
        if change.state in _REPLACED and state not in _REPLACED and change.at > told.opened:
            told.replaced[change.at.date()] += 1
        at = max(change.at, told.opened)
        # Also 0: something changed then.
        told.moves[at] += change.blocks - blocked
        blocked, state = change.blocks, change.state


def _look_back(
    told: Survey, changes: Sequence[Change], revoked: Mapping[date, frozenset[Key]]
) -> None:
    if not revoked:
        return
    moments = [change.at for change in changes]
    for day, keys in revoked.items():
        end = min(datetime.combine(day + _DAY, datetime.min.time()), told.view.at)
        place = bisect_right(moments, end)
        if place and changes[place - 1].keys & keys:
            told.holders[day] += 1
