"""The engine decides as a model does that was written from the rules alone.

``make differential SEEDS=20000`` plays more histories than these.
"""

from pathlib import Path

import orjson
import pytest
from tests.differential.run import explain, play, try_seed
from tests.differential.shrink import shrink

SEEDS = 200
FOUND = sorted((Path(__file__).parent / "found").glob("*.json"))
"""Histories about which engine and model once disagreed, shrunk."""


@pytest.mark.timeout(1_800)
def test_engine_and_model_decide_the_same() -> None:
    for seed in range(SEEDS):
        assert try_seed(seed) is None, explain(seed)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_once_found_agrees(path: Path) -> None:
    history = orjson.loads(path.read_bytes())
    assert play(history["settings"], history["steps"]) is None


def test_a_history_is_shrunk_to_what_it_fails_by() -> None:
    steps = [{"do": number} for number in range(40)]

    def fails(fewer: list[dict[str, int]]) -> bool:
        return {"do": 7} in fewer and {"do": 31} in fewer

    assert shrink(steps, fails) == [{"do": 7}, {"do": 31}]
