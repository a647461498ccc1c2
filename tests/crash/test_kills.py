"""D1 to D3: a worker that is killed at any point loses nothing, repeats nothing, reuses nothing."""

import asyncio
import itertools
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.laws import check_laws

from slotkeeper.lab import keystore
from slotkeeper.lab.events import Event
from slotkeeper.lab.mixed import MixedLoad
from slotkeeper.streams import Message, Streams, open_streams

KILLS = 100
RECORDS = 6_000
CHUNK = 40
"""Records a round: enough for commits in every partition, few enough for a hundred rounds."""

PROGRAM = Path(__file__).with_name("worker_process.py")
POINTS = (
    "restore",
    "part loaded",
    "opened",
    "staged",
    "sealed",
    "committed",
    "part taken",
    "synchronised",
)
OUTSIDE = "outside"
"""The test kills, some lines of progress on, wherever the process then is."""


@pytest.mark.timeout(1_800)
async def test_d01_d02_d03_a_hundred_kills_break_no_law(tmp_path: Path) -> None:
    draw = random.Random(20)  # noqa: S311  # a schedule, no secret
    load = MixedLoad(RECORDS, seed=20)
    events = load.events()
    url = f"sqlite:///{tmp_path / 'streams.db'}"
    settings = keystore.write_settings(tmp_path, [load.pki.acb], streams=url)
    kills = 0
    async with open_streams(url) as streams:
        while kills < KILLS:
            kills += await one_life(settings, streams, list(itertools.islice(events, CHUNK)), draw)
        await publish(streams, list(events))
        assert await live(settings, "never", 0) == 0
        findings = await check_laws(streams)
    assert findings.broken == []
    assert findings.commands
    # A killed writer leaves a whole snapshot behind or none, and never one that is ahead.
    snapshots = tmp_path / "snapshots"
    assert len(list(snapshots.glob("*-partition-?.snapshot"))) == streams.partitions
    assert list(snapshots.glob("*.refused")) == []
    # Whatever was interrupted, each record was decided as if nothing had happened.
    assert findings.decisions == load.expected


async def one_life(
    settings: Path, streams: Streams, events: Sequence[Event], draw: random.Random
) -> bool:
    """Let a worker live until it is killed or idle; gives whether it was killed."""
    before = draw.randrange(len(events) + 1)
    await publish(streams, events[:before])
    point = draw.choice([*POINTS, OUTSIDE, OUTSIDE, OUTSIDE])
    life = asyncio.create_task(live(settings, point, draw.randrange(1, 9)))
    await publish(streams, events[before:])
    status = await life
    assert status in (0, -signal.SIGKILL)
    return status != 0


async def live(settings: Path, point: str, number: int) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        str(settings),
        point,
        str(number),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = 0
    async for _ in process.stdout:
        lines += 1
        if point == OUTSIDE and lines == number and process.returncode is None:
            process.kill()
    return await process.wait()


async def publish(streams: Streams, events: Sequence[Event]) -> None:
    messages = [
        Message(
            event.stream,
            event.key.encode() if isinstance(event.key, str) else event.key,
            event.octets,
            (),
            event.partition,
        )
        for event in events
    ]
    for start in range(0, len(messages), 10):
        await streams.publish(messages[start : start + 10])
