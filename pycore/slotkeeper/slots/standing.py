"""What a party and its certificates could do at the end of a day."""

from collections.abc import Iterable, Sequence
from datetime import date

from .facts import Certificate, Exit, Party, Period, Policy, Registered, StatusCode

EARLIEST_COMMISSIONING = date(2016, 1, 1)
"""No device of SMETS2 was commissioned before the DCC's services began in 2016."""


def status_at(certificate: Certificate, day: date) -> StatusCode | None:
    """Give the status at the end of the day; None before the first.

    Revoked stays revoked: an authority may drop a certificate from its list after expiry (P27).
    """
    past = [status.code for status in certificate.status if status.first <= day]
    return "R" if "R" in past else past[-1] if past else None


def in_use(certificate: Certificate, day: date) -> bool:
    """Say whether it was in use and within its validity."""
    return status_at(certificate, day) == "I" and day in certificate.valid


def is_user(party: Party, day: date) -> bool:
    """Say whether the party was a DCC User."""
    return any(day in period for period in party.dcc_user)


def open_exit(party: Party, day: date) -> Exit | None:
    """Give the exit that the party was in: intended, not cancelled, not followed by a return."""
    return next(
        (
            one
            for one in party.exits
            if one.intent_on <= day
            and (one.cancelled_on is None or one.cancelled_on > day)
            and not any(one.intent_on < period.first <= day for period in party.dcc_user)
        ),
        None,
    )


def why_it_cannot_sign(
    party: Party, certificates: Sequence[Certificate], policy: Policy, day: date
) -> str | None:
    """Give the first reason why the owner of a key could not sign with it; None if it could.

    Args:
        party: The owner.
        certificates: Those of the one key; at least one.
        policy: Which status still signs.
        day: At whose end it is asked.
    """
    if any(_signs(one, policy, day) and not _destroyed(party, one, day) for one in certificates):
        return None if is_user(party, day) else "OWNER_NOT_A_USER"
    if any(_destroyed(party, one, day) for one in certificates):
        return "KEYS_DESTROYED"
    if any(status_at(one, day) == "R" for one in certificates):
        return "REVOKED"
    if any(_expired(one, day) for one in certificates):
        return "EXPIRED"
    return "NOT_IN_USE"


def _signs(certificate: Certificate, policy: Policy, day: date) -> bool:
    status = status_at(certificate, day)
    if status not in ({"I", "E"} if policy.expired_signs else {"I"}) and not (
        status == "N" and policy.not_in_use_signs
    ):
        return False
    return day in certificate.valid or (
        policy.expired_signs and certificate.valid.first <= day and _expired(certificate, day)
    )


def _expired(certificate: Certificate, day: date) -> bool:
    until = certificate.valid.until
    return status_at(certificate, day) == "E" or (until is not None and until <= day)


def _destroyed(party: Party, certificate: Certificate, day: date) -> bool:
    """Say whether the party has declared the key destroyed.

    A cancelled exit whose days of destruction still stand has both asserted: the row that cancels
    it says both days anew.
    """
    return any(
        one.keys_kept_until is not None
        and one.keys_kept_until <= day
        and certificate.valid.first < one.keys_kept_until
        for one in party.exits
    )


def user_since(party: Party, day: date) -> date | None:
    """Give the day since which the party was a DCC User without a gap; None if it was none."""
    return _unbroken(party.dcc_user, day)


def in_use_since(certificates: Iterable[Certificate], day: date) -> date | None:
    """Give the day since which some certificate was always in use: a renewal breaks nothing."""
    return _unbroken([period for one in certificates for period in _periods_in_use(one)], day)


def registered_at(history: Sequence[Registered], day: date) -> Registered | None:
    """Give the entry that held at the end of the day; ``history`` is sorted by day."""
    return next((entry for entry in reversed(history) if entry.first <= day), None)


def network_party_since(history: Sequence[Registered], party_id: str, day: date) -> date | None:
    """Give the first day of the unbroken run of entries that name a network party.

    None where the entry of the day does not name it: the device's own record did.
    """
    since = None
    for entry in history:
        if entry.first > day:
            break
        if entry.gas_network_party != party_id:
            since = None
        elif since is None:
            since = entry.first
    return since


def _periods_in_use(certificate: Certificate) -> list[Period]:
    days = {status.first for status in certificate.status} | {certificate.valid.first}
    if certificate.valid.until is not None:
        days.add(certificate.valid.until)
    edges = sorted(days)
    return [
        Period(first=first, until=until)
        for first, until in zip(edges, [*edges[1:], None], strict=True)
        if in_use(certificate, first)
    ]


def _unbroken(periods: Iterable[Period], day: date) -> date | None:
    since, until = None, None
    for period in sorted(periods, key=lambda period: period.first):
        if period.first > day:
            break
        if since is None or (until is not None and period.first > until):
            since, until = period.first, period.until
        elif until is not None:
            until = None if period.until is None else max(until, period.until)
    if since is None or (until is not None and until <= day):
        return None
    return since


def plausible(day: date | None, known_on: date) -> bool:
    """Say whether a commissioning date can be true: not before 2016, not after it was told."""
    return day is not None and EARLIEST_COMMISSIONING <= day <= known_on
