"""A report says of each device what the rule says of it, whatever the tables do in between."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.slots.desk import Desk, eui, operator, pem, revocations
from tests.slots.fleet import ACB_CELLS, POLICY, Cells, Fleet, device

from slotkeeper.slots.facts import (
    Cell,
    Certificates,
    Device,
    Meter,
    Policy,
    Registered,
    Slot,
)
from slotkeeper.slots.registers.reading import read_registers
from slotkeeper.slots.report import judging
from slotkeeper.slots.rule import decide

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DEVICES = 150
OPERATORS = [operator(number) for number in (1, 2, 3)]
NAMES = ["NORTH", "SOUTH", "EAST"]
DAYS = [date(2025, 6, 1) + timedelta(days=40 * number) for number in range(12)]


@dataclass
class Drawn:
    """A device as the test knows it, beside what the streams are told."""

    members: dict[str, Any]
    meters: list[dict[str, Any]]
    cells: list[tuple[Cells, datetime]]


def cells_of(number: int) -> Cells:
    one = OPERATORS[number]
    return (
        (eui(one), one.digital_signature.details.key_identifier.hex()),
        (eui(one), one.key_agreement.details.key_identifier.hex()),
    )


def drawn(draw: random.Random) -> Drawn:
    def day() -> str | None:
        # Before there were such devices, and after the inventory was read.
        return draw.choice([None, "2015-05-05", "2031-01-01", *map(str, DAYS)])

    def cells() -> Cells:
        either = [
            ACB_CELLS,
            *map(cells_of, range(3)),
            (None, None),
            (("90-B3-D5-1F-30-FF-00-01", "1" * 16), None),
        ]
        return (draw.choice(either)[0], draw.choice(either)[1])

    members = {
        "status": draw.choice(["Commissioned"] * 6 + ["Suspended", "Decommissioned", "Pending"]),
        "smets_version": draw.choice(["SMETS2"] * 8 + ["SMETS1"]),
        "commissioned_on": day(),
        "mprn": draw.choice([None, None, *"12345678"]),
        "gas_network_party": draw.choice([None, "NORTH", "NOBODY"]),
    }
    meters = [
        {
            "mprn": draw.choice([None, *"12345678"]),
            "commissioned_on": day(),
            "status": draw.choice(["Commissioned", "Commissioned", "Withdrawn"]),
        }
        for _ in range(draw.choice([0, 1, 1, 1, 2]))
    ]
    times = sorted(datetime.combine(draw.choice(DAYS), datetime.min.time(), UTC) for _ in range(3))
    history = [(cells(), at) for at in times[: draw.choice([0, 1, 2, 3])]]
    return Drawn(members, meters, history)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_report_equals_the_rule_asked_for_each_device(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311  # a fleet, no secret
    fleet = Fleet(Desk(tmp_path))
    registrations = await registers(fleet.desk, draw)
    devices = {number: drawn(draw) for number in range(DEVICES)}
    for number, one in devices.items():
        await fleet.inventory(number, **one.members)
        for nth, meter in enumerate(one.meters):
            gsme = 1_000 * (nth + 1) + number
            await fleet.inventory(gsme, device_type="GSME", gpf=device(number), **meter)
        for cells, at in one.cells:
            fleet.decided(number, cells, at)
    policy = Policy(
        acb_id=POLICY.acb_id,
        acb_keys=POLICY.acb_keys,
        coverage_from=DAYS[5],
        later_user=draw.choice(["report", "action"]),
        exit_expectation=draw.choice(["defer", "place"]),
    )
    as_of = draw.choice(DAYS[6:])
    report = fleet.report(await fleet.build(NOW), as_of, policy=policy)

    known = await read_registers(fleet.desk.streams)
    certificates = Certificates.of(list(known.certificates.values()))
    facts = {number: device_of(number, one) for number, one in devices.items()}
    points = [fact.meter_point for fact in facts.values() if fact.status != "Decommissioned"]
    rows = {row["device_id"]: row for row in report.rows()}
    for number, fact in facts.items():
        twice = fact.meter_point is not None and points.count(fact.meter_point) > 1
        found = decide(
            with_twice(fact, twice=twice),
            slot_of(devices[number], as_of),
            registrations.get(fact.meter_point or "", ()),
            known.parties,
            certificates,
            policy,
            as_of,
        )
        row = rows.pop(device(number), None)
        if found.finding == "NOT_APPLICABLE":
            assert row is None
            continue
        assert row is not None
        expected = {
            "mprn": found.mprn,
            "gas_network_party": found.gas_network_party,
            "gas_supplier": found.gas_supplier,
            "finding": found.finding,
            "expected": found.expected,
            "action_by": found.action_by,
            "action": found.action,
            "requirement": found.requirement,
            "reason": found.reason,
            "due_on": found.due_on,
            "obligation_from": found.obligation_from,
            "overdue_days": found.overdue_days,
            "evidence": found.evidence,
            "completeness": found.completeness,
            "exceptions": ";".join(found.exceptions),
        }
        told = {name: "" if value is None else str(value) for name, value in expected.items()}
        assert {name: row[name] for name in told} == told
    assert rows == {}


async def test_the_rule_is_asked_once_for_each_combination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet(Desk(tmp_path))
    await registers(fleet.desk, random.Random(1))  # noqa: S311
    for number in range(30):
        day = str(date(2024, 1, 1) + timedelta(days=number))
        await fleet.inventory(number, commissioned_on=day)
        fleet.decided(number, cells_of(number % 2), NOW - timedelta(days=100 + number))
    asked = 0

    def counted(*told: Any) -> Any:  # noqa: ANN401
        nonlocal asked
        asked += 1
        return decide(*told)

    monkeypatch.setattr(judging, "decide", counted)
    report = fleet.report(await fleet.build(NOW), NOW.date())
    # Days tell the devices apart, and make no difference to what is said of them.
    assert asked == 2
    assert len({row["slot_since"] for row in report.rows()}) == 30


async def registers(desk: Desk, draw: random.Random) -> dict[str, tuple[Registered, ...]]:
    rows = [
        f"{name},{name},GNO,{eui(one)},{draw.choice([DAYS[0], DAYS[4], ''])},{exits}\n"
        for name, one, exits in zip(NAMES, OPERATORS, ["", "", DAYS[7]], strict=True)
    ]
    await desk.parties("party_id,name,kind,eui64,dcc_user_from,intent_on\n" + "".join(rows))
    for one in OPERATORS:
        both = pem(one.digital_signature.certificate) + pem(one.key_agreement.certificate)
        await desk.certificates(both, status="I")
    await desk.certificates(revocations(OPERATORS[1].key_agreement.certificate, day=DAYS[6]))
    histories: dict[str, tuple[Registered, ...]] = {}
    lines = []
    for mprn in "1234567":
        entries = []
        for first in sorted(draw.sample(DAYS, draw.choice([1, 2]))):
            party, supplier = draw.choice([None, *NAMES]), draw.choice([None, "SUP", "OTHER"])
            entries.append(Registered(first=first, gas_network_party=party, gas_supplier=supplier))
            lines.append(f"{mprn},{first},{party or ''},{supplier or ''}\n")
        histories[mprn] = tuple(entries)
    await desk.registrations("mprn,from,gas_network_party,gas_supplier\n" + "".join(lines))
    assert desk.refused == []
    return histories


def device_of(number: int, one: Drawn) -> Device:
    return Device(
        device_id=device(number),
        status=one.members["status"],
        known_on=NOW.date(),
        smets_version=one.members["smets_version"],
        commissioned_on=day_of(one.members["commissioned_on"]),
        mprn=one.members["mprn"],
        gas_network_party=one.members["gas_network_party"],
        meters=tuple(
            Meter(
                device_id=device(1_000 * (nth + 1) + number),
                mprn=meter["mprn"],
                commissioned_on=day_of(meter["commissioned_on"]),
            )
            for nth, meter in enumerate(one.meters)
            if meter["status"] != "Withdrawn"
        ),
    )


def with_twice(fact: Device, *, twice: bool) -> Device:
    members = {name: getattr(fact, name) for name in Device.__dataclass_fields__}
    return Device(**{**members, "mprn_elsewhere": twice})


def slot_of(one: Drawn, as_of: date) -> Slot:
    past = [(cells, at.date()) for cells, at in one.cells if at.date() <= as_of]
    if not past or not any(cells != (None, None) for cells, _ in past):
        return Slot()
    since = None
    for cells, at in past:
        in_acb = cells in {ACB_CELLS, (ACB_CELLS[0], None)}
        since = (since or at) if in_acb else None
    ds, ka = (cell and Cell(subject_eui64=cell[0], key_identifier=cell[1]) for cell in past[-1][0])
    return Slot(
        digital_signature=ds,
        key_agreement=ka,
        evidence="OUTCOME",
        acb_since=since,
        acb_put_by="OUTCOME",
    )


def day_of(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
