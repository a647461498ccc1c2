"""In which order fetched records are decided.

Three ranks: the table, then events, then the gated stream's requests. A rank is held until all
ranks above it have been read as far as they reached when it was fetched; a rank that waits is not
fetched again, so what is held is bounded. Nothing waits for a moving target.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from slotkeeper.engine.port import EngineInput
from slotkeeper.streams import Fetched, FetchedRecord, Layout, SetAside

from .quarantine import Place


@dataclass(frozen=True, slots=True)
class ReadBarrier:
    """How far other inputs must have been read before a record may be decided.

    Their ends are asked for after the records behind the barrier have been fetched. An outcome that
    stood in its partition when the request was fetched is below the barrier, so a request that is
    decided only when the barrier is passed is decided with that outcome's counter.

    Attributes:
        ends: By stream, the offset that must be reached. An audit record calls it
            ``decided_after``.
    """

    ends: Mapping[str, int]

    @classmethod
    def at(cls, ends: Mapping[str, int], streams: Iterable[str]) -> Self:
        """Put a barrier at the ends of these streams."""
        return cls({stream: ends[stream] for stream in streams})

    def passed(self, positions: Mapping[str, int]) -> bool:
        """Say whether everything below the barrier has been read."""
        return all(positions[stream] >= end for stream, end in self.ends.items())


@dataclass(slots=True)
class Held:
    """Records of one rank that were fetched together.

    Attributes:
        fetched: By stream.
        barrier: What must be read before them.
    """

    fetched: Mapping[str, Fetched[FetchedRecord]]
    barrier: ReadBarrier


@dataclass(slots=True)
class Batch:
    """Records to be decided together, in order.

    Attributes:
        records: May be empty although positions move: aborted records and markers were passed.
        set_aside: What nobody looked into, and the engine does not decide.
        positions: Of the streams that moved.
        decided_after: The requests' barrier; None if there is no request among the records.
        ranks: Indexes of the ranks that take part, to be released once the batch is committed.
    """

    records: list[EngineInput] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    decided_after: Mapping[str, int] | None = None
    ranks: list[int] = field(default_factory=list)
    set_aside: list["PlacedAside"] = field(default_factory=list)

    @property
    def places(self) -> list[Place]:
        """Where those stand that get a decision, or a dead letter at least."""
        return [(stream, offset) for stream, offset, _, _ in self.inputs()]

    def inputs(self) -> list[EngineInput]:
        """Give all records as an engine would take them, those that were set aside as well."""
        return [
            *self.records,
            *((stream, one.offset, one.key, one.value) for _, stream, one in self.set_aside),
        ]

    def parts(self, *, one_by_one: bool) -> Iterator["Batch"]:
        """Give the same in the same order, in batches that are decided one after the other.

        What was set aside stands alone, so that the audit trail keeps the order of the offsets; and
        so does each record if ``one_by_one``.
        """
        if not self.set_aside and not one_by_one:
            yield self
            return
        at = 0
        for placed in (*self.set_aside, None):
            end = len(self.records) if placed is None else placed.before
            while at < end:
                run = self.records[at : at + 1 if one_by_one else end]
                positions = {stream: offset + 1 for stream, offset, _, _ in run}
                yield Batch(run, positions, self.decided_after)
                at += len(run)
            if placed is not None:
                positions = {placed.stream: placed.record.offset + 1}
                yield Batch(positions=positions, set_aside=[placed])
        yield Batch([], self.positions, None, self.ranks)


class PlacedAside(NamedTuple):
    """What was set aside, and where it stood among the records.

    Attributes:
        before: The index of the record that comes after it.
        stream: Of both.
        record: What stands for the others.
    """

    before: int
    stream: str
    record: SetAside


class Intake:
    """Holds what was fetched until it may be decided."""

    def __init__(self, layout: Layout) -> None:
        """Begin with nothing held."""
        others = tuple(stream for stream in layout.events if stream != layout.gated)
        self._ranks = ((layout.table,), others, (layout.gated,))
        self._held: list[Held | None] = [None] * len(self._ranks)

    @property
    def empty(self) -> bool:
        """Whether nothing is held."""
        return not any(self._held)

    @property
    def requests_held(self) -> int:
        """How many requests wait behind their barrier."""
        held = self._held[-1]
        return 0 if held is None else sum(len(each.records) for each in held.fetched.values())

    def wanted(
        self, positions: Mapping[str, int], *, released: Container[int] = ()
    ) -> dict[str, int]:
        """Give the streams to fetch now, and from where; ``released`` ranks as if they were."""
        return {
            stream: positions[stream]
            for rank, (streams, held) in enumerate(zip(self._ranks, self._held, strict=True))
            if held is None or rank in released
            for stream in streams
        }

    def take(self, found: Mapping[str, Fetched[FetchedRecord]], ends: Mapping[str, int]) -> None:
        """Hold what a fetch found. ``ends`` were asked for after the fetch had returned."""
        above: tuple[str, ...] = ()
        for rank, streams in enumerate(self._ranks):
            fetched = {stream: found[stream] for stream in streams if stream in found}
            if fetched:
                self._held[rank] = Held(fetched, ReadBarrier.at(ends, above))
            above += streams

    def batch(self, positions: Mapping[str, int]) -> Batch:
        """Give what may be decided now; held until ``release``."""
        batch = Batch()
        reached = dict(positions)
        for rank, held in enumerate(self._held):
            if held is None or not held.barrier.passed(reached):
                continue
            for stream, fetched in held.fetched.items():
                for record in fetched.records:
                    if isinstance(record, SetAside):
                        batch.set_aside.append(PlacedAside(len(batch.records), stream, record))
                    else:
                        batch.records.append((stream, record.offset, record.key, record.value))
                batch.positions[stream] = reached[stream] = fetched.position
            batch.ranks.append(rank)
            if rank == len(self._ranks) - 1:
                batch.decided_after = held.barrier.ends
        return batch

    def release(self, batch: Batch) -> None:
        """Forget a batch that was committed."""
        for rank in batch.ranks:
            self._held[rank] = None
