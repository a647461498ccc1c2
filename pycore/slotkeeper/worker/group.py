"""A worker: its share of the partitions, its start and its end."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from slotkeeper.clock import system_clock
from slotkeeper.engine.port import EngineFactory, Hook
from slotkeeper.streams import Ownership, StoppedForOperatorError, Streams, TryLaterError

from .checkpoints import Checkpoints
from .partition import PartitionWorker
from .registers import Registers
from .snapshot import Snapshots
from .stopping import GivenUpError, given_up_on
from .summary import Summary

_log = logging.getLogger(__name__)

LOOK_S = 0.02
"""How often a worker that shall end when idle looks whether it is."""

ASK_S = 0.5
"""How often one without a partition asks the store whether the others have finished."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Told after each commit and each look at an idle worker.

    Attributes:
        records: Input records decided since the start.
        partitions: How many partitions are served just now.
        requests_held: Requests that wait for outcomes below their barrier.
    """

    records: int
    partitions: int
    requests_held: int


async def run(
    streams: Streams,
    engines: EngineFactory,
    *,
    until_idle: bool = False,
    stop: asyncio.Event | None = None,
    progress: Callable[[Progress], None] | None = None,
    watch: Callable[["Group"], None] | None = None,
    clock: Callable[[], int] = system_clock,
    drain_s: float = 20.0,
    snapshots: Snapshots | None = None,
    checkpoints: Checkpoints | None = None,
    hook: Hook | None = None,
) -> Summary:
    """Work until stopped, or until all input is decided.

    Args:
        streams: Where from and where to.
        engines: Makes the engine of a partition.
        until_idle: End when every record of every input is decided, by whichever worker; parked
            ones are.
        stop: End after the batches in hand when this is set.
        progress: Called often and briefly; from the event loop.
        watch: Called with the group before it serves; the console uses it to look on.
        clock: Milliseconds since 1970 UTC.
        drain_s: Seconds for the batches in hand after a stop.
        snapshots: Where and how often; None keeps none.
        checkpoints: How the audit trail is signed; None where it is not.
        hook: Looks on while engines work, on their threads.

    Raises:
        StoppedForOperatorError: A store cannot be trusted; an operator decides.
        TryLaterError: The store, or the right to serve it, is not to be had now.
        CommitError: A batch could not be committed, for a reason that other attempts did not mend.
    """
    stop = stop or asyncio.Event()
    async with contextlib.AsyncExitStack() as open_now:
        try:
            async with given_up_on(stop):
                ownership = await open_now.enter_async_context(streams.own())
        except GivenUpError:
            return Summary()
        group = Group(
            streams,
            ownership,
            engines,
            clock,
            progress,
            snapshots=snapshots,
            checkpoints=checkpoints,
            hook=hook,
        )
        if watch is not None:
            watch(group)
        group_task = asyncio.create_task(group.serve())
        waits: list[asyncio.Task[object]] = [asyncio.create_task(stop.wait())]
        if until_idle:
            waits.append(asyncio.create_task(group.until_idle()))
        try:
            await asyncio.wait([group_task, *waits], return_when=asyncio.FIRST_COMPLETED)
            group.stop()
            async with asyncio.timeout(drain_s):
                await group_task
            for task in waits:
                if task.done():
                    task.result()  # whether all is decided may be what could not be found out
        except TimeoutError as error:
            # Told now: what still runs may keep the process from ending for a while.
            _log.error("batches in hand did not end in time", extra={"drain_s": drain_s})
            raise TryLaterError(
                f"batches in hand did not end within {drain_s:g} s; whether they are committed "
                "shows at the next start"
            ) from error
        except ExceptionGroup as errors:
            raise gravest(errors) from errors
        finally:
            for task in (group_task, *waits):
                task.cancel()
            await asyncio.gather(group_task, *waits, return_exceptions=True)
    return group.summary


class Group:
    """The partitions of one worker.

    Attributes:
        summary: What was done.
        share: The partitions that the worker is to serve; None until it was told.
        reassigned: How often the share was told.
    """

    def __init__(
        self,
        streams: Streams,
        ownership: Ownership,
        engines: EngineFactory,
        clock: Callable[[], int],
        progress: Callable[[Progress], None] | None,
        *,
        snapshots: Snapshots | None = None,
        checkpoints: Checkpoints | None = None,
        hook: Hook | None = None,
    ) -> None:
        """Begin with no partition."""
        self.summary = Summary()
        self.share: frozenset[int] | None = None
        self.reassigned = 0
        self._streams = streams
        self._ownership = ownership
        self._make = engines
        self._clock = clock
        self._progress = progress
        self._snapshots = snapshots
        self._checkpoints = checkpoints
        self._hook = hook
        self._registers = Registers(streams)
        # Kept when a partition goes: numbers that its engine burned stay burned, and what it knows
        # need not be read again when the partition returns.
        self._known: dict[int, PartitionWorker] = {}
        self._partitions: dict[int, PartitionWorker] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    @property
    def partitions(self) -> Mapping[int, PartitionWorker]:
        """Give those that are served, or about to be, by number."""
        return self._partitions

    @property
    def stopping(self) -> bool:
        """Whether it ends after the batches in hand."""
        return self._stopping.is_set()

    async def serve(self) -> None:
        """Follow the assignment until stopped; a failing partition ends them all."""
        try:
            async with given_up_on(self._stopping):
                await self._registers.read()
        except GivenUpError:
            return
        following = asyncio.create_task(self._registers.follow())
        try:
            await self._serve()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            stopping = tasks.create_task(self._stopping.wait())
            while not self._stopping.is_set():
                changed = tasks.create_task(self._ownership.assignment())
                await asyncio.wait([changed, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not changed.done():
                    changed.cancel()
                    break
                await self._follow(changed.result(), tasks)
            for each in self._partitions.values():
                each.stop(ends=True)

    def stop(self) -> None:
        """Let every partition end after its batch in hand."""
        self._stopping.set()

    async def until_idle(self) -> None:
        """Return when no input holds anything undecided.

        Twice in a row, since a partition that was looked at first may be given a rerouted record by
        one that is looked at later; and not before other workers have decided everything, since
        they reroute records, too. One that got no partition, because others have them all, waits
        for nothing else.
        """
        decided_before = -1
        others_done = False
        while True:
            await asyncio.sleep(ASK_S if self.share == frozenset() else LOOK_S)
            self._tell()
            if self.share == frozenset():
                done_before, others_done = others_done, not await self._ownership.undecided()
                if done_before and others_done:
                    return
                continue
            others_done = False
            if not self._partitions or not all(each.idle for each in self._partitions.values()):
                decided_before = -1
                continue
            # A copy, since the share may change meanwhile.
            lags = [await each.lag() for each in list(self._partitions.values())]
            nothing_left = all(lag is not None and not any(lag.values()) for lag in lags)
            decided = self.summary.batches if nothing_left else -1
            if 0 <= decided == decided_before and not await self._ownership.undecided():
                return
            decided_before = decided

    async def _follow(self, share: frozenset[int], tasks: asyncio.TaskGroup) -> None:
        self.share = share
        self.reassigned += 1
        _log.info("share of partitions", extra={"partitions": sorted(share)})
        for number in self._partitions.keys() - share:
            self._partitions[number].stop()
            await asyncio.wait([self._tasks.pop(number)])
            del self._partitions[number]
        for number in sorted(share - self._partitions.keys()):
            worker = self._known.get(number) or PartitionWorker(
                number,
                layout=self._streams.layout,
                partitions=self._streams.partitions,
                engine=partial(self._make, number, self._streams.partitions),
                clock=self._clock,
                summary=self.summary,
                committed=self._tell,
                snapshots=self._snapshots,
                checkpoints=self._checkpoints,
                hook=self._hook,
                registers=self._registers,
            )
            self._known[number] = self._partitions[number] = worker
            self._tasks[number] = tasks.create_task(worker.start(self._ownership))

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(
                Progress(
                    records=self.summary.records,
                    partitions=sum(each.serving for each in self._partitions.values()),
                    requests_held=sum(each.requests_held for each in self._partitions.values()),
                )
            )


def gravest(errors: ExceptionGroup[Exception]) -> Exception:
    """Give one error for all: the one that an operator has to decide about, if there is one."""
    stopped, _ = errors.split(StoppedForOperatorError)
    found: Exception = stopped or errors
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found
