"""Compares what the engine wrote and keeps with what the model says."""

import itertools
from collections.abc import Iterable
from typing import Any

import orjson

from slotkeeper._core import CoreEngine

from .cast import DEVICES
from .model.decisions import Model
from .model.walk import occupant

Json = dict[str, Any]


class DisagreementError(Exception):
    """Engine and model differ; ``step`` is the place in the history."""

    step = -1


def compare_batch(expected: list[Json], written: list[Any]) -> None:
    """Compare the decisions of a batch, in their order."""
    expected = _in_order(expected)
    audits = [orjson.loads(value) for stream, _, _, value, _ in written if stream == "audit-trail"]
    got = _in_order([_decided(audit) for audit in audits])
    wanted = [_expected(one, audit) for one, audit in zip(expected, got, strict=False)]
    if len(expected) != len(got):
        wanted = [_expected(one, {}) for one in expected]
    for place in range(max(len(got), len(wanted))):
        engine = got[place] if place < len(got) else None
        model = wanted[place] if place < len(wanted) else None
        if engine != model:
            raise DisagreementError(f"decision {place}\n  engine {engine}\n  model  {model}")
    answers = [
        orjson.loads(value) for stream, _, _, value, _ in written if stream == "handover-refusals"
    ]
    refused = [one for one in expected if "retryable" in one]
    told = [(one["reason"], one["retryable"]) for one in answers]
    owed = [(one["verdict"].split()[1], one["retryable"]) for one in refused]
    if told != owed:
        raise DisagreementError(f"refusals\n  engine {told}\n  model  {owed}")


def _in_order(decisions: list[Json]) -> list[Json]:
    """Put re-decisions that follow on each other in the order of devices, which nothing settles."""
    found: list[Json] = []
    for kind, group in itertools.groupby(decisions, key=lambda one: str(one["kind"])):
        run = list(group)
        if kind == "redecision":
            run.sort(key=lambda one: str(one["device"]))
        found += run
    return found


def _decided(audit: Json) -> Json:
    return {
        "kind": audit["kind"],
        "stream": audit["stream"],
        "offset": audit["offset"],
        "device": audit["device_id"],
        "verdict": f"{audit['disposition']} {audit['reason']}",
        "role": audit["remote_party_role"],
        "recorded": _number(audit["recorded_counter"]),
        "seen": _number(audit["seen_counter"]),
        "number": _number(audit["originator_counter"]),
        "evidence": audit["evidence"] if audit["disposition"] == "ISSUED" else None,
        "flags": sorted(_FLAGS.intersection(audit["flags"])),
    }


_FLAGS = {
    "ABSENT_FLOOR_OMITTED",
    "ABSENT_FLOOR_ZEROED",
    "COUNTERS_DIFFER",
    "COUNTER_OUT_OF_RANGE",
    "EVICTED",
    "MODE_MISMATCH",
    "OPERATOR_LEAVING",
    "OPERATOR_NOT_A_USER",
}
"""Those of which the rules say exactly when."""


def _expected(said: Json, audit: Json) -> Json:
    """Give what the model expects in the form of `_decided`; what it does not say is taken."""
    found = {name: said.get(name, audit.get(name)) for name in ("recorded", "seen")}
    return {
        **{name: said[name] for name in ("kind", "stream", "offset", "device", "verdict")},
        "role": said["role"] or audit.get("role"),
        **found,
        "number": said.get("number"),
        "evidence": said.get("evidence"),
        "flags": sorted(said.get("flags", ())),
    }


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def compare_rows(model: Model, engine: CoreEngine) -> None:
    """Compare what is kept of every device."""
    for device in DEVICES:
        name = str(device.eui)
        found = engine.device(name)
        row = orjson.loads(found) if found else {"roles": {}, "requests": [], "issued_blocks": []}
        got, wanted = _kept(row), _of_model(model, name)
        got["cells"], wanted["cells"] = _cells(row), _cells_of_model(model, name)
        if got != wanted:
            differing = {key: (got[key], wanted[key]) for key in got if got[key] != wanted[key]}
            lines = [
                f"  {key}\n    engine {a}\n    model  {b}" for key, (a, b) in differing.items()
            ]
            raise DisagreementError(f"what is kept of {name}\n" + "\n".join(lines))


def _kept(row: Json) -> Json:
    return {
        "numbers": {
            role: {name: _number(kept[name]) for name in ("recorded", "seen", "issued")}
            for role, kept in row["roles"].items()
            if any(kept[name] is not None for name in ("recorded", "seen", "issued"))
        },
        "requests": {
            (
                one["remote_party_role"],
                one["imported"],
                f"{one['originator_id']}:{one['request_counter']}",
                int(one["originator_counter"]),
            )
            for one in row["requests"]
        },
        "covered": _joined(
            (one["remote_party_role"], int(one["first"]), int(one["last"]))
            for one in row["issued_blocks"]
        ),
        "dropped": row.get("dropped_from_inventory", False),
        "damaged": sorted(row.get("damaged_roles", [])),
    }


def _of_model(model: Model, device: str) -> Json:
    row = model.device(device)
    return {
        "numbers": {
            role: {name: kept[name] for name in ("recorded", "seen", "issued")}
            for role, kept in row["roles"].items()
            if any(kept[name] is not None for name in ("recorded", "seen", "issued"))
        },
        "requests": {
            (role, kind == "imported", ":".join(request.split(":")[::2]), number)
            for role, kept in row["roles"].items()
            for kind in ("here", "imported")
            for request, number in kept[kind].items()
        },
        "covered": _joined(
            (role, first, last)
            for role, kept in row["roles"].items()
            for first, last in kept["covered"]
        ),
        "dropped": row["dropped"],
        "damaged": sorted(row["damaged"]),
    }


def _cells(row: Json) -> dict[tuple[str, str], Any]:
    """Give who stands in each cell; of those that nobody is known to stand in, nothing."""
    found: dict[tuple[str, str], Any] = {}
    for role, kept in row["roles"].items():
        for name, usage in (("digital_signature", "ds"), ("key_agreement", "ka")):
            cell = (kept["slot"] or {}).get(name) or {}
            if one := cell.get("occupant"):
                found[role, usage] = (one["subject_unique_id"], one["subject_key_identifier"])
    return found


def _cells_of_model(model: Model, device: str) -> dict[tuple[str, str], Any]:
    unverified = model.settings["signatures"] == "off"
    return {
        (role, usage): standing
        for role, slot in model.device(device)["slots"].items()
        for usage in slot["cells"]
        if (standing := occupant(slot, usage, unverified=unverified)[0]) is not None
    }


def _joined(blocks: Iterable[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Unite blocks that touch: how a cover is cut is nobody's business."""
    found: list[tuple[str, int, int]] = []
    for role, first, last in sorted(blocks):
        if found and found[-1][0] == role and found[-1][2] + 1 >= first:
            found[-1] = (role, found[-1][1], max(last, found[-1][2]))
        else:
            found.append((role, first, last))
    return found
