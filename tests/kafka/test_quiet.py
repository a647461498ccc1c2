"""What is expected is told once, by whoever it happened to, and not by the event loop again."""

import asyncio
import dataclasses
import gc

import pytest
from tests.kafka.acls import Right, grant, revoke
from tests.kafka.harness import CHANGELOG, PARTITION, RESPONSES, Bench
from tests.kafka.secured import Secured
from tests.kafka.test_acls import rights_of
from tests.worker.fake_engine import AUDIT

from slotkeeper.streams import (
    CommitAbortedError,
    CommitInDoubtError,
    FencedError,
    Output,
    WrongUseError,
)
from slotkeeper.streams.kafka.clients import BATCH_OCTETS

BATCH: list[Output] = [
    (AUDIT, PARTITION, b"k", b"v", []),
    (CHANGELOG, PARTITION, b"k", b"1", []),
]


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what the event loop has logged once nothing holds what is of no use any more."""
    gc.collect()
    return [record.getMessage() for record in caplog.records if record.name == "asyncio"]


async def test_a_fence_is_told_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await be_fenced(bench)
    assert complaints(caplog) == []


async def be_fenced(bench: Bench) -> None:
    async with (
        bench.opened() as here,
        bench.opened() as there,
        here.own() as mine,
        there.own() as theirs,
    ):
        zombie = await mine.open(PARTITION)
        await zombie.commit(BATCH, {RESPONSES: 1})
        heir = await theirs.open(PARTITION)
        with pytest.raises(FencedError):
            await zombie.commit(BATCH, {RESPONSES: 2})
        await zombie.close()
        await heir.commit(BATCH, {RESPONSES: 2})
        await heir.close()


async def test_a_fence_between_two_batches_of_a_topic_is_told_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await be_fenced_while_sending(bench)
    assert complaints(caplog) == []


async def be_fenced_while_sending(bench: Bench) -> None:
    async with bench.opened() as streams, streams.own() as ownership:
        zombie = await ownership.open(PARTITION)
        await ownership.open(PARTITION)
        one_batch: Output = (AUDIT, PARTITION, b"k", bytes(BATCH_OCTETS), [])
        with pytest.raises(FencedError):
            await zombie.commit([one_batch] * 2, {RESPONSES: 1})


async def test_a_refused_batch_is_told_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await be_refused(bench)
    assert complaints(caplog) == []


async def be_refused(bench: Bench) -> None:
    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        with pytest.raises(CommitAbortedError, match="TooLarge"):
            await owned.commit([(AUDIT, PARTITION, b"k", bytes(3 << 20), [])], {RESPONSES: 1})
        with pytest.raises(CommitInDoubtError):
            await owned.commit(BATCH, {RESPONSES: 1})
        await owned.close()


async def test_a_right_taken_away_is_told_once(
    secured: Secured, secured_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await lose_a_right(secured, secured_bench)
    assert complaints(caplog) == []


async def lose_a_right(secured: Secured, bench: Bench) -> None:
    """Lose it after a worker began with all of them."""
    rights = rights_of("worker", bench.settings)
    await grant(bench.servers, "worker", rights)
    settings = dataclasses.replace(bench.settings, kafka=secured.user("worker"))
    worker = Bench(secured.url("USERS"), settings)
    async with worker.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        await revoke(bench.servers, "worker", Right("Write", "topic", bench.topic(AUDIT)))
        with pytest.raises(CommitAbortedError) as aborted:
            await owned.commit(BATCH, {RESPONSES: 1})
        assert isinstance(aborted.value.__cause__, WrongUseError)
        assert f"Write on topic {bench.topic(AUDIT)}" in str(aborted.value.__cause__)
        await owned.close()


async def test_errors_that_nobody_looked_at_are_still_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asyncio.get_running_loop().create_future().set_exception(RuntimeError("real"))
    assert any("never retrieved" in told for told in complaints(caplog))
