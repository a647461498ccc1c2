from dataclasses import replace

import pytest
from tests.kafka.bench import Bench

from slotkeeper.streams import StreamsSettings


@pytest.fixture
def bench(kafka_url: str, kafka_place: StreamsSettings) -> Bench:
    # A member learns of a rebalance by its next heartbeat.
    return Bench(kafka_url, replace(kafka_place, kafka={"heartbeat_interval_ms": 100}))
