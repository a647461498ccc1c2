"""The gates of an exit: what must hold before a step, and what is missing."""

from dataclasses import dataclass
from datetime import date, timedelta

from .register import Leaving
from .states import DONE, State
from .survey import Survey

_FEW = 5
"""Serials that a sentence names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of a step.

    Attributes:
        step: The step that it keeps: ``OPEN``, ``READY``, ``CLOSE``.
        name: In a word.
        missing: What is missing, as a sentence; empty: it holds.
    """

    step: str
    name: str
    missing: str

    @property
    def holds(self) -> bool:
        """Whether it lets the step through."""
        return not self.missing


def left(survey: Survey) -> list[tuple[str, int]]:
    """Give each term that must be 0, with its count: those above 0 alone."""
    terms = [(state.value, survey.counts[state]) for state in State if state not in DONE]
    return [(name, count) for name, count in [*terms, ("PARKED", survey.parked)] if count]


def opening_gates(leaving: Leaving, survey: Survey, *, signed: bool) -> list[Gate]:
    """Say what must hold before an exit is opened."""
    devices = survey.baseline + survey.joined
    nothing = (
        "no device was ever registered to the party or seen with its certificates, of which "
        "anything is left to do: are the registers and the audit trail complete?"
    )
    intent = leaving.intent
    return [
        Gate("OPEN", "PLAN", "" if devices else nothing),
        Gate(
            "OPEN",
            "INTENT",
            ""
            if intent
            and intent.intent_on <= survey.view.at.date()
            and not leaving.is_taken_back(survey.view.at.date())
            else "the register of parties has no intent_on that holds: import it (R17)",
        ),
        Gate(
            "OPEN",
            "TWO_PERSONS",
            "" if signed else "adjustments.signers is not set, and two persons must sign",
        ),
    ]


def ready_gates(survey: Survey, quiet: timedelta) -> list[Gate]:
    """Say what keeps an exit from being READY."""
    terms = left(survey)
    told = ", ".join(f"{count} {name}" for name, count in terms)
    since = survey.quiet_since
    quiet_from = since + quiet
    return [
        Gate("READY", "NOTHING_LEFT", told and f"left: {told}"),
        Gate(
            "READY",
            "QUIET",
            ""
            if not terms and quiet_from <= survey.view.at
            else "something is left"
            if terms
            else f"the last change was on {since.date()}; quiet from {quiet_from.date()}",
        ),
    ]


def closing_gates(
    leaving: Leaving, day: date, *, revoked: bool, evidence: bool, residue: int
) -> list[Gate]:
    """Say what must hold before an exit is closed."""
    alive, new = leaving.not_ended(day), leaving.issued_since(day)
    user = leaving.is_user(day)
    return [
        Gate("CLOSE", "REVOKED", "" if revoked else "no revocation of its certificates is known"),
        Gate("CLOSE", "CERTIFICATES_ENDED", _named("neither revoked nor expired", alive)),
        Gate("CLOSE", "NONE_ISSUED", _named("issued after the intent (R19)", new)),
        Gate("CLOSE", "NO_USER", f"it is a DCC User on {day}" if user else ""),
        Gate(
            "CLOSE",
            "KEYS_KEPT",
            "its private keys were declared destroyed before the exit was closed"
            if leaving.keys_destroyed(day)
            else "",
        ),
        Gate("CLOSE", "EVIDENCE", "" if evidence else "no evidence package is named"),
        Gate(
            "CLOSE",
            "RESIDUE",
            f"{residue} devices are left: two persons close with residue" if residue else "",
        ),
    ]


def _named(what: str, serials: list[str]) -> str:
    if not serials:
        return ""
    more = f" and {len(serials) - _FEW} more" if len(serials) > _FEW else ""
    return f"{what}: {', '.join(serials[:_FEW])}{more}"
