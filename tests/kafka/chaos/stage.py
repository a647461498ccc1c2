"""Workers and their broker, and what is done to them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence

from tests.kafka.broker import Node
from tests.kafka.chaos.plan import Fault, Kind
from tests.kafka.chaos.workers import Worker

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
        tell: Callable[[str], None],
    ) -> None:
        self.faults: Counter[Kind] = Counter()
        self._broker = broker
        self._workers = workers
        self._second = second
        self._tell = tell

    async def play(self, faults: Sequence[Fault], *writers: Coroutine[None, None, None]) -> None:
        """Let workers live while the inputs are written and faults come; then end them in order.

        Raises:
            WorkerFailedError: In a group; a worker ended by itself.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            for worker in self._workers:
                tasks.create_task(worker.live())
            writing = [tasks.create_task(writer) for writer in writers]
            begin = loop.time()
            struck = []
            for fault in faults:
                await asyncio.sleep(begin + fault.at - loop.time())
                struck.append(tasks.create_task(self._strike(fault)))
            await asyncio.gather(*writing, *struck)
            await asyncio.gather(*(worker.retire() for worker in self._workers))

    async def let_a_second_application_come(self, at: float) -> None:
        """Start one on the same topics after so many seconds: it must be refused.

        It fences owners before it reads who serves the topics, so the first is disturbed.
        """
        await asyncio.sleep(at)
        self._tell(f"{at:7.2f} s  a second application comes")
        await self._second.be_refused("application 'chaos' serves it")
        self._tell("           and is refused")

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

    async def _strike(self, fault: Fault) -> None:
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
        await asyncio.to_thread(end)
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            self._broker.start()
        await self._broker.wait()
