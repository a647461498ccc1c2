"""Answers of brokers that know less than they should, for a moment: none is taken for the truth."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    NotCoordinatorError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.commit import OffsetFetchResponse_v3
from tests.kafka.harness import CHANGELOG, RESPONSES, Bench

from slotkeeper.streams import FencedError, OwnedPartition, Ownership, StoreUnavailableError
from slotkeeper.streams.kafka import client_internals, group_offsets, ownership, topics
from slotkeeper.streams.kafka.instance import members
from slotkeeper.streams.kafka.offsets import Offsets
from slotkeeper.streams.kafka.options import ClientOptions

PARTITION, PARTITIONS = 1, 4
"""Of the device in these tests, and of a topic that nobody said anything else of."""

ASK = "slotkeeper.streams.kafka.group_offsets.ask"


async def asked(bench: Bench) -> dict[TopicPartition, int]:
    options = ClientOptions(bench.servers, {})
    place = TopicPartition(bench.topic(RESPONSES), PARTITION)
    return await group_offsets.group_offsets(options, bench.settings.application, [place])


@pytest.mark.parametrize("error", [CoordinatorLoadInProgressError, NotCoordinatorError])
async def test_a_coordinator_that_does_not_know_yet_is_asked_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: type[Any]
) -> None:
    """It names no partition then: as if the group had never committed."""
    await bench.publish(RESPONSES, b"5")
    await bench.run()
    answers = [OffsetFetchResponse_v3(0, [], error.errno)]

    async def ask(*asking: Any) -> Any:  # noqa: ANN401
        return answers.pop() if answers else await client_internals.ask(*asking)

    monkeypatch.setattr(ASK, ask)
    assert list((await asked(bench)).values()) == [1]
    assert answers == []


async def test_a_coordinator_that_never_knows_is_no_empty_group(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(*_: Any) -> Any:  # noqa: ANN401
        return OffsetFetchResponse_v3(0, [], NotCoordinatorError.errno)

    monkeypatch.setattr(ASK, ask)
    monkeypatch.setattr(group_offsets, "PATIENCE_S", 0.0)
    with pytest.raises(StoreUnavailableError, match="offsets are not known"):
        await asked(bench)


async def test_a_coordinator_that_does_not_know_its_members_has_some(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that found none would take partitions away from a worker."""

    async def described(_: object, groups: Sequence[str]) -> list[Any]:
        group: Any = (CoordinatorLoadInProgressError.errno, groups[0], "", "", "", [])
        return [SimpleNamespace(groups=[group])]

    monkeypatch.setattr(AIOKafkaAdminClient, "describe_consumer_groups", described)
    with pytest.raises(StoreUnavailableError, match="who is in group"):
        await members(ClientOptions(bench.servers, {}), bench.settings.application)


@pytest.fixture
def older_ends(bench: Bench) -> Callable[..., Awaitable[Mapping[TopicPartition, int]]]:
    """Give the changelog's end as a broker does that was cut off from its cluster."""
    real = Offsets.ends

    async def older(
        self: Offsets,
        places: Sequence[TopicPartition],
        **how: Any,  # noqa: ANN401
    ) -> Mapping[TopicPartition, int]:
        ends = await real(self, places, **how)
        changelog = bench.topic(CHANGELOG)
        return {at: max(0, end - 2 * (at.topic == changelog)) for at, end in ends.items()}

    return older


async def committed(owning: Ownership) -> None:
    for value in (b"1", b"2"):
        owned = await owning.open(PARTITION)
        await owned.commit([(CHANGELOG, PARTITION, b"k", value, [])], {})
        await owned.close()


async def values(owned: OwnedPartition) -> list[bytes | None]:
    return [record.value async for batch in owned.changelog() for record in batch]


async def test_what_follows_records_that_were_never_read_is_not_committed(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    older_ends: Callable[..., Awaitable[Mapping[TopicPartition, int]]],
) -> None:
    async with bench.opened() as streams, streams.own() as owning:
        await committed(owning)
        owned = await owning.open(PARTITION)
        with monkeypatch.context() as patched:
            patched.setattr(Offsets, "ends", older_ends)
            assert (await values(owned))[-1] == b"1"
        with pytest.raises(FencedError, match="since its end was read"):
            await owned.commit([(CHANGELOG, PARTITION, b"k", b"3", [])], {})
        owned = await owning.open(PARTITION)
        assert (await values(owned))[-1] == b"2"
        await owned.commit([(CHANGELOG, PARTITION, b"k", b"3", [])], {})
        await owned.commit([(CHANGELOG, PARTITION, b"k", b"4", [])], {})


async def test_an_end_that_was_told_never_falls(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    older_ends: Callable[..., Awaitable[Mapping[TopicPartition, int]]],
) -> None:
    """What is between would be taken for read: memory is added to from there on."""
    async with bench.opened() as streams, streams.own() as owning:
        await committed(owning)
        owned = await owning.open(PARTITION)
        end = await owned.changelog_end()
        with monkeypatch.context() as patched:
            patched.setattr(Offsets, "ends", older_ends)
            assert await owned.changelog_end() == end
            assert (await values(owned))[-1] == b"2"


async def test_witnesses_that_could_not_be_begun_are_begun_later(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    real, failing = ownership.begin_witnesses, [StoreUnavailableError("away")]

    async def begin(*asking: Any, **how: Any) -> list[int]:  # noqa: ANN401
        if failing:
            raise failing.pop()
        return await real(*asking, **how)

    monkeypatch.setattr(ownership, "begin_witnesses", begin)
    witness = tmp_path / "witness"
    async with bench.opened(witness=witness) as streams, streams.own() as owning:
        await owning.open(PARTITION)
    assert len(list(tmp_path.glob("witness-*"))) == PARTITIONS


async def test_topics_that_a_broker_does_not_know_yet_are_looked_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looks = topics.existing_topics, list[int]()

    async def existing(*asking: Any) -> Any:  # noqa: ANN401
        found = await real(*asking)
        looks.append(len(looks))
        if len(looks) == 1:
            return found._replace(counts={})
        return found

    monkeypatch.setattr(topics, "existing_topics", existing)
    async with bench.opened() as streams:
        assert streams.partitions == PARTITIONS
    assert len(looks) > 1


@pytest.mark.parametrize(
    ("error", "told"), [(RequestTimedOutError, True), (TopicAuthorizationFailedError, None)]
)
async def test_a_broker_that_is_slow_once_is_asked_for_the_policy_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: type[Any], told: object
) -> None:
    """Only where no right to see it is given nobody asks any more."""
    real, failing = AIOKafkaAdminClient.describe_configs, [error.errno]

    async def described(self: AIOKafkaAdminClient, wanted: Sequence[Any]) -> Any:  # noqa: ANN401
        if failing and wanted[0].name == bench.topic(CHANGELOG):
            resource: Any = (failing.pop(), "", 2, wanted[0].name, [])
            return [SimpleNamespace(resources=[resource])]
        return await real(self, wanted)

    await bench.run()
    monkeypatch.setattr(AIOKafkaAdminClient, "describe_configs", described)
    async with bench.opened() as streams, streams.own() as owning:
        owned = await owning.open(PARTITION)
        assert (await owned.logs(now=True)).compacts is told
