"""Whether a worker would go on like this for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

WINDOW_S = 600.0
"""The last ten minutes are compared with the ten before. A soak of less than thirty compares its
last third with the one before."""

MEMORY = 0.05
"""The share by which memory may differ between the two."""

LAG_S = 1.0
"""The lag may grow by the requests of so many seconds between the two: a moment's wait, and no
trend. A worker that is one part in a hundred too slow falls behind by six times as much."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The state of things at one moment.

    Attributes:
        at_s: Since the load began.
        fed: Requests written.
        answered: Commands seen.
        lag: Requests whose offset is not committed.
        resident_mib: Memory of the worker.
        cpu: Share of its core that the worker used since the last sample.
        broker_cpu: The same of the broker.
        disk_mib: Size of all that the broker keeps.
    """

    at_s: float
    fed: int
    answered: int
    lag: int
    resident_mib: float
    cpu: float
    broker_cpu: float
    disk_mib: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Two windows compared.

    Attributes:
        window_s: How long each is.
        resident_before_mib: Median of the first.
        resident_last_mib: Median of the second.
        lag_before: Median of the first.
        lag_last: Median of the second.
        memory_steady: Whether they differ by no more than ``MEMORY``.
        lag_steady: Whether the lag grew by no more than the requests of ``LAG_S``.
    """

    window_s: float
    resident_before_mib: float
    resident_last_mib: float
    lag_before: float
    lag_last: float
    memory_steady: bool
    lag_steady: bool


def judge(samples: Sequence[Sample], rate: float) -> Judgement:
    """Compare the last window with the one before.

    Args:
        samples: In order.
        rate: Requests a second that were written.
    """
    end = samples[-1].at_s
    window = min(WINDOW_S, end / 3)
    last = [sample for sample in samples if sample.at_s > end - window]
    before = [sample for sample in samples if end - 2 * window < sample.at_s <= end - window]
    memory_before, memory_last = (
        median(sample.resident_mib for sample in some) for some in (before, last)
    )
    lag_before, lag_last = (median(sample.lag for sample in some) for some in (before, last))
    return Judgement(
        window_s=window,
        resident_before_mib=memory_before,
        resident_last_mib=memory_last,
        lag_before=lag_before,
        lag_last=lag_last,
        memory_steady=abs(memory_last / memory_before - 1) <= MEMORY,
        lag_steady=lag_last - lag_before <= LAG_S * rate,
    )
