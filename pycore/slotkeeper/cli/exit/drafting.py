"""Drafts acts of an exit, and judges them as if they stood in the stream."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from slotkeeper.acts import PersonKey
from slotkeeper.cli.exit.looking import Look
from slotkeeper.cli.output import note
from slotkeeper.errors import FaultFoundError
from slotkeeper.slots.digest import digest
from slotkeeper.slots.evidence.manifest import MANIFEST
from slotkeeper.slots.evidence.verifying import verify
from slotkeeper.slots.exit.acts import TYP, Act, payload
from slotkeeper.slots.exit.campaign import RESIDUE, Campaign
from slotkeeper.slots.exit.gates import left
from slotkeeper.slots.exit.states import State, Word

_END = 1 << 62
"""An offset that no stream reaches."""

_PREPARED = (
    Word.OPEN,
    Word.PAUSE,
    Word.RESUME,
    Word.CANCEL,
    Word.RECORD_REVOCATION_REQUEST,
    Word.RECORD_KEY_COMPROMISE,
)
"""CLOSE is not: it names an evidence package, which somebody has to choose."""

_SOME_REASON = "..."
"""Stands for the reason while an act is judged of which nobody has said why."""

_SOMEBODY, _NOBODY = "one person", "another"
"""Stand for persons while an act is judged that nobody has signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An act that persons could sign.

    Attributes:
        act: As it would be; its reason is empty.
        persons: How many must sign it: one or two.
        refused: Why it would count for nothing now, whoever signs; empty: it would count.
    """

    act: Act
    persons: int
    refused: str

    @property
    def payload(self) -> bytes:
        """What persons sign, but for the reason."""
        return _payload(self.act)


def proposals(look: Look) -> Iterator[Proposal]:
    """Give each act that one or two persons could decide now, with a reason."""
    for word in _PREPARED:
        # Each look goes through all devices of the exit: what two cannot decide one cannot either.
        by_two = draft(look, word, _SOME_REASON, None, (_SOMEBODY, _NOBODY))
        refused = _why_ignored(look, by_two)
        alone = not refused and not _why_ignored(look, replace(by_two, persons=(_SOMEBODY,)))
        yield Proposal(
            act=replace(by_two, reason="", persons=()),
            persons=1 if alone else 2,
            refused=refused,
        )


def judged(look: Look, word: Word, *, reason: str, manifest: str | None) -> tuple[Act, bool]:
    """Make the act, and judge it as if it stood in the stream; say whether one person is enough.

    Raises:
        FaultFoundError: It would count for nothing.
    """
    act = draft(look, word, reason, manifest, (_SOMEBODY,))
    alone = _why_ignored(look, act)
    if not alone:
        return act, True
    both = draft(look, word, reason, manifest, (_SOMEBODY, _NOBODY))
    if why := _why_ignored(look, both):
        raise FaultFoundError(f"{word} is refused: {why}")
    if word is Word.RECORD_REVOCATION_REQUEST:
        if not reason:
            raise FaultFoundError(f"{word} is refused: {alone}")
        told = ", ".join(f"{count} {state}" for state, count in left(look.campaign.survey))
        note(f"the exit is {look.campaign.phase} and not READY: {told or 'not quiet yet'}")
    return both, False


def draft(
    look: Look, word: Word, reason: str, manifest: str | None, persons: tuple[str, ...]
) -> Act:
    """Make an act of what is known now; it stands behind all others until it is published."""
    campaign = look.campaign
    return Act(
        place=_END,
        word=word,
        campaign=campaign.name,
        party_id=campaign.leaving.party.party_id,
        at=campaign.survey.view.at,
        fence=look.fence,
        counts=_counts(campaign, word),
        reason=reason,
        manifest=manifest if word is Word.CLOSE else look.manifest,
        persons=persons,
    )


def _counts(campaign: Campaign, word: Word) -> dict[str, int]:
    told = campaign.survey
    counts = {"baseline": told.baseline, "joined": told.joined, "parked": told.parked}
    counts |= {state.value: told.counts[state] for state in State}
    return counts | ({RESIDUE: told.blocking} if word is Word.CLOSE else {})


def _why_ignored(look: Look, act: Act) -> str:
    folded = look.folded(act)
    return next((one.reason for one in folded.ignored if one.place == act.place), "")


def signed(act: Act, keys: Sequence[PersonKey], incarnation: str) -> bytes:
    """Sign an act with each key."""
    first, *others = keys
    octets = first.sign(TYP, incarnation, _payload(act))
    for key in others:
        octets = key.countersign(octets)
    return octets


def _payload(act: Act) -> bytes:
    return payload(
        act.word,
        campaign=act.campaign,
        party=act.party_id,
        at=act.at,
        fence=act.fence,
        counts=act.counts,
        reason=act.reason,
        manifest=act.manifest,
    )


def verified_manifest(evidence: Path, party: str) -> str:
    """Verify an evidence package of a party, and give the SHA-256 of its manifest.

    Raises:
        FaultFoundError: It does not hold, or is about something else.
    """
    verdict = verify(evidence, None)
    if verdict.findings:
        raise FaultFoundError(f"{evidence}: {verdict.findings[0]}")
    if verdict.manifest is None or verdict.manifest.party != party:
        raise FaultFoundError(f"{evidence} is no evidence package of {party}")
    return digest(evidence / MANIFEST)
