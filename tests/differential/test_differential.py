"""The engine decides as a model does that was written from the rules alone.

``make differential SEEDS=20000`` plays more histories than these.
"""

import pytest
from tests.differential.run import explain, try_seed
from tests.differential.shrink import shrink

SEEDS = 200


@pytest.mark.timeout(300)
def test_engine_and_model_decide_the_same() -> None:
    for seed in range(SEEDS):
        assert try_seed(seed) is None, explain(seed)


def test_a_history_is_shrunk_to_what_it_fails_by() -> None:
    steps = [{"do": number} for number in range(40)]

    def fails(fewer: list[dict[str, int]]) -> bool:
        return {"do": 7} in fewer and {"do": 31} in fewer

    assert shrink(steps, fails) == [{"do": 7}, {"do": 31}]
