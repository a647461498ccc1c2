"""What a check found, and which exit status a worker would end with."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from slotkeeper.cli.exits import FAULT, STOPPED_FOR_OPERATOR, TRY_LATER, WRONG_USE


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Attributes:
        level: ``error``: a worker would not serve, or must not as things are; ``warning``: it
            would, at a risk; ``ok``: what was looked at is as it should be.
        what: The check.
        says: What was found, a sentence without a full stop.
        status: Of an error: the exit status of ``slotkeeper run``.
        number: What was counted, for programs.
    """

    level: Literal["ok", "warning", "error"]
    what: str
    says: str
    status: int = 0
    number: int | None = None

    @property
    def sentence(self) -> str:
        """Check and finding in one line."""
        return (
            f"{self.what} {self.says}"
            if self.says.startswith("is ")
            else (f"{self.what}: {self.says}")
        )


def ok(what: str, says: str, number: int | None = None) -> Finding:
    """Say that it is as it should be."""
    return Finding("ok", what, says, number=number)


def warning(what: str, says: str) -> Finding:
    """Say what is at risk."""
    return Finding("warning", what, says)


def error(what: str, says: str, status: int = WRONG_USE) -> Finding:
    """Say what keeps a worker from serving."""
    return Finding("error", what, says, status)


def worst(findings: Iterable[Finding]) -> int:
    """Give the exit status of them all: what an operator must mend comes before what passes."""
    found = {finding.status for finding in findings if finding.level == "error"}
    order = (WRONG_USE, STOPPED_FOR_OPERATOR, TRY_LATER, FAULT)
    return next((status for status in order if status in found), 0)
