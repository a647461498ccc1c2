"""Fleets that live for a while: the same from the same plan, faults where they are asked for."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509

from slotkeeper.lab import events
from slotkeeper.lab.emulated import EmulatedFleet, FaultRates, Plan, StateFileError
from slotkeeper.lab.emulated.export import devices, results, slots, summary, write_export
from slotkeeper.lab.emulated.handover import command_without_tracking
from slotkeeper.lab.emulated.sending import Asked
from slotkeeper.lab.events import Event
from slotkeeper.slots.registers import records

PLAN = Plan(devices=40, seed="lab", rounds=26, tracking=False)
SOUND = replace(PLAN, rates=FaultRates.none())


KEYS = ("ds_key_identifier", "ka_key_identifier")
TABLES = ("devices", "commands", "slots")


class KilledError(Exception):
    """Stands for the end of a process."""


Lived = Callable[[Path, Plan], tuple[EmulatedFleet, list[Event]]]


@pytest.fixture
def lived() -> Iterator[Lived]:
    """Let fleets live; they stay open until the test ends."""
    with ExitStack() as stack:

        def made(path: Path, plan: Plan) -> tuple[EmulatedFleet, list[Event]]:
            fleet = stack.enter_context(EmulatedFleet(path, plan))
            return fleet, list(live(fleet))

        yield made


def live(fleet: EmulatedFleet) -> Iterator[Event]:
    while not fleet.over:
        fleet.begin()
        for pages in (fleet.told(), fleet.requests()):
            for page in pages:
                yield from page
        fleet.end(answers(fleet))


def answers(fleet: EmulatedFleet) -> dict[str, bytes | str]:
    """Answer as a DSP that looks into the devices: it never gives a number that is too low."""
    if not fleet.plan.tracking:
        return {}
    found: dict[str, bytes | str] = {}
    for device, asked in fleet.state.asked():
        member = fleet.state.member(device)
        known = max(member.known(fleet.round), asked.hint)
        number = known + 1 + len(found)
        lifted = Asked(asked.request_id, asked.supplier, number, *asked[3:])
        found[asked.request_id] = command_without_tracking(lifted, fleet.parties, device)
    return found


def everything(fleet: EmulatedFleet) -> list[list[dict[str, Any]]]:
    return [list(rows(fleet)) for rows in (devices, results, slots)]


def test_one_plan_gives_one_history(lived: Lived, tmp_path: Path) -> None:
    first, told = lived(tmp_path / "first", PLAN)
    again, told_again = lived(tmp_path / "again", PLAN)
    other, _ = lived(tmp_path / "other", replace(PLAN, seed="other"))
    assert [one.line() for one in told] == [one.line() for one in told_again]
    assert everything(first) == everything(again)
    assert everything(first) != everything(other)


def test_without_tracking_only_those_who_count_ahead_lose_their_slots(
    lived: Lived, tmp_path: Path
) -> None:
    fleet, _ = lived(tmp_path / "fleet", SOUND)
    too_low = [one for one in results(fleet) if one["cause"] == "NUMBER_TOO_LOW"]
    assert {one["left_by"] for one in too_low} == {"microseconds", "nanoseconds", "fast clock"}
    assert all(int(one["counter"]) <= int(one["held"]) for one in too_low)
    assert all(one["valid"] for one in too_low)
    assert summary(fleet).refused_valid == len(too_low)


def test_with_numbers_that_are_high_enough_no_valid_command_is_refused(
    lived: Lived, tmp_path: Path
) -> None:
    fleet, _ = lived(tmp_path / "fleet", replace(PLAN, tracking=True))
    told = summary(fleet)
    assert told.refused_valid == 0
    assert told.handovers()["ACCEPTED", ""] > 20
    changed = {(one["device_id"], one["at"]) for one in slots(fleet)}
    taken = {
        (one["device_id"], one["at"])
        for one in results(fleet)
        if (one["service"], one["result"]) == ("6.21", "ACCEPTED")
    }
    assert taken <= changed


def test_a_number_that_nobody_told_is_not_held_against_the_dsp(
    lived: Lived, tmp_path: Path
) -> None:
    rates = replace(FaultRates.none(), command_unseen=1.0, response_lost=1.0)
    fleet, _ = lived(tmp_path / "fleet", replace(PLAN, tracking=True, rates=rates))
    refused = [one for one in results(fleet) if one["cause"] == "NUMBER_NEVER_TOLD"]
    assert len(refused) > 5
    assert not any(one["valid"] for one in refused)
    assert summary(fleet).refused_valid == 0


@pytest.mark.parametrize("moment", ["begin", "end"])
def test_a_fleet_that_was_killed_goes_on_and_tells_the_same(
    lived: Lived, tmp_path: Path, moment: str
) -> None:
    whole, told = lived(tmp_path / "whole", PLAN)
    path, told_twice = tmp_path / "killed", []
    deaths = 0
    while True:
        with EmulatedFleet(path, PLAN) as fleet:
            if fleet.over:
                assert everything(fleet) == everything(whole)
                break
            kill = fleet.round % 5 == 3 and deaths % 2 == 0

            def progress(_done: int, *, kill: bool = kill) -> None:
                if kill:
                    raise KilledError

            try:
                fleet.begin(*[progress] * (moment == "begin"))
                for pages in (fleet.told(), fleet.requests()):
                    told_twice += [one for page in pages for one in page]
                fleet.end({}, *[progress] * (moment == "end"))
                deaths = 0
            except KilledError:
                deaths += 1
    lines = [one.line() for one in told_twice]
    assert list(dict.fromkeys(lines)) == list(dict.fromkeys(one.line() for one in told))
    assert (len(lines) > len(told)) is (moment == "end")


def test_a_file_of_another_fleet_is_refused(tmp_path: Path) -> None:
    EmulatedFleet(tmp_path / "fleet", PLAN).state.close()
    with pytest.raises(StateFileError, match="asked for otherwise"):
        EmulatedFleet(tmp_path / "fleet", replace(PLAN, seed="other"))
    with (
        EmulatedFleet(tmp_path / "fleet", PLAN),
        pytest.raises(StateFileError, match="another process"),
    ):
        EmulatedFleet(tmp_path / "fleet", PLAN)
    (tmp_path / "text").write_text("no database, but long enough to be looked at as one " * 100)
    with pytest.raises(StateFileError, match="no file of"):
        EmulatedFleet(tmp_path / "text", PLAN)


def test_every_kind_of_fault_shows(lived: Lived, tmp_path: Path) -> None:
    sound, _ = lived(tmp_path / "sound", SOUND)
    assert {one["result"] for one in results(sound)} == {"ACCEPTED", "REFUSED"}
    assert {one["clock_error"] for one in devices(sound)} == {0}

    def with_fault(**rates: float) -> tuple[EmulatedFleet, list[Event]]:
        (name,) = rates
        return lived(tmp_path / name, replace(SOUND, rates=replace(FaultRates.none(), **rates)))

    fleet, _ = with_fault(cell_failed=0.5)
    assert {"PARTIAL", "FAILED"} & {one["result"] for one in results(fleet)}
    fleet, _ = with_fault(command_lost=0.5)
    assert "LOST" in {one["result"] for one in results(fleet)}
    fleet, told = with_fault(future_dated=1.0)
    assert "FOR_LATER" in {one["result"] for one in results(fleet)}
    assert b"FutureDatedDeviceAlertMessage" in b"".join(one.octets or b"" for one in told)
    fleet, _ = with_fault(clock_wrong=1.0)
    assert len({one["clock_error"] for one in devices(fleet)}) > 3
    _, told = with_fault(error_response=1.0)
    assert any(b"E21" in (one.octets or b"") for one in told)
    _, told = with_fault(response_doubled=1.0)
    answered = Counter(one.line() for one in told if one.stream == events.HANDOVER_RESPONSES)
    assert set(answered.values()) == {2}
    _, told = with_fault(response_lost=1.0)
    assert events.HANDOVER_RESPONSES not in {one.stream for one in told}
    _, told = with_fault(command_unseen=1.0)
    assert events.PRE_COMMANDS not in {one.stream for one in told}
    _, told = with_fault(request_repeated=1.0)
    asked = Counter(one.line() for one in told if one.stream == events.HANDOVER_REQUESTS)
    assert set(asked.values()) == {2}


def test_an_exchanged_hub_is_another_device(lived: Lived, tmp_path: Path) -> None:
    fleet, told = lived(tmp_path / "fleet", SOUND)
    by_id = {one["device_id"]: one for one in devices(fleet)}
    exchanged = [one for one in by_id.values() if one["replaces"]]
    assert exchanged
    for one in exchanged:
        assert by_id[one["replaces"]]["status"] == "Decommissioned"
    named = [orjson.loads(one.octets or b"") for one in told if one.stream == events.INVENTORY]
    assert {one["replaces"] for one in named if "replaces" in one} == {
        one["replaces"] for one in exchanged
    }


def test_slots_tell_who_held_them_when(lived: Lived, tmp_path: Path) -> None:
    fleet, _ = lived(tmp_path / "fleet", PLAN)
    last = {one["device_id"]: one for one in slots(fleet)}
    for device in devices(fleet):
        assert last[device["device_id"]]["ds_key_identifier"] == device["ds_key_identifier"]
        assert last[device["device_id"]]["ka_key_identifier"] == device["ka_key_identifier"]


def test_exports_have_the_same_rows_in_each_format(lived: Lived, tmp_path: Path) -> None:
    fleet, _ = lived(tmp_path / "fleet", PLAN)
    written = write_export(fleet, tmp_path / "out", ("csv", "jsonl"))
    assert [path.name for path in written] == [
        *(f"{table}.{kind}" for table in TABLES for kind in ("csv", "jsonl")),
        "parties.jsonl",
        "registrations.jsonl",
        "certificates",
    ]
    for table in TABLES:
        rows = (tmp_path / "out" / f"{table}.jsonl").read_bytes().splitlines()
        lines = (tmp_path / "out" / f"{table}.csv").read_text().splitlines()
        assert lines[0].split(",") == list(orjson.loads(rows[0]))
        assert len(lines) == len(rows) + 1


def test_registers_take_what_is_exported(lived: Lived, tmp_path: Path) -> None:
    fleet, told = lived(tmp_path / "fleet", PLAN)
    write_export(fleet, tmp_path / "out", ("jsonl",))
    parties = [records.party(line) for line in lines(tmp_path / "out" / "parties.jsonl")]
    assert len(parties) == 5
    history = dict(
        records.registration(line) for line in lines(tmp_path / "out" / "registrations.jsonl")
    )
    assert len(history) == PLAN.devices
    assert any(len(one) > 1 for one in history.values())
    assert {entry.gas_network_party for one in history.values() for entry in one} <= {
        party.party_id for party in parties
    }
    meters = [orjson.loads(one.octets or b"") for one in told if b'"GSME"' in (one.octets or b"")]
    assert {one["mprn"] for one in meters} == set(history)
    standing = {one["device_id"] for one in devices(fleet) if one["status"] == "Commissioned"}
    assert {one["mprn"]: one["gpf"] for one in meters}.keys() == history.keys()
    assert set({one["mprn"]: one["gpf"] for one in meters}.values()) == standing
    known = {
        x509.load_pem_x509_certificate(path.read_bytes())
        .extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        .value.digest.hex()
        for path in (tmp_path / "out" / "certificates").iterdir()
    }
    assert {one[name] for one in slots(fleet) for name in KEYS} <= known


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


@pytest.mark.parametrize(
    "wrong", [{"devices": 0}, {"rounds": 0}, {"days": 0}, {"acts": 0}, {"acts": 27}]
)
def test_a_plan_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        replace(PLAN, **wrong)


def test_a_chance_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        FaultRates(response_lost=1.1)
