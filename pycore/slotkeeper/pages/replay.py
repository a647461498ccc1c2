"""The replay of a dead letter: its octets are given to their input once more.

The signature is verified as the worker verifies those of adjustments, by the same code and the same
file of signers.
"""

import hashlib
from datetime import datetime
from typing import Any

import orjson

from slotkeeper.acts import DEAD_LETTER_REPLAY, Act, ActError
from slotkeeper.streams import Message

from .acts import FORM, ActConflictError, ActRefusedError, bounded, keep
from .desk import Desk
from .persons import Person


def can_be_replayed(desk: Desk, person: Person, letter: dict[str, Any]) -> str:
    """Say why a dead letter cannot be replayed by a person; empty if it can."""
    headers = orjson.loads(letter["headers"])
    if not person.may_act:
        return "Only persons of the DCC hand in acts."
    if desk.signers is None:
        return "Acts need signatures: nobody is named in [adjustments] signers."
    if "sha256" in headers or "key-sha256" in headers:
        return "It was cut, since it was too long: only its sender has the whole."
    if letter["device"] is None:
        return "Its key is no device: nobody knows which partition it belongs to."
    if letter["source_stream"] not in desk.streams.layout.inputs:
        return "It does not say on which input it came."
    return ""


def prepared_replay(desk: Desk, letter: dict[str, Any], now: datetime) -> bytes:
    """Make the file that a person signs.

    Raises:
        ActRefusedError: Nothing was ever committed, so that the store has no name.
    """
    incarnation = desk.wait(desk.streams.incarnation(letter["partition"]))
    if incarnation is None:
        raise ActRefusedError("the store has no name yet: a worker gives it one")
    return orjson.dumps(
        {
            "form": FORM,
            "typ": DEAD_LETTER_REPLAY,
            "incarnation": incarnation,
            "payload": {**_which(letter), "at": now.isoformat(timespec="seconds"), "reason": ""},
        },
        option=orjson.OPT_INDENT_2,
    )


def replay(desk: Desk, person: Person, letter: dict[str, Any], octets: bytes) -> str:
    """Check a signed act and write the dead letter's octets into its input again.

    Gives a sentence about what was done.

    Raises:
        ActRefusedError: The act is not good enough; nothing was written.
    """
    if why := can_be_replayed(desk, person, letter):
        raise ActRefusedError(why)
    persons, reason = _proven(desk, letter, octets)
    value = None if letter["value"] is None else bytes(letter["value"])
    keep(desk, person, "replay", signed=octets, by=persons, reason=reason)
    desk.publish(
        Message(
            letter["source_stream"],
            letter["device"].encode(),
            value,
            headers=(("replayed-from", f"{letter['partition']}/{letter['offset']}".encode()),),
        )
    )
    return (
        f"Replayed into {letter['source_stream']}, signed by {', '.join(persons)}. The worker "
        "decides it next; the decision stands on the device's page."
    )


def _proven(desk: Desk, letter: dict[str, Any], octets: bytes) -> tuple[list[str], str]:
    bounded(octets)
    incarnation = desk.wait(desk.streams.incarnation(letter["partition"]))
    signers = desk.signers
    if incarnation is None or signers is None:
        raise ActRefusedError("the store has no name yet, or nobody may sign")
    try:
        act = Act.read(octets)
        _, persons, ignored = signers.prove(octets, DEAD_LETTER_REPLAY, [incarnation])
    except ActError as error:
        raise ActRefusedError(f"the file is no signed act: {error}") from None
    if not persons:
        why = ignored[0][1] if ignored else "nobody signed"
        raise ActRefusedError(f"no signature holds: {why}")
    if {name: act.payload.get(name) for name in _which(letter)} != _which(letter):
        raise ActConflictError("the act is about another dead letter")
    reason = act.payload.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise ActRefusedError("the act has no reason")
    return persons, reason


def _which(letter: dict[str, Any]) -> dict[str, Any]:
    """Name a dead letter so that no other one is meant, whatever stands at its offset later."""
    return {
        "act": "replay",
        "partition": letter["partition"],
        "offset": str(letter["offset"]),
        "stream": letter["source_stream"],
        "device_id": letter["device"],
        "sha256": hashlib.sha256(bytes(letter["value"] or b"")).hexdigest(),
    }
