"""What can go wrong with streams, by what the caller does next.

::

    StreamsError                    a SlotkeeperError
    ├── WrongUseError               correct the call or the configuration          exit 2
    ├── StoppedForOperatorError     a person decides; do not restart               exit 3
    ├── TryLaterError               the same may succeed later                     exit 4
    │   ├── StoreUnavailableError   disk full, I/O error, read-only, unreachable
    │   │   └── WitnessUnavailableError   the same of the witness file
    │   └── LockedError             another worker serves these streams
    └── CommitError                 a batch was not acknowledged
        ├── CommitAbortedError      for certain nothing of it is visible
        │   └── OutputTooLargeError nor will it ever be: a record of it does not fit
        ├── CommitInDoubtError      it may be visible: restore before going on
        └── FencedError             another owner has the partition now
"""

from functools import partial

from slotkeeper._core import SlotkeeperError

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading JSON and headers raises where they are not what was written: 1e999 is a number,
brackets have no end, and a header may have no value."""


class StreamsError(SlotkeeperError):
    """Base of every error of streams."""


class WrongUseError(StreamsError):
    """A name, an address or a setting cannot be used. Trying again does not help."""


class StoppedForOperatorError(StreamsError):
    """The store contradicts what it once acknowledged; nothing may be issued from it.

    Raised for a restored older copy, another incarnation, offsets ahead of the changelog, an input
    that begins after the position, and a changed partition count. Restarting changes nothing; an
    operator acknowledges with a reason.

    Attributes:
        partition: The partition concerned; None where the whole store is.
    """

    def __init__(self, message: str, *, partition: int | None = None) -> None:
        """Keep the partition beside the sentence."""
        super().__init__(message)
        self.partition = partition


class TryLaterError(StreamsError):
    """Nothing was lost and nothing is wrong with the data; the same may succeed later."""


class StoreUnavailableError(TryLaterError):
    """The store cannot be used just now: disk full, I/O error, read-only, unreachable."""


class WitnessUnavailableError(StoreUnavailableError):
    """The witness file cannot be read or written just now; without it nothing may be issued."""


class LockedError(TryLaterError):
    """Another worker serves these streams.

    Attributes:
        holder: What the holder left about itself, such as its process id; empty if unknown.
    """

    def __init__(self, message: str, *, holder: str = "") -> None:
        """Keep the holder beside the sentence."""
        super().__init__(message)
        self.holder = holder


class CommitError(StreamsError):
    """A batch was not acknowledged."""


class CommitAbortedError(CommitError):
    """For certain nothing of the batch is visible: commit was never called and abort returned."""


class OutputTooLargeError(CommitAbortedError):
    """A record of the batch is larger than its stream takes; the same batch is refused again.

    The partition must be opened again before anything else is committed.

    Attributes:
        stream: Where it should have gone.
        partition: There.
        octets: Of the refused records, with what the transport adds. Where records were sent
            together, one of them, or all of them together, are too large.
    """

    def __init__(self, message: str, *, stream: str, partition: int, octets: int) -> None:
        """Keep the place beside the sentence."""
        super().__init__(message)
        self.stream = stream
        self.partition = partition
        self.octets = octets

    def __reduce__(self) -> tuple[object, ...]:
        """Let another process have it: its place is given by name."""
        made = partial(type(self), stream=self.stream, partition=self.partition, octets=self.octets)
        return made, self.args, vars(self)


class CommitInDoubtError(CommitError):
    """The batch may or may not be visible. Fence and restore before anything else is staged."""


class FencedError(CommitInDoubtError):
    """Another owner has taken the partition over; this one must not go on with it."""
