"""A partition that returns: what others did meanwhile is read, and nothing else; law 7 holds."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from slotkeeper.console.readiness import obstacles
from slotkeeper.engine.port import Stored
from slotkeeper.streams import Message, OwnedPartition, StoppedForOperatorError
from slotkeeper.streams.memory import Fault, MemoryStreams
from slotkeeper.worker import Group, Summary, backoff, run
from slotkeeper.worker.engine_thread import EngineThread
from slotkeeper.worker.positions import KEY, Positions
from slotkeeper.worker.recovery import Restored, Restorer

from .conftest import Bench
from .fake_engine import CHANGELOG, COMMANDS, REQUESTS, TABLE, FakeEngine
from .test_group import ReassignedStreams

DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE_S", 0.0)


class Stay:
    """One worker's process: its engine for partition 1, and the restores that it does."""

    def __init__(self, streams: MemoryStreams) -> None:
        self.streams = streams
        self.engine = FakeEngine(1, 4)
        self.now_ms = 1_000_000_000
        self.summary = Summary()
        self.restorer = Restorer(
            1,
            layout=streams.layout,
            partitions=4,
            clock=lambda: self.now_ms,
            summary=self.summary,
        )
        self.engine_thread = EngineThread(1)

    async def restore(self, **answers: Any) -> Restored:  # noqa: ANN401
        """Take the partition over from whoever has it; gives what had to be read."""
        async with self.streams.own() as ownership:
            owned: Any = Answering(await ownership.open(1), answers)
            return await self.restorer.restore(owned, self.engine, self.engine_thread)


class Answering:
    """An owned partition of another kind in some respects."""

    def __init__(self, real: OwnedPartition, answers: dict[str, Any]) -> None:
        self._real = real
        self._answers = answers

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name not in self._answers:
            return getattr(self._real, name)

        async def answer() -> Any:  # noqa: ANN401
            return self._answers[name]

        return answer


async def served(streams: MemoryStreams, requests: int) -> None:
    """Let another worker, of its own process, decide requests of one device."""
    await streams.publish([Message(REQUESTS, b"d", b"", partition=1)] * requests)
    await run(streams, FakeEngine, until_idle=True)


async def test_only_what_is_new_is_read() -> None:
    streams = MemoryStreams()
    await streams.publish([Message(TABLE, b"t%d" % n, b"", partition=1) for n in range(50)])
    await served(streams, 3)
    stay = Stay(streams)
    assert (await stay.restore()).source == "nothing"
    assert stay.engine.known == {b"t%d" % n for n in range(50)}
    stay.engine.known.clear()
    await streams.publish([Message(TABLE, b"new", b"", partition=1)])
    await served(streams, 2)
    restored = await stay.restore()
    assert (restored.source, restored.replayed) == ("memory", 1)
    assert stay.engine.marks == {b"d": 5}
    assert stay.engine.known == {b"new"}
    assert stay.engine.cleared == 1
    assert (await stay.restore()).replayed == 0


async def test_d07_numbers_go_on_above_those_that_another_worker_issued() -> None:
    """The share leaves a worker, another one serves, the share returns."""
    streams = ReassignedStreams()
    bench = Bench(streams)
    decided: asyncio.Queue[int] = asyncio.Queue()
    stop = asyncio.Event()
    await streams.publish([Message(REQUESTS, b"d", b"", partition=1)] * 2)
    streams.shares.put_nowait(frozenset({1}))
    groups: list[Group] = []
    worker = asyncio.create_task(
        run(
            streams,
            bench.make,
            stop=stop,
            progress=lambda now: decided.put_nowait(now.records),
            watch=groups.append,
        )
    )
    while await decided.get() < 2:
        pass
    streams.shares.put_nowait(frozenset())
    while groups[0].partitions:  # noqa: ASYNC110  # nothing tells that it has let go
        await asyncio.sleep(0)
    await elsewhere(streams, 4)
    await streams.publish([Message(REQUESTS, b"d", b"", partition=1)])
    streams.shares.put_nowait(frozenset({1}))
    while await decided.get() < 3:
        pass
    stop.set()
    summary = await worker
    numbers = [int(record.value or b"") for record in await bench.read(COMMANDS)]
    assert numbers == [1, 2, 3, 4, 5, 6, 7]
    (engine,) = bench.engines
    assert engine.cleared == 1
    assert summary.restored == 1
    assert summary.regressions == 0


async def elsewhere(streams: ReassignedStreams, requests: int) -> None:
    """Serve the same partition by another process, which has fenced this one."""
    other = MemoryStreams()
    other._store = streams._store
    other._commits = streams._commits
    streams._store.owned = False
    await served(other, requests)
    streams._store.owned = True


@pytest.mark.parametrize("fault", [Fault.DOUBT_LOST, Fault.DOUBT_WRITTEN])
async def test_d07_a_doubt_is_settled_by_what_was_committed_since(fault: Fault) -> None:
    bench = Bench(MemoryStreams(faults=lambda _, number: fault if number == 2 else Fault.NONE))
    for value in (b"1", b"2", b"3"):
        await bench.publish(REQUESTS, value)
    engines: list[FakeEngine] = []

    def make(partition: int, partitions: int) -> FakeEngine:
        engines.append(FakeEngine(partition, partitions))
        return engines[-1]

    await run(bench.streams, make, until_idle=True)
    await bench.publish(REQUESTS, b"4")
    summary = await run(bench.streams, make, until_idle=True)
    await bench.publish(REQUESTS, b"5")
    summary = await run(bench.streams, make, until_idle=True)
    assert summary.in_doubt == 1
    numbers = [int(record.value or b"") for record in await bench.read(COMMANDS)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 5
    last = [engine for engine in engines if engine.partition == 1][-1]
    assert last.cleared == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda log: log._records.pop(),
        lambda log: log._records.clear(),
    ],
    ids=["shorter", "empty"],
)
async def test_d05_a_changelog_behind_what_this_process_knows_stops_it(
    damage: Callable[[Any], None],
) -> None:
    streams = MemoryStreams()
    await served(streams, 3)
    stay = Stay(streams)
    await stay.restore()
    damage(streams.log(CHANGELOG, 1))
    with pytest.raises(StoppedForOperatorError, match="knows it up to"):
        await stay.restore()


async def test_d05_another_incarnation_stops_it() -> None:
    streams = MemoryStreams()
    await served(streams, 3)
    stay = Stay(streams)
    await stay.restore()
    async with streams.own() as ownership:
        await ownership.acknowledge(1)
    with pytest.raises(StoppedForOperatorError, match="incarnation"):
        await stay.restore()


async def test_d05_a_store_put_back_and_served_since_stops_it() -> None:
    """Its log is longer than what this process knows, and still another history."""
    streams = MemoryStreams()
    await served(streams, 2)
    copy = rolled_back(streams)
    await served(streams, 2)
    stay = Stay(streams)
    await stay.restore()
    copy()
    for _ in range(4):
        await served(streams, 1)
    with pytest.raises(StoppedForOperatorError, match="does not go on"):
        await stay.restore()


def rolled_back(streams: MemoryStreams, *, only: str | None = None) -> Callable[[], None]:
    """Copy a store, or one stream of it; gives what puts the copy in its place."""
    store = streams._store
    logs = {
        place: (list(log._records), dict(log._newest))
        for place, log in store._logs.items()
        if only in {None, place.stream}
    }
    offsets = dict(store.offsets)

    def put_back() -> None:
        for place, (records, newest) in logs.items():
            log = store._logs[place]
            log._records[:] = records
            log._newest = dict(newest)
            log._compacted = min(log._compacted, len(records))
        if only is None:
            store.offsets = dict(offsets)

    return put_back


@pytest.mark.parametrize(
    ("away_ms", "source"),
    [(DAY_MS * 7 // 10, "memory"), (DAY_MS * 9 // 10, "nothing"), (-1, "nothing")],
    ids=["shorter than tombstones", "longer", "by a clock that was put back"],
)
async def test_what_is_older_than_tombstones_is_void(away_ms: int, source: str) -> None:
    streams = MemoryStreams()
    await served(streams, 3)
    stay = Stay(streams)
    await stay.restore()
    stay.now_ms += away_ms
    restored = await stay.restore(tombstones_ms=DAY_MS)
    assert restored.source == source
    assert stay.engine.marks == {b"d": 3}


async def test_an_owner_that_left_no_trace_is_read_whole() -> None:
    """An older program writes no takeovers: what went on before it cannot be told."""
    streams = MemoryStreams()
    await served(streams, 3)
    stay = Stay(streams)
    await stay.restore()
    log = streams.log(CHANGELOG, 1)
    record = next(r for r in reversed(log._records) if r is not None and r.key == KEY)
    truth = Positions.decode(record.value)
    later = replace(truth.advanced({}), takeovers=())
    log.append(KEY, later.encode(), [], 0)
    assert (await stay.restore()).source == "nothing"
    assert stay.engine.cleared == 2


async def test_a_broken_off_restore_is_begun_again_from_the_same_place() -> None:
    streams = MemoryStreams()
    await served(streams, 3)
    stay = Stay(streams)
    await stay.restore()
    await served(streams, 2)
    async with streams.own() as ownership:
        owned: Any = Answering(await ownership.open(1), {"offsets": None})
        with pytest.raises(AttributeError):
            await stay.restorer.restore(owned, stay.engine, stay.engine_thread)
    assert (await stay.restore()).source == "memory"
    assert stay.engine.marks == {b"d": 5}


async def test_what_is_left_of_a_restore_falls_and_is_told() -> None:
    streams = MemoryStreams()
    requests = [Message(REQUESTS, b"k%04d" % n, b"", partition=1) for n in range(3_000)]
    # More batches than the engine may be behind the reading.
    inventory = [Message(TABLE, b"t%05d" % n, b"", partition=1) for n in range(12_000)]
    await streams.publish([*inventory, *requests])
    await run(streams, FakeEngine, until_idle=True)
    groups: list[Group] = []
    seen: list[int] = []
    told: list[list[str]] = []

    class Watched(FakeEngine):
        def load_inventory(self, records: Sequence[Stored]) -> int:
            if self.partition == 1:
                seen.append(groups[0].partitions[1].restore_remaining)
                told.append(obstacles(groups[0]))
            return super().load_inventory(records)

    await run(streams, Watched, until_idle=True, watch=groups.append)
    assert len(seen) > 1
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > seen[-1]
    assert f"partition 1 restores, {seen[0]} records left at most" in told[0]
    assert groups[0].partitions[1].restore_remaining == 0
