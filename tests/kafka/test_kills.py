"""Workers that die, or sleep for longer than the group waits, beside others: the laws hold."""

import asyncio
import itertools
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash import worker_process
from tests.laws import check_laws

from slotkeeper.lab import keystore
from slotkeeper.lab.mixed import MixedLoad
from slotkeeper.streams import Message, Streams, StreamsSettings, open_streams

ROUNDS = 6
RECORDS = 720
SESSION_MS = 2_000
NAP_S = 1.5 * SESSION_MS / 1_000
"""Long enough for others to be given the sleeper's partitions, and to take them over."""

POINTS = ("restore", "opened", "staged", "sealed", "committed")


@pytest.mark.timeout(1_800)
async def test_d01_d02_d03_kills_and_naps_break_no_law(
    tmp_path: Path, kafka_url: str, kafka_place: StreamsSettings
) -> None:
    draw = random.Random(21)  # noqa: S311  # a schedule, no secret
    load = MixedLoad(RECORDS, seed=21)
    settings = keystore.write_settings(
        tmp_path,
        [load.pki.acb],
        streams=kafka_url,
        more=f"""
[kafka]
application = "{kafka_place.application}"
topic_prefix = "{kafka_place.topic_prefix}"
session_timeout_ms = {SESSION_MS}
heartbeat_interval_ms = 300
""",
    )
    messages = iter(
        [
            Message(
                event.stream,
                event.key.encode() if isinstance(event.key, str) else event.key,
                event.octets,
                (),
                event.partition,
            )
            for event in load.events()
        ]
    )
    async with open_streams(kafka_url, kafka_place) as streams:
        killed = 0
        for _ in range(ROUNDS):
            await publish(streams, itertools.islice(messages, RECORDS // ROUNDS))
            point, number = draw.choice(POINTS), draw.randrange(1, 5)
            statuses = await asyncio.gather(
                live(settings, point, number), live(settings, nap_after=draw.randrange(1, 5))
            )
            assert set(statuses) <= {0, -signal.SIGKILL}
            killed += sum(status != 0 for status in statuses)
        await publish(streams, messages)
        assert await live(settings) == 0
        findings = await check_laws(streams)
    assert findings.broken == []
    assert findings.commands
    assert killed
    # Reasons may differ, since a burned number is exceeded instead of met; decisions may not.
    assert by_disposition(findings.decisions) == by_disposition(load.expected)


async def live(settings: Path, point: str = "never", number: int = 0, *, nap_after: int = 0) -> int:
    """Run a worker until it is idle or reaches its fate; gives its exit status."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(worker_process.__file__), str(settings), point, str(number)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = 0
    async for _ in process.stdout:
        lines += 1
        if lines == nap_after and process.returncode is None:
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(NAP_S)
            process.send_signal(signal.SIGCONT)
    return await process.wait()


async def publish(streams: Streams, messages: Iterator[Message]) -> None:
    while batch := list(itertools.islice(messages, 10)):
        await streams.publish(batch)


def by_disposition(reasons: Counter[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for reason, count in reasons.items():
        counts[reason.partition(" ")[0]] += count
    return counts
