"""Reading to an end that was seen before, whatever holds it back."""

from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from tests.kafka.harness import PARTITION, RESPONSES, Bench

from slotkeeper.streams import StoreUnavailableError
from slotkeeper.streams.kafka import reading


async def test_a_reading_that_stands_still_names_the_transaction_that_holds_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STALL_S", 0.5)
    await bench.publish(RESPONSES, b"1", b"2")
    async with bench.upstream() as upstream:
        await upstream.begin(RESPONSES, b"3", b"4", b"5")
        with pytest.raises(
            StoreUnavailableError,
            match=rf"{bench.topic(RESPONSES)} {PARTITION} is read to 2 of 5, "
            "and a transaction is open from 2 on",
        ):
            await bench.read(RESPONSES)
        await upstream.commit()
    assert len(await bench.read(RESPONSES)) == 5


async def test_a_reading_that_stands_still_for_the_broker_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_consumer: object, *_places: object, **_options: object) -> dict[Any, Any]:
        return {}

    await bench.publish(RESPONSES, b"1", b"2")
    monkeypatch.setattr(reading, "STALL_S", 0.1)
    monkeypatch.setattr(AIOKafkaConsumer, "getmany", nothing)
    with pytest.raises(StoreUnavailableError, match="is read to 0 of 2, and no transaction"):
        await bench.read(RESPONSES)
