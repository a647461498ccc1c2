"""From input to committed output at a steady rate."""

from collections.abc import Sequence
from dataclasses import dataclass

from .cluster import Broker
from .contenders import Contender, Setting
from .line import Line, Plan, prepare, started
from .load import Load
from .processes import cost, ended


@dataclass(frozen=True, kw_only=True)
class Latency:
    """What one run found.

    Attributes:
        p50_ms: Half of the requests were committed sooner.
        p99_ms: All but one of a hundred.
        longest_ms: The longest of all.
        cpu_us: Processor time of the program for each request, microseconds.
    """

    p50_ms: float
    p99_ms: float
    longest_ms: float
    cpu_us: float


async def measure(
    broker: Broker, contender: Contender, setting: Setting, load: Load, plan: Plan
) -> Latency:
    """Feed one program."""
    await prepare(broker, setting, load)
    async with Line(broker, setting, load).running() as line:
        with ended(started(contender, setting, plan, 0)) as program:
            await line.feed(plan.warm_s)
            before = cost(program.pid)
            first = line.fed
            await line.feed(plan.measured_s)
            used = cost(program.pid).cpu_s - before.cpu_s
            last = line.fed
            await line.answered()
    return _latency(line.latencies(first, last), used)


def _latency(seconds: Sequence[float], used_s: float) -> Latency:
    ordered = sorted(seconds)
    at = [1_000 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99, 1)]
    return Latency(p50_ms=at[0], p99_ms=at[1], longest_ms=at[2], cpu_us=used_s / len(ordered) * 1e6)
