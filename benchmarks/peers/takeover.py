"""How long nobody answers when one of two programs ends."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from .cluster import Broker
from .contenders import Contender, Setting
from .line import Line, Plan, prepare, started
from .load import Load
from .processes import Program, ended

SESSION_S = 10.0
"""After it the group gives a silent program's partitions away: everybody's setting here."""


@dataclass(frozen=True, kw_only=True)
class TakeOver:
    """What one end of a program cost.

    Attributes:
        longest_s: The longest wait for an answer, of all requests written since.
        restore_s: How long the other one took to restore what it took over. The worker's only.
        beyond_s: What ``longest_s`` has beside that and the session timeout, which passes only if
            the program was killed. The worker's only.
    """

    longest_s: float
    restore_s: float | None
    beyond_s: float | None


async def measure(
    broker: Broker,
    contender: Contender,
    setting: Setting,
    load: Load,
    plan: Plan,
    *,
    end: Callable[[Program], None],
) -> TakeOver:
    """Feed two programs, and end the one that began first, so that the other knows nothing yet."""
    await prepare(broker, setting, load)
    async with Line(broker, setting, load).running() as line:
        with (
            ended(started(contender, setting, plan, 0)) as one,
            ended(started(contender, setting, plan, 1)),
        ):
            await line.feed(plan.warm_s)
            await line.answered()
            first = line.fed
            feeding = asyncio.create_task(line.feed(plan.measured_s))
            await asyncio.to_thread(end, one)
            await feeding
            await line.answered()
    longest = max(line.latencies(first, line.fed))
    if not contender.metered:
        return TakeOver(longest_s=longest, restore_s=None, beyond_s=None)
    restore = _last_restore_s(setting.folder / "1.log")
    passed = SESSION_S if end is Program.kill else 0.0
    return TakeOver(
        longest_s=longest, restore_s=restore, beyond_s=max(0.0, longest - passed - restore)
    )


def _last_restore_s(log: Path) -> float:
    """Give the time from the last share of partitions to the opening of the last of them."""
    told = 0.0
    restore = 0.0
    for line in _lines(log):
        at = datetime.fromisoformat(line["time"]).timestamp()
        if line["event"] == "share of partitions":
            told, restore = at, 0.0
        elif line["event"] == "partition is open":
            restore = at - told
    return restore


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text().splitlines():
        if line.startswith("{"):
            yield orjson.loads(line)
