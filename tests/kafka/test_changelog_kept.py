"""A changelog that lost its beginning, or will lose records, stops a worker."""

from dataclasses import replace

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tests.kafka.harness import CHANGELOG, PARTITION, RESPONSES, Bench, delete_group
from tests.kafka.test_logs import made_anew, stops, working

from slotkeeper.streams import StoppedForOperatorError
from slotkeeper.worker import acknowledge, examine
from slotkeeper.worker.positions import KEY, Positions


async def set_policy(bench: Bench, policy: str, stream: str = CHANGELOG) -> None:
    """Set how the changelog, or another stream, is cleaned, and wait until the broker says so."""
    topic = bench.topic(stream)
    async with bench.admin() as client:
        await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": policy})]
        )
        wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": None})]
        while True:
            (answer,) = await client.describe_configs(wanted)
            ((_, _, _, _, entries),) = answer.resources
            if entries[0][1] == policy:
                return


async def delete_beginning(bench: Bench, stream: str = CHANGELOG, *, below: int = 1) -> None:
    """Delete a topic's first records, which one lets happen that deletes as well as it compacts."""
    await set_policy(bench, "compact,delete", stream)
    place = TopicPartition(bench.topic(stream), PARTITION)
    async with bench.admin() as client:
        await client.delete_records({place: RecordsToDelete(before_offset=below)})
    await set_policy(bench, "compact", stream)


async def test_a_changelog_without_its_beginning_is_refused_until_acknowledged(
    bench: Bench,
) -> None:
    # One input record, so one commit: of two, the second might write the device again.
    await bench.ask()
    await bench.run()
    await delete_beginning(bench)
    await bench.ask()
    for _ in range(2):
        with pytest.raises(StoppedForOperatorError, match="begins at 1, not at 0"):
            await bench.run()
    assert await bench.numbers() == [1]
    async with bench.opened() as streams:
        against = await examine(streams, PARTITION)
        assert ["begins at 1" in against[0], "1 device records" in against[1]] == [True, True]
        assert await acknowledge(streams, PARTITION, reason="r", by="b") == against
        assert await examine(streams, PARTITION) == []
    await bench.run()
    assert len(await bench.numbers()) == 2


async def test_a_worker_stops_when_the_changelog_loses_its_beginning(bench: Bench) -> None:
    async with working(bench) as (worker, _):
        await delete_beginning(bench)
        # It may see the policy first, which lets that happen for a moment.
        await stops(worker, "begins at 1, not at 0|not compacted")
    with pytest.raises(StoppedForOperatorError, match="begins at 1, not at 0"):
        await bench.run()


async def test_a_changelog_that_is_not_compacted_is_refused_until_acknowledged(
    bench: Bench,
) -> None:
    await set_policy(bench, "delete")
    await bench.ask()
    with pytest.raises(StoppedForOperatorError, match="not compacted"):
        await bench.run()
    assert await bench.numbers() == []
    async with bench.opened() as streams:
        for partition in range(streams.partitions):
            await acknowledge(streams, partition, reason="r", by="b")
    await bench.run()
    assert await bench.numbers() == [1]
    # What was accepted ends with what was accepted for.
    await set_policy(bench, "compact")
    await bench.ask()
    await bench.run()
    await set_policy(bench, "delete")
    await bench.ask()
    with pytest.raises(StoppedForOperatorError, match="not compacted"):
        await bench.run()
    assert await bench.numbers() == [1, 2]


async def test_a_worker_stops_when_the_changelog_is_not_compacted_any_more(bench: Bench) -> None:
    async with working(bench) as (worker, _):
        await set_policy(bench, "compact,delete")
        await stops(worker, "not compacted")


async def test_outputs_beside_an_empty_changelog_are_refused(bench: Bench) -> None:
    await bench.ask()
    await bench.run()
    await made_anew(bench, CHANGELOG)
    await delete_group(bench)
    await bench.ask()
    with pytest.raises(StoppedForOperatorError, match=r"cs02b-commands.*it was lost"):
        await bench.run()
    assert await bench.numbers() == [1]


async def test_d06_lost_device_records_are_refused_until_acknowledged(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"5")
    await bench.ask()
    await bench.run()
    newest = [each for each in await bench.read(CHANGELOG) if each.key == KEY][-1]
    positions = Positions.decode(newest.value)
    assert positions.stored is not None
    count, fingerprint, *_ = positions.stored
    # As if there had been one more, which a broker then lost.
    lost = replace(positions.advanced({}), stored=(count + 1, fingerprint + 99))
    async with bench.producer() as client:
        topic = bench.topic(CHANGELOG)
        headers = list(newest.headers)
        await client.send_and_wait(topic, lost.encode(), KEY, partition=PARTITION, headers=headers)
    await bench.ask()
    for _ in range(2):
        with pytest.raises(StoppedForOperatorError, match="the changelog lost records"):
            await bench.run()
    assert await bench.numbers() == [6]
    async with bench.opened() as streams:
        await acknowledge(streams, PARTITION, reason="r", by="b")
    await bench.run()
    assert len(await bench.numbers()) == 2
    rollbacks = {engine.partition: engine.rollbacks for engine in bench.engines}
    assert rollbacks == {PARTITION: 1} | {other: 0 for other in rollbacks if other != PARTITION}


async def test_what_was_aborted_in_outputs_is_no_history(bench: Bench) -> None:
    async with bench.upstream() as upstream:
        await upstream.begin("audit-trail", b"x")
        await upstream.abort()
    await bench.ask()
    await bench.run()
    assert await bench.numbers() == [1]
