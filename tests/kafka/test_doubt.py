"""Aborted for certain, or in doubt: what decides is whether the commit was called."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError
from tests.kafka.harness import CHANGELOG, PARTITION, RESPONSES, Bench
from tests.worker.fake_engine import AUDIT

from slotkeeper.streams import CommitAbortedError, CommitInDoubtError, FencedError, Output
from slotkeeper.streams.kafka.batches import send
from slotkeeper.worker import backoff

DEADLINE = {"transaction_timeout_ms": 2_000}
"""Short, since some tests wait for it; a batch that needs longer is tried again and passes."""

SEND = "slotkeeper.streams.kafka.transaction.send"

Call = Callable[..., Awaitable[Any]]


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE_S", 0.0)


@pytest.fixture(autouse=True)
async def begun(bench: Bench) -> None:
    """Leave the first commit that is tried to the test."""
    await bench.begin()


class Unanswered:
    """Once armed, the next commit is not answered in time, whether it arrives or not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, arrives: bool) -> None:
        self._commit: Call = AIOKafkaProducer.commit_transaction
        self._arrives = arrives
        self.armed = False
        unanswered = self

        async def commit(producer: AIOKafkaProducer) -> None:
            await unanswered.pass_on(producer)

        monkeypatch.setattr(AIOKafkaProducer, "commit_transaction", commit)

    async def pass_on(self, producer: AIOKafkaProducer) -> None:
        silent, self.armed = self.armed, False
        if self._arrives or not silent:
            await self._commit(producer)
        if silent:
            await asyncio.Event().wait()


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_commit_without_answer_is_in_doubt_and_settled_by_opening_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, arrives: bool
) -> None:
    unanswered = Unanswered(monkeypatch, arrives=arrives)
    async with bench.opened(kafka=DEADLINE) as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        unanswered.armed = True
        with pytest.raises(CommitInDoubtError) as doubt:
            await owned.commit([(CHANGELOG, PARTITION, b"k", b"1", [])], {RESPONSES: 1})
        assert isinstance(doubt.value.__cause__, TimeoutError)
        await owned.close()
        owned = await ownership.open(PARTITION)
        restored = [record.value async for batch in owned.changelog() for record in batch]
        assert restored == ([b"1"] if arrives else [])
        assert await owned.offsets() == ({RESPONSES: 1} if arrives else {})


@pytest.mark.parametrize(("arrives", "numbers"), [(True, [1, 2]), (False, [2, 3])])
async def test_no_request_is_answered_twice_and_no_number_is_used_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, arrives: bool, numbers: list[int]
) -> None:
    unanswered = Unanswered(monkeypatch, arrives=arrives)
    await bench.ask()
    unanswered.armed = True
    summary = await bench.run(kafka=DEADLINE)
    assert (summary.in_doubt, summary.records) == (1, 0 if arrives else 1)
    await bench.ask()
    await bench.run()
    assert await bench.numbers() == numbers
    assert len(await bench.decisions()) == 2


async def test_a_batch_that_was_not_sent_is_aborted_for_certain(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        await send(*arguments, **more)
        raise KafkaTimeoutError

    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        with monkeypatch.context() as patched:
            patched.setattr(SEND, failing)
            with pytest.raises(CommitAbortedError):
                await owned.commit([(AUDIT, PARTITION, b"k", b"lost", [])], {RESPONSES: 1})
        # Its producer has lost count of what it sent.
        with pytest.raises(CommitInDoubtError, match="opened again"):
            await owned.commit([(AUDIT, PARTITION, b"k", b"lost", [])], {RESPONSES: 1})
        owned = await ownership.open(PARTITION)
        await owned.commit([(AUDIT, PARTITION, b"k", b"kept", [])], {RESPONSES: 2})
        assert await owned.offsets() == {RESPONSES: 2}
    assert [record.value for record in await bench.read(AUDIT)] == [b"kept"]


async def test_an_aborted_batch_is_tried_again_with_other_numbers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True])

    async def failing_once(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        ends = await send(*arguments, **more)
        if next(failures, False):
            raise KafkaTimeoutError
        return ends

    monkeypatch.setattr(SEND, failing_once)
    await bench.ask()
    summary = await bench.run()
    assert (summary.aborted, summary.in_doubt) == (1, 1)
    # The second number was allocated for a producer that was past use.
    assert await bench.numbers() == [3]


async def test_a_record_that_no_broker_takes_is_aborted_for_certain(bench: Bench) -> None:
    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        with pytest.raises(CommitAbortedError, match="TooLarge"):
            await owned.commit([(AUDIT, PARTITION, b"k", bytes(3 << 20), [])], {RESPONSES: 1})
        owned = await ownership.open(PARTITION)
        assert await owned.offsets() == {}
        # As large as the largest input, with what is told about it.
        await owned.commit([(AUDIT, PARTITION, b"k", bytes(3 << 19), [])], {RESPONSES: 1})
    (kept,) = await bench.read(AUDIT)
    assert len(kept.value or b"") == 3 << 19


async def test_a_fence_that_comes_between_two_records_is_told_as_a_fence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client then refuses the next record by itself, with an error that names no cause."""
    send_batch: Call = AIOKafkaProducer.send_batch
    refused = asyncio.Event()

    async def after_the_fence(producer: Any, batch: Any, topic: str, *, partition: int) -> Any:  # noqa: ANN401
        if topic.endswith(CHANGELOG):
            await refused.wait()
        try:
            delivery = await send_batch(producer, batch, topic, partition=partition)
        except BaseException:
            # The offsets, which are sent beside the records, met the fence first.
            refused.set()
            raise
        delivery.add_done_callback(lambda _: refused.set())
        return delivery

    await told_as_a_fence(bench, monkeypatch, after_the_fence)


async def test_a_fence_that_the_offsets_meet_first_is_told_as_a_fence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client then refuses every record."""
    send_batch: Call = AIOKafkaProducer.send_batch
    send_offsets: Call = AIOKafkaProducer.send_offsets_to_transaction
    refused = asyncio.Event()

    async def first(producer: Any, offsets: Any, group: str) -> None:  # noqa: ANN401
        try:
            await send_offsets(producer, offsets, group)
        finally:
            refused.set()

    async def after_the_fence(producer: Any, batch: Any, topic: str, *, partition: int) -> Any:  # noqa: ANN401
        await refused.wait()
        return await send_batch(producer, batch, topic, partition=partition)

    monkeypatch.setattr(AIOKafkaProducer, "send_offsets_to_transaction", first)
    await told_as_a_fence(bench, monkeypatch, after_the_fence)


async def told_as_a_fence(bench: Bench, monkeypatch: pytest.MonkeyPatch, send_batch: Call) -> None:
    """Let an owner that was fenced commit two records."""
    async with bench.opened() as streams, streams.own() as ownership:
        zombie = await ownership.open(PARTITION)
        await ownership.open(PARTITION)
        monkeypatch.setattr(AIOKafkaProducer, "send_batch", send_batch)
        records: list[Output] = [
            (stream, PARTITION, b"k", b"v", ()) for stream in (CHANGELOG, AUDIT)
        ]
        with pytest.raises(FencedError):
            await zombie.commit(records, {RESPONSES: 1})


async def test_what_does_not_answer_is_named(bench: Bench) -> None:
    async with bench.opened(kafka=DEADLINE) as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        await bench.delete(AUDIT)
        both: list[Output] = [(stream, PARTITION, b"k", b"1", []) for stream in (CHANGELOG, AUDIT)]
        with pytest.raises(
            CommitAbortedError, match=f"not acknowledged by {bench.topic(AUDIT)} {PARTITION}$"
        ):
            await owned.commit(both, {RESPONSES: 1})
