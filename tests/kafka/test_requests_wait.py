"""Law 2 with an upstream that writes by transactions."""

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.kafka.harness import PARTITION, RESPONSES, Bench
from tests.kafka.test_zombie import Commands
from tests.worker.fake_engine import COMMANDS, REQUESTS

from slotkeeper.worker import Progress, run

if TYPE_CHECKING:
    from slotkeeper.worker.group import Group

OTHER = 2
"""A partition that nothing holds back."""


class Held:
    """Set while a request waits for outcomes below its fence."""

    def __init__(self) -> None:
        self.seen = asyncio.Event()

    def __call__(self, progress: Progress) -> None:
        if progress.requests_held:
            self.seen.set()


async def test_outcomes_and_then_requests_that_piled_up(bench: Bench) -> None:
    async with bench.upstream() as upstream:
        # More than a batch of outcomes, so that requests are in hand long before all are read.
        for start in range(0, 1_000, 250):
            await upstream.begin(RESPONSES, *(b"%d" % n for n in range(start, start + 250)))
            await upstream.commit()
    await bench.publish(REQUESTS, b"", b"")
    await bench.run()
    assert await bench.numbers() == [1_000, 1_001]


async def test_an_outcome_committed_just_before_the_request(bench: Bench) -> None:
    async with bench.upstream() as upstream:
        expected = []
        for number in range(100, 600, 100):
            await upstream.begin(RESPONSES, b"%d" % number)
            await upstream.commit()
            await bench.ask()
            await bench.run()
            expected.append(number + 1)
    assert await bench.numbers() == expected


async def test_each_request_has_a_fence_of_its_own(bench: Bench) -> None:
    groups: list[Group] = []
    stop = asyncio.Event()
    async with bench.upstream() as upstream, bench.opened() as streams:
        worker = asyncio.create_task(run(streams, bench.make, stop=stop, watch=groups.append))
        commands = Commands(streams)
        await upstream.begin(RESPONSES, b"100")
        await upstream.commit()
        await bench.ask()
        await commands.come(1)
        await upstream.begin(RESPONSES, b"500")
        await bench.ask()
        answered = asyncio.create_task(commands.come(1))
        while not groups[0].partitions[PARTITION].requests_held:
            assert not answered.done(), "the request was not held back"
            await asyncio.sleep(0)
        await upstream.commit()
        await answered
        stop.set()
        await worker
    assert await bench.numbers() == [101, 501]


@pytest.mark.parametrize(("committed", "number"), [(True, 51), (False, 1)])
async def test_an_open_transaction_holds_back_its_partition_only(
    bench: Bench,
    *,
    committed: bool,
    number: int,
) -> None:
    held = Held()
    async with bench.upstream() as upstream:
        await upstream.begin(RESPONSES, b"50")
        await bench.ask()
        await bench.publish(REQUESTS, b"", partition=OTHER)
        worker = asyncio.create_task(bench.run(progress=held))
        waiting = asyncio.create_task(held.seen.wait())
        await asyncio.wait([worker, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert not worker.done(), "the request was not held back"
        async with bench.opened() as streams:
            first = await anext(aiter(streams.read(COMMANDS, follow=True)))
        assert [record.partition for record in first] == [OTHER]
        await (upstream.commit() if committed else upstream.abort())
        await worker
    assert sorted((r.partition, r.value) for r in await bench.read(COMMANDS)) == [
        (1, b"%d" % number),
        (OTHER, b"1"),
    ]
