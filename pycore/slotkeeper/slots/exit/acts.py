"""Acts of persons in an exit: records of ``gno-exits``, JWS, each with one or two signatures."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import orjson

from slotkeeper.acts import ActError, Signers
from slotkeeper.slots.registers.records import RefusedError, party_id, plain_text

from .facts import Fence, utc_text
from .states import Word

TYP = "slotkeeper-exit-act"
"""The kind of act that the protected header names: no adjustment can be taken for one."""

LONGEST = 65_536
"""Octets of a record that are looked at: the same as ``limits.message_bytes`` ships with."""

MAX_REASON = 500
"""Characters."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_MOST = 1 << 63
"""No offset or count is as large."""
_PARTITIONS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What persons decided, proven.

    Attributes:
        place: Offset of the record in ``gno-exits``.
        word: What was decided.
        campaign: Of the exit; see `campaign_name`.
        at: When it was signed first; naive, UTC.
        fence: How far the audit trail was read for what was signed.
        counts: Devices, as the persons saw them.
        reason: Why.
        manifest: SHA-256 of the manifest of the build; of CLOSE that of the evidence package.
        persons: Whose signatures hold.
    """

    place: int
    word: Word
    campaign: str
    party_id: str
    at: datetime
    fence: Fence
    counts: Mapping[str, int]
    reason: str
    manifest: str | None
    persons: tuple[str, ...]

    @property
    def by_two(self) -> bool:
        """Whether two persons stand for it."""
        return len(self.persons) > 1


class Ignored(NamedTuple):
    """A record that counts for nothing, and why.

    Attributes:
        told: What it says of itself, as far as that could be read; nothing of it is proven.
    """

    place: int
    reason: str
    told: str = ""
    campaign: str = ""


def campaign_name(party: str, intent_on: date) -> str:
    """Name a party's exit: everybody who reads the register gives it the same name."""
    return f"{party}/{intent_on}"


def payload(
    word: Word,
    *,
    campaign: str,
    party: str,
    at: datetime,
    fence: Fence,
    counts: Mapping[str, int],
    reason: str,
    manifest: str | None,
) -> bytes:
    """Write what persons sign."""
    return orjson.dumps(
        {
            "act": word,
            "campaign": campaign,
            "party_id": party,
            "at": utc_text(at),
            "fence": {str(partition): offset for partition, offset in sorted(fence.items())},
            "counts": dict(counts),
            "reason": reason,
            "manifest_sha256": manifest,
        }
    )


def kept_act(act: Act) -> dict[str, Any]:
    """Give a proven act as a build keeps it: what was signed, its place, and by whom."""
    signed = payload(
        act.word,
        campaign=act.campaign,
        party=act.party_id,
        at=act.at,
        fence=act.fence,
        counts=act.counts,
        reason=act.reason,
        manifest=act.manifest,
    )
    return {"place": act.place, "persons": list(act.persons), **orjson.loads(signed)}


def act_of(kept: Mapping[str, Any]) -> Act:
    """Read what `kept_act` gave.

    Raises:
        RefusedError: It is none.
    """
    if not kept["persons"]:
        raise RefusedError("an act that nobody signed")
    return _read(dict(kept), int(kept["place"]), tuple(kept["persons"]))


def read_act(
    octets: bytes | None,
    place: int,
    key: bytes | None,
    signers: Signers | None,
    incarnations: Sequence[str],
) -> Act | Ignored:
    """Prove a record, or say why it counts for nothing.

    Args:
        octets: The record.
        place: Its offset.
        key: Under which it stands: the party's id.
        signers: Who may sign; None: nobody is configured.
        incarnations: Of the store, and those that acknowledgements have ended.
    """
    try:
        signed, persons, why_void = _proven(octets, signers, incarnations)
        act = _read(orjson.loads(signed), place, persons)
    except (ActError, RefusedError) as error:
        return Ignored(place, str(error))
    except (orjson.JSONDecodeError, AttributeError, TypeError) as error:
        return Ignored(place, f"what was signed is no act of an exit: {error}")
    if not persons:
        return Ignored(place, f"no signature of it holds: {why_void}", act.word, act.campaign)
    if (key or b"").decode(errors="replace") != act.party_id:
        return Ignored(place, "it stands under another key than its party", act.word, act.campaign)
    return act


def _proven(
    octets: bytes | None, signers: Signers | None, incarnations: Sequence[str]
) -> tuple[bytes, tuple[str, ...], str]:
    """Give what was signed, by whom, and why the first signature that does not hold does not."""
    if octets is None:
        raise RefusedError("it is empty")
    if len(octets) > LONGEST:
        raise RefusedError(f"it is longer than {LONGEST} octets")
    if signers is None:
        raise RefusedError("adjustments.signers is not set: nobody's signature can be proven")
    signed, persons, void = signers.prove(octets, TYP, incarnations)
    return signed, tuple(persons), void[0][1] if void else ""


def _read(told: dict[str, Any], place: int, persons: tuple[str, ...]) -> Act:
    word, campaign = told.get("act"), told.get("campaign")
    if word not in set(Word):
        raise RefusedError("act is none of " + ", ".join(Word))
    party = party_id(told.get("party_id"), "party_id")
    if not isinstance(campaign, str) or not campaign.startswith(f"{party}/"):
        raise RefusedError("campaign is none of its party")
    try:
        date.fromisoformat(campaign.removeprefix(f"{party}/"))
    except ValueError:
        raise RefusedError("campaign names no day of an intent") from None
    manifest = told.get("manifest_sha256")
    if manifest is not None and not (isinstance(manifest, str) and _SHA256.fullmatch(manifest)):
        raise RefusedError("manifest_sha256 is no SHA-256 in lower-case hexadecimal")
    counts = _numbers(told.get("counts"), "counts", at_most=100)
    fence = _numbers(told.get("fence"), "fence", at_most=_PARTITIONS)
    if not all(name.isdecimal() and name.isascii() and len(name) < 10 for name in fence):  # noqa: PLR2004
        raise RefusedError("fence names something else than partitions")
    return Act(
        place=place,
        word=Word(word),
        campaign=campaign,
        party_id=party,
        at=_moment(told.get("at")),
        fence={int(name): offset for name, offset in fence.items()},
        counts=counts,
        reason=plain_text(told.get("reason") or "", "reason", at_most=MAX_REASON),
        manifest=manifest,
        persons=persons,
    )


def _numbers(value: object, what: str, *, at_most: int) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > at_most:
        raise RefusedError(f"{what} must be an object of at most {at_most} members")
    for number in value.values():
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < _MOST:
            raise RefusedError(f"{what} has something else than numbers from 0")
    return value


def _moment(value: object) -> datetime:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise RefusedError("at must be a time, such as 2026-11-26T14:03:07Z")
    try:
        return datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
    except ValueError:
        raise RefusedError("at is no time of the calendar") from None
