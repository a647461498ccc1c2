"""Registers, builds and reports on topics, of which older records of a key may still stand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.kafka.harness import Bench
from tests.slots.desk import START, Desk, eui, operator, pem
from tests.slots.fleet import Fleet, device

from slotkeeper.slots.registers.kinds import CERTIFICATES, PARTIES, REGISTRATIONS
from slotkeeper.streams import Message

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ONE = operator(1)


async def test_p42_registers_on_topics_are_the_same_as_anywhere(
    bench: Bench, tmp_path: Path
) -> None:
    parties = f"party_id,name,kind,eui64\nNORTH,Northern,GNO,{eui(ONE)}\n"
    rows = "".join(f"{number},2025-01-01,NORTH,SUP\n" for number in range(20))
    async with bench.opened() as streams:
        desk = Desk(tmp_path, streams)
        await desk.certificates(pem(ONE.digital_signature.certificate), status="I")
        await desk.parties(parties)
        renamed = parties.replace("Northern", "North")
        await desk.parties(renamed, at=START + timedelta(days=1))
        for _ in range(2):
            await desk.registrations("mprn,from,gas_network_party,gas_supplier\n" + rows)
        assert (await desk.held(PARTIES))["NORTH"]["name"] == "North"
        [certificate] = (await desk.held(CERTIFICATES)).values()
        assert certificate["party_id"] == "NORTH"
        assert len(await desk.held(REGISTRATIONS)) == 20
        assert await desk.published(REGISTRATIONS) == 20
        fleet = Fleet(desk)
        await fleet.inventory(1, mprn="7", commissioned_on="2026-05-01")
        row = fleet.report(await fleet.build(NOW), NOW.date()).of(1)
    assert (row["device_id"], row["gas_network_party"], row["gas_supplier"]) == (
        device(1),
        "NORTH",
        "SUP",
    )


async def test_a_transaction_that_somebody_left_open_on_a_register_stops_nobody(
    bench: Bench,
) -> None:
    """What a register says is advice: no partition waits for it. What stood before is known."""
    async with bench.opened() as streams:
        await streams.publish([Message(PARTIES.stream, b"NORTH", b"1")])
    await bench.ask()
    async with bench.producer(f"{bench.settings.application}-registrar") as client:
        await client.begin_transaction()
        await client.send_and_wait(
            bench.topic(PARTIES.stream), key=b"SOUTH", value=b"2", partition=0
        )
        await bench.run()
        assert await bench.numbers() == [1]
        # It is still open: the broker has not ended it meanwhile.
        await client.commit_transaction()
    assert {record[2] for engine in bench.engines for record in engine.registers} == {b"NORTH"}
    await bench.ask()
    await bench.run()
    assert bench.engines[-1].registers[-1][2] == b"SOUTH"
