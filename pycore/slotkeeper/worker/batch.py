"""One batch: stage, seal, commit, and then fold, discard or declare it in doubt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slotkeeper._core import SignerUnavailableError
from slotkeeper.streams import (
    CommitAbortedError,
    Layout,
    Output,
    OwnedPartition,
    Record,
)

from .audit import ENGINE_FAULT, dead_letter, fault_decision
from .engine import Engine, EngineInput, Staged
from .intake import Batch
from .off_loop import OffLoop
from .positions import KEY, Positions


@dataclass(frozen=True, slots=True)
class Outcome:
    """A committed batch.

    Attributes:
        positions: To go on from.
        reasons: Counts of its decisions by disposition and reason.
    """

    positions: Positions
    reasons: Mapping[str, int]


class BatchRunner:
    """Takes batches of one partition through the engine and into the streams."""

    def __init__(
        self,
        layout: Layout,
        partition: OwnedPartition,
        engine: Engine,
        off_loop: OffLoop,
        clock: Callable[[], int],
    ) -> None:
        """Work for an owned partition whose engine is restored and open."""
        self._layout = layout
        self._partition = partition
        self._engine = engine
        self._off_loop = off_loop
        self._clock = clock

    async def run(self, batch: Batch, positions: Positions) -> Outcome:
        """Decide and commit a batch; it is folded on return.

        Raises:
            CommitAbortedError: Discarded; the same batch may be run again.
            SignerUnavailableError: Discarded; likewise.
            CommitInDoubtError: The engine is closed until it is restored.
        """
        inputs = [
            (record.stream, record.offset, record.key, record.value) for record in batch.records
        ]
        staged, outputs, reasons = await self._off_loop(
            lambda: self._prepare(inputs, batch.decided_after)
        )
        if not outputs and not batch.positions:
            await self._off_loop(staged.fold)
            return Outcome(positions, reasons)
        advanced = positions.advanced(batch.positions)
        try:
            await self._commit(outputs, advanced)
        except CommitAbortedError:
            await self._off_loop(staged.discard)
            raise
        except BaseException:
            # Whoever was cancelled while committing does not know either.
            staged.in_doubt()
            raise
        await self._off_loop(staged.fold)
        return Outcome(advanced, reasons)

    async def quarantine(self, record: Record, fault: str, positions: Positions) -> Outcome:
        """Commit a record without the engine, which failed over it: a dead letter."""
        outputs = [dead_letter(record, fault)]
        reasons = {}
        if record.stream != self._layout.table:
            outputs.append(fault_decision(record, fault, self._clock()))
            reasons = {f"DEAD_LETTER {ENGINE_FAULT}": 1}
        advanced = positions.advanced({record.stream: record.offset + 1})
        await self._commit(outputs, advanced)
        return Outcome(advanced, reasons)

    async def _commit(self, outputs: list[Output], advanced: Positions) -> None:
        void = void_offsets(outputs, self._layout.table)
        outputs.append((self._layout.changelog, self._partition.number, KEY, advanced.encode(), ()))
        await self._partition.commit(outputs, advanced.inputs, void=void)

    def _prepare(
        self, inputs: Sequence[EngineInput], decided_after: Mapping[str, int] | None
    ) -> tuple[Staged, list[Output], Mapping[str, int]]:
        staged = self._engine.stage(inputs, now_ms=self._clock(), decided_after=decided_after)
        try:
            staged.seal()
        except SignerUnavailableError:
            staged.discard()
            raise
        return staged, list(staged.outputs()), staged.summary()


def void_offsets(outputs: Sequence[Output], table: str) -> list[int]:
    """Find the table records that became dead letters: the last good ones stay in force."""
    found = []
    for _, _, _, _, headers in outputs:
        if headers:
            origin = dict(headers)
            if origin.get("stream") == table.encode() and "fault" in origin:
                found.append(int(origin["offset"]))
    return found
