"""One application serves a store: by its name, and by a lock that does not depend on names."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import ProducerFenced
from tests.kafka.harness import CHANGELOG, PARTITION, Bench
from tests.kafka.test_logs import working
from tests.kafka.test_zombie import Commands, ask_everywhere
from tests.worker.fake_engine import AUDIT, COMMANDS, REQUESTS

from slotkeeper.streams import FencedError, LockedError, StoppedForOperatorError, WrongUseError
from slotkeeper.streams.kafka.claim import Changelogs
from slotkeeper.streams.kafka.identity import INCARNATION, PARTITIONS, told_at_end
from slotkeeper.worker import acknowledge, examine, run
from slotkeeper.worker.positions import KEY, VERSION, Positions
from slotkeeper.worker.recovery import newest

QUICK = {"session_timeout_ms": 1_000, "heartbeat_interval_ms": 100}
"""One that was fenced tries again after a session."""


def green(bench: Bench) -> str:
    return f"{bench.settings.application}-green"


async def truth(bench: Bench, partition: int = PARTITION) -> Positions:
    found = newest(None, [r for r in await bench.read(CHANGELOG) if r.partition == partition])
    assert found is not None
    return found


async def test_another_application_is_refused(bench: Bench) -> None:
    await bench.ask()
    await bench.run()
    await bench.ask()
    for _ in range(2):
        with pytest.raises(StoppedForOperatorError, match=r"application .* serves it") as refusal:
            await bench.run(application=green(bench))
        assert refusal.value.partition == PARTITION
    await bench.run()
    assert await bench.numbers() == [1, 2]


async def test_of_two_applications_that_begin_at_once_one_serves(bench: Bench) -> None:
    stop = asyncio.Event()
    async with (
        bench.opened(kafka=QUICK) as here,
        bench.opened(kafka=QUICK, application=green(bench)) as there,
    ):
        workers = [
            asyncio.create_task(run(streams, bench.make, stop=stop)) for streams in (here, there)
        ]
        while not any(worker.done() for worker in workers):
            await ask_everywhere(here)
            await asyncio.wait(workers, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
        (refused,), (serving,) = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(StoppedForOperatorError, match=r"application .* serves it"):
            await refused
        before = len(await bench.numbers())
        await ask_everywhere(here)
        await Commands(here).come(before + here.partitions)
        stop.set()
        await serving
    commands = [(record.partition, record.value) for record in await bench.read(COMMANDS)]
    assert len(commands) == len(set(commands))


async def test_another_application_is_refused_where_the_first_has_not_begun(bench: Bench) -> None:
    await bench.begin()
    other = green(bench)
    for partition in (0, 2):
        async with bench.opened(application=other) as streams:
            (objection,) = await examine(streams, partition)
            assert f"application '{bench.settings.application}' serves it" in objection
            with pytest.raises(WrongUseError, match="--application"):
                await acknowledge(streams, partition, reason="r", by="b")
    async with bench.opened(application=other) as streams, streams.own() as ownership:
        owned = await ownership.open(2)
        with pytest.raises(FencedError, match="another application"):
            await owned.commit([(CHANGELOG, 2, b"k", b"v", [])], {})


async def test_who_only_looks_begins_nothing(bench: Bench) -> None:
    async with bench.opened(application=green(bench)) as streams:
        assert await examine(streams, PARTITION) == []
    await bench.ask()
    await bench.run()
    assert await bench.numbers() == [1]


async def test_a_name_changes_where_nothing_has_begun(bench: Bench) -> None:
    await bench.begin()
    new = green(bench)
    async with bench.opened(application=new) as streams:
        (objection,) = await examine(streams, 0)
        accepted = await acknowledge(streams, 0, reason="r", by="b", application=new)
        assert accepted == [objection]
        assert await examine(streams, PARTITION) == []
    await bench.ask()
    await bench.run(application=new)
    assert await bench.numbers() == [1]
    with pytest.raises(StoppedForOperatorError, match=f"application '{new}' serves it"):
        await bench.run()


async def test_an_owner_of_an_earlier_version_is_shut_out(bench: Bench) -> None:
    for _ in range(2):  # of a new store, and of one that names its application
        async with earlier_owner(bench) as earlier:
            await earlier.begin_transaction()
            await earlier.send_and_wait(bench.topic(AUDIT), b"{}", partition=PARTITION)
            await bench.ask()
            await bench.run()
            with pytest.raises(ProducerFenced):
                await earlier.commit_transaction()
    assert await bench.numbers() == [1, 2]


async def test_a_store_of_an_earlier_version_is_named_by_the_first_commit(bench: Bench) -> None:
    await write_as_earlier_version(bench)
    await bench.ask()
    await bench.run()
    found = await truth(bench)
    assert (found.sequence, found.application) == (8, bench.settings.application)
    assert set(found.ids) == {*bench.settings.layout.inputs, CHANGELOG}
    assert json.loads(found.encode())["version"] == VERSION  # which earlier versions stop at
    audited = [entry for entry in await bench.decisions() if entry.get("kind") == "pinning"]
    assert [entry["application"] for entry in audited] == [bench.settings.application]
    assert audited[0]["logs"] == dict(found.ids)
    await bench.ask()
    await bench.run()
    assert await bench.numbers() == [1, 2]
    assert len([e for e in await bench.decisions() if e.get("kind") == "pinning"]) == 1


async def test_an_earlier_version_that_comes_back_before_the_first_commit_shuts_it_out(
    bench: Bench,
) -> None:
    await write_as_earlier_version(bench)
    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        async with earlier_owner(bench):
            with pytest.raises(FencedError):
                await owned.commit([(CHANGELOG, PARTITION, b"k", b"1", [])], {})


@pytest.mark.parametrize("begun", [0, 1])
async def test_partitions_that_an_earlier_version_never_came_to_are_begun(
    bench: Bench, begun: int
) -> None:
    await write_as_earlier_version(bench, begun)
    async with bench.opened() as streams:
        await ask_everywhere(streams)
    await bench.run()
    assert await bench.numbers() == [1] * 4
    # One that was empty may have had its first commit before the one that was not.
    names = {each.application for each in [await truth(bench, number) for number in range(4)]}
    assert names == {bench.settings.application}
    with pytest.raises(StoppedForOperatorError, match=r"application .* serves it"):
        await bench.run(application=green(bench))


async def test_another_application_is_refused_where_an_earlier_version_has_a_history(
    bench: Bench,
) -> None:
    """A partition that nothing was written to since the upgrade does not tell who serves it."""
    for partition in (0, 1):
        await write_as_earlier_version(bench, partition)
    await bench.publish(REQUESTS, b"", partition=0)
    await bench.run()
    assert [(await truth(bench, number)).application for number in (0, 1)] == [
        bench.settings.application,
        None,
    ]
    other = green(bench)
    async with bench.opened(application=other) as streams:
        (objection,) = await examine(streams, 1)
        assert f"application '{bench.settings.application}' serves it" in objection
        with pytest.raises(WrongUseError, match="--application"):
            await acknowledge(streams, 1, reason="r", by="b")
    async with bench.opened(application=other) as streams, streams.own() as ownership:
        owned = await ownership.open(1)
        with pytest.raises(FencedError, match="another application"):
            await owned.commit([(CHANGELOG, 1, b"k", b"v", [])], {})
    await bench.publish(REQUESTS, b"", partition=1)
    await bench.run()
    assert (await truth(bench, 1)).application == bench.settings.application


async def test_the_partitions_of_an_earlier_version_are_looked_at_once_for_all(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look is a consumer: of each partition by each of them they would outlast the opening."""
    partitions = range(4)
    for partition in partitions:
        await write_as_earlier_version(bench, partition)
    looks: list[int] = []

    async def counted(*arguments: Any) -> Any:  # noqa: ANN401
        looks.append(arguments[-1])
        return await told_at_end(*arguments)

    monkeypatch.setattr("slotkeeper.streams.kafka.ownership.told_at_end", counted)
    async with bench.opened() as streams, streams.own() as ownership:
        await asyncio.gather(*map(ownership.open, partitions))
    assert sorted(looks) == sorted([*partitions] * 2)


async def test_what_an_earlier_version_commits_while_a_store_is_claimed_comes_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim behind its commit would be a record that no worker wrote."""
    looks = 0
    real = Changelogs.precede_claims

    async def late(changelogs: Changelogs) -> bool:
        nonlocal looks
        found = await real(changelogs)
        looks += 1
        if looks == 2:  # the second look is under the claim's own lock
            await write_as_earlier_version(bench, 0)
        return found

    monkeypatch.setattr(Changelogs, "precede_claims", late)
    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(2)
        await owned.commit([(CHANGELOG, 2, b"k", b"1", [])], {})
    assert looks > 2
    async with bench.opened() as streams:
        assert await examine(streams, 0) == []
    keys = [record.key for record in await bench.read(CHANGELOG) if record.partition == 0]
    assert keys == [KEY]


async def test_an_empty_partition_is_begun_beside_an_earlier_versions_worker(bench: Bench) -> None:
    await write_as_earlier_version(bench, 0)
    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(2)
        await owned.commit([(CHANGELOG, 2, b"k", b"1", [])], {})
    assert {each.partition for each in await bench.read(CHANGELOG)} == {0, 2}


async def test_what_another_wrote_meanwhile_shuts_the_first_commit_out(bench: Bench) -> None:
    async with bench.opened() as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        async with bench.upstream() as another:
            await another.begin(CHANGELOG, b"1")
            await another.commit()
        with pytest.raises(FencedError, match="another program"):
            await owned.commit([(CHANGELOG, PARTITION, b"k", b"1", [])], {})
        again = await ownership.open(PARTITION)
        await again.commit([(CHANGELOG, PARTITION, b"k", b"2", [])], {})
        await again.commit([(CHANGELOG, PARTITION, b"k", b"3", [])], {})
    own = [record for record in await bench.read(CHANGELOG) if record.partition == PARTITION]
    assert [record.value for record in own] == [b"1", b"2", b"3"]


async def test_a_name_changes_by_an_acknowledgement(bench: Bench) -> None:
    await bench.ask()
    await bench.run()
    await bench.ask()
    new = green(bench)
    async with bench.opened(application=new) as streams:
        (objection,) = await examine(streams, PARTITION)
        with pytest.raises(WrongUseError, match="application"):
            await acknowledge(streams, PARTITION, reason="r", by="b")
        with pytest.raises(WrongUseError, match="application"):
            await acknowledge(streams, PARTITION, reason="r", by="b", application="another")
        accepted = await acknowledge(streams, PARTITION, reason="r", by="b", application=new)
        assert accepted == [objection]
    await bench.run(application=new)
    assert await bench.numbers() == [1, 2]
    with pytest.raises(StoppedForOperatorError, match=new):
        await bench.run()


async def test_no_name_changes_while_a_worker_of_the_first_one_runs(bench: Bench) -> None:
    quick = replace(bench, settings=replace(bench.settings, kafka=QUICK))
    async with working(quick) as (worker, streams):
        new = green(bench)
        async with bench.opened(application=new) as others:
            with pytest.raises(LockedError, match=bench.settings.application):
                await acknowledge(others, PARTITION, reason="r", by="b", application=new)
        # A number may be burned: whoever looks shuts the worker out, which takes its place again.
        await ask_everywhere(streams)
        await Commands(streams).come(8)
        assert not worker.done()


def earlier_owner(bench: Bench, partition: int = PARTITION) -> AbstractAsyncContextManager[Any]:
    """Be the owner of the partition as 0.1.0 has it."""
    return bench.producer(f"{bench.settings.application}-{partition}")


async def write_as_earlier_version(bench: Bench, partition: int = PARTITION) -> None:
    inputs = dict.fromkeys(bench.settings.layout.inputs, 0)
    positions = Positions(sequence=7, partitions=4, incarnation="a", inputs=inputs)
    assert json.loads(positions.encode())["version"] == 1
    async with earlier_owner(bench, partition) as earlier, earlier.transaction():
        await earlier.send_and_wait(
            bench.topic(CHANGELOG),
            key=KEY,
            value=positions.encode(),
            partition=partition,
            headers=[(INCARNATION, b"a"), (PARTITIONS, b"4")],
        )
