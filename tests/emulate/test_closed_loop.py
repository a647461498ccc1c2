"""Closed loop: devices live on the streams, a worker decides, and both books say the same."""

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.laws import check_laws, each

from slotkeeper.cli.emulate.carrying import live
from slotkeeper.engine.port import engines
from slotkeeper.lab import keystore
from slotkeeper.lab.emulated import EmulatedFleet, FaultRates, Plan
from slotkeeper.lab.emulated.export import devices, results, summary
from slotkeeper.settings import Settings
from slotkeeper.streams import StoppedForOperatorError, Streams, open_streams
from slotkeeper.worker import run

Json = dict[str, Any]


async def lived(folder: Path, streams: Streams, plan: Plan) -> EmulatedFleet:
    """Let a fleet live beside a worker until all is decided."""
    fleet = EmulatedFleet(folder / "fleet.db", plan)
    pki = fleet.parties.pki
    (folder / "z1.pem").write_bytes(keystore.pem(pki.issuing.certificate))
    (folder / "e1.pem").write_bytes(keystore.pem(pki.device_issuing.certificate))
    file = keystore.write_settings(
        folder, [fleet.parties.acb], more='[verify]\nissuing_certificates = ["z1.pem", "e1.pem"]'
    )
    settings = Settings.load(file, environment={})
    factory, stop = engines(settings.authority(), settings.engine_json()), asyncio.Event()
    worker = asyncio.create_task(run(streams, factory, stop=stop))
    living = asyncio.create_task(quietly(fleet, streams))
    await asyncio.wait([worker, living], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await worker
    await living
    await run(streams, factory, until_idle=True)
    return fleet


async def quietly(fleet: EmulatedFleet, streams: Streams) -> None:
    await live(
        fleet,
        streams,
        now=lambda _what, _steps: None,
        progress=lambda _: None,
        impatient=lambda _: None,
    )


async def books(streams: Streams) -> tuple[dict[str, int], dict[str, Json]]:
    """Give by device the highest number of the Network Operator role, and the slot."""
    numbers: dict[str, int] = defaultdict(int)
    slots: dict[str, Json] = {}
    async for record in each(streams, "audit-trail"):
        told = orjson.loads(record.value or b"")
        if told["remote_party_role"] == "NetworkOperator":
            device = told["device_id"]
            marks = ("recorded_counter", "seen_counter", "originator_counter")
            numbers[device] = max([numbers[device], *(int(told[one] or 0) for one in marks)])
            slots[device] = told["slot"] or slots.get(device, {})
    return numbers, slots


@pytest.mark.timeout(1_800)
async def test_every_valid_command_is_taken_and_no_number_is_unknown(
    streams: Streams, tmp_path: Path
) -> None:
    plan = Plan(devices=40, seed="closed loop", rounds=26)
    with await lived(tmp_path, streams, plan) as fleet:
        told = summary(fleet)
        assert told.refused_valid == 0, told
        handovers = told.handovers()
        assert handovers["ACCEPTED", ""] > 20
        assert {cause for result, cause in handovers if result == "REFUSED"} <= {"NOT_THE_OCCUPANT"}
        findings = await check_laws(streams)
        assert not findings.broken
        numbers, _ = await books(streams)
        for device in devices(fleet):
            held = int(device["network_operator_number"])
            assert held <= numbers.get(device["device_id"], 0), device


@pytest.mark.timeout(1_800)
async def test_without_faults_the_worker_knows_who_holds_each_slot(
    streams: Streams, tmp_path: Path
) -> None:
    plan = Plan(devices=40, seed="sound", rounds=26, rates=FaultRates.none())
    with await lived(tmp_path, streams, plan) as fleet:
        assert {one["result"] for one in results(fleet) if one["valid"]} <= {"ACCEPTED", "REFUSED"}
        numbers, slots = await books(streams)
        compared = 0
        for device in devices(fleet):
            audited = slots.get(device["device_id"], {})
            for name, usage in (("ds", "digital_signature"), ("ka", "key_agreement")):
                cell = audited.get(usage)
                if cell:
                    compared += 1
                    assert cell["subject_unique_id"] == device[f"{name}_subject"], device
                    assert cell["subject_key_identifier"] == device[f"{name}_key_identifier"]
            assert int(device["network_operator_number"]) <= numbers.get(device["device_id"], 0)
        assert compared > 60


async def test_streams_that_are_gone_end_it_with_their_own_error(tmp_path: Path) -> None:
    file = tmp_path / "streams.db"
    with EmulatedFleet(tmp_path / "fleet.db", Plan(devices=3)) as fleet:
        async with open_streams(f"sqlite:///{file}") as streams:
            file.unlink()
            with pytest.raises(StoppedForOperatorError):
                await quietly(fleet, streams)
        assert fleet.round == 0
