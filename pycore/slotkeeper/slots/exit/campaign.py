"""The campaign of an exit: a fold of acts in their order and of the facts of devices.

Any machine that reads the same streams computes the same: nothing asks a clock. A gate of an act
is judged at the fence that its persons signed, by what was known there, so that what becomes known
later does not unmake it; registers count as they are known now, with their days.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from .acts import Act, Ignored, campaign_name
from .facts import DeviceFacts, Fence, View, Waits
from .gates import Gate, closing_gates, left, opening_gates, ready_gates
from .register import Leaving
from .states import ENDED, Phase, Word
from .survey import Survey, survey

_DAY = timedelta(days=1)

RESIDUE = "residue"
"""Member of the counts of CLOSE: the devices that are left, whose list the persons saw."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A revocation came before the exit was READY (R18, R20).

    Attributes:
        day: Of the revocation.
        holders: Devices that held a revoked key then: nobody can act on them remotely.
    """

    day: date
    holders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """How an exit stands.

    Attributes:
        name: See `campaign_name`; empty where the register has no intent.
        opened: The act that opened it; None: it is a draft.
        closed: The act that closed it.
        survey: The plan at the fence.
        breach: The first revocation that came too early; None: none did.
        compromised: Two persons recorded that a key is compromised: revoking it is no breach.
        revoked_on: From when none of its certificates is in use.
        acts: What counts, in order.
        ignored: What does not, with its reason.
        gates: Of the next step.
    """

    leaving: Leaving
    name: str
    phase: Phase
    opened: Act | None
    closed: Act | None
    survey: Survey
    breach: Breach | None
    compromised: bool
    revoked_on: date | None
    acts: tuple[Act, ...]
    ignored: tuple[Ignored, ...]
    gates: tuple[Gate, ...]

    @property
    def stranded(self) -> int:
        """Devices that hold a revoked key: nobody can act on them remotely (R21)."""
        if self.revoked_on is not None:
            return self.survey.holding
        return self.survey.holders[max(self.survey.holders, default=date.min)]

    @property
    def residue(self) -> int:
        """Devices that are left after the revocation (R21); 0 before it."""
        return self.survey.blocking if self.revoked_on is not None else 0


def fold(
    leaving: Leaving,
    devices: Callable[[], Iterable[DeviceFacts]],
    records: Sequence[Act | Ignored],
    *,
    at: datetime,
    fence: Fence,
    waits: Waits,
    signed: bool,
) -> Campaign:
    """Fold acts and facts into a campaign.

    Args:
        leaving: The party.
        devices: Gives the devices of the scope, each time anew.
        records: Of ``gno-exits`` under the party's key, in order.
        at: When the build was made; naive, UTC.
        fence: How far it read the audit trail.
        waits: The settings.
        signed: Whether signers are configured.
    """
    name = campaign_name(leaving.party.party_id, leaving.intent.intent_on) if leaving.intent else ""
    folding = _Fold(leaving, devices, View(at=at, fence=fence), waits, name)
    folding.ignored += [one for one in records if isinstance(one, Ignored)]
    later = folding.open([one for one in records if isinstance(one, Act)])
    folding.look(later)
    for act in later:
        folding.take(act)
    return folding.campaign(signed=signed)


def phase_of(
    leaving: Leaving,
    devices: Callable[[], Iterable[DeviceFacts]],
    acts: Sequence[Act],
    *,
    at: datetime,
    fence: Fence,
    waits: Waits,
) -> Phase:
    """Say how an exit stands, as `fold` does; of one that nobody opened no device is looked at.

    Raises:
        ValueError: The party has no intent.
    """
    if leaving.intent is None:
        raise ValueError(f"{leaving.party.party_id} has no intent")
    name = campaign_name(leaving.party.party_id, leaving.intent.intent_on)
    folding = _Fold(leaving, devices, View(at=at, fence=fence), waits, name)
    later = folding.open(acts)
    if folding.opened is not None:
        folding.look(later)
        for act in later:
            folding.take(act)
    return folding.phase()


@dataclass
class _Fold:
    leaving: Leaving
    devices: Callable[[], Iterable[DeviceFacts]]
    now: View
    waits: Waits
    name: str
    opened: Act | None = None
    closed: Act | None = None
    closing: Phase = Phase.CLOSED
    paused: bool = False
    cancelled: bool = False
    compromised: bool = False
    requested: Act | None = None
    acts: list[Act] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    _surveys: dict[int, Survey] = field(default_factory=dict)
    _now: Survey | None = None

    def open(self, acts: Sequence[Act]) -> list[Act]:
        """Find the act that opened the exit; give those that are to be judged after it."""
        for number, act in enumerate(acts):
            why = self._not_now(act) or self._refuse_draft(act)
            if why:
                self._ignore(act, why)
                continue
            self.acts.append(act)
            if act.word is Word.OPEN:
                self.opened = act
                return list(acts[number + 1 :])
            self.cancelled = self.cancelled or act.word is Word.CANCEL
            self.compromised = self.compromised or act.word is Word.RECORD_KEY_COMPROMISE
        return []

    def look(self, acts: Sequence[Act]) -> None:
        """Survey the plan now, and where an act was signed: one pass over all devices."""
        judged = [act for act in acts if not self._not_now(act)]
        views = [self.now, *(View(at=act.at, fence=act.fence) for act in judged)]
        days = self.leaving.revoked_days(self.now.at.date())
        keys = self.leaving.revoked_keys(days)
        opened = self.opened.at if self.opened else self.now.at
        self._now, *others = survey(self.devices(), opened, views, self.waits, keys)
        self._surveys = {act.place: one for act, one in zip(judged, others, strict=True)}

    def take(self, act: Act) -> None:
        """Let an act count, or say why it does not."""
        why = self._not_now(act) or self._refuse(act)
        if why:
            self._ignore(act, why)
            return
        self.acts.append(act)
        match act.word:
            case Word.PAUSE | Word.RESUME:
                self.paused = act.word is Word.PAUSE
            case Word.CANCEL:
                self.cancelled = True
            case Word.RECORD_REVOCATION_REQUEST:
                self.requested = act
            case Word.RECORD_KEY_COMPROMISE:
                self.compromised = True
            case Word.CLOSE:
                self.closed = act
                left_over = self._surveys[act.place].blocking
                self.closing = Phase.CLOSED_WITH_RESIDUE if left_over else Phase.CLOSED

    def phase(self) -> Phase:
        """Give how it stands."""
        return self._phase(self._now or Survey(self.now.at, self.now))

    def campaign(self, *, signed: bool) -> Campaign:
        """Give what came of it."""
        now = self._survey_now()
        phase = self._phase(now)
        revoked_on = self.leaving.revoked_on(self.now.at.date())
        return Campaign(
            leaving=self.leaving,
            name=self.name,
            phase=phase,
            opened=self.opened,
            closed=self.closed,
            survey=now,
            breach=None if self.compromised else self._breach(now),
            compromised=self.compromised,
            revoked_on=revoked_on,
            acts=tuple(self.acts),
            ignored=tuple(sorted(self.ignored, key=lambda one: one.place)),
            gates=tuple(self._gates(phase, now, signed=signed)),
        )

    def _survey_now(self) -> Survey:
        if self._now is None:
            raise ValueError("nobody has looked at the devices")
        return self._now

    def _ignore(self, act: Act, why: str) -> None:
        self.ignored.append(Ignored(act.place, why, act.word, act.campaign))

    def _not_now(self, act: Act) -> str:
        """Say why an act cannot be judged in this campaign, or by this build."""
        if act.campaign != self.name:
            named = self.name or "none"
            return f"it is about the exit {act.campaign}, and the register names {named}"
        if act.at > self.now.at:
            return "it was signed after this build: the next one judges it"
        known = self.now.fence or {}
        if any(offset > known.get(partition, 0) for partition, offset in act.fence.items()):
            return "it was signed on what this build has not read: the next one judges it"
        return ""

    def _refuse_draft(self, act: Act) -> str:
        """Say why an act that came before the opening does not count."""
        if self.cancelled:
            return "the exit was CANCELLED then"
        if Phase.DRAFT not in _FROM[act.word]:
            return f"the exit was DRAFT then, and {act.word} is for one that is open"
        if act.word is Word.CANCEL:
            return ""
        if not act.by_two:
            return f"two persons must sign it, and {act.persons[0]} alone did"
        if act.word is not Word.OPEN:
            return ""
        view = View(at=act.at, fence=act.fence)
        [found] = survey(self.devices(), act.at, [view], self.waits, {})
        gates = opening_gates(self.leaving, found, signed=True)
        return "; ".join(gate.missing for gate in gates if gate.missing)

    def _refuse(self, act: Act) -> str:  # one return a rule
        then = self._surveys[act.place]
        phase = self._phase(then)
        if phase not in _FROM[act.word]:
            allowed = ", ".join(sorted(_FROM[act.word]))
            return f"the exit was {phase} then, and {act.word} is for {allowed or 'no other'}"
        match act.word:
            case Word.RECORD_REVOCATION_REQUEST if phase is not Phase.READY:
                if not act.by_two or not act.reason:
                    told = ", ".join(f"{count} {name}" for name, count in left(then))
                    return (
                        f"the exit was not READY ({told or 'not quiet for long enough'}): only two "
                        "persons with a reason may record it all the same"
                    )
            case Word.RECORD_KEY_COMPROMISE if not act.by_two or not act.reason:
                return "two persons must sign it, with a reason"
            case Word.CLOSE:
                return self._not_closing(act, then)
        return ""

    def _not_closing(self, act: Act, then: Survey) -> str:
        gates = closing_gates(
            self.leaving,
            act.at.date(),
            revoked=True,
            evidence=act.manifest is not None,
            residue=then.blocking,
        )
        missing = [gate.missing for gate in gates if gate.missing and gate.name != "RESIDUE"]
        if missing:
            return "; ".join(missing)
        if then.blocking and not act.by_two:
            return f"{then.blocking} devices are left, and {act.persons[0]} alone signed"
        if act.counts.get(RESIDUE, 0) != then.blocking:
            listed = act.counts.get(RESIDUE, 0)
            return f"{listed} devices were signed as left, and {then.blocking} were"
        return ""

    def _phase(self, then: Survey) -> Phase:  # noqa: PLR0911  # one return a phase, first that holds
        if self.cancelled:
            return Phase.CANCELLED
        if self.closed:
            return self.closing
        if self.leaving.revoked_on(then.view.at.date()) is not None:
            return Phase.REVOKED
        if self.opened is None:
            return Phase.DRAFT
        if self._stands(self.requested, then):
            return Phase.REVOCATION_REQUESTED
        if self.paused:
            return Phase.PAUSED
        periods = then.ready_periods(self.waits.quiet)
        if periods and periods[-1][1] is None:
            return Phase.READY
        return Phase.REOPENED if periods or self.requested else Phase.OPEN

    def _stands(self, request: Act | None, then: Survey) -> bool:
        """Say whether nothing was left to do again since a request was recorded.

        Nor may more be left than its persons knew of: a message may come late about a time before.
        """
        if request is None or then.returned_after(request.at):
            return False
        return then.blocking <= self._surveys[request.place].blocking

    def _breach(self, now: Survey) -> Breach | None:
        whole = self.leaving.revoked_on(now.view.at.date())
        for day in self.leaving.revoked_days(now.view.at.date()):
            end = min(datetime.combine(day + _DAY, datetime.min.time()), now.view.at)
            if self._was_ready(now, end):
                continue
            holders = now.holders[day]
            if holders or day == whole:
                return Breach(day, holders)
        return None

    def _was_ready(self, now: Survey, moment: datetime) -> bool:
        if self.opened is None:
            return False
        return any(
            begins <= moment and (until is None or moment < until)
            for begins, until in now.ready_periods(self.waits.quiet)
        )

    def _gates(self, phase: Phase, now: Survey, *, signed: bool) -> list[Gate]:
        if phase in ENDED:
            return []
        if phase is Phase.DRAFT:
            return opening_gates(self.leaving, now, signed=signed)
        closing = closing_gates(
            self.leaving,
            now.view.at.date(),
            revoked=phase is Phase.REVOKED,
            evidence=False,
            residue=now.blocking,
        )
        if phase is Phase.REVOKED:
            return closing
        return [*ready_gates(now, self.waits.quiet), *closing]


_STEPS = frozenset({Phase.OPEN, Phase.PAUSED, Phase.READY, Phase.REOPENED})

_FROM: dict[Word, frozenset[Phase]] = {
    Word.OPEN: frozenset({Phase.DRAFT}),
    Word.PAUSE: frozenset({Phase.OPEN, Phase.REOPENED}),
    Word.RESUME: frozenset({Phase.PAUSED}),
    Word.CANCEL: frozenset({Phase.DRAFT, Phase.OPEN, Phase.PAUSED, Phase.REOPENED}),
    Word.RECORD_REVOCATION_REQUEST: _STEPS,
    Word.RECORD_KEY_COMPROMISE: frozenset(Phase) - ENDED,
    Word.CLOSE: frozenset({Phase.REVOKED}),
}
"""From which phases an act is taken."""
