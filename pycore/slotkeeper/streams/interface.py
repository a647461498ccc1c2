"""The one interface that every kind of streams has."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from slotkeeper.clock import system_clock, system_entropy

from .errors import WrongUseError
from .layout import SLOTKEEPER, Layout
from .witness import Head, Sighting

BATCH_BYTES = 8 << 20
"""To which a compressed batch is inflated by default: eight times what a broker takes in one by
default. The event loop stands still meanwhile: gzip took up to 30 ms for it, and 52 ms for twice as
much, on a core of a shared AMD EPYC."""

Headers: TypeAlias = Sequence[tuple[str, bytes]]
"""Names and values, in order; a name may occur twice. A value that its writer left null is empty:
nothing is decided by headers."""

Output: TypeAlias = tuple[str, int, bytes | None, bytes | None, Headers]
"""``(stream, partition, key, value, headers)``: a record to be written as it is."""


class Record(NamedTuple):
    """A committed record.

    Attributes:
        stream: The stream's name.
        partition: From 0.
        offset: Rises by at least one from record to record of a partition; gaps are no loss.
        key: None where the writer gave none.
        value: None is a tombstone.
        headers: As written.
        timestamp_ms: When it was written, milliseconds since 1970 UTC, by the writer's clock.
    """

    stream: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


class Entry(Protocol):
    """What the engine needs of a record; whatever object the kind's client makes of it."""

    @property
    def offset(self) -> int:
        """Rises by at least one from record to record."""

    @property
    def key(self) -> bytes | None:
        """None where the writer gave none."""

    @property
    def value(self) -> bytes | None:
        """None is a tombstone."""


class Message(NamedTuple):
    """A record to be published.

    Attributes:
        stream: The stream's name.
        key: The device, in any spelling of an EUI-64.
        value: None is a tombstone.
        headers: Names and values.
        partition: None lets the key decide, ``murmur2(canonical key) % partitions``.
    """

    stream: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


class FetchedRecord(Entry, Protocol):
    """A fetched record, in whatever form its kind has it; a `Record` is one."""

    @property
    def headers(self) -> Headers:
        """As in `Record`."""


FetchedRecordT_co = TypeVar("FetchedRecordT_co", bound=FetchedRecord, covariant=True)


class SetAside(NamedTuple):
    """Stands for records of an input that were not looked into, and never will be.

    A kind whose writers compress many records into one batch gives it where the batch is more than
    it may hold in memory, or cannot be read. It stands at the last of the offsets, as a record of
    its own that has no key.

    Attributes:
        partition: From 0.
        offset: The last one it stands for.
        first: The first one.
        value: As much as is kept of what was written, as it was written.
        timestamp: Of the newest, milliseconds since 1970 UTC; what the writer claims.
        reason: Why, as audit records name it: ``TOO_LARGE`` or ``MALFORMED``.
        detail: The same as a sentence, with the offsets, and with length and SHA-256 of the whole.
    """

    partition: int
    offset: int
    first: int
    value: bytes
    timestamp: int
    reason: str
    detail: str

    @property
    def key(self) -> None:
        """Nobody looked for it."""
        return

    @property
    def headers(self) -> Headers:
        """Says what it is to people who read the stream."""
        return ((SET_ASIDE, self.detail.encode()),)


SET_ASIDE = "set-aside"
"""Names the header of a record that stands for others."""


class Fetched(NamedTuple, Generic[FetchedRecordT_co]):
    """What one fetch found in one stream.

    Attributes:
        records: In order; may be empty although ``position`` moved.
        position: Where to read on. Aborted records and markers count as passed.
    """

    records: Sequence[FetchedRecordT_co]
    position: int


class Packed(Protocol):
    """Records of one partition that become one batch of a transport."""

    def __len__(self) -> int:
        """How many."""

    def encode(
        self, producer_id: int, producer_epoch: int, base_sequence: int, timestamp_ms: int
    ) -> bytes:
        """Give Kafka's record batch, format 2, uncompressed, as part of a transaction."""


class OutputBatch(Protocol):
    """Records that their maker can give one by one, or packed without an object for each."""

    def __len__(self) -> int:
        """How many."""

    def records(self) -> Sequence[Output]:
        """Give them in the order in which readers shall find them."""

    def packed(self, octets: int) -> Sequence[tuple[str, int, Packed]]:
        """Give ``(stream, partition, pack)``; a partition's packs in order.

        Args:
            octets: Of an encoded pack, at most; a larger record is a pack of its own.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsSettings:
    """What a kind may need besides its address.

    Attributes:
        layout: The streams.
        partitions: Wanted count; None takes what is there, or 4 where streams make themselves.
        witness: A file outside the store by which a restored older store is detected; on Kafka
            the beginning of its name, one file a partition.
        application: Kafka: the consumer group; only the one that began may go on.
        topic_prefix: Kafka: precedes each stream's name in the name of its topic.
        tombstones_ms: Kafka: how long the changelog and the table keep tombstones at least, where
            the cluster does not let the worker see it.
        batch_bytes: Kafka: octets to which a compressed batch is inflated at most; one of more is
            set aside.
        kafka: Kafka: further options by aiokafka's own names.
        clock: Milliseconds since 1970 UTC: the one seam through which time enters.
        entropy: Random bytes of a wanted length: the one seam of randomness.
    """

    layout: Layout = SLOTKEEPER
    partitions: int | None = None
    witness: Path | None = None
    application: str = "slotkeeper"
    topic_prefix: str = ""
    tombstones_ms: int = 86_400_000
    batch_bytes: int = BATCH_BYTES
    kafka: Mapping[str, object] = field(default_factory=dict)
    clock: Callable[[], int] = system_clock
    entropy: Callable[[int], bytes] = system_entropy

    @property
    def witness_path(self) -> Path:
        """Where the witness is.

        Raises:
            WrongUseError: There is none.
        """
        if self.witness is None:
            raise WrongUseError("no witness is configured: set sqlite.witness or kafka.witness")
        return self.witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """What a kind can tell of a partition's logs, apart from their records.

    Attributes:
        ids: By stream, of the inputs and the changelog: what a log has that one made anew under
            the same name has not. Streams are missing where the kind knows of none.
        partitions: By stream, of the same, how many partitions each has just now.
        begins: The first offset of the changelog that is kept: 0 unless records were deleted.
        compacts: Whether the changelog keeps the newest record of each key for ever; None where
            that is not told.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    partitions: Mapping[str, int] = field(default_factory=dict)
    begins: int = 0
    compacts: bool | None = True


class Accepted(NamedTuple):
    """What an acknowledgement accepted.

    Attributes:
        objection: What stood against the store; empty if nothing did.
        witnessed: The last audit record that the witness had seen, of whichever store.
    """

    objection: str
    witnessed: Head | None


class Streams(Protocol):
    """Open streams: what tools use. Safe beside a running worker."""

    @property
    def layout(self) -> Layout:
        """Which streams there are."""

    @property
    def partitions(self) -> int:
        """How many partitions each stream of the worker has."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Append all of the messages, in order, or none of them where the kind can do that.

        Returns once they are durable. Inputs and registers alone take messages: what a worker
        writes is its own.

        Raises:
            WrongUseError: An unknown stream or partition, or a stream that only its worker writes.
            StoreUnavailableError: Not written now.
        """

    def read(
        self,
        stream: str,
        *,
        from_start: bool = True,
        follow: bool = False,
        since: Mapping[int, int] | None = None,
        settled: bool = False,
    ) -> AsyncIterator[list[Record]]:
        """Give committed records in batches of one partition each, a partition's in order.

        Args:
            stream: The stream's name.
            from_start: Begin with the oldest record that is kept, else with what comes from now on.
            follow: Go on for ever, else end with the last record that stood when reading began.
            since: Read these partitions alone, each from its offset on, or from the oldest record
                that is kept above it.
            settled: Do not wait for transactions that were open when reading began: what stands
                behind the first of them is not there yet.

        Raises:
            WrongUseError: An unknown stream.
            StoreUnavailableError: Not readable now.
        """

    async def ends(self, stream: str) -> Mapping[int, int]:
        """Give, for each partition, an offset above every record committed before this call.

        Raises:
            WrongUseError: An unknown stream.
            StoreUnavailableError: Not known now.
        """

    async def witnessed(self) -> Mapping[int, Sighting]:
        """Give what this host's witness has seen, by partition; empty where there is none.

        Raises:
            WrongUseError: Its path is no file.
            StoppedForOperatorError: It cannot be understood.
            StoreUnavailableError: It cannot be read now.
        """

    async def objections(self) -> Mapping[int, str]:
        """Say what this host's witness has against the store, by partition; nothing is written.

        A worker would stop for it. Empty where there is no witness, or it has nothing against it.

        Raises:
            WrongUseError: Its path is no file.
            StoppedForOperatorError: It, or the store, cannot be understood.
            StoreUnavailableError: It, or the store, cannot be read now.
        """

    async def incarnation(self, partition: int) -> str | None:
        """Name the life of a partition's store; None where nothing was ever committed.

        Signed acts carry it. Safe beside workers.

        Raises:
            StoppedForOperatorError: The store cannot be understood.
            StoreUnavailableError: Not readable now.
        """

    async def ended(self, partition: int) -> Sequence[str]:
        """Give the earlier incarnations of a partition's store, which acknowledgements have ended.

        What was signed for one of them stays signed. Safe beside workers.

        Raises:
            StoppedForOperatorError: The store cannot be understood.
            StoreUnavailableError: Not readable now.
        """

    async def begin_witness(self) -> list[int]:
        """Write what the store holds now into this host's witness, where it has seen nothing yet.

        What it has seen stays as it is. Gives the partitions that were added. Safe beside workers.

        Raises:
            WrongUseError: No witness is configured, or its path is no file.
            StoppedForOperatorError: The witness, or the store, cannot be understood.
            StoreUnavailableError: Not written, or not readable now.
        """

    def own(self) -> AbstractAsyncContextManager["Ownership"]:
        """Become a worker of these streams for as long as the context lasts.

        Several can at once where the kind shares partitions out.

        Raises:
            LockedError: Another worker serves them and the kind allows only one.
            StoreUnavailableError: Not possible now.
        """


class Ownership(Protocol):
    """A worker's share of the partitions."""

    async def assignment(self) -> frozenset[int]:
        """Wait until the share differs from the one given last; the first call gives the first."""

    async def open(self, partition: int) -> "OwnedPartition":
        """Fence every earlier owner of the partition and take its place.

        Nothing of an earlier owner becomes visible after this returns. The order afterwards is
        restore, then positions, then fetch.

        One that has just been fenced waits until it is entitled to the partition again. Whoever
        has never asked for an assignment, as tools have not, takes nothing away from workers.

        Raises:
            StoppedForOperatorError: The store is behind what it once acknowledged.
            StoreUnavailableError: Not possible now.
            LockedError: Workers have their assignment, and this has none.
        """

    async def undecided(self) -> int:
        """Say how many offsets of all inputs lie beyond the positions kept for lag tools.

        Of every partition, whoever serves it: what is left to do for all workers together.

        Raises:
            StoreUnavailableError: Not known now.
        """

    async def acknowledge(self, partition: int) -> Accepted:
        """Accept the store as it stands: what ``open`` refused becomes the new truth."""


class OwnedPartition(Protocol):
    """One partition of every stream, in the hands of its only owner.

    Attributes:
        losses: How often commits were lost and an operator let the partition go on, as far as the
            witness of this host remembers. What the owner sets is told to the witness with its
            commits.
    """

    losses: int

    @property
    def number(self) -> int:
        """The partition, from 0."""

    @property
    def incarnation(self) -> str:
        """Names this store's life: a store made anew under the same address has another."""

    @property
    def ended(self) -> Sequence[str]:
        """Earlier incarnations, which acknowledgements have ended; the last few at least."""

    @property
    def application(self) -> str | None:
        """Names who serves these streams, and nobody else may; None where a kind has no names."""

    @property
    def witnessed(self) -> Head | None:
        """The last audit record that this host's witness had seen of this incarnation."""

    def changelog(self, since: int = 0) -> AsyncIterator[Sequence[Entry]]:
        """Give the committed changelog in order, from an offset to its end."""

    def table(self, below: int, since: int = 0) -> AsyncIterator[Sequence[Entry]]:
        """Give the table's records from offset ``since`` up to, but not including, ``below``."""

    async def changelog_end(self) -> int:
        """Give an offset above every committed record of the changelog; it never falls."""

    async def tombstones_ms(self) -> int | None:
        """Say how long changelog and table keep tombstones at least; None: for ever.

        A reader that goes on from an offset after a longer time may miss that a key was removed.
        """

    @property
    def batch_records(self) -> int:
        """How many records of a stream a batch should have, at most.

        Kinds differ in what a transaction costs by itself.
        """

    async def logs(self, *, now: bool = False) -> Logs:
        """Look at the logs themselves.

        Args:
            now: Ask after this call has begun; else an answer may be a second old.

        Raises:
            StoppedForOperatorError: One of them is gone.
            StoreUnavailableError: Not known now.
        """

    async def starts(self) -> dict[str, int]:
        """For each input, the first offset that is still kept (its end, if none is)."""

    async def ends(self) -> dict[str, int]:
        """For each input, an offset above every record committed before this call."""

    async def written(self) -> list[str]:
        """Give the outputs in which committed records stand."""

    async def begun_by(self) -> str | None:
        """Give the application that serves the store, where nothing of this partition tells.

        None if the partition tells by itself, nobody has begun the store, or its kind needs no name
        since only one worker can have it.
        """

    async def last(self, output: str) -> Entry | None:
        """Give the newest committed record of an output; None if it has none."""

    async def offsets(self) -> dict[str, int]:
        """Give the positions kept for lag tools; some or all inputs may be missing."""

    async def fetch(
        self, wanted: Mapping[str, int], *, limit: int, wait_s: float = 0.0
    ) -> Mapping[str, Fetched[FetchedRecord]]:
        """Read on in the wanted streams from the given positions.

        A kind that cannot give certain records gives a `SetAside` in their place.

        Args:
            wanted: Stream and position.
            limit: At most so many records of each stream.
            wait_s: Wait so long, in seconds, if there is nothing at all.

        Returns:
            Streams that have something new; empty if none has.

        Raises:
            StoreUnavailableError: Not readable now.
        """

    async def commit(
        self,
        outputs: Sequence[Output],
        positions: Mapping[str, int],
        *,
        finished: OutputBatch | None = None,
        void: Collection[int] = (),
        head: Head | None = None,
    ) -> int:
        """Write records and positions in one transaction; return once it is durable.

        Gives an offset of the changelog: above everything of it that is committed up to now, and
        not above anything that will be.

        Args:
            outputs: In the order in which readers shall find them.
            finished: Further records, which stand before ``outputs``.
            positions: For each input, where a successor reads on.
            void: Offsets of table records that count for nothing, so that what they would have
                replaced stays the newest of its key where the kind can keep it.
            head: The last audit record among ``finished`` and ``outputs`` or before them, for the
                witness; None where none was ever written.

        Raises:
            CommitAbortedError: For certain nothing is visible; the cause says why.
            OutputTooLargeError: Likewise; a record does not fit, and the next call is refused.
            CommitInDoubtError: It may be visible. Close this partition and open it again.
            FencedError: Another owner has it.
        """

    async def close(self) -> None:
        """Let the partition go. An unfinished commit is waited for."""
