"""What the registers say of a leaving party: its intent, its certificates, their revocation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from slotkeeper.slots.facts import NETWORK_OPERATOR, Certificate, Exit, Party
from slotkeeper.slots.registers.reading import Registers, owners_of
from slotkeeper.slots.standing import in_use, is_user, status_at

from .facts import Key

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A party and one intent of it to cease being a DCC User (R17).

    Attributes:
        intent: The newest of the register; None: it intends to stay.
        certificates: Its own, as a network operator, by day and serial.
    """

    party: Party
    intent: Exit | None
    certificates: tuple[Certificate, ...]

    @property
    def identities(self) -> frozenset[str]:
        """Every EUI-64 of the party (P41)."""
        return frozenset(self.party.eui64) | {one.subject_eui64 for one in self.certificates}

    def is_taken_back(self, day: date) -> bool:
        """Say whether the intent was taken back by the end of a day."""
        cancelled_on = self.intent.cancelled_on if self.intent else None
        return cancelled_on is not None and cancelled_on <= day

    def revoked_days(self, day: date) -> list[date]:
        """Give the days since the intent on which something was revoked, up to a day."""
        since = self.intent.intent_on if self.intent else date.max
        return sorted(
            {
                status.first
                for one in self.certificates
                for status in one.status
                if status.code == "R" and since <= status.first <= day
            }
        )

    def revoked_keys(self, days: Iterable[date]) -> Mapping[date, frozenset[Key]]:
        """Give the keys that were revoked by the end of each day."""
        return {
            day: frozenset(
                (one.key_usage, one.subject_eui64, one.key_identifier)
                for one in self.certificates
                if status_at(one, day) == "R"
            )
            for day in days
        }

    def revoked_on(self, day: date) -> date | None:
        """Give the day from which none of its certificates is in use and some are revoked.

        None where that is not so at the end of the day asked about.
        """
        revoked = self.revoked_days(day)
        if not revoked or any(in_use(one, day) for one in self.certificates):
            return None
        edges = {*revoked}
        for one in self.certificates:
            edges |= {status.first for status in one.status}
            edges |= {one.valid.until} if one.valid.until else set()
        return next(
            edge
            for edge in sorted(edges)
            if revoked[0] <= edge <= day and not any(in_use(one, edge) for one in self.certificates)
        )

    def not_ended(self, day: date) -> list[str]:
        """Give serials of certificates that are neither revoked nor expired."""
        return [
            one.serial
            for one in self.certificates
            if status_at(one, day) not in {"R", "E"}
            and not (one.valid.until is not None and one.valid.until <= day)
        ]

    def issued_since(self, day: date) -> list[str]:
        """Give serials of certificates that were issued after the intent (R19)."""
        since = self.intent.intent_on if self.intent else date.max
        return [one.serial for one in self.certificates if since < one.valid.first <= day]

    def is_user(self, day: date) -> bool:
        """Say whether it is a DCC User still."""
        return is_user(self.party, day)

    def keys_destroyed(self, day: date) -> bool:
        """Say whether its private keys are declared destroyed by a day."""
        kept = self.intent.keys_kept_until if self.intent else None
        return kept is not None and kept <= day


def leaving(registers: Registers, party_id: str, as_of: date | None = None) -> Leaving | None:
    """Find a party in the registers, with its newest intent; None: it is not there.

    ``as_of`` is the day by which the intent must be, at the latest; None: any.
    """
    party = registers.parties.get(party_id)
    if party is None:
        return None
    owners = owners_of(registers.parties)
    own = [
        one
        for one in registers.certificates.values()
        if (one.party_id or owners.get(one.subject_eui64)) == party_id
        and one.role_code == NETWORK_OPERATOR
    ]
    intents = [one for one in party.exits if as_of is None or one.intent_on <= as_of]
    return Leaving(
        party=party,
        intent=intents[-1] if intents else None,
        certificates=tuple(sorted(own, key=lambda one: (one.valid.first, one.serial))),
    )
