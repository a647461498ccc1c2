"""One partition of every topic, in the hands of its only owner."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace

from slotkeeper.streams.errors import CommitInDoubtError, FencedError, StreamsError
from slotkeeper.streams.interface import (
    Entry,
    Fetched,
    FetchedRecord,
    Logs,
    Output,
    OutputBatch,
    SetAside,
)
from slotkeeper.streams.witness import Head, Sighting, Witness

from .claim import PARTITION as CLAIMED
from .claim import Claim
from .group_offsets import group_offsets
from .identity import StoreIdentity
from .inputs import Inputs
from .membership import Membership
from .offsets import Offsets
from .options import ClientOptions
from .reading import refuse_set_aside, scan_messages
from .tombstones import kept_tombstones_ms
from .topics import Topics
from .transaction import Transactions
from .watch import TopicWatch

RESTORE_BATCH = 10_000
"""Records a batch while restoring: some 15 ms of the event loop, and no more than one answer of the
broker, 4 MiB. With 2,000 the engine waits for the interpreter's lock more than it works: measured
with 300,000 records of the changelog, 350,000 a second against 480,000."""

BATCH_RECORDS = 1_000
"""Measured with a backlog of requests on four partitions, microseconds of the worker's core and of
the broker's for each: 42 and 45 with 250, 28 and 16 with 500, 25 and 14 with 1,000, 24 and 14 with
2,000. A batch of requests seals in some 65 ms of one core, which is what a request behind it
waits."""


LAST_REACH = 16
"""How far before an output's end its newest record is looked for at first, and how many times as
far whenever it is not found: most often it stands before the one marker of its transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCommit:
    """How the first commit goes out where the changelog does not name its application yet.

    Earlier versions lock a partition by a transactional id of their own and know nothing of this
    one's; they stop at a changelog that names its application. So its first record is written under
    their id: one of them that took the partition over again meanwhile has shut that out. Another
    application, whose earlier id is another, shows by the changelog's end.

    Attributes:
        transactions: Commits under the id of earlier versions.
        stands: The end of the changelog when everybody else was shut out, before it was read.
        stack: Closes the producer of that id.
    """

    transactions: Transactions
    stands: int
    stack: AsyncExitStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an owned partition works with; all of it is started.

    Attributes:
        options: For readers that live only as long as one reading.
        topics: Where streams are.
        offsets: Tells beginnings and ends.
        watch: Tells whether topics are still the same.
        membership: The worker's place in the group.
        inputs: Reads the inputs.
        transactions: Commits.
        first: Commits once, before those; None where the changelog names its application.
        claim: Tells who serves the store; None where the partition's changelog does by itself.
        others: Applications that other partitions of the store name then.
        application: Who serves the partition.
        compressed: Whether batches shall be compressed, which the client does and packs are not.
        witness: None if there is none.
        witnessed: What it had seen; no audit record of another incarnation.
        clock: Milliseconds since 1970 UTC, for the records' timestamps.
        tombstones_ms: How long tombstones are kept where the cluster does not tell.
        stack: Closes what was opened for this partition alone.
    """

    options: ClientOptions
    topics: Topics
    offsets: Offsets
    watch: TopicWatch
    membership: Membership
    inputs: Inputs
    transactions: Transactions
    first: FirstCommit | None
    claim: Claim | None
    others: Collection[str]
    application: str
    compressed: bool
    witness: Witness | None
    witnessed: Sighting | None
    clock: Callable[[], int]
    tombstones_ms: int
    stack: AsyncExitStack


class KafkaPartition:
    """See the interface for what each call promises.

    Attributes:
        losses: As the witness remembers them, or as the owner said since.
    """

    def __init__(
        self,
        number: int,
        identity: StoreIdentity,
        tools: Tools,
        *,
        named: bool,
    ) -> None:
        """Own the partition, whose epoch was just raised.

        Args:
            number: The partition.
            identity: Of the store.
            tools: What it works with.
            named: Whether it is told already in whose name the next commit is.
        """
        self.losses = 0 if tools.witnessed is None else tools.witnessed.losses
        self._number = number
        self._identity = identity
        self._tools = tools
        self._layout = tools.topics.layout
        self._committed: dict[str, int] = {}
        self._first = tools.first
        self._claim = None if named else tools.claim
        # Up to where the changelog was read, until the first commit shows that it ended there.
        self._read_to = None if tools.first is None else tools.first.stands
        self._is_new = True

    @property
    def number(self) -> int:
        """The partition, from 0."""
        return self._number

    @property
    def incarnation(self) -> str:
        """Drawn before the first commit, and again by each acknowledgement."""
        return self._identity.incarnation

    @property
    def ended(self) -> Sequence[str]:
        """Those that the identity says were acknowledged."""
        return tuple(sighting.incarnation for sighting in self._identity.forgiven)

    @property
    def application(self) -> str:
        """That of the settings."""
        return self._tools.application

    @property
    def witnessed(self) -> Head | None:
        """As the witness had it when the partition was opened."""
        seen = self._tools.witnessed
        return None if seen is None else seen.audit

    async def changelog(self, since: int = 0) -> AsyncIterator[Sequence[Entry]]:
        """Give the committed changelog in order, from an offset to its end.

        Nobody else writes to it since the fence, and what an earlier owner left open is aborted, so
        that its end stands and can be reached.
        """
        end = await self.changelog_end()
        async for records in self._scan(self._layout.changelog, since, end):
            yield records

    async def table(self, below: int, since: int = 0) -> AsyncIterator[Sequence[Entry]]:
        """Give the table's records from one offset to another, in order.

        What was set aside has become dead letters, which leave the last good record in force.
        """
        async for records in self._scan(self._layout.table, since, below):
            read = [record for record in records if not isinstance(record, SetAside)]
            if read:
                yield read

    async def changelog_end(self) -> int:
        """Give the offset after everything of the changelog, markers included.

        A broker that does not know yet that it leads no more gives an older one. So it never falls
        for an owner, and the first commit has to stand where the changelog was said to end.
        """
        place = self._tools.topics.at(self._layout.changelog, self._number)
        end = (await self._tools.offsets.ends([place]))[place]
        if self._is_new:
            self._read_to = end = max(end, self._read_to or 0)
        return end

    async def tombstones_ms(self) -> int | None:
        """Ask the cluster how long it keeps tombstones; where it does not tell, the setting."""
        tools = self._tools
        kept = await kept_tombstones_ms(tools.options, tools.topics)
        return tools.tombstones_ms if kept is None else kept

    @property
    def batch_records(self) -> int:
        """As many as pay."""
        return BATCH_RECORDS

    async def logs(self, *, now: bool = False) -> Logs:
        """Ask for the topics' ids and partitions, and for what the changelog keeps."""
        return await self._tools.watch.look(self._number, now=now)

    async def starts(self) -> dict[str, int]:
        """Give the first offset of each input that is still kept.

        Compaction moves no beginning, so that the table's tells of records that were deleted, too.
        """
        places = self._tools.topics.all_of(self._layout.inputs, self._number)
        found = await self._tools.offsets.starts(places)
        return {places[at]: offset for at, offset in found.items()}

    async def ends(self) -> dict[str, int]:
        """Give the end of each input."""
        places = self._tools.topics.all_of(self._layout.inputs, self._number)
        found = await self._tools.offsets.ends(places)
        return {places[at]: offset for at, offset in found.items()}

    async def written(self) -> list[str]:
        """Look for one committed record in each output; offsets alone may be aborted ones'."""
        found = []
        for stream in self._layout.outputs:
            place = self._tools.topics.at(stream, self._number)
            end = (await self._tools.offsets.ends([place], needs="Write"))[place]
            async with aclosing(self._scan(stream, 0, end)) as batches:
                async for _ in batches:
                    found.append(stream)
                    break
        return found

    async def begun_by(self) -> str | None:
        """Say who serves the other partitions, or has said that it will serve them all."""
        claim = self._tools.claim
        return None if claim is None else await claim.holder(self._tools.others)

    async def last(self, output: str) -> Entry | None:
        """Look for it from the end on backwards: there may be markers and aborted records."""
        place = self._tools.topics.at(output, self._number)
        end = (await self._tools.offsets.ends([place], needs="Write"))[place]
        start = (await self._tools.offsets.starts([place]))[place]
        reach = LAST_REACH
        while True:
            since = max(start, end - reach)
            newest: Entry | None = None
            async for records in self._scan(output, since, end):
                newest = records[-1]
            if newest is not None or since == start:
                return newest
            reach *= LAST_REACH

    async def offsets(self) -> dict[str, int]:
        """Give the group's committed offsets; of this owner's own commits, without a delay.

        The group shows those of a transaction when its markers are written, a moment after the
        commit. What earlier owners committed is settled since the fence.
        """
        places = self._tools.topics.all_of(self._layout.inputs, self._number)
        found = await group_offsets(self._tools.options, self._tools.application, places)
        return {**{places[at]: offset for at, offset in found.items()}, **self._committed}

    async def fetch(
        self, wanted: Mapping[str, int], *, limit: int, wait_s: float = 0.0
    ) -> dict[str, Fetched[FetchedRecord]]:
        """Read on in the wanted streams."""
        return await self._tools.inputs.fetch(wanted, limit=limit, wait_s=wait_s)

    async def commit(
        self,
        outputs: Sequence[Output],
        positions: Mapping[str, int],
        *,
        finished: OutputBatch | None = None,
        void: Collection[int] = (),  # noqa: ARG002  # compaction looks at keys alone
        head: Head | None = None,
    ) -> int:
        """Write one batch in one transaction. ``void`` has no effect on a topic."""
        offsets = {
            self._tools.topics.at(stream, self._number): position
            for stream, position in positions.items()
        }
        if self._claim is not None:
            await self._take(self._claim)
        first = self._first
        if finished is not None and self._tools.compressed:
            outputs, finished = [*finished.records(), *outputs], None
        marked = self._identity.marked(outputs, self._layout, self._number)
        changelog = self._tools.topics.at(self._layout.changelog, self._number)
        transactions, stands = self._tools.transactions, self._read_to
        if first is not None:
            transactions, stands = first.transactions, first.stands
        expected = None
        if stands is not None and self._tells_changelog(marked):
            expected = {changelog: stands}
        try:
            ends = await transactions.commit(
                marked, offsets, self._tools.clock(), finished, expected=expected
            )
        except FencedError:
            self._tools.membership.fenced(self._number)
            raise
        self._committed |= positions
        end = ends.get(changelog)
        if end is None:
            return await self.changelog_end()
        self._is_new, self._read_to = False, None
        if first is not None and expected is not None:
            self._first = None
            await first.stack.aclose()
        if self._tools.witness is not None:
            sighting = Sighting(self.incarnation, end, losses=self.losses, audit=head)
            await self._testify(self._tools.witness, sighting)
        return end

    def _tells_changelog(self, outputs: Sequence[Output]) -> bool:
        return any(output[:2] == (self._layout.changelog, self._number) for output in outputs)

    async def _take(self, claim: Claim) -> None:
        """Say who serves the store, before anything else is written."""
        await claim.take(self._tools.others)
        self._claim = None
        if self._number != CLAIMED:
            return
        if self._first is not None:
            stands = await claim.changelogs.past_claim(self._first.stands)
            self._first = replace(self._first, stands=stands)
        if self._read_to is not None:
            self._read_to = await claim.changelogs.past_claim(self._read_to)

    async def close(self) -> None:
        """Stop the clients of this partition."""
        await self._tools.stack.aclose()

    async def _scan(
        self, stream: str, since: int, below: int
    ) -> AsyncGenerator[Sequence[Entry], None]:
        place = self._tools.topics.at(stream, self._number)
        begin = max(since, (await self._tools.offsets.starts([place]))[place])
        async for _, messages in scan_messages(
            self._tools.options, {place: begin}, {place: below}, limit=RESTORE_BATCH
        ):
            if stream == self._layout.changelog:
                refuse_set_aside(place, messages)
            yield messages

    async def _testify(self, witness: Witness, sighting: Sighting) -> None:
        try:
            await asyncio.to_thread(witness.record, self._number, sighting)
        except StreamsError as error:
            # The batch is visible; opening the partition again tries the witness again and says
            # what is wrong with it before anything else is issued.
            raise CommitInDoubtError(
                f"the batch is written, its witness is not: {error}"
            ) from error
