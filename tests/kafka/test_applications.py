"""One application serves a store: by its name, and by a lock that does not depend on names."""

import asyncio
import json

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerFenced
from tests.kafka.harness import CHANGELOG, PARTITION, Bench
from tests.kafka.test_zombie import ask_everywhere
from tests.worker.fake_engine import AUDIT, COMMANDS

from slotkeeper.streams import FencedError, StoppedForOperatorError, WrongUseError
from slotkeeper.streams.kafka.identity import INCARNATION, PARTITIONS
from slotkeeper.worker import acknowledge, examine, run
from slotkeeper.worker.positions import KEY, VERSION, Positions
from slotkeeper.worker.recovery import newest

QUICK = {"session_timeout_ms": 1_000, "heartbeat_interval_ms": 100}
"""One that was fenced tries again after a session."""


def green(bench: Bench) -> str:
    return f"{bench.settings.application}-green"


async def truth(bench: Bench) -> Positions:
    found = newest(None, [r for r in await bench.read(CHANGELOG) if r.partition == PARTITION])
    assert found is not None
    return found


async def test_another_application_is_refused(bench: Bench) -> None:
    await bench.ask()
    await bench.run()
    await bench.ask()
    for _ in range(2):
        with pytest.raises(StoppedForOperatorError, match=r"application .* serves it") as refusal:
            await bench.run(application=green(bench))
        assert refusal.value.partition == PARTITION
    await bench.run()
    assert await bench.numbers() == [1, 2]


async def test_two_applications_that_begin_at_once_give_no_number_twice(bench: Bench) -> None:
    stop = asyncio.Event()
    async with (
        bench.opened(kafka=QUICK) as here,
        bench.opened(kafka=QUICK, application=green(bench)) as there,
    ):
        workers = [
            asyncio.create_task(run(streams, bench.make, stop=stop)) for streams in (here, there)
        ]
        async with asyncio.timeout(240):  # of two that go on beside each other
            while not any(worker.done() for worker in workers):
                await ask_everywhere(here)
                await asyncio.wait(workers, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        ended = await asyncio.gather(*workers, return_exceptions=True)
    refused = [end for end in ended if isinstance(end, BaseException)]
    assert refused
    for error in refused:
        assert isinstance(error, StoppedForOperatorError)
        assert "application" in str(error)
    commands = [(record.partition, record.value) for record in await bench.read(COMMANDS)]
    assert len(commands) == len(set(commands))


async def test_an_owner_of_an_earlier_version_is_shut_out(bench: Bench) -> None:
    for _ in range(2):  # of a new store, and of one that names its application
        async with earlier_owner(bench) as earlier:
            await earlier.begin_transaction()
            await earlier.send_and_wait(bench.topic(AUDIT), b"{}", partition=PARTITION)
            await bench.ask()
            await bench.run()
            with pytest.raises(ProducerFenced):
                await earlier.commit_transaction()
    assert await bench.numbers() == [1, 2]


async def test_a_store_of_an_earlier_version_is_named_by_the_first_commit(bench: Bench) -> None:
    await write_as_earlier_version(bench)
    await bench.ask()
    await bench.run()
    found = await truth(bench)
    assert (found.sequence, found.application) == (8, bench.settings.application)
    assert set(found.ids) == {*bench.settings.layout.inputs, CHANGELOG}
    assert json.loads(found.encode())["version"] == VERSION  # which earlier versions stop at
    audited = [entry for entry in await bench.decisions() if entry.get("kind") == "pinning"]
    assert [entry["application"] for entry in audited] == [bench.settings.application]
    assert audited[0]["logs"] == dict(found.ids)
    await bench.ask()
    await bench.run()
    assert await bench.numbers() == [1, 2]
    assert len([e for e in await bench.decisions() if e.get("kind") == "pinning"]) == 1


async def test_an_earlier_version_that_comes_back_before_the_first_commit_shuts_it_out(
    bench: Bench,
) -> None:
    await write_as_earlier_version(bench)
    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        async with earlier_owner(bench):
            with pytest.raises(FencedError):
                await owned.commit([(CHANGELOG, PARTITION, b"k", b"1", [])], {})


async def test_what_another_wrote_meanwhile_shuts_the_first_commit_out(bench: Bench) -> None:
    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        async with bench.upstream() as another:
            await another.begin(CHANGELOG, b"1")
            await another.commit()
        with pytest.raises(FencedError, match="another program"):
            await owned.commit([(CHANGELOG, PARTITION, b"k", b"1", [])], {})
        again = await ownership.open(PARTITION)
        await again.commit([(CHANGELOG, PARTITION, b"k", b"2", [])], {})
        await again.commit([(CHANGELOG, PARTITION, b"k", b"3", [])], {})
    assert [record.value for record in await bench.read(CHANGELOG)] == [b"1", b"2", b"3"]


async def test_a_name_changes_by_an_acknowledgement(bench: Bench) -> None:
    await bench.ask()
    await bench.run()
    await bench.ask()
    new = green(bench)
    async with bench.opened(application=new) as streams:
        (objection,) = await examine(streams, PARTITION)
        with pytest.raises(WrongUseError, match="application"):
            await acknowledge(streams, PARTITION, reason="r", by="b")
        with pytest.raises(WrongUseError, match="application"):
            await acknowledge(streams, PARTITION, reason="r", by="b", application="another")
        accepted = await acknowledge(streams, PARTITION, reason="r", by="b", application=new)
        assert accepted == [objection]
    await bench.run(application=new)
    assert await bench.numbers() == [1, 2]
    with pytest.raises(StoppedForOperatorError, match=new):
        await bench.run()


def earlier_owner(bench: Bench) -> AIOKafkaProducer:
    """Be the owner of the partition as 0.1.0 has it."""
    return AIOKafkaProducer(
        bootstrap_servers=bench.servers,
        transactional_id=f"{bench.settings.application}-{PARTITION}",
    )


async def write_as_earlier_version(bench: Bench) -> None:
    inputs = dict.fromkeys(bench.settings.layout.inputs, 0)
    positions = Positions(sequence=7, partitions=4, incarnation="a", inputs=inputs)
    assert json.loads(positions.encode())["version"] == 1
    async with earlier_owner(bench) as earlier, earlier.transaction():
        await earlier.send_and_wait(
            bench.topic(CHANGELOG),
            key=KEY,
            value=positions.encode(),
            partition=PARTITION,
            headers=[(INCARNATION, b"a"), (PARTITIONS, b"4")],
        )
