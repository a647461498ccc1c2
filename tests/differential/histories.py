"""Random histories: steps that mean something whatever steps before them were taken away."""

import random
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Step = Json
"""``{"do": name, ...}``; see `line.Line` for what each does."""

CEILING = 2**62
LAST = 2**63 - 1

_DO = {
    "inventory": 7,
    "tombstone": 1,
    "update": 16,
    "handover": 4,
    "told": 24,
    "again": 10,
    "future": 2,
    "due": 3,
    "tapped": 4,
    "request": 22,
    "adjust": 5,
    "read": 8,
    "alert": 5,
    "baseline": 3,
    "register": 2,
    "parties": 2,
    "error": 2,
    "garbage": 2,
    "restart": 4,
    "compact": 1,
    "snapshot": 2,
    "clock_moves": 1,
    "damage": 1,
    "backup": 1,
    "rollback": 1,
}

_APART = (
    "register",
    "parties",
    "restart",
    "compact",
    "snapshot",
    "clock_moves",
    "damage",
    "backup",
    "rollback",
)


def setup(rng: random.Random) -> Json:
    """Draw the settings."""
    return {
        "signatures": rng.choice(["if-known"] * 6 + ["off", "require"]),
        "anchored": rng.random() < 0.6,
        "listed": rng.random() < 0.3,
        "advisory": rng.choice(["flag", "flag", "refuse", "off"]),
        "signers": rng.random() < 0.25,
        "absent_floor": rng.choice(["auto", "auto", "auto", "omit", "zero", "refuse"]),
        "source": rng.choice(["clock-ms", "clock-ms", "sequence"]),
        "without_evidence": rng.choice(["issue", "issue", "refuse"]),
        "dual_control": rng.random() < 0.2,
        "knows_retired": rng.random() < 0.6,
        "floor_policy": rng.choice(["REPLACE", "REPLACE", "MAX", "IGNORE"]),
    }


def history(seed: int, length: int = 30) -> tuple[Json, list[Step]]:
    """Draw settings and steps."""
    rng = random.Random(seed)  # noqa: S311 - a history is drawn, not a secret
    first = setup(rng)
    focus = rng.choice([None] * 2 + list(_FOCUS))
    more, settings = _FOCUS[focus] if focus else ({}, {})
    first |= settings
    devices = 1 if focus else rng.choice([1, 2, 3])
    steps: list[Step] = [
        {"do": "inventory", "device": device} | _inventory(rng, plain=True)
        for device in range(devices)
        if rng.random() < 0.8
    ]
    names = list(_DO)
    weights = [weight * more.get(do, 1) for do, weight in _DO.items()]
    while len(steps) < length:
        do = rng.choices(names, weights)[0]
        step = {"do": do, "device": rng.randrange(devices)} | _DRAWN[do](rng)
        step |= _focused(rng, focus, do)
        if do not in _APART:
            step["ends"] = rng.choices(
                ["fold", None, "discard", "doubt-kept", "doubt-lost"], [70, 20, 5, 2, 2]
            )[0]
        steps.append(step)
    return first, steps


_FOCUS: dict[str, tuple[dict[str, int], Json]] = {
    "parking": (
        {"told": 3, "request": 2, "handover": 0, "again": 0, "tombstone": 0},
        {"signatures": "if-known", "without_evidence": "refuse"},
    ),
    "cancellations": (
        {"future": 12, "read": 2, "request": 2, "told": 0, "update": 0, "adjust": 0, "tapped": 0},
        {"signatures": "if-known", "without_evidence": "issue"},
    ),
    "damage": ({"damage": 12, "adjust": 5, "restart": 2}, {}),
    "lost commits": ({"backup": 8, "rollback": 8, "request": 2, "adjust": 2}, {}),
    "parties": ({"parties": 5, "told": 2, "request": 2}, {"listed": False}),
    "signed": ({"adjust": 8, "damage": 3, "backup": 3, "rollback": 3}, {"signers": True}),
    "false signatures": ({"told": 3}, {"signatures": "if-known", "anchored": False}),
    "readings": ({"read": 4, "alert": 3, "baseline": 3, "register": 3}, {}),
    "verification": ({"restart": 5, "read": 2}, {}),
}
"""What some histories are mostly about, of one device: how much oftener steps are taken, and
settings that they need. What has to meet meets too seldom in the others."""


def _focused(rng: random.Random, focus: str | None, do: str) -> Json:
    drawn: Json = {}
    match focus, do:
        case "parking", "told":
            drawn = {"twist": rng.choice(["forged"] * 3 + [""]), "key": "own"}
        case "cancellations", "future" if rng.random() < 0.8:
            drawn = {"days": rng.choice([30, None]), "tapped": True}
        case "cancellations", "read" if rng.random() < 0.7:
            drawn = {"truly": True, "party": "S", "twist": "", "key": "own", "at": "now"}
        case "signed", "adjust" if rng.random() < 0.8:
            drawn = {"signed": _signed(rng), "about": "own"}
        case "damage", "adjust" if rng.random() < 0.7:
            # Two persons name a number, and so make up for damage.
            drawn = {"kind": "issued", "by": ["one", "two"], "about": "own", "at_least": small(rng)}
        case "false signatures", "told":
            drawn = {"twist": rng.choice(["forged"] * 5 + [""]), "key": "own"}
        case "verification", "restart":
            drawn = {"how": "crash", "settings": {"signatures": rng.choice(["off", "if-known"])}}
    return drawn


def number(rng: random.Random) -> int:
    """Draw a number: mostly small, so that numbers meet, or at an edge of a range."""
    match rng.randrange(8):
        case 0 | 1 | 2:
            return rng.randint(0, 12)
        case 3:
            return rng.randint(0, 5000)
        case 4:
            return 1_780_000_000_000 + rng.randint(-3, 3)
        case 5:
            return CEILING + rng.randint(-2, 2)
        case 6:
            return LAST - rng.randint(0, 2)
    return int(rng.randrange(2 ** rng.randint(1, 63)))


def small(rng: random.Random) -> int:
    return rng.randint(1, 12) if rng.random() < 0.7 else number(rng)


def _inventory(rng: random.Random, *, plain: bool = False) -> Json:
    usual = plain or rng.random() < 0.5
    return {
        "type": "GPF" if usual else rng.choice(["GPF", "GPF", "GPF", "ESME"]),
        "status": "Commissioned"
        if usual
        else rng.choice(["Commissioned", "Pending", "Decommissioned", "Withdrawn"]),
        "smets": "SMETS2" if usual else rng.choice(["SMETS2", "SMETS2", "SMETS1"]),
        "signing": "own"
        if plain
        else rng.choice(["own"] * 6 + [None, None, "exchanged", "invented"]),
        "agreement": "own" if plain else rng.choice(["own"] * 7 + [None]),
        "acb_agreement": rng.choice([None] * 6 + ["acb", "acb", "acb-retired"]),
    }


def _cells(rng: random.Random, role: int, existing: list[str], replacing: list[str]) -> list[Any]:
    shape = rng.choice(["both"] * 6 + ["ds", "ka"])
    before = rng.choice(existing)
    other = before if rng.random() < 0.9 else rng.choice(existing)
    after = rng.choice(replacing)
    beside = after if rng.random() < 0.9 else rng.choice(replacing)
    found = []
    for usage, was, now in (("ds", before, after), ("ka", other, beside)):
        if shape in ("both", usage):
            found.append((role, usage, was, now, rng.random() < 0.85))
    return found


def _told(rng: random.Random) -> Json:
    kind = rng.choices(
        ["operator", "handover", "supplier", "other", "supplier handover"], [10, 5, 2, 4, 2]
    )[0]
    parties = ["A", "A-renewed", "B", "unlisted", "S"]
    brokers = ["acb"] * 6 + ["acb-retired", "acb-unknown"]
    if kind == "operator":
        party = rng.choice(["A", "A", "B", "unlisted"])
        existing = [party] * 8 + parties + brokers
        cells = _cells(rng, 3, existing, brokers + parties)
        mode = 3
    elif kind == "handover":
        party, mode = "acb", 3
        cells = _cells(rng, 3, brokers * 3 + parties, [*parties, "acb"])
    elif kind == "supplier":
        party, mode = rng.choice(["S", "T"]), 2
        cells = _cells(rng, 2, [party] * 5 + ["acb"], ["acb", "S", "T"])
    elif kind == "supplier handover":
        party, mode = "acb", 2
        cells = _cells(rng, 2, ["acb"] * 5 + ["S"], ["S", "T", "acb"])
    else:
        party = rng.choice(["recovery", "transitional", "acb", "A"])
        mode = {"recovery": 8, "transitional": 7, "acb": 4, "A": rng.choice([3, 8])}[party]
        role = rng.choice([3, 2, 4])
        cells = _cells(rng, role, parties + brokers, parties + brokers)
        if rng.random() < 0.3:
            cells += _cells(rng, 2 if role == 3 else 3, parties + brokers, parties + brokers)
    counter = small(rng)
    return {
        "party": party,
        "mode": mode,
        "number": counter,
        "header": None if rng.random() < 0.9 else rng.choice([number(rng), 2**63 + 5, 2**64 - 1]),
        "cells": cells,
        "floors": [(rng.choice([3, 3, 2, 4]), small(rng))] if rng.random() < 0.25 else [],
        "at": rng.choice([None, rng.randint(0, 100), rng.randint(0, 100), 10**8]),
        "kind": rng.choices(["response", "alert", "accepted"], [7, 2, 1])[0],
        "code": None if rng.random() < 0.95 else rng.choice([0x0102, 0x0103, 0x0104, 0x0108]),
        **_carried(rng),
    }


def _carried(rng: random.Random) -> Json:
    return {
        "stream": rng.choice(
            ["srv-6.15.1-responses"] * 3 + ["srv-6.21-responses"] * 2 + ["srv-6.15.1-requests"]
        ),
        "form": rng.choice(["record"] * 4 + ["gbcs", "duis"]),
        "twist": rng.choice([""] * 10 + ["forged", "exchanged", "unsigned", "mirrored", "cut"]),
        "key": rng.choice(["own"] * 40 + ["lower", "lower", "other", "none"]),
    }


def _update(rng: random.Random) -> Json:
    return {
        "to": rng.choice(["acb"] * 6 + ["acb-retired", "acb-unknown", "A", "A-renewed", "B"]),
        "step": rng.choice([1, 1, 2, 5, 10**6, 2**55]),
        "floor": rng.choice([None, None, None, 0, rng.randint(0, 50), number(rng) // 2]),
        "usages": rng.choice(["both"] * 5 + ["ds", "ka"]),
        "fails": rng.choice([None] * 6 + ["ds", "ka"]),
        "tapped": rng.random() < 0.5,
        "lost": rng.random() < 0.2,
        "arrives": rng.random() < 0.9,
        **_carried(rng),
        "twist": "",
        "key": "own",
    }


def _request(rng: random.Random) -> Json:
    plain = rng.random() < 0.5
    others = [] if plain else ["Recovery"]
    role = rng.choice(["NetworkOperator"] * 8 + ["Supplier"] * 3 + others)
    holders = (
        ["A", "B"] * (60 if plain else 4)
        + ["A-renewed", "S", "expired", "foreign", "invented", "acb"]
        if role != "Supplier"
        else ["S", "T"] * (50 if plain else 4) + ["A"]
    )
    return {
        "number": rng.randint(1, 6) if rng.random() < 0.5 else rng.randint(7, 200),
        "role": role,
        "holder": rng.choice(holders),
        "hint": rng.choice(
            ["none", "none", "bad", *[number(rng) for _ in range(5)], 2**63, 2**64 - 1]
        ),
        "floor": rng.choice([None, None, None, 0, small(rng), number(rng)]),
        "top_up_floor": rng.choice([None] * 9 + [2**63 - 1, 2**63]) if role == "Supplier" else None,
        "agreement": rng.random() < 0.85,
        "due_in": None if plain else rng.choice([None] * 5 + [-60, 3600]),
        "checks": rng.random() < 0.6,
        "target": "own" if plain else rng.choice(["own"] * 9 + ["other"]),
        "form": rng.choice(["record"] * 4 + ["duis"]),
        "fails": rng.choice([None] * 6 + ["ds", "ka"]),
        "arrives": rng.random() < 0.9,
        "lost": rng.random() < 0.2,
    }


def _held(rng: random.Random, parties: list[str]) -> list[tuple[str, str]]:
    both = rng.choice(parties)
    other = both if rng.random() < 0.8 else rng.choice(parties)
    cells = [("ds", both), ("ka", other)]
    return cells if rng.random() < 0.8 else [rng.choice(cells)]


def _moment(rng: random.Random) -> int | None:
    """Draw a device's time: near others, none, or of a clock that runs ahead, or nearly does."""
    near = rng.randint(0, 100)
    return rng.choice([None, None, near, near, near, rng.choice([89_999, 90_000, 90_001]), 10**8])


def _read(rng: random.Random) -> Json:
    operators = ["acb"] * 3 + ["A", "A", "A-renewed", "B", "unlisted", "acb-retired"]
    roles = [(3, None if rng.random() < 0.1 else small(rng), _held(rng, operators))]
    if rng.random() < 0.2:
        roles += [(2, small(rng), _held(rng, ["S", "T", "acb"]))]
    if rng.random() < 0.1:
        roles = rng.choice([roles[1:], [(4, 3, [("ds", "acb")])], [(3, 5, [])]])
    return {
        "truly": rng.random() < 0.5,
        "party": rng.choice(["acb", "acb", "S", "A", "B"]),
        "number": small(rng) if rng.random() < 0.7 else rng.randint(1, 2**62),
        "roles": roles,
        "at": "now" if rng.random() < 0.4 else _moment(rng),
        **_carried(rng),
        "stream": rng.choice(["srv-6.24.1-responses"] * 4 + ["srv-6.15.1-responses"]),
    }


def _alert(rng: random.Random) -> Json:
    names = ["acb", "acb", "A", "A-renewed", "B", "S", "acb-unknown"]
    role = rng.choice([3, 3, 3, 2])
    usages = rng.choice([["ds", "ka"], ["ds", "ka"], ["ds"], ["ka"]])
    name = rng.choice(names)
    return {
        "kind": rng.choices(
            [
                "SecurityCredentialsUpdated",
                "RecoveryCompleteACBCredentials",
                "DeviceLogRestored",
                "QuarantinedRequest",
                "PowerOutage",
            ],
            [10, 4, 1, 1, 1],
        )[0],
        "about": rng.choice(["own"] * 12 + ["other"]),
        "role": rng.choice(["NetworkOperator"] * 5 + ["Supplier", "Root"]),
        "certificates": [
            (usage, name if rng.random() < 0.9 else rng.choice(names)) for usage in usages
        ],
        "cells": [(role, usage) for usage in usages],
        "floor": None if rng.random() < 0.7 else small(rng),
        "at": _moment(rng),
    }


def _baseline(rng: random.Random) -> Json:
    held = _held(rng, ["A", "A", "acb", "acb", "B", "acb-retired"])
    moment = _moment(rng)
    return {
        "about": rng.choice(["own"] * 12 + ["other"]),
        "holders": dict(held),
        "at": rng.randint(0, 100) if moment is None else moment,
    }


def _register(rng: random.Random) -> Json:
    names = ["acb", "A", "A-renewed", "B", "S"]
    chosen = rng.sample(names, rng.randint(1, len(names)))
    return {"certificates": [(name, usage) for name in chosen for usage in ("ds", "ka")]}


def _parties(rng: random.Random) -> Json:
    """Draw records of a register: of parties whose identities may overlap, some of them deleted."""

    def party() -> Json | None:
        if rng.random() < 0.15:
            return None
        return {
            "holders": rng.sample(["A", "B", "unlisted", "S", "invented"], rng.randint(1, 3)),
            "user": rng.choice(["always", "always", "always", "once", "again", "not yet", "never"]),
            "exits": rng.choice(["never", "never", "never", "always", "once", "again", "not yet"]),
        }

    return {"parties": {key: party() for key in rng.sample(["1", "2", "3"], rng.randint(1, 2))}}


def _signed(rng: random.Random) -> list[tuple[str, str]]:
    """Draw who signs, and what is wrong with a signature."""
    faults = ["stranger", "elsewhere", "earlier", "kind", "content"]
    return [
        (rng.choice(["ann", "ann", "ann again", "bob", "bob"]), rng.choice([""] * 12 + faults))
        for _ in range(rng.choice([1, 2, 2, 2, 3]))
    ]


def _adjust(rng: random.Random) -> Json:
    kind = rng.choice(["recorded", "seen", "issued"])
    more = rng.random()
    low = small(rng)
    return {
        "role": rng.choice(["NetworkOperator"] * 4 + ["Supplier", "Recovery"]),
        "kind": kind,
        "at_least": None if more < 0.3 else small(rng),
        "issued_numbers": [small(rng) for _ in range(rng.choice([0, 1, 3, 12]))]
        if more < 0.5
        else [],
        "issued_blocks": [(low, min(low + rng.choice([0, 3, 40, 2**40]), LAST))]
        if more < 0.2
        else [],
        "issued_floor": small(rng) if more < 0.15 else None,
        "requests": {str(rng.randint(1, 12)): small(rng) for _ in range(rng.randint(0, 10))}
        if more < 0.3
        else {},
        "by": rng.choice([["one"], ["one", "two"], ["one", " ONE "], ["one", "two", "three"]]),
        "signed": _signed(rng) if rng.random() < 0.4 else [],
        "about": rng.choice(["own"] * 12 + ["other"]),
    }


def _restart(rng: random.Random) -> Json:
    changed = setup(rng)
    return {
        "how": rng.choice(["crash", "crash", "reopen", "clear"]),
        "order": rng.randrange(2**30),
        "inventory": rng.choice(["loaded"] * 4 + ["none", "in portions"]),
        "snapshot": rng.random() < 0.4,
        "settings": {key: changed[key] for key in changed if rng.random() < 0.15},
    }


_DRAWN: dict[str, Callable[[random.Random], Json]] = {
    "inventory": _inventory,
    "tombstone": lambda _: {},
    "update": _update,
    "handover": lambda rng: {"which": rng.randint(0, 5), **_carried(rng), "twist": ""},
    "told": _told,
    "again": lambda rng: {"which": rng.randint(0, 5), **_carried(rng)},
    "future": lambda rng: {
        "to": "acb",
        "step": rng.randint(1, 50),
        "days": rng.choice([1, 30, None]),
        "tapped": rng.random() < 0.5,
        **_carried(rng),
        "twist": "",
        "key": "own",
    },
    "due": lambda rng: {**_carried(rng), "twist": "", "key": "own"},
    "tapped": lambda rng: {
        "party": rng.choice(["A", "B", "S"]),
        "to": rng.choice(["acb", "acb", "acb-retired", "B"]),
        "number": small(rng),
        "floor": rng.choice([None, None, small(rng)]),
        "signed": rng.random() < 0.8,
        **_carried(rng),
        "twist": "",
    },
    "request": _request,
    "adjust": _adjust,
    "read": _read,
    "alert": _alert,
    "baseline": _baseline,
    "register": _register,
    "parties": _parties,
    "error": lambda rng: {
        "code": rng.choice(["I0", "I99", "E21", None]),
        "stream": rng.choice(["srv-6.15.1-responses", "srv-6.21-responses", "srv-6.15.1-requests"]),
    },
    "garbage": lambda rng: {
        "what": rng.choice(["text", "array", "tombstone", "base64", "empty", "inventory"]),
        "stream": rng.choice(["srv-6.15.1-responses", "srv-6.21-responses", "srv-6.15.1-requests"]),
    },
    "restart": _restart,
    "compact": lambda _: {},
    "snapshot": lambda _: {},
    "damage": lambda rng: {
        "which": rng.randrange(2**20),
        "compacted": rng.random() < 0.5,
        "claims": rng.choice(["something", "something", "nothing"]),
        **_restart(rng),
    },
    "backup": lambda _: {},
    "rollback": _restart,
    "clock_moves": lambda rng: {"days": rng.choice([-4000, -1, 1, 2500])},
}
