"""What a sentence about a decision consists of."""

from dataclasses import dataclass
from enum import StrEnum

WIDTH = 80
"""Columns of the narrowest terminal: cause and actor fit into one line of it."""


class Actor(StrEnum):
    """Who acts next, as the first line names them."""

    NOBODY = "nobody"
    DCC = "DCC"
    """Its message path (DSP) and its inventory."""
    SUPPLIER = "supplier"
    """Who asked for the handover (SRV 6.21)."""
    OPERATOR = "network operator"
    """Who hands its slot back (SRV 6.15.1)."""
    KEEPER = "Slotkeeper's operators"
    """Who runs this service, with its keys and settings."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What became of a record, for a person.

    Attributes:
        cause: What happened, without a full stop.
        actor: Who acts next.
        retryable: Whether the very same request can succeed later; None where nothing was asked, or
            nothing is to be asked again.
        advice: What to do, or why nothing is.
    """

    cause: str
    actor: Actor
    retryable: bool | None
    advice: str

    @property
    def line(self) -> str:
        """Cause and actor in one line."""
        return f"{self.cause}. Next: {self.actor}."

    @property
    def retry(self) -> str:
        """Whether to ask again, in a word or two."""
        match self.retryable:
            case True:
                return "Retryable: yes."
            case False:
                return "Retryable: no."
            case None:
                return "Retryable: there is nothing to retry."
