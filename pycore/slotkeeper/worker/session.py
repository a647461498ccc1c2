"""A partition that is fenced, restored and open: what is fetched, held, and decided."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from slotkeeper.streams import (
    Fetched,
    FetchedRecord,
    Layout,
    Logs,
    OwnedPartition,
    StoppedForOperatorError,
)

from .commit import BatchRunner, CommittedBatch
from .intake import Batch, Intake
from .positions import Positions, changed_logs
from .quarantine import Kept

WAIT_S = 1.0
"""How long a fetch waits for records. It returns with the first that come and a stop ends it, so
this only bounds how rarely an idle partition looks around."""


class PartitionSession:
    """One stay in a partition; a commit in doubt ends it.

    Attributes:
        intake: What is held until it may be decided.
        idle: Whether the last fetch found nothing and nothing is held.
        held_since: When the requests that wait were fetched, by the event loop's clock; None if
            none wait. For those who look on; nothing is decided by it.
    """

    def __init__(
        self, layout: Layout, partition: OwnedPartition, runner: BatchRunner, positions: Positions
    ) -> None:
        """Read on from restored positions."""
        self.intake = Intake(layout)
        self.idle = False
        self.held_since: float | None = None
        self._gated = layout.gated
        self._partition = partition
        self._runner = runner
        self._positions = positions
        self._ahead: asyncio.Task[_Look | None] | None = None

    async def next(self) -> Batch:
        """Fetch, and give what may be decided now; without ranks if that is nothing."""
        found = await self._hold_ahead() or await self._fetch(wait_s=0.0)
        batch = self.intake.batch(self._positions.inputs)
        if not found and not batch.ranks:
            self.idle = self.intake.empty
            if await self._fetch(wait_s=WAIT_S):
                batch = self.intake.batch(self._positions.inputs)
        return batch

    async def decide(self, batch: Batch) -> CommittedBatch:
        """Decide and commit a batch; gives what was counted.

        Meanwhile what comes after it is fetched.

        Raises:
            CommitAbortedError: Discarded; the same batch may be decided again.
            SignerUnavailableError: Discarded; likewise.
            CommitInDoubtError: This session is over.
            StoppedForOperatorError: The logs are not those that were read any more.
        """
        self._refuse_changed(await self._partition.logs())
        if batch.ranks:
            self._look_ahead(batch)
        try:
            committed = await self._runner.run(batch, self._positions)
        except BaseException:
            await self.close()
            raise
        self._positions = committed.positions
        self.intake.release(batch)
        if not self.intake.requests_held:
            self.held_since = None
        return committed

    async def sign(self, *, ends: bool = False) -> None:
        """Commit a checkpoint of the audit trail if one is due; at an end, if anything is new."""
        self._positions = await self._runner.sign(self._positions, ends=ends)

    async def quarantine(self, kept: Kept, reason: str) -> CommittedBatch:
        """Pass a record by without the engine; gives what was counted."""
        committed = await self._runner.quarantine(kept, reason, self._positions)
        self._positions = committed.positions
        return committed

    async def lag(self) -> dict[str, int]:
        """Say for each input how many offsets lie between its position and its end."""
        ends = await self._partition.ends()
        return {stream: max(0, ends[stream] - at) for stream, at in self._positions.inputs.items()}

    async def close(self) -> None:
        """Drop what was fetched ahead; nobody has been told of it."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    def _look_ahead(self, batch: Batch) -> None:
        positions = {**self._positions.inputs, **batch.positions}
        wanted = self.intake.wanted(positions, released=batch.ranks)
        self._ahead = asyncio.create_task(self._look(wanted, wait_s=0.0))

    async def _hold_ahead(self) -> bool:
        ahead, self._ahead = self._ahead, None
        return ahead is not None and self._hold(await ahead)

    async def _fetch(self, *, wait_s: float) -> bool:
        return self._hold(await self._look(self.intake.wanted(self._positions.inputs), wait_s))

    async def _look(self, wanted: Mapping[str, int], wait_s: float) -> "_Look | None":
        found = await self._partition.fetch(
            wanted, limit=self._partition.batch_records, wait_s=wait_s
        )
        if not found:
            self._refuse_changed(await self._partition.logs())
            return None
        # After the fetch, so that nothing that stood when these records were read is missed: of
        # what a request waits for, not even what stands in partitions that were just added.
        ends, logs = await asyncio.gather(
            self._partition.ends(), self._partition.logs(now=self._gated in found)
        )
        self._refuse_changed(logs)
        return _Look(found, ends)

    def _refuse_changed(self, logs: Logs) -> None:
        changed = changed_logs(self._positions, logs)
        if changed:
            number = self._partition.number
            raise StoppedForOperatorError(
                f"partition {number} stopped: {'; '.join(changed)}", partition=number
            )

    def _hold(self, look: "_Look | None") -> bool:
        if look is None:
            return False
        self.idle = False
        self.intake.take(look.found, look.ends)
        if self.held_since is None and self.intake.requests_held:
            self.held_since = asyncio.get_running_loop().time()
        return True


@dataclass(frozen=True, slots=True)
class _Look:
    """What a fetch found, and where the inputs ended after it."""

    found: Mapping[str, Fetched[FetchedRecord]]
    ends: Mapping[str, int]
