"""Random exits: the identity at every fence, and READY never while anything is left.

What is left is told by a second reading of the rules, which looks at one moment and keeps no state.
"""

import random
from dataclasses import replace

import pytest

from slotkeeper.slots.exit.acts import Act
from slotkeeper.slots.exit.facts import Occupant, Seen, What
from slotkeeper.slots.exit.states import DONE, Phase, State, Word

from .plan import ACB, ANN, BOB, OPENED, OTHER, OWN, UNKNOWN, WAITS, Told, act, on, opening, seen_on

SEEDS = 1_000
CHUNKS = 10
DEVICES = 10
CELLS = ((OWN, OWN), (ACB, ACB), (ACB, ACB), (ACB, OWN), (OWN, ACB), (OTHER, OTHER), (ACB, UNKNOWN))
STEPS = (What.REQUESTED, What.SCHEDULED, What.QUARANTINED, What.FAILED, What.HANDED_BACK)


def device(draw: random.Random, number: int) -> Told:
    told = Told(
        number,
        registered=draw.choice((on(-300), on(-300), on(draw.uniform(-5, 20)), None)),
        presumed=draw.random() < 0.2,
        retired=draw.random() < 0.1,
        successor=draw.random() < 0.1,
        partition=number % 2,
    )
    if draw.random() < 0.8:
        told.seen(draw.uniform(-60, -1), OWN)
    days = -5.0
    for _ in range(draw.randrange(6)):
        days += draw.expovariate(0.15)
        kind = draw.random()
        if kind < 0.45:
            told.handed_back(days, str(draw.randrange(3)))
        elif kind < 0.6:
            told.seen(days - draw.choice((0, 0, 9)), *draw.choice(CELLS))
        elif kind < 0.9:
            told.tried(days, draw.choice(STEPS), str(draw.randrange(3)))
        elif kind < 0.95:
            told.tried(days, What.PARKED, "record")
        else:
            told.tried(days, What.ANSWERED, "record")
    return told


def acts(draw: random.Random) -> list[Act]:
    words = (Word.PAUSE, Word.RESUME, Word.RECORD_REVOCATION_REQUEST, Word.CANCEL)
    found = [opening()]
    for place in range(1, draw.randrange(1, 5)):
        persons = draw.choice(((ANN,), (ANN, BOB)))
        word = draw.choices(words, (3, 3, 6, 1))[0]
        found.append(act(word, 12 * place, *persons, place=place, reason=draw.choice(("", "why"))))
    return found


def left(told: Told, days: float, fence: int) -> bool:
    """Say whether something is left to do, by the facts of a moment."""
    facts = told.facts
    parked = [
        one.what
        for one in facts.attempts
        if one.at <= on(days) and one.offset < fence and one.request == "record"
    ]
    waits = bool(parked) and parked[-1] is What.PARKED
    return to_do(told, days, fence) or (waits and in_plan(told, days, fence))


def to_do(told: Told, days: float, fence: int) -> bool:
    facts = told.facts
    known = [one for one in facts.seen if one.at <= on(days) and one.offset < fence]
    registered = facts.registered is not None and facts.registered <= on(days)
    ever = any(holds(one) for one in known)
    if not known:
        return registered and not facts.presumed and not facts.retired
    last = known[-1]
    if holds(last):
        return not facts.retired or again(known)
    return UNKNOWN in (last.ds, last.ka) and (registered or ever) and not facts.retired


def in_plan(told: Told, days: float, fence: int) -> bool:
    """Say whether the device is in the plan: something was left at the opening, or later."""
    facts, whole = told.facts, in_service(told)
    if told.successor and facts.registered and OPENED < facts.registered <= on(days):
        return True
    moments = [one.at for one in facts.seen if one.offset < fence]
    moments += [facts.registered] if facts.registered else []
    later = [0.0, *((one - OPENED).total_seconds() / 86_400 for one in moments if one > OPENED)]
    # A day as a float is a microsecond off; nothing in these exits is as near to another.
    return any(to_do(whole, one + 1e-9, fence) for one in later if one <= days)


def in_service(told: Told) -> Told:
    """Give the device as it was before it retired."""
    return replace(told, retired=False)


def holds(one: Seen) -> bool:
    return Occupant.OWN in (one.ds, one.ka)


def again(known: list[Seen]) -> bool:
    clear = [n for n, one in enumerate(known) if not {OWN, UNKNOWN} & {one.ds, one.ka}]
    if not clear:
        return False
    return any(holds(one) and one.at > OPENED for one in known[clear[-1] + 1 :][:1]) or any(
        holds(one) and one.at > OPENED and not holds(before)
        for before, one in zip(known[clear[-1] :], known[clear[-1] + 1 :], strict=False)
    )


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_ready_never_while_anything_is_left(chunk: int) -> None:
    ready = 0
    for seed in range(chunk, SEEDS, CHUNKS):
        draw = random.Random(f"exit {seed}")  # noqa: S311  # drawn, not secret
        devices = [device(draw, number) for number in range(DEVICES)]
        if draw.random() < 0.6:
            # So that some exits come to their end.
            for one in devices:
                one.tried(40, What.ANSWERED, "record").handed_back(40 + draw.random())
        decided = acts(draw)
        for days in (0, 3.5, 20, 39, 55, 90):
            fence = draw.choice((1 << 50, 1 << 50, draw.randrange(1, 8)))
            told = seen_on(days, devices, decided, fence=fence)
            found = told.survey
            assert found.exact, (seed, days)
            if told.opened is None:
                continue
            assert found.blocking == sum(left(one, days, fence) for one in devices), (seed, days)
            plan = [one for one in devices if in_plan(one, days, fence)]
            assert found.baseline + found.joined == len(plan), (seed, days)
            baseline = [one for one in devices if to_do(in_service(one), 0, fence)]
            assert found.baseline == len(baseline), (seed, days)
            *_, last = found.burn_down()
            assert (last.left, last.joined) == (found.blocking, found.joined), (seed, days)
            if told.phase is Phase.READY:
                ready += 1
                assert not any(left(one, days, fence) for one in devices), (seed, days)
                assert not any(found.counts[state] for state in State if state not in DONE)
                assert on(days) - found.opened >= WAITS.quiet
    assert ready > SEEDS // CHUNKS // 10
