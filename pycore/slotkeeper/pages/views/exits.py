"""Exits of network parties: how far each is, what keeps it open, and which devices."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from slotkeeper.looks.pages import number
from slotkeeper.pages.acts import ActRefusedError
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.exit_acts import hand_in, may_hand_in, prepared_act
from slotkeeper.pages.judged import Judged
from slotkeeper.pages.listing import Column, Filter, Frozen, Listing, Table, csv_lines, listing
from slotkeeper.pages.packages import archive, package_of, packages_of
from slotkeeper.pages.route import Ask, NotThereError, Octets, Refused
from slotkeeper.slots.exit.states import DONE, MEANS, State
from slotkeeper.slots.standing import open_exit

from .devices import Nothing


class Leaving(Frozen):
    """A party that leaves, or has left.

    Attributes:
        state: Of the campaign; None where it is not worked out yet.
        left: Devices that keep it from being READY.
        silent: Of these, those that were asked and are silent.
    """

    party_id: str
    intent_on: str
    leaves: bool
    state: str | None
    devices: int
    left: int
    silent: int


class Exits(Frozen):
    """The page of exits."""

    sentence: str
    exits: list[Leaving]


class StateCount(Frozen):
    """Devices in a state."""

    state: str
    means: str
    done: bool
    devices: int


class Gate(Frozen):
    """A condition of a step, and what is missing."""

    step: str
    gate: str
    holds: bool
    missing: str


class Day(Frozen):
    """The end of a day of an exit."""

    day: str
    joined: int
    replaced: int
    left: int


class Act(Frozen):
    """What persons decided."""

    act: str
    at: str
    persons: list[str]
    reason: str


class Step(Frozen):
    """An act that could be decided, or why it cannot be.

    Attributes:
        act: Its word.
        persons: How many must sign it.
        refused: Why it would count for nothing now; empty: the file for it can be had.
    """

    act: str
    persons: int
    refused: str


class Package(Frozen):
    """An evidence package of the party."""

    name: str
    made_at: str
    rows: int
    devices: int


class Exit(Frozen):
    """What an exit's page says.

    Attributes:
        steps: What persons could decide now.
        closed_to: Why this person cannot hand in an act; empty if they can.
        error: What was wrong with an act that was handed in.
        done: What became of one that was good.
    """

    party_id: str
    sentence: str
    state: str | None
    as_of: str | None
    warnings: list[str]
    states: list[StateCount]
    gates: list[Gate]
    burn_down: list[Day]
    baseline: int
    forecast_on: str | None
    pace_a_day: float
    acts: list[Act]
    ignored: list[str]
    steps: list[Step]
    closed_to: str
    error: str
    done: str
    evidence: list[Package]
    table: Listing


def exits(desk: Desk, ask: Ask) -> Exits:
    """List the parties of which the register names an exit."""
    judged = desk.judged
    found = []
    for name, party in sorted(judged.registers.parties.items()) if judged else []:
        if judged is None or not party.exits or not _may(ask, name):
            continue
        told = desk.exits.find(judged.build.name, name) or {}
        found.append(
            Leaving(
                party_id=name,
                intent_on=str(party.exits[-1].intent_on),
                leaves=open_exit(party, judged.as_of) is not None,
                state=told.get("state"),
                devices=int(told.get("devices") or 0),
                left=int(told.get("left") or 0),
                silent=int((told.get("states") or {}).get("SILENT") or 0),
            )
        )
    leaving = sum(one.leaves for one in found)
    left = sum(one.left for one in found)
    what = "1 network party leaves" if leaving == 1 else f"{leaving} network parties leave"
    keep = "1 device keeps" if left == 1 else f"{number(left)} devices keep"
    if any(one.state is None for one in found):
        return Exits(sentence=f"{what}; how far it is, is being worked out.", exits=found)
    return Exits(sentence=f"{what}; {keep} an exit open." if found else f"{what}.", exits=found)


def exit_(desk: Desk, ask: Ask) -> Exit | Refused[Exit]:
    """Show one exit; a signed act that was posted is checked and written."""
    name, judged = ask.path["party"], desk.judged
    known = judged.registers.parties.get(name) if judged else None
    if judged is None or known is None or not known.exits or not _may(ask, name):
        raise NotThereError
    done, refusal = "", None
    if ask.files or ask.form:
        try:
            octets = ask.files.get("act", b"")
            done = hand_in(desk, ask.person, judged.build.name, name, octets)
            desk.wait(begin_exit(desk, judged.build.name, name))
        except ActRefusedError as refused:
            refusal = refused
    said = _exit(desk, ask, judged, name).model_copy(
        update={"error": str(refusal or ""), "done": done}
    )
    return Refused(said=said, status=refusal.status) if refusal else said


def prepared(desk: Desk, ask: Ask) -> Octets:
    """Give the file of an act that persons sign on the command line."""
    name, judged = ask.path["party"], desk.judged
    known = judged.registers.parties.get(name) if judged else None
    if judged is None or known is None:
        raise NotThereError
    octets = prepared_act(desk, judged.build.name, name, ask.path["act"])
    if octets is None:
        raise NotThereError
    word = ask.path["act"].lower().replace("_", "-")
    return Octets(name=f"{word}-{name}.json", content_type="application/json", parts=iter([octets]))


def evidence(desk: Desk, ask: Ask) -> Octets:
    """Give an evidence package of the party as a tar archive, for its operator to verify."""
    name = ask.path["party"]
    if not _may(ask, name):
        raise NotThereError
    folder = package_of(desk.evidence, name, ask.path["package"])
    if folder is None:
        raise NotThereError
    return Octets(
        name=f"{folder.name}.tar", content_type="application/x-tar", parts=archive(folder)
    )


async def begin_exit(desk: Desk, build: str, party: str) -> None:
    """Have it worked out how an exit stands at a build; the status last, which says it is done."""
    for kind, arguments in (
        ("devices", ["devices", party, "--format", "csv"]),
        ("acts", ["prepare", party]),
        ("status", ["status", party, "--json"]),
    ):
        await desk.jobs.add(
            f"exit of {party}, {kind}",
            ["exit", *arguments, "--from", str(desk.slots)],
            finish=partial(desk.exits.finished, build, party, kind),
            out=desk.exits.making(build, party, kind),
            asked_for=False,
        )


def _exit(desk: Desk, ask: Ask, judged: Judged, name: str) -> Exit:
    told = desk.exits.find(judged.build.name, name)
    table = listing(*_listed(desk, judged, name), ask.query)
    if told is None:
        return Exit(
            party_id=name,
            sentence="How this exit stands is being worked out; look again in a minute.",
            state=None,
            as_of=None,
            warnings=[],
            states=[],
            gates=[],
            burn_down=[],
            baseline=0,
            forecast_on=None,
            pace_a_day=0.0,
            acts=[],
            ignored=[],
            steps=[],
            closed_to=may_hand_in(desk, ask.person),
            error="",
            done="",
            evidence=[],
            table=table,
        )
    return Exit(**_told(name, told), **_of_desk(desk, ask, judged, name), table=table)


def _of_desk(desk: Desk, ask: Ask, judged: Judged, name: str) -> dict[str, Any]:
    acts = (desk.exits.acts(judged.build.name, name) or {}).get("acts", [])
    return {
        "steps": [
            Step(act=one["act"], persons=int(one["persons"]), refused=one["refused"] or "")
            for one in acts
        ],
        "closed_to": may_hand_in(desk, ask.person),
        "error": "",
        "done": "",
        "evidence": [
            Package(name=one.folder.name, made_at=one.made_at, rows=one.rows, devices=one.devices)
            for one in packages_of(desk.evidence, name)
        ],
    }


def _told(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    left, devices = int(told["left"]), int(told["devices"])
    silent = int(told["states"].get("SILENT", 0))
    keep = "1 device keeps" if left == 1 else f"{number(left)} devices keep"
    asked = "was asked and is" if silent == 1 else "were asked and are"
    return {
        "party_id": name,
        "sentence": f"{told['state']}: {keep} the exit of {name} open, of {number(devices)}; "
        f"{number(silent)} of them {asked} silent.",
        "state": told["state"],
        "as_of": told["as_of"],
        "warnings": list(_warnings(told)),
        "states": [
            StateCount(
                state=state,
                means=MEANS[state],
                done=state in DONE,
                devices=int(told["states"].get(state, 0)),
            )
            for state in State
            if told["states"].get(state)
        ],
        "gates": [Gate.model_validate(one) for one in told["gates"]],
        "burn_down": [Day.model_validate(one) for one in told["burn_down"]],
        "baseline": int(told["baseline"]),
        "forecast_on": told["forecast_on"],
        "pace_a_day": float(told["pace_a_day"]),
        "acts": [
            Act(act=one["act"], at=one["at"], persons=one["persons"], reason=one["reason"] or "")
            for one in told["acts"]
        ],
        "ignored": [f"{one['act'] or 'an act'}: {one['reason']}" for one in told["ignored"]],
    }


def exit_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give the devices of an exit that fit."""
    name, judged = ask.path["party"], desk.judged
    if judged is None or name not in judged.registers.parties or not _may(ask, name):
        raise NotThereError
    return csv_lines(*_listed(desk, judged, name), ask.query)


def _warnings(told: Mapping[str, Any]) -> Iterator[str]:
    breach = told["breach"]
    if breach:
        yield (
            f"BREACH: certificates were revoked on {breach['revoked_on']}, before the exit was "
            f"READY, while {number(breach['holders'])} devices held them (R18, R20)."
        )
    if told["key_compromise"]:
        yield "A key is compromised: revoking it is no breach. Recovery is the way out."
    if told["stranded"]:
        yield f"{number(told['stranded'])} devices are STRANDED: recovery or a site visit (R21)."
    if told["found_after_closing"]:
        yield f"{len(told['found_after_closing'])} devices were found holding after closing (P33)."
    if not told["identity_exact"]:
        yield "The states do not add up to the plan: this is a defect of Slotkeeper."


COLUMNS = (
    Column(name="device_id", title="Device", kind="device"),
    Column(name="state", title="State", kind="reason"),
    Column(name="since", title="Since", kind="time"),
    Column(name="asked_at", title="Asked", kind="time"),
    Column(name="joined", title="Joined since"),
    Column(name="parked", title="Parked"),
    Column(name="verified", title="Verified"),
)

_DONE = ", ".join(f"'{state}'" for state in sorted(DONE))

FILTERS = (
    Filter(name="state", title="State", sql="state = ?", choices=tuple(State)),
    Filter(
        name="open",
        title="Keeps it open",
        sql=f"((state NOT IN ({_DONE}) OR parked = 'yes') = (? = 'yes'))",
        choices=("yes", "no"),
    ),
)


def _listed(desk: Desk, judged: Judged, name: str) -> tuple[Judged | Nothing, Table]:
    file = desk.exits.devices(judged.build.name, name)
    table = Table(
        caption=f"Devices of the exit of {name}",
        source=judged.loaded(file) if file else "",
        columns=COLUMNS,
        tie="device_id",
        sort="device_id",
        filters=FILTERS,
        empty="No device fits.",
    )
    return (judged if file else Nothing()), table


def _may(ask: Ask, party: str) -> bool:
    return ask.person.sees_all or party in ask.person.parties
