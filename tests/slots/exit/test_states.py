"""Where a device of an exit stands: each state, and which is told where two hold."""

from dataclasses import replace
from datetime import datetime

import pytest

from slotkeeper.slots.exit.course import course_of
from slotkeeper.slots.exit.facts import View, What
from slotkeeper.slots.exit.states import DONE, State

from .plan import ACB, OPENED, OTHER, OWN, UNKNOWN, WAITS, Told, holding, on


def state(told: Told, days: float, *, fence: int | None = None) -> State | None:
    view = View(at=on(days), fence=None if fence is None else {0: fence})
    last = course_of(told.facts, OPENED, view, WAITS).last
    return last and last.state


def test_there_are_fourteen_states_and_four_are_done() -> None:
    assert (len(State), len(DONE)) == (14, 4)


def test_a_request_and_what_comes_of_it() -> None:
    told = holding().tried(1, What.REQUESTED)
    assert state(told, 0.5) is State.HOLDING
    assert state(told, 1) is State.REQUESTED
    assert state(told, 14.9) is State.REQUESTED
    assert state(told, 15) is State.SILENT
    assert state(told.handed_back(16), 16) is State.REPLACED


def test_a_new_request_is_waited_for_anew() -> None:
    told = holding().tried(1, What.REQUESTED).tried(12, What.REQUESTED, "2")
    assert state(told, 20) is State.REQUESTED
    assert state(told, 26) is State.SILENT


def test_a_silent_device_that_wakes_is_replaced() -> None:
    told = holding().tried(1, What.REQUESTED).handed_back(40)
    assert [state(told, day) for day in (2, 20, 40)] == ["REQUESTED", "SILENT", "REPLACED"]


def test_p24_quarantined_and_released_a_week_later() -> None:
    told = holding().tried(1, What.REQUESTED).tried(1.1, What.QUARANTINED).handed_back(8)
    assert [state(told, day) for day in (2, 7.9, 8)] == ["QUARANTINED", "QUARANTINED", "REPLACED"]


def test_p25_future_dated() -> None:
    told = holding().tried(1, What.REQUESTED).tried(1, What.SCHEDULED)
    assert state(told, 60) is State.SCHEDULED
    assert state(told.handed_back(61), 61) is State.REPLACED


def test_an_answer_whose_clock_is_behind_its_request() -> None:
    told = holding().tried(2, What.REQUESTED).tried(1.9, What.FAILED)
    assert state(told, 30) is State.FAILED


def test_an_answer_that_is_decided_before_its_request() -> None:
    half = holding().tried(1, What.HANDED_BACK).seen(1, ACB, OWN, again=True)
    assert state(half.tried(1, What.REQUESTED), 40) is State.PARTIAL_DS
    failed = holding().tried(1, What.FAILED).tried(1, What.REQUESTED)
    assert state(failed, 40) is State.FAILED
    dated = holding().tried(1, What.SCHEDULED).tried(1, What.REQUESTED)
    assert state(dated, 40) is State.SCHEDULED


def test_a_failure_and_a_new_attempt() -> None:
    told = holding().tried(1, What.REQUESTED).tried(1, What.FAILED)
    assert state(told, 2) is State.FAILED
    told.tried(3, What.REQUESTED, "2")
    assert state(told, 3) is State.REQUESTED
    assert state(told.handed_back(4, "2"), 4) is State.REPLACED


def test_halves() -> None:
    half = holding().tried(1, What.HANDED_BACK).seen(1, ACB, OWN, again=True)
    assert state(half, 2) is State.PARTIAL_DS
    assert state(half.tried(3, What.REQUESTED, "2"), 3) is State.PARTIAL_DS
    assert state(half.handed_back(4, "2"), 4) is State.REPLACED
    other = holding().tried(1, What.HANDED_BACK).seen(1, OWN, ACB, again=True)
    assert state(other, 2) is State.PARTIAL_KA


@pytest.mark.parametrize(("ds", "ka"), [(ACB, ACB), (OTHER, OTHER), (OTHER, ACB)])
def test_p38_replaced_by_somebody_else(ds: object, ka: object) -> None:
    assert state(holding().seen(1, ds, ka), 2) is State.REPLACED_OTHERWISE  # type: ignore[arg-type]


def test_handed_to_another_operator_by_its_own_command() -> None:
    assert state(holding().seen(1, OTHER), 2) is State.REPLACED_OTHERWISE


def test_what_nobody_knew_is_found_without_or_with() -> None:
    assert state(Told(), 1) is State.UNKNOWN
    assert state(Told().seen(1, ACB), 1) is State.NOT_HOLDING
    assert state(Told().seen(1, OWN), 1) is State.HOLDING
    # A half that is not known is not done.
    assert state(Told().seen(1, ACB, UNKNOWN), 1) is State.UNKNOWN
    assert state(holding().seen(1, UNKNOWN), 1) is State.UNKNOWN


def test_what_a_first_message_names_as_existing_was_held() -> None:
    told = Told().tried(1, What.HANDED_BACK).seen(1, OWN, again=True).seen(1, ACB, again=True)
    assert state(told, 0.5) is State.UNKNOWN
    assert state(told, 1) is State.REPLACED


def test_where_history_and_changelog_differ_nothing_is_known() -> None:
    told = holding().handed_back(1)
    view = View(at=on(2))
    last = course_of(replace(told.facts, doubted=True), OPENED, view, WAITS).last
    assert last is not None
    assert last.state is State.UNKNOWN


def test_p40_a_hub_that_was_exchanged() -> None:
    old = holding(retired=True)
    new = Told(2, registered=on(3), presumed=True, successor=True)
    assert state(old, 4) is State.RETIRED
    assert [state(new, day) for day in (2, 4)] == [None, State.NOT_HOLDING]
    assert state(Told(2, registered=on(3), successor=True), 4) is State.UNKNOWN


def test_of_a_retired_device_nothing_more_is_asked() -> None:
    assert state(Told(retired=True), 1) is State.RETIRED


def test_p12_p19_a_device_holds_again() -> None:
    told = holding().handed_back(1).seen(9, OWN)
    assert [state(told, day) for day in (8, 9)] == ["REPLACED", "HELD_AGAIN"]
    assert state(told.tried(10, What.REQUESTED, "2"), 10) is State.HELD_AGAIN
    told.retired = True
    assert state(told, 10) is State.HELD_AGAIN
    assert state(told.handed_back(11, "2"), 11) is State.RETIRED


def test_p19_never_held_and_placed_during_the_exit() -> None:
    told = Told(presumed=True).seen(5, ACB).seen(5, OWN, again=True)
    assert [state(told, day) for day in (4, 5)] == [None, State.HELD_AGAIN]


def test_what_was_clear_before_the_opening_is_nobodys_task() -> None:
    assert state(Told().seen(-9, ACB), 5) is None
    assert state(holding().handed_back(-9), 5) is None
    assert state(Told(presumed=True), 5) is None
    # Held again before the opening is holding, in the plan's eyes.
    assert state(holding().handed_back(-9).seen(-5, OWN), 5) is State.HOLDING


def test_a_stranger_counts_once_it_was_seen_with_a_certificate() -> None:
    stranger = Told(registered=None).seen(4, OWN)
    assert [state(stranger, day) for day in (3, 4)] == [None, State.HOLDING]
    assert state(Told(registered=None).seen(4, ACB), 5) is None


def test_where_two_hold_the_later_is_told() -> None:
    told = holding().tried(1, What.REQUESTED).tried(1, What.SCHEDULED)
    assert state(told.tried(2, What.REQUESTED, "2"), 3) is State.SCHEDULED
    assert state(told.tried(3, What.QUARANTINED, "2"), 3) is State.QUARANTINED
    assert state(told.seen(4, ACB, OWN), 4) is State.PARTIAL_DS
    assert state(told.tried(5, What.FAILED, "3"), 5) is State.FAILED


def test_a_view_knows_only_what_was_decided_before_its_fence() -> None:
    told = holding().tried(1, What.REQUESTED).handed_back(2)
    assert state(told, 5, fence=told.offset) is State.REQUESTED
    assert state(told, 5, fence=told.offset + 1) is State.REPLACED


def test_parked_messages_keep_a_device_that_is_done() -> None:
    told = holding().handed_back(1).tried(2, What.PARKED, "srv-6.15.1-responses/7")
    last = course_of(told.facts, OPENED, View(at=on(3)), WAITS).last
    assert last is not None
    assert last.state is State.REPLACED
    assert last.blocks
    told.tried(4, What.ANSWERED, "srv-6.15.1-responses/7")
    last = course_of(told.facts, OPENED, View(at=on(4)), WAITS).last
    assert last is not None
    assert not last.blocks


def test_times_before_the_calendar_are_no_obstacle() -> None:
    assert state(Told(registered=datetime.min), 1) is State.UNKNOWN  # noqa: DTZ901
