"""One history: played, shrunk where engine and model disagree, and told."""

from typing import Any

import orjson

from .compare import DisagreementError
from .histories import history
from .line import Line
from .shrink import shrink

Json = dict[str, Any]


def try_seed(seed: int) -> DisagreementError | None:
    """Play the history of a seed; give the disagreement that it ends with, if any."""
    drawn, steps = history(seed)
    return play(drawn, steps)


def play(drawn: Json, steps: list[Json]) -> DisagreementError | None:
    try:
        Line(drawn).play(steps)
    except DisagreementError as found:
        return found
    return None


def explain(seed: int) -> str:
    """Give the smallest history that disagrees as the seed's does, readable."""
    drawn, steps = history(seed)
    first = play(drawn, steps)
    assert first is not None
    kind = str(first).split("\n", maxsplit=1)[0].split(" of ")[0].split(" ")[0]

    def fails(fewer: list[Json]) -> bool:
        found = play(drawn, fewer)
        return found is not None and str(found).startswith(kind)

    steps = shrink(steps[: first.step + 1], fails)
    last = play(drawn, steps)
    told = [f"seed {seed}", f"  {orjson.dumps(drawn).decode()}"]
    told += [f"  {orjson.dumps(step).decode()}" for step in steps]
    return "\n".join([*told, str(last), ""])
