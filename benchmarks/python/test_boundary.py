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
    what = "irrelevant outcomes from JSON, staged, outputs taken"
    reasons = _measured(benchmark, engine, world.supplier_outcomes(BATCH), what)
    assert sum(reasons.values()) == BATCH


def test_verified_outcomes(benchmark: BenchmarkFixture, engine: CoreEngine) -> None:
    what = "relevant outcomes, verified and recorded, outputs taken"
    reasons = _measured(benchmark, engine, world.hand_backs(BATCH), what)
    assert reasons == {"RECORDED ACB_IN_SLOT": BATCH}


def test_sealed_commands(benchmark: BenchmarkFixture, engine: CoreEngine) -> None:
    what = "requests to sealed commands, outputs taken"
    reasons = _measured(benchmark, engine, world.requests(BATCH), what)
    assert reasons == {"ISSUED NATURAL": BATCH}


def _measured(
    benchmark: BenchmarkFixture, engine: CoreEngine, events: list[Event], what: str
) -> dict[str, int]:
    """Decide the same batch again and again; gives how it was decided."""
    batch = _inputs(events)

    def decide() -> CoreSealed:
        staged = engine.stage(batch, now_ms=world.NOW_MS)
        sealed = staged.seal()
        sealed.outputs.records()
        staged.discard()
        return sealed

    reasons = decide().reasons
    benchmark.extra_info.update(what=f"engine: {what}", records=BATCH)
    benchmark.pedantic(decide, rounds=ROUNDS, warmup_rounds=2)  # type: ignore[no-untyped-call]
    return reasons


def _inputs(events: list[Event]) -> list[EngineInput]:
    return [(event.stream, at, *_octets(event)) for at, event in enumerate(events)]


def _octets(event: Event) -> tuple[bytes, bytes | None]:
    assert isinstance(event.key, str)
    return event.key.encode(), event.octets
