"""Least privilege: what docs/kafka.md grants is enough, and nothing of it is too much."""

import asyncio
import dataclasses
import re

import pytest
from tests.kafka.acls import Right, grant, revoke
from tests.kafka.harness import PARTITION, Bench
from tests.kafka.secured import Secured
from tests.kafka.test_applications import write_as_earlier_version
from tests.worker.fake_engine import REQUESTS

from slotkeeper.streams import (
    SLOTKEEPER,
    StreamsSettings,
    WrongUseError,
    create_streams,
)
from slotkeeper.streams.kafka.grants import refusals
from slotkeeper.worker import acknowledge, examine, run

INPUTS = SLOTKEEPER.inputs
CHANGELOG = SLOTKEEPER.changelog
TOPICS = {
    "inputs": SLOTKEEPER.inputs,
    "outputs": SLOTKEEPER.outputs,
    "changelog": (SLOTKEEPER.changelog,),
    "every topic": SLOTKEEPER.names,
    "what it publishes to": (REQUESTS,),
    "what it reads": ("cs02b-commands",),
}

LEAST = {
    "worker": [
        ("Read", "inputs"),
        ("Read", "changelog"),
        ("Read", "group"),
        ("Write", "inputs"),
        ("Write", "changelog"),
        ("Write", "outputs"),
        ("Write", "transactional ids"),
    ],
    "upstream": [
        ("Describe", "every topic"),
        ("Write", "what it publishes to"),
    ],
    "reader": [
        ("Describe", "every topic"),
        ("Read", "what it reads"),
    ],
    "operator": [
        ("Create", "every topic"),
        ("Describe", "every topic"),
    ],
}
"""Who may do what, as docs/kafka.md has it; Read and Write contain Describe. Whoever acknowledges
does so in the worker's place, with the worker's rights, and reads the audit trail."""


def rights_of(who: str, settings: StreamsSettings) -> list[Right]:
    """Give the lines of the access control list."""
    rights = []
    for operation, what in LEAST[who]:
        if what == "group":
            rights.append(Right(operation, "group", settings.application))
        elif what == "transactional ids":
            name = f"{settings.topic_prefix}{CHANGELOG}-"
            rights.append(Right(operation, "transactional id", name, "prefixed"))
        else:
            rights += [
                Right(operation, "topic", f"{settings.topic_prefix}{stream}")
                for stream in TOPICS[what]
            ]
    return rights


def each_right(who: str) -> pytest.MarkDecorator:
    """Run a test once for each right, by its number."""
    rights = rights_of(who, StreamsSettings())
    names = [f"{right.operation}-{right.name}" for right in rights]
    return pytest.mark.parametrize("number", range(len(rights)), ids=names)


class Door:
    """Lets users in who have rights, at topics of their own."""

    def __init__(self, secured: Secured, bench: Bench) -> None:
        self._secured = secured
        self._bench = bench

    async def let_in(self, who: str, *, without: int | None = None) -> tuple[Bench, Right | None]:
        """Give a user all rights, or all but one."""
        rights = rights_of(who, self._bench.settings)
        missing = None if without is None else rights.pop(without)
        await grant(self._bench.servers, who, rights)
        settings = dataclasses.replace(self._bench.settings, kafka=self._secured.user(who))
        return Bench(self._secured.url("USERS"), settings), missing


@pytest.fixture
def door(secured: Secured, secured_bench: Bench) -> Door:
    return Door(secured, secured_bench)


async def test_the_worker_works_with_its_rights(
    door: Door, secured_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    worker, _ = await door.let_in("worker")
    await secured_bench.publish(INPUTS[0], b"", b"malformed")
    await secured_bench.publish(INPUTS[1], b"7", b"elsewhere")
    await secured_bench.publish(REQUESTS, b"", b"elsewhere")
    summary = await worker.run()
    assert summary.dispositions["REROUTED"] == 2
    assert 8 in await secured_bench.numbers()
    assert len(await secured_bench.read("dead-letters")) == 1
    # Without DescribeConfigs it cannot see that, and says so once.
    assert caplog.messages.count("whether the changelog is compacted is not told") == 1
    assert await refusals(worker.servers, worker.settings) == []
    async with worker.opened() as streams:
        assert await examine(streams, 1) == []
        with pytest.raises(WrongUseError, match=r"Read on topic .*audit-trail"):
            await acknowledge(streams, 1, reason="r", by="b")
    trail = Right("Read", "topic", secured_bench.topic("audit-trail"))
    await grant(secured_bench.servers, "worker", [trail])
    async with worker.opened() as streams:
        assert await acknowledge(streams, 1, reason="r", by="b") == []


@each_right("worker")
async def test_the_worker_names_the_right_that_is_missing(
    door: Door, secured_bench: Bench, number: int
) -> None:
    worker, missing = await door.let_in("worker", without=number)
    assert missing is not None
    await secured_bench.ask()
    assert any(named(missing, said) for said in await refusals(worker.servers, worker.settings))
    with pytest.raises(WrongUseError) as refusal:
        await worker.run()
    assert named(missing, str(refusal.value))
    assert await secured_bench.numbers() == []


@pytest.mark.parametrize("operation", ["Read", "Write"])
async def test_a_right_that_is_taken_away_ends_the_worker(
    door: Door, secured_bench: Bench, operation: str
) -> None:
    worker, _ = await door.let_in("worker")
    topic = secured_bench.topic(REQUESTS if operation == "Read" else "audit-trail")
    async with worker.opened() as streams:
        working = asyncio.create_task(run(streams, worker.make))
        await worker.working.wait()
        await revoke(secured_bench.servers, "worker", Right(operation, "topic", topic))
        await secured_bench.ask()
        with pytest.raises(WrongUseError, match=rf"{operation}\b.* on topic .*{topic}"):
            await working
    assert await secured_bench.numbers() == []


async def test_a_store_of_an_earlier_version_needs_its_right_once(
    door: Door, secured_bench: Bench
) -> None:
    await write_as_earlier_version(secured_bench)
    worker, _ = await door.let_in("worker")
    await secured_bench.ask()
    name = f"{secured_bench.settings.application}-"
    right = Right("Write", "transactional id", name, "prefixed")
    with pytest.raises(WrongUseError, match=rf"Write on transactional id {name}\d"):
        await worker.run()
    # Also where it has not begun yet: it may have decided what it is about to write.
    async with worker.opened() as streams, streams.own() as ownership:
        for number in (PARTITION, PARTITION + 1):
            with pytest.raises(WrongUseError, match=rf"Write on transactional id {name}{number}"):
                await ownership.open(number)
    await grant(secured_bench.servers, "worker", [right])
    await worker.run()
    await revoke(secured_bench.servers, "worker", right)
    await secured_bench.ask()
    await worker.run()
    assert await secured_bench.numbers() == [1, 2]


async def test_an_upstream_publishes_with_its_rights(door: Door, secured_bench: Bench) -> None:
    upstream, _ = await door.let_in("upstream")
    await upstream.ask()
    assert len(await secured_bench.read(REQUESTS)) == 1
    with pytest.raises(WrongUseError, match=r"Write on topic .*srv-6\.15\.1-responses"):
        await upstream.publish("srv-6.15.1-responses", b"1")
    with pytest.raises(WrongUseError, match=r"Read on topic .*srv-6\.21-requests"):
        await upstream.read(REQUESTS)


async def test_a_reader_reads_with_its_rights(door: Door, secured_bench: Bench) -> None:
    reader, _ = await door.let_in("reader")
    await secured_bench.ask()
    await secured_bench.run()
    assert await reader.numbers() == [1]
    with pytest.raises(WrongUseError, match=r"Read on topic .*audit-trail"):
        await reader.decisions()
    with pytest.raises(WrongUseError, match="Write on"):
        await reader.ask()


@pytest.mark.parametrize(("who", "number"), [("upstream", 0), ("reader", 3)])
async def test_a_topic_that_cannot_be_seen_is_not_missing(
    door: Door, who: str, number: int
) -> None:
    client, missing = await door.let_in(who, without=number)
    with pytest.raises(WrongUseError) as refusal:
        await client.read(REQUESTS)
    assert missing is not None
    assert named(missing, str(refusal.value))


async def kept_tombstones_ms(worker: Bench) -> int | None:
    async with worker.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        try:
            return await owned.tombstones_ms()
        finally:
            await owned.close()


async def test_how_long_tombstones_are_kept_needs_a_right_or_the_setting(
    door: Door, secured_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    worker, _ = await door.let_in("worker")
    assert await kept_tombstones_ms(worker) == worker.settings.tombstones_ms
    assert "how long tombstones are kept is not told" in caplog.messages
    topics = [secured_bench.topic(stream) for stream in (SLOTKEEPER.table, CHANGELOG)]
    seeing = [Right("DescribeConfigs", "topic", topic) for topic in topics]
    await grant(secured_bench.servers, "worker", seeing)
    week_ms = 7 * 86_400_000
    assert worker.settings.tombstones_ms != week_ms
    assert await kept_tombstones_ms(worker) == week_ms


def unmade(bench: Bench) -> StreamsSettings:
    """Give streams that do not exist yet."""
    return StreamsSettings(topic_prefix=f"{bench.settings.topic_prefix}unmade.")


async def test_an_operator_makes_topics_with_its_rights(
    secured: Secured, secured_bench: Bench
) -> None:
    settings = unmade(secured_bench)
    await grant(secured_bench.servers, "operator", rights_of("operator", settings))
    settings = dataclasses.replace(settings, kafka=secured.user("operator"))
    assert await create_streams(secured.url("USERS"), settings) == 4


@each_right("operator")
async def test_an_operator_is_told_which_right_is_missing(
    secured: Secured, secured_bench: Bench, number: int
) -> None:
    settings = unmade(secured_bench)
    rights = rights_of("operator", settings)
    missing = rights.pop(number)
    await grant(secured_bench.servers, "operator", rights)
    settings = dataclasses.replace(settings, kafka=secured.user("operator"))
    with pytest.raises(WrongUseError) as refusal:
        await create_streams(secured.url("USERS"), settings)
    assert named(missing, str(refusal.value))


def named(missing: Right, told: str) -> bool:
    """Whether a sentence names what is missing: the right, and on what."""
    right = re.escape(missing.operation)
    return re.search(rf"{right}\b.* on .*{re.escape(missing.name)}", told) is not None
