"""Aborts, doubt, crashes and keys that are away: nothing lost, nothing twice, nothing reused."""

import asyncio
import random

import pytest

from slotkeeper.streams import CommitAbortedError, CommitInDoubtError, Message
from slotkeeper.streams.memory import Fault, MemoryStreams, SimulatedCrashError
from slotkeeper.worker import backoff, run

from .conftest import Bench
from .fake_engine import COMMANDS, REQUESTS, FakeEngine

RESPONSES = "srv-6.15.1-responses"


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE_S", 0.0)


async def numbers(bench: Bench) -> list[int]:
    return [int(record.value or b"") for record in await bench.read(COMMANDS)]


class Once:
    """The fault strikes the second commit of partition 1 and no other."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def __call__(self, partition: int, number: int) -> Fault:
        return self.fault if (partition, number) == (1, 1) else Fault.NONE


async def two_runs(bench: Bench) -> None:
    """The first run's commit succeeds, the second's meets the fault."""
    await bench.publish(REQUESTS, b"")
    await bench.run()
    await bench.publish(REQUESTS, b"")


async def test_d03_numbers_of_an_aborted_batch_stay_burned() -> None:
    bench = Bench(MemoryStreams(faults=Once(Fault.ABORT)))
    await two_runs(bench)
    summary = await bench.run()
    assert (summary.aborted, summary.in_doubt) == (1, 0)
    assert await numbers(bench) == [1, 3]


async def test_doubt_about_a_lost_batch_is_settled_by_restoring() -> None:
    bench = Bench(MemoryStreams(faults=Once(Fault.DOUBT_LOST)))
    await two_runs(bench)
    summary = await bench.run()
    assert (summary.aborted, summary.in_doubt) == (0, 1)
    assert await numbers(bench) == [1, 3]


async def test_doubt_about_a_written_batch_is_settled_by_restoring() -> None:
    bench = Bench(MemoryStreams(faults=Once(Fault.DOUBT_WRITTEN)))
    await two_runs(bench)
    summary = await bench.run()
    assert summary.in_doubt == 1
    assert await numbers(bench) == [1, 2]


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
async def test_d01_a_crashed_worker_is_continued_by_the_next(fault: Fault) -> None:
    bench = Bench(MemoryStreams(faults=Once(fault)))
    await two_runs(bench)
    with pytest.raises(SimulatedCrashError):
        await bench.run()
    await bench.run()
    assert await numbers(bench) == [1, 2]


async def test_a_commit_that_never_succeeds_ends_the_worker() -> None:
    bench = Bench(MemoryStreams(faults=lambda _partition, _number: Fault.ABORT))
    await bench.publish(REQUESTS, b"")
    with pytest.raises(CommitAbortedError):
        await bench.run()
    assert await numbers(bench) == []


async def test_endless_doubt_ends_the_worker() -> None:
    bench = Bench(MemoryStreams(faults=lambda _partition, _number: Fault.DOUBT_LOST))
    await bench.publish(REQUESTS, b"")
    with pytest.raises(CommitInDoubtError):
        await bench.run()


async def test_keys_that_are_away_for_a_moment_cost_nothing_but_numbers(bench: Bench) -> None:
    def make(partition: int, partitions: int) -> FakeEngine:
        engine = FakeEngine(partition, partitions)
        engine.refuse_to_seal = 2
        return engine

    bench.make = make  # type: ignore[method-assign]
    await bench.publish(REQUESTS, b"")
    summary = await bench.run()
    assert summary.aborted == 8  # two for each partition's first batch
    assert len(await numbers(bench)) == 1


@pytest.mark.parametrize("seed", range(40))
async def test_any_sequence_of_faults_keeps_the_laws(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311  # a schedule, no secret

    def faults(_partition: int, _number: int) -> Fault:
        return draw.choice(list(Fault)) if draw.random() < 0.4 else Fault.NONE

    bench = Bench(MemoryStreams(faults=faults))
    published = 0
    for _ in range(12):
        for _ in range(draw.randrange(6)):
            stream = draw.choice([RESPONSES, REQUESTS])
            value = b"%d" % draw.randrange(50) if stream == RESPONSES else b""
            key = b"%d" % draw.randrange(3)
            await bench.streams.publish([Message(stream, key, value, partition=draw.randrange(4))])
            published += 1
        try:
            await bench.run()
        except SimulatedCrashError:
            bench.engines.clear()
    bench.streams.faults = lambda _partition, _number: Fault.NONE
    await bench.run()

    decided = [(d["stream"], d["partition"], d["offset"]) for d in await bench.decisions()]
    assert len(decided) == published
    assert len(set(decided)) == published
    issued: dict[tuple[int, bytes | None], list[int]] = {}
    for record in await bench.read(COMMANDS):
        issued.setdefault((record.partition, record.key), []).append(int(record.value or b""))
    for counters in issued.values():
        assert counters == sorted(set(counters))


async def test_a_stop_lets_the_batch_in_hand_end(bench: Bench) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask_for_a_stop() -> None:
        loop.call_soon_threadsafe(stop.set)

    def make(partition: int, partitions: int) -> FakeEngine:
        engine = FakeEngine(partition, partitions)
        engine.on_stage = ask_for_a_stop
        return engine

    await bench.publish(RESPONSES, b"1")
    summary = await run(bench.streams, make, stop=stop)
    decided = await bench.decisions()
    assert summary.records == len(decided)
