"""Which streams there are, and how each is kept; not what flows through them."""

from dataclasses import dataclass

from .errors import WrongUseError


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The streams of one application, all with the same number of partitions.

    Attributes:
        events: Inputs whose records are kept and read once, in order.
        gated: The one of ``events`` whose records wait until all other inputs have been read.
        table: The input of which only the newest record of a key counts.
        changelog: The worker's own state, newest record of a key; written by owners alone.
        outputs: What the worker writes besides; kept.
    """

    events: tuple[str, ...]
    gated: str
    table: str
    changelog: str
    outputs: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The table, then the events: the order in which a worker reads them."""
        return (self.table, *self.events)

    @property
    def names(self) -> tuple[str, ...]:
        """Every stream. The order never changes, since stores number streams by it."""
        return (*self.events, self.table, *self.outputs, self.changelog)

    def require(self, stream: str) -> str:
        """Give the name back, if there is such a stream.

        Raises:
            WrongUseError: There is none; the message lists those there are.
        """
        if stream not in self.names:
            raise WrongUseError(f"no stream {stream!r}; there are {', '.join(sorted(self.names))}")
        return stream


SLOTKEEPER = Layout(
    events=(
        "srv-6.15.1-responses",
        "srv-6.21-responses",
        "srv-6.15.1-requests",
        "counter-adjustments",
        "srv-6.21-requests",
    ),
    gated="srv-6.21-requests",
    table="smart-metering-inventory",
    changelog="originator-counters",
    outputs=("cs02b-commands", "handover-refusals", "audit-trail", "dead-letters"),
)
"""The names of the contract; the same serve as Kafka topics."""
