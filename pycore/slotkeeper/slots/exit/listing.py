"""The devices of an exit, one by one: for people's lists, and for other systems."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from slotkeeper.slots.standing import status_at

from .campaign import Campaign
from .course import course_of
from .facts import DeviceFacts, Key, Waits
from .states import State

STRANDED = "STRANDED"
"""Beside the states: holds a certificate with which nobody can sign any more."""


class Row(NamedTuple):
    """A device of the plan.

    Attributes:
        since: When it came to stand so; naive, UTC.
        asked: When it was asked last; None: never.
        joined: Whether it came after the opening.
        stranded: Whether it holds a revoked key.
        verified: Whether what is known of its slot was told under a checked signature.
    """

    device_id: str
    mprn: str | None
    state: State
    since: datetime
    asked: datetime | None
    joined: bool
    stranded: bool
    parked: bool
    verified: bool


def rows(campaign: Campaign, devices: Iterable[DeviceFacts], waits: Waits) -> Iterator[Row]:
    """Give the devices of the plan, in the order in which they come."""
    told = campaign.survey
    day = told.view.at.date()
    revoked: frozenset[Key] = frozenset(
        (one.key_usage, one.subject_eui64, one.key_identifier)
        for one in campaign.leaving.certificates
        if status_at(one, day) == "R"
    )
    for device in devices:
        course = course_of(device, told.opened, told.view, waits)
        last = course.last
        if last is None or course.entered is None:
            continue
        yield Row(
            device_id=device.device_id,
            mprn=device.mprn,
            state=last.state,
            since=last.at,
            asked=course.asked,
            joined=course.entered > told.opened,
            stranded=bool(last.keys & revoked)
            or (campaign.revoked_on is not None and bool(last.keys)),
            parked=last.parked,
            verified=last.verified,
        )


def woken(campaign: Campaign, devices: Iterable[DeviceFacts], waits: Waits) -> Iterator[Row]:
    """Give the devices that were found holding after the exit was closed (P33)."""
    closed = campaign.closed
    if closed is None:
        return
    told = campaign.survey
    for device in devices:
        course = course_of(device, told.opened, told.view, waits)
        before = [one for one in course.changes if one.at <= closed.at]
        # One that held then was in the list of its persons, whatever it is called now.
        if course.last and course.last.keys and not (before and before[-1].keys):
            yield from (row for row in rows(campaign, [device], waits) if row.stranded)
