"""What is odd about the registers themselves, before any device is judged by them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from slotkeeper.slots.facts import NETWORK_OPERATOR, Certificate, KeyUsage, Party
from slotkeeper.slots.standing import in_use, is_user, open_exit

from .kinds import PARTIES
from .reading import Registers, owners_of
from .records import printable, shown_key


class Odd(NamedTuple):
    """One finding, with the columns of a report's list of exceptions.

    Attributes:
        kind: A word of the vocabulary.
        party_id: Empty if it is about none.
        serial: Of the certificate; empty if it is about none.
        since: The day from which it holds, or on which it will; None: not known.
        detail: A sentence.
    """

    kind: str
    party_id: str
    serial: str
    since: date | None
    detail: str


def odd(registers: Registers, as_of: date, *, days: int) -> list[Odd]:
    """Give all findings, sorted.

    Args:
        registers: Parties and certificates.
        as_of: The day at whose end it is asked.
        days: A certificate in use that expires within so many days is a finding.
    """
    found = [*_unreadable(registers), *_two_parties(registers)]
    own: dict[str, list[Certificate]] = {party_id: [] for party_id in registers.parties}
    owners = owners_of(registers.parties)
    for certificate in registers.certificates.values():
        owner = certificate.party_id or owners.get(certificate.subject_eui64)
        if owner in own and certificate.role_code == NETWORK_OPERATOR:
            own[owner].append(certificate)
    for party_id, party in registers.parties.items():
        found += _subscription(party, own[party_id], as_of)
        found += _after_intent(party, own[party_id], as_of)
        found += _expiring(party, own[party_id], as_of, days)
    return sorted(found, key=lambda one: (one.kind, one.party_id, one.serial, one.detail))


def _unreadable(registers: Registers) -> Iterator[Odd]:
    for one in registers.unreadable:
        key = shown_key(one.key)
        party_id = key if one.stream == PARTIES.stream else ""
        # A reason may quote what stands in a certificate.
        detail = printable(f"{one.stream} {key}: {one.reason}")
        yield Odd("UNREADABLE", party_id, "", None, detail)


def _two_parties(registers: Registers) -> Iterator[Odd]:
    for identity, owner in owners_of(registers.parties).items():
        if owner is None:
            for party_id, party in registers.parties.items():
                if identity in party.eui64:
                    detail = f"{identity} is another party's as well"
                    yield Odd("EUI_IN_TWO_PARTIES", party_id, "", None, detail)


def _subscription(party: Party, own: list[Certificate], as_of: date) -> Iterator[Odd]:
    usable: dict[KeyUsage, list[Certificate]] = {"DS": [], "KA": []}
    for certificate in own:
        if in_use(certificate, as_of):
            usable[certificate.key_usage].append(certificate)
    if not is_user(party, as_of):
        # R15: a party that subscribes must be a DCC User.
        for certificate in (*usable["DS"], *usable["KA"]):
            yield Odd(
                "SUBSCRIBER_NOT_USER",
                party.party_id,
                certificate.serial,
                certificate.valid.first,
                "its certificate is in use and the party is no DCC User",
            )
    elif bool(usable["DS"]) != bool(usable["KA"]):
        has, lacks = ("DS", "KA") if usable["DS"] else ("KA", "DS")
        yield Odd(
            "HALF_SUBSCRIBED",
            party.party_id,
            "",
            None,
            f"a certificate for {has} is in use and none for {lacks}",
        )


def _after_intent(party: Party, own: list[Certificate], as_of: date) -> Iterator[Odd]:
    leaving = open_exit(party, as_of)
    if leaving is None:
        return
    for certificate in own:
        # R19: whoever leaves subscribes for nothing further.
        if leaving.intent_on < certificate.valid.first <= as_of:
            yield Odd(
                "SUBSCRIBED_AFTER_INTENT",
                party.party_id,
                certificate.serial,
                certificate.valid.first,
                f"it begins after the party's intent to leave of {leaving.intent_on}",
            )


def _expiring(party: Party, own: list[Certificate], as_of: date, days: int) -> Iterator[Odd]:
    for certificate in own:
        until = certificate.valid.until
        if until is None or not in_use(certificate, as_of):
            continue
        if until <= as_of + timedelta(days=days):
            detail = f"in use, and expires in {(until - as_of).days} days"
            yield Odd("EXPIRING", party.party_id, certificate.serial, until, detail)
