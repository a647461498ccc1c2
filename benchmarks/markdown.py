"""What the reports of all benchmarks have in common."""

from collections.abc import Iterable, Iterator, Sequence


def number(value: float) -> str:
    """Give three significant digits, or all before the point, in groups."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def verdict(met: bool | None) -> str:  # noqa: FBT001  # nothing else is judged
    """Say whether a goal is met; None has no goal or was not measured."""
    return {True: "met", False: "**MISSED**", None: ""}[met]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Give the lines of a table, an empty one before it."""
    yield ""
    for cells in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(cells)} |"
