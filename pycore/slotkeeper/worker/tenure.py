"""A partition that is fenced, restored and open: what is fetched, held, and decided."""

import asyncio
from collections.abc import Mapping

from slotkeeper.streams import Layout, OwnedPartition

from .batch import BatchRunner
from .engine import EngineInput
from .intake import Batch, Intake
from .positions import Positions

WAIT_S = 1.0
"""How long a fetch waits for records. It returns with the first that come and a stop ends it, so
this only bounds how rarely an idle partition looks around."""


class Tenure:
    """One stay in a partition; a commit in doubt ends it.

    Attributes:
        intake: What is held until it may be decided.
        idle: Whether the last fetch found nothing and nothing is held.
        held_since: When the requests were fetched that wait for their fence, by the event loop's
            clock; None if none wait. For those who look on; nothing is decided by it.
    """

    def __init__(
        self, layout: Layout, partition: OwnedPartition, runner: BatchRunner, positions: Positions
    ) -> None:
        """Read on from restored positions."""
        self.intake = Intake(layout)
        self.idle = False
        self.held_since: float | None = None
        self._partition = partition
        self._runner = runner
        self._positions = positions

    async def next(self) -> Batch:
        """Fetch, and give what may be decided now; without ranks if that is nothing."""
        found = await self._fetch(wait_s=0.0)
        batch = self.intake.batch(self._positions.inputs)
        if not found and not batch.ranks:
            self.idle = self.intake.empty
            if await self._fetch(wait_s=WAIT_S):
                batch = self.intake.batch(self._positions.inputs)
        return batch

    async def decide(self, batch: Batch) -> Mapping[str, int]:
        """Decide and commit a batch; gives the counts of its decisions by reason.

        Raises:
            CommitAbortedError: Discarded; the same batch may be decided again.
            SignerUnavailableError: Discarded; likewise.
            CommitInDoubtError: This tenure is over.
        """
        outcome = await self._runner.run(batch, self._positions)
        self._positions = outcome.positions
        self.intake.release(batch)
        if not self.intake.requests_held:
            self.held_since = None
        return outcome.reasons

    async def quarantine(self, record: EngineInput, fault: str) -> Mapping[str, int]:
        """Pass a record over which the engine failed; the engine is of no use afterwards."""
        outcome = await self._runner.quarantine(record, fault, self._positions)
        self._positions = outcome.positions
        return outcome.reasons

    async def lag(self) -> dict[str, int]:
        """Say for each input how many offsets lie between its position and its end."""
        ends = await self._partition.ends()
        return {stream: max(0, ends[stream] - at) for stream, at in self._positions.inputs.items()}

    async def _fetch(self, *, wait_s: float) -> bool:
        wanted = self.intake.wanted(self._positions.inputs)
        found = await self._partition.fetch(
            wanted, limit=self._partition.batch_records, wait_s=wait_s
        )
        if found:
            self.idle = False
            # After the fetch, so that nothing that stood when these records were read is missed.
            self.intake.take(found, await self._partition.ends())
            if self.held_since is None and self.intake.requests_held:
                self.held_since = asyncio.get_running_loop().time()
        return bool(found)
