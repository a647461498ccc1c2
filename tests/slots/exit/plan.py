"""Devices of an exit, and acts about them, in a few words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from slotkeeper.slots.exit.acts import Act, Ignored, campaign_name
from slotkeeper.slots.exit.campaign import Campaign, fold
from slotkeeper.slots.exit.facts import Attempt, DeviceFacts, Key, Occupant, Seen, Waits, What
from slotkeeper.slots.exit.register import Leaving
from slotkeeper.slots.exit.states import Word
from slotkeeper.slots.facts import Certificate, Exit, Party, Period, Status, StatusCode

OWN, ACB, OTHER, UNKNOWN = Occupant.OWN, Occupant.ACB, Occupant.OTHER, Occupant.UNKNOWN
EUI = "90-B3-D5-1F-30-02-00-00"
START = date(2025, 1, 1)
INTENT = date(2026, 1, 1)
OPENED = datetime(2026, 1, 10)  # noqa: DTZ001  # naive, as tables have times
EARLIER = OPENED - timedelta(days=300)
LEAVES = Exit(intent_on=INTENT)
ANN, BOB = "Ann Archer", "Bob Brown"
WAITS = Waits()
DAY = timedelta(days=1)


def on(days: float) -> datetime:
    """Give a moment so many days after the opening."""
    return OPENED + days * DAY


@dataclass
class Told:
    """A device, told step by step; each step is a record of the audit trail, in order.

    Attributes:
        number: Of the device.
    """

    number: int = 1
    registered: datetime | None = EARLIER
    presumed: bool = False
    retired: bool = False
    successor: bool = False
    partition: int = 0
    _seen: list[Seen] = field(default_factory=list)
    _attempts: list[Attempt] = field(default_factory=list)
    offset: int = 0

    def seen(
        self, days: float, ds: Occupant, ka: Occupant | None = None, *, again: bool = False
    ) -> "Told":
        """Let a slot be known from a day on; ``again``: by the same record as the step before."""
        self.offset += not again
        ka = ds if ka is None else ka
        keys: list[Key] = [
            (usage, EUI, "b1") for usage, who in (("DS", ds), ("KA", ka)) if who is OWN
        ]
        self._seen.append(
            Seen(
                at=on(days),
                partition=self.partition,
                offset=self.offset,
                ds=ds,
                ka=ka,
                keys=frozenset(keys),
            )
        )
        return self

    def tried(self, days: float, what: What, request: str = "1") -> "Told":
        self.offset += 1
        self._attempts.append(
            Attempt(
                at=on(days),
                partition=self.partition,
                offset=self.offset,
                what=what,
                request=request,
            )
        )
        return self

    def handed_back(self, days: float, request: str = "1") -> "Told":
        self.tried(days, What.HANDED_BACK, request)
        return self.seen(days, ACB, again=True)

    @property
    def facts(self) -> DeviceFacts:
        return DeviceFacts(
            device_id=f"00-DB-12-34-00-00-00-{self.number:02X}",
            registered=self.registered,
            presumed=self.presumed,
            retired=self.retired,
            successor=self.successor,
            seen=tuple(sorted(self._seen, key=lambda one: (one.at, one.offset))),
            attempts=tuple(self._attempts),
        )


def holding(number: int = 1, **more: object) -> Told:
    """Tell of a device that has held the party's certificates for long."""
    return replace(Told(number), **more).seen(-100, OWN)  # type: ignore[arg-type]


def certificate(
    *history: tuple[StatusCode, date],
    usage: str = "DS",
    serial: str = "5E",
    first: date = START,
    until: date = date(2036, 1, 1),
) -> Certificate:
    return Certificate(
        serial=f"{serial}{usage}",
        subject_eui64=EUI,
        party_id="NORTH",
        role_code="03",
        key_usage="DS" if usage == "DS" else "KA",
        key_identifier="b1",
        valid=Period(first=first, until=until),
        status=tuple(Status(code=code, first=day) for code, day in (("I", first), *history)),
    )


def leaving(
    *certificates: Certificate,
    user_until: date | None = None,
    intent: Exit | None = LEAVES,
) -> Leaving:
    own = certificates or (certificate(), certificate(usage="KA"))
    return Leaving(
        party=Party(
            party_id="NORTH",
            eui64=(EUI,),
            dcc_user=(Period(first=START, until=user_until),),
            exits=(intent,) if intent else (),
        ),
        intent=intent,
        certificates=own,
    )


def revoked(day: date, *, user_until: date | None = None) -> Leaving:
    """Give the party with all its certificates revoked on a day."""
    both = (certificate(("R", day), usage=usage) for usage in ("DS", "KA"))
    return leaving(*both, user_until=user_until)


def act(
    word: Word,
    days: float,
    *persons: str,
    place: int,
    fence: int = 1 << 40,
    residue: int | None = None,
    reason: str = "",
    manifest: str | None = None,
) -> Act:
    return Act(
        place=place,
        word=word,
        campaign=campaign_name("NORTH", INTENT),
        party_id="NORTH",
        at=on(days),
        fence={0: fence},
        counts={} if residue is None else {"residue": residue},
        reason=reason,
        manifest=manifest,
        persons=persons or (ANN,),
    )


def opening(fence: int = 1 << 40) -> Act:
    return act(Word.OPEN, 0, ANN, BOB, place=0, fence=fence)


def seen_on(
    days: float,
    devices: Sequence[Told],
    acts: Iterable[Act | Ignored] = (),
    *,
    party: Leaving | None = None,
    fence: int = 1 << 50,
    waits: Waits = WAITS,
) -> Campaign:
    """Fold as of a day after the opening."""
    facts = [one.facts for one in devices]
    return fold(
        party or leaving(),
        lambda: facts,
        list(acts),
        at=on(days),
        fence={0: fence, 1: fence},
        waits=waits,
        signed=True,
    )
