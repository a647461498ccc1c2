"""Workers and their broker, and what is done to them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence

from tests.kafka.broker import Node
from tests.kafka.chaos.operating import BEGINS, CAUSES, GROWN, Operator
from tests.kafka.chaos.plan import Fault, Kind
from tests.kafka.chaos.workers import Worker

SERVES = "chaos"
"""The application that serves the topics."""

LOOK_S = 0.1
"""How often is looked whether workers have begun, or stopped."""

QUICK_S = 5.0
"""Until the first of them is at work, on a machine that has nothing else to do."""

STOPPED_S = 180.0
"""Until a worker has noticed what is wrong: a second after it is at work, which outages and naps
may put off."""

AT_WORK_S = 6.0
"""Until workers that have just begun are at work again, or nearly."""

DRAIN_S = 180.0
"""Until nothing is left to decide. It takes seconds, and longer on a busy machine."""


class Stage:
    """A broker and its workers.

    Attributes:
        faults: How many of each kind were carried out.
    """

    def __init__(
        self,
        broker: Node,
        workers: Sequence[Worker],
        second: Worker,
        operator: Operator,
        tell: Callable[[str], None],
    ) -> None:
        self.faults: Counter[Kind] = Counter()
        self._broker = broker
        self._workers = workers
        self._second = second
        self._operator = operator
        self._tell = tell
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._reachable = asyncio.Lock()
        self._alone = asyncio.Event()

    async def play(
        self, faults: Sequence[Fault], seconds: float, *writers: Coroutine[None, None, None]
    ) -> None:
        """Let workers live while the inputs are written and faults come; then end them in order.

        Faults come once a worker is at work, and slower where it took long to begin.

        Raises:
            WorkerFailedError: In a group; a worker ended by itself.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            for worker in self._workers:
                tasks.create_task(worker.live())
            writing = [tasks.create_task(writer) for writer in writers]
            begin = loop.time()
            await self._at_work()
            # On a busy machine, lest nobody ever comes to work.
            slower = max(1.0, (loop.time() - begin) / QUICK_S)
            struck = []
            for fault in (one for one in faults if one.at * slower < seconds):
                await asyncio.sleep(begin + fault.at * slower - loop.time())
                struck.append(tasks.create_task(self._strike(fault)))
            await asyncio.gather(*writing, *struck)
            await asyncio.gather(*(worker.retire() for worker in self._workers))

    async def _at_work(self) -> None:
        async with asyncio.timeout(STOPPED_S):
            while not any(worker.is_at_work() for worker in self._workers):  # noqa: ASYNC110  # told by processes
                await asyncio.sleep(LOOK_S)

    async def let_a_second_application_come(self, at: float) -> None:
        """Start one on the same topics after so many seconds: it must be refused.

        It fences owners before it reads who serves the topics, so the first is disturbed.
        """
        await asyncio.sleep(at)
        # Before that nobody could tell which of the two is the second.
        async with asyncio.timeout(STOPPED_S), self._reachable:
            while not await self._operator.is_begun():  # noqa: ASYNC110  # told by a broker
                await asyncio.sleep(LOOK_S)
        self._tell(f"{at:7.2f} s  a second application comes")
        self._second.may_stop(f"application {SERVES!r} serves it")
        await self._second.be_refused()
        self._tell("           and is refused")
        self._alone.set()

    async def let_the_changelog_lose_its_beginning(self, at: float, partition: int) -> None:
        """Delete it after so many seconds and the second application, and put that right.

        The broker stays until then, and nothing else goes wrong while an operator is at work.

        Raises:
            CommandFailedError: The runbook does not do what it says.
            TimeoutError: No worker has stopped.
        """
        await asyncio.sleep(at)
        await self._alone.wait()
        async with self._reachable:
            for worker in self._workers:
                worker.may_stop(*CAUSES)
            async with asyncio.timeout(STOPPED_S):
                await self._operator.delete_beginning(partition)
                self._tell(f"{at:7.2f} s  partition {partition}: the changelog lost its beginning")
                while not self._have_stopped():  # noqa: ASYNC110  # told by processes
                    await asyncio.sleep(LOOK_S)
            self._quiet.clear()
            await asyncio.gather(*(worker.rest() for worker in self._workers))
            await self._operator.put_right(partition)
        for worker in self._workers:
            worker.go_on()
        self._quiet.set()
        self._tell("           and that is put right")

    def _have_stopped(self) -> bool:
        """Say whether one has for the loss, or all have because it was possible."""
        told = [worker.stopped for worker in self._workers]
        return all(told) or any(BEGINS in one for one in told)

    async def drain(self) -> float:
        """Let new workers decide what is left; gives how many seconds that took.

        Raises:
            TimeoutError: It takes too long.
            WorkerFailedError: In a group; a worker failed.
        """
        loop = asyncio.get_running_loop()
        begin = loop.time()
        async with asyncio.timeout(DRAIN_S), asyncio.TaskGroup() as tasks:
            for worker in self._workers:
                tasks.create_task(worker.finish())
        return loop.time() - begin

    async def let_an_input_grow(self, topic: str, write: Coroutine[None, None, None]) -> None:
        """Have all workers stop while the inputs are written, since one of them gets partitions.

        That is the end: neither another start nor an acknowledgement changes anything.

        Raises:
            CommandFailedError: It could be acknowledged.
            TimeoutError: A worker goes on.
            WorkerFailedError: In a group; one stopped otherwise, or for another cause.
        """
        async with asyncio.timeout(STOPPED_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(write)
            for worker in self._workers:
                worker.may_stop(*GROWN)
                tasks.create_task(worker.be_refused())
            await asyncio.sleep(AT_WORK_S)
            self._tell(f"           {topic} gets partitions")
            await self._operator.add_partitions(topic)
        for worker in self._workers:
            await worker.be_refused()
        await self._operator.cannot_acknowledge()
        self._tell("           and all workers have stopped for good")

    async def _strike(self, fault: Fault) -> None:
        await self._quiet.wait()
        whom = "" if fault.worker is None else f" {fault.worker}"
        self._tell(f"{fault.at:7.2f} s  {fault.kind}{whom}  {fault.lasts or '':.4}")
        self.faults[fault.kind] += 1
        if fault.worker is None:
            await self._outage(fault)
            return
        worker = self._workers[fault.worker]
        if fault.kind is Kind.KILL:
            await worker.kill()
        elif fault.kind is Kind.NAP:
            await worker.nap(fault.lasts)
        else:
            await worker.terminate()

    async def _outage(self, fault: Fault) -> None:
        end = self._broker.kill if fault.kind is Kind.BROKER_KILL else self._broker.stop
        async with self._reachable:
            await asyncio.to_thread(end)
            try:
                await asyncio.sleep(fault.lasts)
            finally:
                self._broker.start()
            await self._broker.wait()
