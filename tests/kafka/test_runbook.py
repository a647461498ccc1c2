"""What docs/operating.md tells an operator to expect, done once on a broker."""

import asyncio
import dataclasses

import pytest
from aiokafka.protocol.admin import DeleteGroupsRequest
from tests.conftest import place_of_its_own
from tests.kafka.harness import CHANGELOG, PARTITION, RESPONSES, Bench
from tests.worker.fake_engine import AUDIT, COMMANDS

from slotkeeper.streams import StoppedForOperatorError, create_streams
from slotkeeper.streams.kafka.client_internals import ask
from slotkeeper.worker import acknowledge, examine, run


async def test_lost_offsets_of_the_group_change_nothing(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"5")
    await bench.ask()
    await bench.run()
    group = bench.settings.application
    async with bench.admin() as client:
        coordinator = await client.find_coordinator(group)
        deleted = await ask(client, DeleteGroupsRequest([group]), coordinator)
        assert deleted.results == [(group, 0)]
        assert await client.list_consumer_group_offsets(group) == {}
    await bench.ask()
    summary = await bench.run()
    assert (summary.records, await bench.numbers()) == (1, [6, 7])


async def test_an_input_made_anew_waits_for_an_operator(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"5", b"6")
    await bench.run()
    await bench.delete(RESPONSES)
    await create_streams(bench.url, bench.settings)
    await bench.ask()
    for _ in range(2):  # restarting changes nothing
        with pytest.raises(StoppedForOperatorError, match=f"{RESPONSES} ends"):
            await bench.run()
    async with bench.opened() as streams:
        (objection,) = await examine(streams, PARTITION)
        assert RESPONSES in objection
        accepted = await acknowledge(
            streams, PARTITION, reason="checked", by="ops", from_start=[RESPONSES]
        )
        assert accepted == [objection]
    await bench.publish(RESPONSES, b"8")
    await bench.run()
    assert await bench.numbers() == [9]


async def test_an_upstream_that_died_lets_go_when_it_comes_back(bench: Bench) -> None:
    stop = asyncio.Event()
    async with bench.opened() as streams, bench.upstream() as died:
        worker = asyncio.create_task(run(streams, bench.make, stop=stop))
        await bench.working.wait()
        await died.begin(RESPONSES, b"5")
        await bench.ask()
        # Its successor has the same transactional id, and so ends what it left open.
        async with bench.upstream():
            async for batch in streams.read(COMMANDS, follow=True):
                assert [record.value for record in batch] == [b"1"]
                break
        stop.set()
        await worker


async def test_two_deployments_with_one_name_leave_each_other_alone(bench: Bench) -> None:
    async with place_of_its_own(bench.url) as elsewhere:
        settings = dataclasses.replace(bench.settings, topic_prefix=elsewhere.topic_prefix)
        other = Bench(bench.url, settings)
        async with (
            bench.opened() as here,
            other.opened() as there,
            here.own() as mine,
            there.own() as theirs,
        ):
            owned = await mine.open(PARTITION)
            await owned.commit([(CHANGELOG, PARTITION, b"k", b"v", [])], {RESPONSES: 0})
            await theirs.open(PARTITION)
            await owned.commit([(AUDIT, PARTITION, b"k", b"v", [])], {RESPONSES: 0})
