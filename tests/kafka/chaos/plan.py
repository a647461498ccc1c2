"""Which fault comes when: drawn from a seed before anything runs, so that it can come again."""

import random
from dataclasses import dataclass
from enum import StrEnum

SESSION_S = 6.0
"""After so long the group gives a silent worker's partitions away."""

PAUSE_S = (1.0, 3.0)
"""Between two faults."""

NAP_S = (1.2 * SESSION_S, 2.5 * SESSION_S)
"""Long enough for others to have taken the sleeper's partitions over when it wakes up: they wait
until its session ends, and perhaps as long again for that of one that was killed meanwhile."""

OUTAGE_S = (0.3, 3.0)
"""How long the broker is away before it is started again."""

STEADY_S = 12.0
"""From one outage to the next at least. A broker takes some seconds to come back, and workers their
time to find it; an outage without an end would only show that nothing happens without a broker."""


class Kind(StrEnum):
    """What is done to whom."""

    KILL = "worker SIGKILL"
    NAP = "worker SIGSTOP, SIGCONT"
    TERM = "worker SIGTERM"
    BROKER_KILL = "broker SIGKILL"
    BROKER_STOP = "broker SIGTERM"


SECOND_AT = (0.2, 0.4)
LOSS_AT = (0.45, 0.65)
"""When a second application comes, and when the changelog loses its beginning, of the whole time:
when there is something to lose, and time left to go on."""

_WEIGHTS = {
    Kind.KILL: 30,
    Kind.NAP: 36,
    Kind.TERM: 20,
    Kind.BROKER_KILL: 9,
    Kind.BROKER_STOP: 5,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        at: Seconds after the beginning.
        kind: What is done.
        worker: To whom, from 0; None for the broker.
        lasts: Seconds of a nap or an outage; 0 for others.
    """

    at: float
    kind: Kind
    worker: int | None = None
    lasts: float = 0.0


def plan(seed: int, seconds: float, workers: int) -> list[Fault]:
    """Draw the faults of so many seconds; one worker sleeps at a time, lest nobody is at work."""
    draw = random.Random(f"faults {seed}")  # noqa: S311  # a schedule, no secret
    faults: list[Fault] = []
    asleep_until = [0.0] * workers
    broker_steady_at = 0.0
    at = draw.uniform(*PAUSE_S)
    while at < seconds:
        kinds = list(_WEIGHTS)
        awake = [worker for worker in range(workers) if asleep_until[worker] <= at]
        if len(awake) < workers:
            kinds.remove(Kind.NAP)
        if at < broker_steady_at:
            kinds = [kind for kind in kinds if kind not in (Kind.BROKER_KILL, Kind.BROKER_STOP)]
        (kind,) = draw.choices(kinds, [_WEIGHTS[kind] for kind in kinds])
        if kind in (Kind.BROKER_KILL, Kind.BROKER_STOP):
            faults.append(Fault(at, kind, lasts=draw.uniform(*OUTAGE_S)))
            broker_steady_at = at + STEADY_S
        else:
            worker = draw.choice(awake)
            lasts = draw.uniform(*NAP_S) if kind is Kind.NAP else 0.0
            asleep_until[worker] = at + lasts
            faults.append(Fault(at, kind, worker, lasts))
        at += draw.uniform(*PAUSE_S)
    return faults


@dataclass(frozen=True, slots=True)
class Interventions:
    """What people do who should not, once in a run.

    Attributes:
        second_at: Seconds after the beginning when a second application comes.
        loss_at: And when the changelog loses its beginning.
        loses: The partition of which.
        grows: Which of the inputs gets more partitions in the end, by its place among them.
    """

    second_at: float
    loss_at: float
    loses: int
    grows: int


def interventions(seed: int, seconds: float, *, partitions: int, inputs: int) -> Interventions:
    """Draw them from a stream of their own, so that a seed's faults stay what they were."""
    draw = random.Random(f"interventions {seed}")  # noqa: S311  # a schedule, no secret
    return Interventions(
        second_at=seconds * draw.uniform(*SECOND_AT),
        loss_at=seconds * draw.uniform(*LOSS_AT),
        loses=draw.randrange(partitions),
        grows=draw.randrange(inputs),
    )
