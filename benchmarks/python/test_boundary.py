"""What the engine costs when Python drives it: one call a batch in, one out."""

from pathlib import Path

import pytest
from benchmarks.python import world
from pytest_benchmark.fixture import BenchmarkFixture

from slotkeeper import Change
from slotkeeper._core import CoreEngine, CoreSealed
from slotkeeper.engine.port import EngineInput
from slotkeeper.lab.events import Event

BATCH = 512
ROUNDS = 40


@pytest.fixture
def engine(tmp_path: Path) -> CoreEngine:
    """An engine that knows its GPFs."""
    core = CoreEngine(world.settings(tmp_path).authority())
    core.load_inventory([Change(*_octets(event)) for event in world.inventory(BATCH)])
    core.open()
    return core


def test_irrelevant_outcomes(benchmark: BenchmarkFixture, engine: CoreEngine) -> None:
    batch = _inputs(world.supplier_outcomes(BATCH))

    def decide() -> int:
        staged = engine.stage(batch, now_ms=world.NOW_MS)
        outputs = staged.seal().outputs.records()
        staged.discard()
        return len(outputs)

    assert decide() == BATCH
    _tell(benchmark, "irrelevant outcomes from JSON, staged, outputs taken")
    benchmark.pedantic(decide, rounds=ROUNDS, warmup_rounds=2)  # type: ignore[no-untyped-call]


def test_verified_outcomes(benchmark: BenchmarkFixture, engine: CoreEngine) -> None:
    batch = _inputs(world.hand_backs(BATCH))

    def decide() -> CoreSealed:
        staged = engine.stage(batch, now_ms=world.NOW_MS)
        sealed = staged.seal()
        sealed.outputs.records()
        staged.discard()
        return sealed

    assert decide().reasons == {"RECORDED ACB_IN_SLOT": BATCH}
    _tell(benchmark, "relevant outcomes, verified and recorded, outputs taken")
    benchmark.pedantic(decide, rounds=ROUNDS, warmup_rounds=2)  # type: ignore[no-untyped-call]


def test_sealed_commands(benchmark: BenchmarkFixture, engine: CoreEngine) -> None:
    batch = _inputs(world.requests(BATCH))

    def answer() -> int:
        staged = engine.stage(batch, now_ms=world.NOW_MS)
        sealed = staged.seal()
        sealed.outputs.records()
        staged.discard()
        return sealed.written["cs02b-commands"]

    assert answer() == BATCH
    _tell(benchmark, "requests to sealed commands, outputs taken")
    benchmark.pedantic(answer, rounds=ROUNDS, warmup_rounds=2)  # type: ignore[no-untyped-call]


def _tell(benchmark: BenchmarkFixture, what: str) -> None:
    benchmark.extra_info.update(what=f"engine: {what}", records=BATCH)


def _inputs(events: list[Event]) -> list[EngineInput]:
    return [(event.stream, at, *_octets(event)) for at, event in enumerate(events)]


def _octets(event: Event) -> tuple[bytes, bytes | None]:
    assert isinstance(event.key, str)
    return event.key.encode(), event.octets
