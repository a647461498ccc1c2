"""What the figures should be."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure

from . import sealing
from .results import Results


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A median, or its ratio to another contender's, and what it should be.

    Attributes:
        key: Names it in ``peers-causes.json``, where stands why it is missed.
        what: For people.
        scenario: Where the figure stands.
        subject: The contender.
        figure: Its name.
        to: The contender whose median it is divided by, or None.
        wanted: ``at_least`` or ``at_most``, with a value.
        unit: Of the figure; ``x`` is a ratio.
    """

    key: str
    what: str
    scenario: str
    subject: str
    figure: str
    wanted: dict[str, float]
    to: str | None = None
    unit: str = "x"

    def value(self, results: Results) -> float | None:
        if self.to is None:
            return results.median(self.scenario, self.subject, self.figure)
        return results.ratio(self.scenario, self.subject, self.figure, self.to)


def _backlog(scenario: str, where: str) -> tuple[Goal, ...]:
    return (
        Goal(
            key=f"{scenario}-streams",
            what=f"requests a second, signing off, to Kafka Streams in-memory, {where}",
            scenario=scenario,
            subject="unsigned",
            figure="requests_s",
            to="streams-memory",
            wanted={"at_least": 1.2},
        ),
        Goal(
            key=f"{scenario}-quix",
            what=f"requests a second, signing off, to Quix Streams, {where}",
            scenario=scenario,
            subject="unsigned",
            figure="requests_s",
            to="quix",
            wanted={"at_least": 2.0},
        ),
        Goal(
            key=f"{scenario}-cpu",
            what=f"processor time of a request, signing off, to Kafka Streams in-memory, {where}",
            scenario=scenario,
            subject="unsigned",
            figure="cpu_us",
            to="streams-memory",
            wanted={"at_most": 0.5},
        ),
    )


GOALS = (
    *_backlog("even", "four partitions"),
    *_backlog("hot", "one hot partition"),
    Goal(
        key="sealing",
        what="requests a second, signing on, to the engine alone on the same core before and after",
        scenario="even",
        subject="signed",
        figure="of_sealing",
        wanted={"at_least": 0.7},
    ),
    Goal(
        key="outside",
        what="processor time of a request outside the engine, signing on",
        scenario="even",
        subject="signed",
        figure="outside_us",
        wanted={"at_most": 27.0},
        unit="us",
    ),
    *(
        Goal(
            key=f"p99-{subject}",
            what=f"p99 at 1,000 requests a second, {signing}, to Kafka Streams in-memory",
            scenario="latency",
            subject=subject,
            figure="p99_ms",
            to="streams-memory",
            wanted={"at_most": 0.6},
        )
        for subject, signing in (("unsigned", "signing off"), ("signed", "signing on"))
    ),
    *(
        Goal(
            key=f"restore-{what}",
            what=f"records of the {what} restored a second, to a reader that drops them",
            scenario="restore",
            subject="signed",
            figure=f"{what}_of_bare",
            wanted={"at_least": 0.7},
        )
        for what in ("changelog", "inventory")
    ),
    Goal(
        key="snapshot",
        what="ten million devices with their inventory from a snapshot",
        scenario="snapshot",
        subject="signed",
        figure="ten_million_s",
        wanted={"at_most": 6.0},
        unit="s",
    ),
    Goal(
        key="stop",
        what="longest wait for an answer when one of two programs is stopped in order",
        scenario="takeover",
        subject="signed",
        figure="stop_longest_s",
        wanted={"at_most": 1.0},
        unit="s",
    ),
    Goal(
        key="kill",
        what="the same when it is killed, beyond session timeout and restore",
        scenario="takeover",
        subject="signed",
        figure="kill_beyond_s",
        wanted={"at_most": 2.0},
        unit="s",
    ),
)


def judged(results: Results, bench: Path) -> dict[str, Figure]:
    """Give every goal's figure, by the goal's key.

    Args:
        results: What was found.
        bench: The ``results.json`` of ``make bench``.
    """
    found = {
        goal.key: Figure(
            what=goal.what, value=goal.value(results), unit=goal.unit, goal=goal.wanted
        )
        for goal in GOALS
    }
    rate = results.median("even", "signed", "requests_s")
    if rate is not None and bench.exists():
        alone, commit = sealing.kept(bench)
        found["sealing-kept"] = Figure(
            what=f"requests a second, signing on, to the {alone:,.0f} of `make bench` "
            f"(commit {commit})",
            value=rate / alone,
            unit="x",
            goal={"at_least": 0.7},
        )
    return found
