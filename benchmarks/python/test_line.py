"""The whole line through an SQLite file: published, decided until idle, and read again."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from benchmarks.python import world
from pytest_benchmark.fixture import BenchmarkFixture

from slotkeeper.engine.port import engines
from slotkeeper.lab.events import Event
from slotkeeper.streams import Message, open_streams
from slotkeeper.worker import run

GPFS = 12_000
IRRELEVANT = 30_000
ROUNDS = 3


def test_irrelevant_outcomes(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    events = world.supplier_outcomes(IRRELEVANT)
    _measure(benchmark, tmp_path, "irrelevant outcomes", events, "audit-trail")


def test_verified_outcomes(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    events = world.hand_backs(GPFS)
    _measure(benchmark, tmp_path, "relevant outcomes, verified", events, "originator-counters")


def test_requests(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    events = world.requests(GPFS)
    _measure(benchmark, tmp_path, "requests to sealed commands", events, "cs02b-commands")


def _measure(
    benchmark: BenchmarkFixture, folder: Path, what: str, events: Sequence[Event], answers: str
) -> None:
    """Measure from publishing the events to reading their answers, in a fresh file each round."""
    rounds = iter(range(ROUNDS))

    def prepare() -> tuple[tuple[Path], dict[str, object]]:
        fresh = folder / str(next(rounds))
        asyncio.run(_work(fresh, world.inventory(GPFS), "smart-metering-inventory"))
        return (fresh,), {}

    def line(fresh: Path) -> None:
        read = asyncio.run(_work(fresh, events, answers))
        assert read >= len(events)

    benchmark.extra_info.update(what=f"whole line: {what}", records=len(events))
    benchmark.pedantic(line, setup=prepare, rounds=ROUNDS)  # type: ignore[no-untyped-call]


async def _work(folder: Path, events: Sequence[Event], answers: str) -> int:
    """Publish, let a worker decide, and count what a reader finds."""
    settings = world.settings(folder)
    url = f"sqlite:///{folder / 'slotkeeper.db'}"
    async with open_streams(url, settings.streams_settings()) as streams:
        await streams.publish([_message(event) for event in events])
        await run(streams, engines(settings.authority(), settings.engine_json()), until_idle=True)
        return sum([len(batch) async for batch in streams.read(answers)])


def _message(event: Event) -> Message:
    assert isinstance(event.key, str)
    return Message(event.stream, event.key.encode(), event.octets)
