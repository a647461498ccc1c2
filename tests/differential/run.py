"""One history: played, shrunk where engine and model disagree, and told."""

from typing import Any

import orjson

from .compare import DisagreementError, UndecidedError
from .histories import history
from .line import Line
from .shrink import shrink

Json = dict[str, Any]


def try_seed(seed: int, *, slots: bool = True) -> DisagreementError | None:
    """Play the history of a seed; give the disagreement that it ends with, if any."""
    drawn, steps = history(seed)
    return play(drawn, steps, slots=slots)


def play(drawn: Json, steps: list[Json], *, slots: bool = True) -> DisagreementError | None:
    try:
        Line(drawn, slots=slots).play(steps)
    except DisagreementError as found:
        return found
    except UndecidedError:
        pass
    return None


def explain(seed: int, *, slots: bool = True) -> str:
    """Give the smallest history that disagrees as the seed's does, readable."""
    drawn, steps = history(seed)
    first = play(drawn, steps, slots=slots)
    assert first is not None
    kind = str(first).split("\n", maxsplit=1)[0].split(" of ")[0].split(" ")[0]

    def fails(fewer: list[Json]) -> bool:
        found = play(drawn, fewer, slots=slots)
        return found is not None and str(found).startswith(kind)

    steps = shrink(steps[: first.step + 1], fails)
    last = play(drawn, steps, slots=slots)
    told = [f"seed {seed}", f"  {orjson.dumps(drawn).decode()}"]
    told += [f"  {orjson.dumps(step).decode()}" for step in steps]
    return "\n".join([*told, str(last), ""])
