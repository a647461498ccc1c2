"""Takes steps away from a history for as long as it fails in the same way."""

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def shrink(steps: list[Json], fails: Callable[[list[Json]], bool]) -> list[Json]:
    """Give a history that still fails, and no longer does if any one step is taken away."""
    size = len(steps) // 2
    while size:
        place, shorter = 0, False
        while place < len(steps):
            without = steps[:place] + steps[place + size :]
            if fails(without):
                steps, shorter = without, True
            else:
                place += size
        if not shorter or size > len(steps):
            size = min(size // 2, len(steps) // 2) if size > 1 else 0
    return steps
