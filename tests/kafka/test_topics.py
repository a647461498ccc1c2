"""How topics are made, and what their names may be."""

from dataclasses import replace

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tests.kafka.harness import CHANGELOG, INVENTORY, RESPONSES, Bench
from tests.layouts import WITHOUT_WHAT_WAS_ADDED
from tests.worker.fake_engine import AUDIT

from slotkeeper.streams import (
    SLOTKEEPER,
    Message,
    StoppedForOperatorError,
    StoreUnavailableError,
    StreamsSettings,
    WrongUseError,
    create_streams,
    open_streams,
)


async def test_the_newest_of_a_key_is_kept_and_history_is_not_deleted(bench: Bench) -> None:
    found = {}
    async with bench.admin() as client:
        for stream in (RESPONSES, INVENTORY, CHANGELOG, AUDIT):
            (answer,) = await client.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, bench.topic(stream))]
            )
            found[stream] = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert found[CHANGELOG]["cleanup.policy"] == found[INVENTORY]["cleanup.policy"] == "compact"
    assert found[RESPONSES]["cleanup.policy"] == found[AUDIT]["cleanup.policy"] == "delete"
    assert found[AUDIT]["retention.ms"] == "-1"
    assert int(found[CHANGELOG]["max.message.bytes"]) > int(found[RESPONSES]["max.message.bytes"])
    for configuration in found.values():
        assert configuration["unclean.leader.election.enable"] == "false"
        assert configuration["min.insync.replicas"] == "1"


async def test_a_compacted_topic_is_given_nothing_without_a_key(bench: Bench) -> None:
    """No broker takes it, and none ever will: nobody is told to try again."""
    async with bench.opened() as streams:
        for stream in (INVENTORY, "gas-registrations"):
            with pytest.raises(WrongUseError, match=f"{stream} is compacted: .* without a key"):
                await streams.publish([Message(stream, None, b"{}")])
        await streams.publish([Message(RESPONSES, None, b"{}")])


async def test_making_topics_again_changes_nothing(bench: Bench) -> None:
    assert await create_streams(bench.url, bench.settings) == 4
    with pytest.raises(StoppedForOperatorError, match="4 partitions"):
        await create_streams(
            bench.url,
            StreamsSettings(topic_prefix=bench.settings.topic_prefix, partitions=5),
        )


async def test_what_no_cluster_can_make_is_refused(bench: Bench) -> None:
    settings = StreamsSettings(topic_prefix="other.")
    with pytest.raises(WrongUseError, match="eplication"):
        await create_streams(bench.url, settings, replication_factor=9)


async def test_missing_topics_are_named(bench: Bench) -> None:
    with pytest.raises(WrongUseError, match=r"no topic other\.srv-6\.15\.1-responses.*create"):
        async with open_streams(bench.url, StreamsSettings(topic_prefix="other.")):
            pass


async def test_a_cluster_that_is_away_is_unavailable() -> None:
    with pytest.raises(StoreUnavailableError):
        async with open_streams("kafka://127.0.0.1:1"):
            pass


@pytest.mark.parametrize("url", ["kafka://", "kafka://host", "kafka://host:9092/topic"])
async def test_addresses_without_brokers_are_refused(url: str) -> None:
    with pytest.raises(WrongUseError, match="host:port"):
        async with open_streams(url):
            pass


async def test_a_cluster_without_registers_is_served_until_they_are_made(bench: Bench) -> None:
    parties, registrations = SLOTKEEPER.registers[0], SLOTKEEPER.registers[-1]
    before = replace(SLOTKEEPER, registers=(), acts=(), single=frozenset())
    before = replace(before, added=tuple(n for n in SLOTKEEPER.added if n != SLOTKEEPER.acts[0]))
    settings = replace(bench.settings, topic_prefix=f"{bench.settings.topic_prefix}before.")
    await create_streams(bench.url, replace(settings, layout=before, partitions=3))
    async with open_streams(bench.url, settings) as streams:
        assert streams.partitions == 3
        with pytest.raises(WrongUseError, match=f"no topic .*{parties}.*streams create"):
            await streams.publish([Message(parties, b"N", b"1")])
    assert await create_streams(bench.url, settings) == 3
    assert await create_streams(bench.url, settings) == 3
    async with open_streams(bench.url, settings) as streams:
        for stream in (parties, registrations):
            messages = [Message(stream, str(number).encode(), b"1") for number in range(30)]
            await streams.publish(messages)
        found = {
            stream: [record async for batch in streams.read(stream) for record in batch]
            for stream in (parties, registrations)
        }
        assert len(found[parties]) == len(found[registrations]) == 30
        assert {record.partition for record in found[parties]} == {0}
        assert {record.partition for record in found[registrations]} == {0, 1, 2}


async def test_what_an_upgrade_adds_is_named_until_it_is_made(bench: Bench) -> None:
    settings = replace(bench.settings, topic_prefix=f"{bench.settings.topic_prefix}older.")
    older = replace(settings, layout=WITHOUT_WHAT_WAS_ADDED, partitions=2)
    await create_streams(bench.url, older)
    added = r"no topic .*srv-6\.24\.1-responses.*dcc-alerts.*slot-evidence.*streams create"
    with pytest.raises(WrongUseError, match=added):
        async with open_streams(bench.url, settings):
            pass
    assert await create_streams(bench.url, settings) == 2
    async with open_streams(bench.url, settings) as streams:
        await streams.publish([Message(SLOTKEEPER.acts[0], b"NORTH", b"1")])
