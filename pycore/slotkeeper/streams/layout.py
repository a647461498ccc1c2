"""Which streams there are, and how each is kept; not what flows through them."""

from dataclasses import dataclass

from .errors import WrongUseError


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The streams of one application; those of the worker have the same number of partitions.

    Attributes:
        events: Inputs whose records are kept and read once, in order.
        gated: The one of ``events`` whose records wait until all other inputs have been read.
        table: The input of which only the newest record of a key counts.
        changelog: The worker's own state, newest record of a key; written by owners alone.
        outputs: What the worker writes besides; kept.
        registers: Tables that people fill and reports read, newest record of a key. No worker owns
            their partitions, so that how many there are is nobody's concern.
        acts: What people do, kept and read in order, by no worker.
        single: Those of ``registers`` and ``acts`` that have one partition, whatever the others
            have.
        added: Those that came after the first release, in the order in which they came.
    """

    events: tuple[str, ...]
    gated: str
    table: str
    changelog: str
    outputs: tuple[str, ...]
    registers: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    single: frozenset[str] = frozenset()
    added: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The table, then the events: the order in which a worker reads them."""
        return (self.table, *self.events)

    @property
    def served(self) -> tuple[str, ...]:
        """What a worker reads and writes."""
        return (*self.events, self.table, *self.outputs, self.changelog)

    @property
    def tended(self) -> tuple[str, ...]:
        """What people write and no worker owns."""
        return (*self.registers, *self.acts)

    @property
    def names(self) -> tuple[str, ...]:
        """Every stream. A store numbers streams by this order: what is added comes last."""
        every = (*self.served, *self.tended)
        return (*(name for name in every if name not in self.added), *self.added)

    @property
    def compacted(self) -> frozenset[str]:
        """Those of which the newest record of a key counts."""
        return frozenset((self.table, self.changelog, *self.registers))

    def partitions_of(self, stream: str, partitions: int) -> int:
        """Say how many partitions a stream is made with where the worker's have so many."""
        return 1 if stream in self.single else partitions

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
        "srv-6.24.1-responses",
        "dcc-alerts",
        "slot-baselines",
        "counter-adjustments",
        "srv-6.21-requests",
    ),
    gated="srv-6.21-requests",
    table="smart-metering-inventory",
    changelog="originator-counters",
    outputs=(
        "cs02b-commands",
        "handover-refusals",
        "audit-trail",
        "dead-letters",
        "slot-evidence",
    ),
    registers=("gas-network-parties", "smki-organisation-certificates", "gas-registrations"),
    acts=("gno-exits",),
    single=frozenset({"gas-network-parties", "smki-organisation-certificates", "gno-exits"}),
    added=(
        "srv-6.24.1-responses",
        "dcc-alerts",
        "slot-baselines",
        "slot-evidence",
        "gno-exits",
    ),
)
"""The names of the contract; the same serve as Kafka topics."""
