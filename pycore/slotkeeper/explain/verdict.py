"""From a device's story to one sentence: what is the cause, who acts next, does asking again help.

The newest decision that says something about the slot is the cause. What came without news, such as
a message that was told before, is passed over.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from slotkeeper.explain.codes import CELL_STATUSES, RETRYABLE_STATUSES, response_code
from slotkeeper.explain.reasons import sentence
from slotkeeper.explain.sentence import WIDTH, Actor, Sentence
from slotkeeper.explain.story import REQUESTS, Json, Story
from slotkeeper.explain.times import moment

_WITHOUT_NEWS = frozenset(
    {
        ("DUPLICATE", "SAME_MESSAGE"),
        ("DUPLICATE", "SAME_REQUEST"),
        ("NOT_RECORDED", "NO_OUTCOME"),
        ("NOT_RECORDED", "NOT_NETWORK_OPERATOR_ROLE"),
        ("NOT_RECORDED", "NOT_AN_OUTCOME"),
        ("REROUTED", "WRONG_PARTITION"),
        ("SEEN", "ADJUSTED"),
        ("SEEN", "NO_CHANGE"),
        # They tell how a slot stands, not what became of a request.
        ("SEEN", "CREDENTIALS_UPDATED"),
        ("SEEN", "IMPORTED"),
        ("SEEN", "READ_BACK"),
    }
)

_PRE_COMMAND = ("SEEN", "PRE_COMMAND")

OUTCOMES = "srv-6.15.1-responses"

_STREAMS = {
    OUTCOMES: "6.15.1 response",
    "srv-6.15.1-requests": "6.15.1 pre-command",
    "srv-6.21-responses": "6.21 response",
    REQUESTS: "6.21 request",
    "counter-adjustments": "adjustment",
    "srv-6.24.1-responses": "6.24.1 response",
    "dcc-alerts": "DCC Alert",
    "gno-exits": "act of an exit",
}

_FAILED = frozenset({("HANDOVER_FAILED", "ALL_CELLS_FAILED"), ("NOT_RECORDED", "ALL_CELLS_FAILED")})
_PARTIAL = frozenset({"PARTIAL_DS", "PARTIAL_KA"})
_CELLS = {"digitalSignature": "DS", "keyAgreement": "KA"}
_CELL_NAMES = {"digitalSignature": "digital signature", "keyAgreement": "key agreement"}

_CODE = re.compile(r"response code (\S{1,16}), no message")
"""How the engine tells of an answer without a message."""

_ON_THE_WAY = frozenset({"E20", "E21", "E30"})
_INVENTORY = "smart-metering-inventory"
_BY_INVENTORY = frozenset({"UNKNOWN_DEVICE", "NOT_GPF", "SMETS1", "NO_DEVICE_CERTIFICATE"})

_AGAIN = True

_DIGITS = 20
"""Of a counter, which has 64 bits."""

NOTHING_TOLD = Sentence(
    "Nothing is told of this device",
    Actor.NOBODY,
    None,
    "No record about it has come to these streams. If one was sent, it may stand in another store, "
    "or wait to be read by a worker.",
)

_NO_SUCH_REQUEST = Sentence(
    "No record names this request",
    Actor.DCC,
    _AGAIN,
    "It has not come to these streams, or no worker has read it yet. What is known of the device "
    "stands below.",
)

_DAMAGED = Sentence(
    "A stored record was damaged, its numbers are unknown",
    Actor.KEEPER,
    _AGAIN,
    "Two persons name a number that is high enough; `slotkeeper counters show` prints the command. "
    "Until then requests are refused with NO_EVIDENCE.",
)


def verdict(story: Story, request_id: str | None = None) -> Sentence:
    """Give the cause for a device, or for one request."""
    if story.damaged_roles:
        return _DAMAGED
    decisions = story.standing()
    if request_id is not None:
        named = [one for one in decisions if _same(one.get("request_id"), request_id)]
        if not named:
            return _NO_SUCH_REQUEST
        return _of_request(story, decisions, named)
    answered = _answered_pre_commands(decisions)
    news = [
        one
        for one in decisions
        if _verdict_of(one) not in _WITHOUT_NEWS
        and not (_verdict_of(one) == _PRE_COMMAND and _sent_as(one) in answered)
    ]
    if news:
        return _judged(story, decisions, news[-1])
    return told(decisions[-1]) if decisions else _without_decision(story)


def record_name(decision: Json) -> str:
    """Say what kind of record was decided on."""
    stream = str(decision.get("stream"))
    return _STREAMS.get(stream, stream)


def told(decision: Json) -> Sentence:
    """Give the sentence of one decision, with what it found in the cells."""
    which = _verdict_of(decision)
    said = sentence(*which)
    if which in _FAILED:
        said = _cells_failed(said, decision)
    elif which[1] in _PARTIAL:
        said = _with_advice(said, *_statuses(decision))
    elif which[1] == "ERROR_RESPONSE":
        said = _answered(said, decision)
    elif which == ("DEAD_LETTER", "MALFORMED"):
        said = replace(said, cause=f"The {record_name(decision)} cannot be read")
    detail = decision.get("detail")
    if isinstance(detail, str) and detail:
        said = _with_advice(said, f"Detail: {detail.rstrip('.')}.")
    return said


def unanswered(decisions: Sequence[Json]) -> list[Json]:
    """Give the issued commands that no outcome is told of, oldest first."""
    waiting: dict[tuple[object, object], Json] = {}
    for one in decisions:
        number, role = one.get("originator_counter"), one.get("remote_party_role")
        match one.get("disposition"):
            case "ISSUED" if number:
                waiting[role, number] = one
            case "HANDOVER_CONFIRMED" | "HANDOVER_FAILED":
                for answered in _numbers(one):
                    waiting.pop((role, answered), None)
                    _drop_older(waiting, one, answered)
                if one.get("reason") == "ERROR_RESPONSE":
                    _drop_request(waiting, one.get("request_id"))
    return list(waiting.values())


def parked(decisions: Sequence[Json]) -> list[Json]:
    """Give the decisions about what waits to be judged again."""
    return [
        one
        for one in decisions
        if one.get("disposition") == "PARKED" or _verdict_of(one) == ("REJECTED", "BAD_SIGNATURE")
    ]


def _of_request(story: Story, decisions: list[Json], named: list[Json]) -> Sentence:
    asked = [one for one in named if one.get("stream") == REQUESTS]
    issued = next((one for one in asked if one.get("disposition") == "ISSUED"), None)
    if issued is not None:
        number, role = issued.get("originator_counter"), issued.get("remote_party_role")
        outcomes = [
            one
            for one in decisions
            if str(one.get("disposition")).startswith("HANDOVER_")
            and (
                (number in _numbers(one) and one.get("remote_party_role") == role)
                or _same(one.get("request_id"), str(issued.get("request_id")))
            )
        ]
        return _judged(story, decisions, outcomes[-1] if outcomes else issued)
    news = [one for one in named if _verdict_of(one) not in _WITHOUT_NEWS]
    return _judged(story, decisions, (news or named)[-1])


def _judged(story: Story, decisions: list[Json], cause: Json) -> Sentence:
    said = told(cause)
    waits = parked(decisions)
    if cause.get("disposition") == "ISSUED":
        said = _no_answer(cause)
        if waits:
            return _while_parked(said, waits[-1])
    if cause.get("reason") in _BY_INVENTORY:
        said = _by_inventory(story, said)
    others = [one for one in waits if one is not cause]
    if others:
        said = _with_advice(said, _also_parked(others[-1]))
    return said


def _no_answer(issued: Json) -> Sentence:
    since = moment(issued.get("decided_at"))
    unknown = issued.get("evidence") == "none"
    held = "No hand-back of this slot is known: its operator may still hold it. " if unknown else ""
    return Sentence(
        f"No answer to the command since {since}" if since else "No answer to the command",
        Actor.DCC,
        _AGAIN,
        f"{held}The command has number {issued.get('originator_counter')}. Ask whether it was "
        "delivered: a device does not answer a command whose number is too low for it, or that "
        "another than the holder of its slot has signed. A request with a new RequestID gets a "
        "higher number.",
    )


def _while_parked(said: Sentence, waits: Json) -> Sentence:
    why = told(waits)
    return Sentence(
        "Command sent while a message is parked, no answer",
        why.actor,
        _AGAIN,
        f"{_also_parked(waits)} {why.advice} {said.advice}",
    )


def _also_parked(waits: Json) -> str:
    return (
        f"Parked: {waits.get('reason')}, {waits.get('stream')} {waits.get('partition')}:"
        f"{waits.get('offset')}, since {moment(waits.get('decided_at'))}."
    )


def _cells_failed(said: Sentence, decision: Json) -> Sentence:
    cells = _cells(decision)
    if not cells:
        return said
    statuses = list(dict.fromkeys(status for _, status in cells))
    whom = "both cells" if len(cells) > 1 else f"the {_CELLS[cells[0][0]]} cell"
    answered = statuses[0] if len(statuses) == 1 else " and ".join(statuses)
    cause = f"The device answered {answered} for {whom}"
    if len(statuses) > 1:
        cause = f"The device answered {answered}"
    again = set(statuses) <= RETRYABLE_STATUSES
    if again:
        advice = "The device was busy: ask again, under a new RequestID."
    else:
        means = " ".join(f"{one}: {CELL_STATUSES.get(one, 'unknown.')}" for one in statuses)
        advice = f"{means} {said.advice}"
    return _fitting(replace(said, cause=cause, retryable=again, advice=advice), said.cause)


def _statuses(decision: Json) -> list[str]:
    return [
        f"{_CELL_NAMES[usage]}: {status}. {CELL_STATUSES.get(status, '')}"
        for usage, status in _cells(decision)
        if status != "success"
    ]


def _answered(said: Sentence, decision: Json) -> Sentence:
    found = _CODE.search(str(decision.get("detail") or ""))
    if found is None:
        return said
    code = response_code(found[1])
    asked_by = Actor.SUPPLIER if decision.get("disposition") == "HANDOVER_FAILED" else said.actor
    actor = Actor.DCC if found[1] in _ON_THE_WAY else asked_by
    short = code.says.rstrip(".").rpartition(": ")[2]
    judged = Sentence(
        f"The DCC answered {found[1]}: {short}", actor, code.retryable, f"{code.says} {code.advice}"
    )
    return _fitting(judged, f"The DCC answered {found[1]} and no message of the device")


def _by_inventory(story: Story, said: Sentence) -> Sentence:
    """Name the inventory record that could not be read, if there was one: that is the cause."""
    letters = [letter for letter in story.dead_letters if letter.get("stream") == _INVENTORY]
    if not letters:
        return said
    return Sentence(
        "The device's inventory record could not be read",
        Actor.DCC,
        said.retryable,
        f"Detail: {str(letters[-1].get('detail') or letters[-1].get('fault')).rstrip('.')}. "
        f"{said.cause}.",
    )


def _without_decision(story: Story) -> Sentence:
    if story.is_empty:
        return NOTHING_TOLD
    if story.dead_letters:
        said = _by_inventory(story, sentence("DEAD_LETTER", "MALFORMED"))
        detail = story.dead_letters[-1].get("detail") or story.dead_letters[-1].get("fault")
        return said if "Detail:" in said.advice else _with_advice(said, f"Detail: {detail}.")
    return Sentence(
        "Its numbers are known, no decision about it is kept",
        Actor.NOBODY,
        None,
        "The audit trail no longer has its decisions, or they were imported.",
    )


def _fitting(said: Sentence, shorter: str) -> Sentence:
    """Take the shorter cause where cause and actor would not fit into one line."""
    return said if len(said.line) <= WIDTH else replace(said, cause=shorter)


def _with_advice(said: Sentence, *more: str) -> Sentence:
    return replace(said, advice=" ".join((*more, said.advice)))


def _cells(decision: Json) -> list[tuple[str, str]]:
    return [
        (cell["key_usage"], str(cell.get("status")))
        for cell in decision.get("cells") or ()
        if isinstance(cell, dict) and cell.get("key_usage") in _CELLS
    ]


def _numbers(outcome: Json) -> set[Any]:
    message = outcome.get("message") or {}
    return {message.get("authorising_seq_number"), message.get("header_counter")} - {None}


def _answered_pre_commands(decisions: Sequence[Json]) -> set[tuple[Any, Any]]:
    """Give role and number of commands whose outcome is told, before they are or after.

    The streams have no order among each other. The acceptance of a command that is executed later
    is no outcome.
    """
    return {
        _sent_as(one)
        for one in decisions
        if one.get("stream") == OUTCOMES and _verdict_of(one) not in _WITHOUT_NEWS
    }


def _sent_as(decision: Json) -> tuple[Any, Any]:
    """Give role and number of the command that a message is, or answers."""
    message = decision.get("message") or {}
    number = message.get("authorising_seq_number")
    if number is None and message.get("kind") != "ALERT":
        number = message.get("header_counter")  # an Alert's own counter is the device's
    return decision.get("remote_party_role"), number


def _drop_older(
    waiting: dict[tuple[object, object], Json], outcome: Json, answered: object
) -> None:
    """A command that was executed ends the wait for those of lower numbers."""
    executed = _counter(answered)
    if outcome.get("disposition") != "HANDOVER_CONFIRMED" or executed is None:
        return
    for role, number in list(waiting):
        older = _counter(number)
        same = role == outcome.get("remote_party_role")
        if same and older is not None and older < executed:
            del waiting[role, number]


def _counter(told: object) -> int | None:
    text = str(told)
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def _drop_request(waiting: dict[tuple[object, object], Json], request_id: object) -> None:
    """An error code without message names its request, if anything."""
    for which, one in list(waiting.items()):
        if _same(one.get("request_id"), request_id):
            del waiting[which]


def _verdict_of(decision: Json) -> tuple[str, str]:
    return str(decision.get("disposition")), str(decision.get("reason"))


def _same(one: object, other: object) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.casefold() == other.casefold()
