from dataclasses import replace

# Its plugin imports it at the end of a run, and Python 3.11 cannot parse a module while finalizers
# log (CPython gh-106905).
import hypothesis  # noqa: F401
import pytest
from tests.kafka.bench import Bench

from slotkeeper.streams import StreamsSettings


@pytest.fixture
def bench(kafka_url: str, kafka_place: StreamsSettings) -> Bench:
    # A member learns of a rebalance by its next heartbeat.
    return Bench(kafka_url, replace(kafka_place, kafka={"heartbeat_interval_ms": 100}))
