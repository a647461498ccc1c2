"""`run --until-idle` of a worker that got no partition, because another has them all."""

import asyncio
import dataclasses
import uuid

import pytest
from tests.kafka.harness import PARTITION, RESPONSES, Bench, delete_group
from tests.worker.fake_engine import REQUESTS

from slotkeeper.streams import Message, StreamsSettings, create_streams
from slotkeeper.streams.kafka.ownership import KafkaOwnership
from slotkeeper.worker import Progress, run

LOOKS = 100
"""How often the first worker looks whether it is idle; without reason to wait it ends at the second
look at partitions of which nothing is left."""


@pytest.fixture
async def narrow(kafka_url: str) -> Bench:
    """Topics of one partition."""
    name = f"narrow-{uuid.uuid4()}"
    settings = StreamsSettings(application=name, topic_prefix=f"{name}.", partitions=1)
    await create_streams(kafka_url, settings)
    # Partitions go to members in the order of their names.
    first = {"client_id": "a", "heartbeat_interval_ms": 100}
    return Bench(kafka_url, dataclasses.replace(settings, kafka=first))


class Asked:
    """Counts how often the second worker asks what is left, and lets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: asyncio.Queue[int] = asyncio.Queue()
        real = KafkaOwnership.undecided

        async def undecided(ownership: KafkaOwnership) -> int:
            left = await real(ownership)
            self.answers.put_nowait(left)
            return left

        monkeypatch.setattr(KafkaOwnership, "undecided", undecided)


async def test_it_ends_when_the_others_have_decided_everything(
    narrow: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch)
    second = {"client_id": "b", "heartbeat_interval_ms": 100}
    other = Bench(narrow.url, dataclasses.replace(narrow.settings, kafka=second))
    async with narrow.opened() as here, other.opened() as there, narrow.upstream() as upstream:
        stop = asyncio.Event()
        owner = asyncio.create_task(run(here, narrow.make, stop=stop))
        await narrow.working.wait()
        # An outcome that is not committed yet holds back the request behind it.
        await upstream.client.begin_transaction()
        await upstream.client.send_and_wait(
            narrow.topic(RESPONSES), key=b"d", value=b"5", partition=0
        )
        await here.publish([Message(REQUESTS, b"d", b"", (), 0)])
        idle = asyncio.create_task(run(there, other.make, until_idle=True))
        for _ in range(3):
            assert await asked.answers.get() > 0
        assert not idle.done()
        await upstream.commit()
        summary = await idle
        assert (summary.records, other.engines) == (0, [])
        assert await narrow.numbers() == [6]
        stop.set()
        await owner


async def test_it_ends_although_the_group_has_lost_its_offsets(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"5")
    await bench.ask()
    await bench.run()
    await delete_group(bench)
    summary = await bench.run()
    assert summary.records == 0
    assert await bench.numbers() == [6]


async def test_it_waits_for_what_others_may_reroute_to_it(bench: Bench) -> None:
    # Of four partitions, 0 and 2 go to the first member, 1 and 3 to the second.
    first = Bench(bench.url, with_options(bench.settings, client_id="a"))
    second = Bench(bench.url, with_options(bench.settings, client_id="b"))
    looks: asyncio.Queue[Progress] = asyncio.Queue()
    async with bench.upstream() as upstream:
        await upstream.begin(RESPONSES, b"elsewhere")
        behind = asyncio.create_task(second.run())
        await second.working.wait()
        ahead = asyncio.create_task(first.run(progress=looks.put_nowait))
        for _ in range(LOOKS):
            look = asyncio.create_task(looks.get())
            await asyncio.wait([ahead, look], return_when=asyncio.FIRST_COMPLETED)
            assert not ahead.done(), "another worker had not decided everything"
        await upstream.commit()
        await asyncio.gather(ahead, behind)
    decided = [(entry["partition"], entry["disposition"]) for entry in await bench.decisions()]
    assert sorted(decided) == [(PARTITION, "REROUTED"), (PARTITION + 1, "RECORDED")]


def with_options(settings: StreamsSettings, **more: object) -> StreamsSettings:
    return dataclasses.replace(settings, kafka={**settings.kafka, **more})
