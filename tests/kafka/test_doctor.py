"""What ``check-config`` says of a cluster: of topics that are not as `slotkeeper streams create`
makes them, and of times that the brokers do not grant. Of rights: ``test_acls.py``.
"""

import asyncio
import dataclasses

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tests.kafka.harness import CHANGELOG, Bench
from tests.kafka.test_limits import BEYOND

from slotkeeper.streams.kafka.diagnosis import UNREAD_MS, faults_of_topics, missing_codecs
from slotkeeper.streams.kafka.grants import refusals

REQUESTS, TRAIL, ACTS, PARTIES = (
    "srv-6.21-requests",
    "audit-trail",
    "gno-exits",
    "gas-network-parties",
)


async def faults(bench: Bench) -> list[tuple[bool, str]]:
    return await faults_of_topics(bench.servers, bench.settings, largest=1_040_000)


async def fault(bench: Bench) -> tuple[bool, str]:
    """Give the one there is; what a controller has agreed to reaches the broker a moment later."""
    while not (found := await faults(bench)):  # noqa: ASYNC110  # remote
        await asyncio.sleep(0.01)
    [one] = found
    return one


async def test_nothing_is_said_of_topics_as_they_are_made(bench: Bench) -> None:
    assert await faults(bench) == []
    assert missing_codecs() == []


@pytest.mark.parametrize(
    ("stream", "setting", "value", "stops", "said"),
    [
        (CHANGELOG, "cleanup.policy", "delete", True, "must have compact"),
        (PARTIES, "cleanup.policy", "delete", False, "must have compact"),
        (REQUESTS, "cleanup.policy", "compact", False, "unread records are removed"),
        (REQUESTS, "retention.ms", str(UNREAD_MS - 1), False, "what was not read yet"),
        (REQUESTS, "retention.bytes", "1000000", False, "what was not read yet"),
        (TRAIL, "retention.ms", "86400000", False, "deletes its history"),
        (TRAIL, "retention.bytes", "1000000", False, "deletes its history"),
        (ACTS, "retention.ms", "86400000", False, "deletes its history"),
        (TRAIL, "max.message.bytes", "1000", False, "takes 1000 octets"),
        (TRAIL, "min.insync.replicas", "2", True, "it takes no record"),
        (ACTS, "min.insync.replicas", "2", False, "it takes no record"),
    ],
)
async def test_a_setting_that_harms_is_named(  # noqa: PLR0917
    bench: Bench,
    stream: str,
    setting: str,
    value: str,
    stops: bool,  # noqa: FBT001
    said: str,
) -> None:
    made = {"cleanup.policy": "delete", "retention.ms": "-1"}
    if stream in bench.settings.layout.compacted:
        made = {"cleanup.policy": "compact"}
    elif stream == REQUESTS:
        made["retention.ms"] = str(30 * 86_400_000)
    # What is not named goes back to the broker's own.
    settings = {**made, "max.message.bytes": "2097152", setting: value}
    changed = ConfigResource(ConfigResourceType.TOPIC, bench.topic(stream), settings)
    async with bench.admin() as client:
        await client.alter_configs([changed])
    stopping, told = await fault(bench)
    assert stopping is stops
    assert bench.topic(stream) in told
    assert said in told


async def test_topics_that_are_missing_are_named(bench: Bench) -> None:
    await bench.delete(ACTS)
    stops, said = await fault(bench)
    assert not stops
    assert bench.topic(ACTS) in said
    assert "`slotkeeper streams create` makes what is missing" in said


@BEYOND
async def test_a_time_that_the_brokers_do_not_grant_is_named_before_a_worker_begins(
    bench: Bench, option: str, value: int, limit: str
) -> None:
    assert await refusals(bench.servers, bench.settings) == []
    kafka = {**bench.settings.kafka, option: value}
    settings = dataclasses.replace(bench.settings, kafka=kafka)
    [said] = await refusals(bench.servers, settings)
    assert said.startswith(f"kafka.{option} is {value}, and the brokers grant at ")
    assert limit in said
