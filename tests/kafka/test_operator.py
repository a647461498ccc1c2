"""A cluster that contradicts what it once acknowledged stops the worker until somebody decides."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete
from tests.kafka.broker import Cluster, class_archive
from tests.kafka.harness import CHANGELOG, PARTITION, RESPONSES, Bench
from tests.worker.fake_engine import REQUESTS

from slotkeeper.streams import (
    CommitInDoubtError,
    StoppedForOperatorError,
    StreamsSettings,
    WrongUseError,
    create_streams,
    open_streams,
)
from slotkeeper.worker import acknowledge, examine


async def test_offsets_ahead_of_the_changelog_are_refused(bench: Bench) -> None:
    await bench.ask()
    await bench.run()
    await bench.ask()
    await commit_offset(bench, REQUESTS, 2)
    with pytest.raises(StoppedForOperatorError, match="changelog lost its end"):
        await bench.run()


async def test_a_changelog_that_was_lost_is_refused(bench: Bench) -> None:
    await bench.ask()
    await bench.run()
    await bench.delete(CHANGELOG)
    with pytest.raises(WrongUseError, match=CHANGELOG):
        await bench.run()
    await create_streams(bench.url, bench.settings)
    with pytest.raises(StoppedForOperatorError, match="it was lost"):
        await bench.run()


async def test_the_changelog_knows_the_positions_without_the_group(bench: Bench) -> None:
    await bench.ask()
    await bench.run()
    await bench.ask()
    # Kafka forgets offsets of topics that a group does not subscribe to; another group has none.
    again = f"{bench.settings.application}-again"
    async with bench.opened(application=again) as streams:
        await acknowledge(streams, PARTITION, reason="r", by="b", application=again)
    await bench.run(application=again)
    assert await bench.numbers() == [1, 2]


async def test_records_deleted_before_they_were_read_are_refused(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"1")
    await bench.run()
    await bench.publish(RESPONSES, b"2", b"3")
    async with bench.admin() as client:
        place = TopicPartition(bench.topic(RESPONSES), PARTITION)
        await client.delete_records({place: RecordsToDelete(before_offset=2)})
    with pytest.raises(StoppedForOperatorError, match="deleted before they were read"):
        await bench.run()


async def add_partitions(client: Any, topics: list[str]) -> None:  # noqa: ANN401
    """Give topics six partitions; on return the broker tells everybody of them."""
    await client.create_partitions({topic: NewPartitions(6) for topic in topics})
    while any(len(told["partitions"]) < 6 for told in await client.describe_topics(topics)):
        continue


async def test_more_partitions_are_refused(bench: Bench) -> None:
    await bench.ask()
    await bench.run()
    names = [bench.topic(stream) for stream in bench.settings.layout.names]
    async with bench.admin() as client:
        await add_partitions(client, names[:1])
        with pytest.raises(StoppedForOperatorError, match="same number"):
            await bench.run()
        # Whom that sends to `counters export` must be able to use it.
        async with open_streams(bench.url, bench.settings, to_look=True) as looking:
            assert looking.partitions == 4
            for stream in (CHANGELOG, bench.settings.layout.names[0]):
                assert [record async for batch in looking.read(stream) for record in batch] or (
                    stream != CHANGELOG
                )
        await add_partitions(client, names[1:])
    with pytest.raises(StoppedForOperatorError, match="written with 4 partitions"):
        await bench.run()
    async with bench.opened() as streams, streams.own() as ownership:
        # Nor is a new partition served, although nothing stands in it.
        with pytest.raises(StoppedForOperatorError, match="written with 4 partitions"):
            await ownership.open(5)
    async with bench.opened() as streams:
        with pytest.raises(StoppedForOperatorError):
            await acknowledge(streams, PARTITION, reason="r", by="b")


@pytest.mark.parametrize("witnessed", [False, True])
async def test_what_others_wrote_behind_the_last_commit_is_refused_until_acknowledged(
    bench: Bench, tmp_path: Path, *, witnessed: bool
) -> None:
    witness = tmp_path / "witness" if witnessed else None
    await bench.ask()
    await bench.run(witness=witness)
    async with bench.producer() as client:
        topic = bench.topic(CHANGELOG)
        for number in (b"0", b"7"):
            await client.send_and_wait(topic, number, b"d", partition=PARTITION)
    await bench.ask()
    for _ in range(2):
        with pytest.raises(StoppedForOperatorError, match="that no worker wrote") as refusal:
            await bench.run(witness=witness)
        assert refusal.value.partition == PARTITION
    assert await bench.numbers() == [1]
    async with bench.opened(witness=witness) as streams:
        (against,) = await acknowledge(streams, PARTITION, reason="r", by="b")
    assert "that no worker wrote" in against
    await bench.run(witness=witness)
    assert await bench.numbers() == [1, 8]


async def test_d05_a_restored_older_cluster_is_refused_until_acknowledged(
    tmp_path: Path,
) -> None:
    cluster = Cluster(tmp_path / "cluster")
    class_archive()
    bench = Bench(cluster.url, StreamsSettings(witness=tmp_path / "witness"))
    try:
        await cluster.start()
        await create_streams(bench.url, bench.settings)
        await bench.ask()
        await bench.run()
        (node,) = cluster.nodes
        node.stop()
        node.copy_data(tmp_path / "backup")
        await restarted(cluster)
        await bench.ask()
        await bench.run()
        assert await bench.numbers() == [1, 2]

        node.kill()
        node.restore_data(tmp_path / "backup")
        await restarted(cluster)
        await bench.ask()
        with pytest.raises(StoppedForOperatorError, match="older copy") as refusal:
            await bench.run()
        assert refusal.value.partition == PARTITION
        assert await bench.numbers() == [1]

        async with bench.opened() as streams:
            assert "older copy" in (await examine(streams, PARTITION))[0]
            accepted = await acknowledge(streams, PARTITION, reason="tape of Sunday", by="ops")
            assert "older copy" in accepted[0]
            assert await examine(streams, PARTITION) == []
        (audited,) = [entry for entry in await bench.decisions() if "reason" in entry]
        assert audited["reason"] == "tape of Sunday"
        await bench.run()
        assert await bench.numbers() == [1, 2]
    finally:
        cluster.kill()


async def test_d05_topics_made_anew_are_refused(bench: Bench, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    await bench.ask()
    await bench.run(witness=witness)
    await bench.delete(*bench.settings.layout.names)
    await create_streams(bench.url, bench.settings)
    with pytest.raises(StoppedForOperatorError, match="incarnation"):
        await bench.run(witness=witness)


async def test_d05_a_commit_whose_witness_cannot_be_written_is_in_doubt(
    bench: Bench, tmp_path: Path
) -> None:
    folder = tmp_path / "other-disk"
    folder.mkdir()
    async with bench.opened(witness=folder / "witness") as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        shutil.rmtree(folder)
        with pytest.raises(CommitInDoubtError, match="witness"):
            await owned.commit([(CHANGELOG, PARTITION, b"k", b"v", [])], {})


async def restarted(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.start()
        await node.wait()


async def commit_offset(bench: Bench, stream: str, offset: int) -> None:
    place = TopicPartition(bench.topic(stream), PARTITION)
    async with bench.group() as client:
        client.assign([place])
        await client.commit({place: offset})
