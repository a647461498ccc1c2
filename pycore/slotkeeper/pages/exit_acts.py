"""Acts of an exit: which could be decided now, and what becomes of one that is handed in.

What could be decided was worked out by ``slotkeeper exit prepare`` at the newest build, by the same
fold that will judge the act. An act that was signed on something else is refused here, so that
nobody learns at the next build only that it counts for nothing.
"""

from typing import Any

import orjson

from slotkeeper.slots.exit.acts import TYP, Act, read_act
from slotkeeper.slots.exit.facts import utc_text
from slotkeeper.slots.exit.states import DONE, State, Word
from slotkeeper.slots.exit.stream import PARTITION, STREAM
from slotkeeper.streams import Message

from .acts import FORM, ActConflictError, ActRefusedError, bounded, keep
from .desk import Desk
from .persons import Person

_END = 1 << 62
"""An offset that no stream reaches: the act is not in it yet."""


def may_hand_in(desk: Desk, person: Person) -> str:
    """Say why a person cannot hand in acts of exits; empty if they can."""
    if not person.may_act:
        return "Only persons of the DCC hand in acts."
    if desk.signers is None:
        return "Acts need signatures: nobody is named in [adjustments] signers."
    return ""


def prepared_act(desk: Desk, build: str, party: str, word: str) -> bytes | None:
    """Make the file that persons sign; None where that cannot be decided now."""
    told = desk.exits.acts(build, party)
    found = _of_word(told, word)
    if told is None or found is None or not found["payload"]:
        return None
    return orjson.dumps(
        {
            "form": FORM,
            "typ": TYP,
            "incarnation": told["incarnation"],
            "payload": found["payload"],
        },
        option=orjson.OPT_INDENT_2,
    )


def hand_in(desk: Desk, person: Person, build: str, party: str, octets: bytes) -> str:
    """Check a signed act of an exit and write it into its stream; gives a sentence about it.

    Raises:
        ActRefusedError: It is not good enough; nothing was written.
    """
    if why := may_hand_in(desk, person):
        raise ActRefusedError(why)
    value = _value(bounded(octets), party)
    act = _proven(desk, party, value)
    _fits(desk.exits.acts(build, party), act)
    keep(desk, person, f"exit {act.word}", signed=value, by=act.persons, reason=act.reason)
    desk.publish(Message(STREAM, party.encode(), value))
    return (
        f"{act.word} is written, signed by {', '.join(act.persons)}. It cannot be taken back; how "
        "the exit stands by it is being worked out."
    )


def _value(octets: bytes, party: str) -> bytes:
    """Give the record of a file as ``slotkeeper exit sign`` writes it: a key and the signed act."""
    try:
        told = orjson.loads(octets)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("value"), dict):
        raise ActRefusedError(
            "the file is no signed act: `slotkeeper exit sign` puts a signature into it"
        )
    if told.get("key") != party:
        raise ActRefusedError("the act is about another party")
    return orjson.dumps(told["value"])


def _proven(desk: Desk, party: str, value: bytes) -> Act:
    incarnation = desk.wait(desk.streams.incarnation(PARTITION))
    if incarnation is None:
        raise ActRefusedError("the store has no name yet: a worker gives it one")
    act = read_act(value, _END, party.encode(), desk.signers, [incarnation])
    if not isinstance(act, Act):
        raise ActRefusedError(f"the act would count for nothing: {act.reason}")
    if not act.reason.strip():
        raise ActRefusedError("the act has no reason")
    return act


def _fits(told: dict[str, Any] | None, act: Act) -> None:
    """Refuse what would count for nothing by how the exit stood at the newest build."""
    if act.word is Word.CLOSE:
        raise ActRefusedError(
            "CLOSE names an evidence package, which is verified on the command line: "
            "`slotkeeper publish gno-exits FILE` sends it"
        )
    found = _of_word(told, act.word)
    if found is None:
        raise ActConflictError("what can be decided now is being worked out; try in a minute")
    if found["refused"] or not found["payload"]:
        raise ActConflictError(found["refused"] or "the store has no name yet")
    expected = found["payload"]
    signed = {
        "campaign": act.campaign,
        "at": utc_text(act.at),
        "fence": {str(partition): offset for partition, offset in act.fence.items()},
        "counts": dict(act.counts),
        "manifest_sha256": act.manifest,
    }
    if signed != {name: expected[name] for name in signed}:
        raise ActConflictError(
            "it was signed on how the exit stood at another build: download the file anew"
        )
    if len(act.persons) < found["persons"]:
        alone = (
            f"two persons must sign it, and {act.persons[0]} alone did: another one signs the same "
            "file with `slotkeeper exit sign`"
        )
        if act.word is Word.RECORD_REVOCATION_REQUEST:
            left = ", ".join(
                f"{number} {name}"
                for name, number in act.counts.items()
                if number and name in set(State) - DONE
            )
            alone = f"the exit is not READY ({left or 'not quiet for long enough'}): {alone}"
        raise ActConflictError(alone)


def _of_word(told: dict[str, Any] | None, word: str) -> dict[str, Any] | None:
    acts: list[dict[str, Any]] = (told or {}).get("acts", [])
    return next((one for one in acts if one["act"] == word), None)
