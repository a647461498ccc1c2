"""What the brokers do not grant, and what they cannot give just now."""

from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError
from tests.kafka.broker import Cluster, class_archive
from tests.kafka.harness import Bench

from slotkeeper.streams import StreamsSettings, TryLaterError, WrongUseError, create_streams

HOUR_MS = 3_600_000
"""Beyond what a broker grants by default: a quarter of an hour and half an hour."""


BEYOND = pytest.mark.parametrize(
    ("option", "value", "limit"),
    [
        ("transaction_timeout_ms", HOUR_MS, "transaction.max.timeout.ms"),
        ("session_timeout_ms", HOUR_MS, "group.max.session.timeout.ms"),
        ("session_timeout_ms", 500, "group.min.session.timeout.ms"),
    ],
)


@BEYOND
async def test_a_time_out_that_the_brokers_refuse_is_a_setting_to_correct(
    bench: Bench, option: str, value: int, limit: str
) -> None:
    await bench.ask()
    kafka = {**bench.settings.kafka, option: value}
    with pytest.raises(WrongUseError, match=rf"kafka\.{option}.*{limit}"):
        await bench.run(kafka=kafka)


async def test_partitions_without_a_leader_are_waited_for(tmp_path: Path) -> None:
    class_archive()
    cluster = Cluster(tmp_path, nodes=3)
    try:
        await cluster.start()
        bench = Bench(cluster.url, StreamsSettings(topic_prefix="alone."))
        # One replica each, so that those of a node that is gone have no leader.
        await create_streams(bench.url, bench.settings, replication_factor=1)
        cluster.nodes[2].kill()
        while not await some_have_no_leader(bench):
            continue
        with pytest.raises(TryLaterError, match="no leader"):
            await bench.run()
    finally:
        cluster.kill()


async def some_have_no_leader(bench: Bench) -> bool:
    """Ask anew each time: a client that knows the broker that is gone may ask that one."""
    with suppress(KafkaError):
        async with bench.admin() as client:
            topics = await client.describe_topics()
            return any(part["leader"] < 0 for topic in topics for part in topic["partitions"])
    return False
