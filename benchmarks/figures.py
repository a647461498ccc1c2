"""One measured figure, and what it should be."""

from dataclasses import dataclass
from typing import Any

from benchmarks.markdown import number, verdict


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure.

    Attributes:
        what: For people.
        value: The median where it was measured again and again; None if it was not measured.
        unit: Of the value; ``x`` is a ratio.
        goal: ``at_least`` or ``at_most`` with a value, or None.
        quartiles: First and third, or None.
    """

    what: str
    value: float | None
    unit: str
    goal: dict[str, float] | None = None
    quartiles: tuple[float, float] | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is; None if there is none or nothing was measured."""
        if self.goal is None or self.value is None:
            return None
        if "at_least" in self.goal:
            return self.value >= self.goal["at_least"]
        return self.value <= self.goal["at_most"]

    def as_dict(self) -> dict[str, Any]:
        """Give what is there, and whether the goal is met."""
        told = {**vars(self), "met": self.met}
        return {name: value for name, value in told.items() if value is not None}

    def cells(self) -> list[str]:
        """Give what it is, its value, its goal, and whether that is met."""
        value = "not measured" if self.value is None else f"{number(self.value)} {self.unit}"
        if self.quartiles is not None:
            value += " ({} to {})".format(*map(number, self.quartiles))
        goal = "".join(
            f"{bound.replace('_', ' ')} {number(wanted)} {self.unit}"
            for bound, wanted in (self.goal or {}).items()
        )
        return [self.what, value, goal, verdict(self.met)]
