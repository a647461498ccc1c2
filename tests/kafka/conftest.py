from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from tests.conftest import place_of_its_own
from tests.kafka.harness import Bench
from tests.kafka.secured import Secured, running_secured

from slotkeeper.streams import StreamsSettings


@pytest.fixture
def bench(kafka_url: str, kafka_place: StreamsSettings) -> Bench:
    # A member learns of a rebalance by its next heartbeat.
    return Bench(kafka_url, replace(kafka_place, kafka={"heartbeat_interval_ms": 100}))


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A broker with every kind of door; see its module."""
    with running_secured(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


@pytest.fixture
async def secured_bench(secured: Secured) -> AsyncIterator[Bench]:
    """At topics of its own, by the open door."""
    url = secured.cluster.url
    async with place_of_its_own(url) as settings:
        yield Bench(url, settings)
