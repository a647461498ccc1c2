"""Numbers of batches that came to nothing stay burned, whatever a restore brings back."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from tests.scenarios.story import Story, request

from slotkeeper.clock import system_clock
from slotkeeper.engine.port import engines
from slotkeeper.lab import keystore
from slotkeeper.settings import Settings
from slotkeeper.streams import StreamsSettings, open_streams
from slotkeeper.streams.kafka.batches import send
from slotkeeper.worker import run

A_MONTH_MS = 30 * 86_400_000
"""Longer than Kafka keeps tombstones, so that what is in memory is not added to."""


def leaping() -> Callable[[], int]:
    months = itertools.count(1)
    return lambda: system_clock() + next(months) * A_MONTH_MS


@pytest.mark.parametrize(
    "clock", [system_clock, leaping()], ids=["added to memory", "from nothing"]
)
async def test_d03_burned_numbers_outlive_a_restore(
    tmp_path: Path,
    kafka_url: str,
    kafka_place: StreamsSettings,
    monkeypatch: pytest.MonkeyPatch,
    clock: Callable[[], int],
) -> None:
    failures = iter([True])

    async def failing_once(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        ends = await send(*arguments, **more)
        if next(failures, False):
            raise KafkaTimeoutError
        return ends

    async with open_streams(kafka_url, kafka_place) as streams:
        story = Story(streams, tmp_path)
        gpf = await story.known_gpf()
        await story.hand_back(gpf, 50_000)
        await story.publish(request(gpf, hint=1))
        monkeypatch.setattr("slotkeeper.streams.kafka.transaction.send", failing_once)
        file = keystore.write_settings(tmp_path, story.acb)
        settings = Settings.load(file, environment={})
        factory = engines(settings.authority(), settings.engine_json())
        summary = await run(streams, factory, until_idle=True, clock=clock)
        assert (summary.aborted, summary.in_doubt) == (1, 1)
        (command,) = await story.commands()
        # The first was aborted, the second allocated for a producer that was past use.
        assert command["originator_counter"] == "50003"
