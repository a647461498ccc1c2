"""What the figures should be."""

from dataclasses import dataclass
from pathlib import Path

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
        least: At least so much, or None.
        most: At most so much, or None.
        unit: Of the figure; ``x`` is a ratio.
    """

    key: str
    what: str
    scenario: str
    subject: str
    figure: str
    to: str | None = None
    least: float | None = None
    most: float | None = None
    unit: str = "x"

    def value(self, results: Results) -> float | None:
        if self.to is None:
            return results.median(self.scenario, self.subject, self.figure)
        return results.ratio(self.scenario, self.subject, self.figure, self.to)

    def met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    @property
    def wanted(self) -> str:
        bound = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        return f"{bound} {self.unit}"


def _backlog(scenario: str, where: str) -> tuple[Goal, ...]:
    return (
        Goal(
            key=f"{scenario}-streams",
            what=f"requests a second, signing off, to Kafka Streams in-memory, {where}",
            scenario=scenario,
            subject="unsigned",
            figure="requests_s",
            to="streams-memory",
            least=1.2,
        ),
        Goal(
            key=f"{scenario}-quix",
            what=f"requests a second, signing off, to Quix Streams, {where}",
            scenario=scenario,
            subject="unsigned",
            figure="requests_s",
            to="quix",
            least=2.0,
        ),
        Goal(
            key=f"{scenario}-cpu",
            what=f"processor time of a request, signing off, to Kafka Streams in-memory, {where}",
            scenario=scenario,
            subject="unsigned",
            figure="cpu_us",
            to="streams-memory",
            most=0.5,
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
        least=0.7,
    ),
    Goal(
        key="outside",
        what="processor time of a request outside the engine, signing on",
        scenario="even",
        subject="signed",
        figure="outside_us",
        most=27.0,
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
            most=0.6,
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
            least=0.7,
        )
        for what in ("changelog", "inventory")
    ),
    Goal(
        key="snapshot",
        what="ten million devices with their inventory from a snapshot",
        scenario="snapshot",
        subject="signed",
        figure="ten_million_s",
        most=6.0,
        unit="s",
    ),
    Goal(
        key="stop",
        what="longest wait for an answer when one of two programs is stopped in order",
        scenario="takeover",
        subject="signed",
        figure="stop_longest_s",
        most=1.0,
        unit="s",
    ),
    Goal(
        key="kill",
        what="the same when it is killed, beyond session timeout and restore",
        scenario="takeover",
        subject="signed",
        figure="kill_beyond_s",
        most=2.0,
        unit="s",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A goal and what came of it.

    Attributes:
        key: The goal's.
        what: For people.
        value: None if it was not measured.
        wanted: For people.
        met: None if it was not measured.
        unit: Of the value.
    """

    key: str
    what: str
    value: float | None
    wanted: str
    met: bool | None
    unit: str


def verdicts(results: Results, bench: Path) -> list[Verdict]:
    """Judge every goal.

    Args:
        results: What was found.
        bench: The ``results.json`` of ``make bench``.
    """
    found = []
    for goal in GOALS:
        value = goal.value(results)
        found.append(
            Verdict(
                key=goal.key,
                what=goal.what,
                value=value,
                wanted=goal.wanted,
                met=None if value is None else goal.met(value),
                unit=goal.unit,
            )
        )
    return [*found, *_to_bench(results, bench)]


def _to_bench(results: Results, bench: Path) -> list[Verdict]:
    """Compare with the engine's rate in the results that are kept as well."""
    rate = results.median("even", "signed", "requests_s")
    if rate is None or not bench.exists():
        return []
    kept = sealing.found(bench)
    ratio = rate / kept["value"]
    return [
        Verdict(
            key="sealing-kept",
            what=f"requests a second, signing on, to the {kept['value']:,.0f} of `make bench` "
            f"(commit {kept['commit']})",
            value=ratio,
            wanted="at least 0.7 x",
            met=ratio >= 0.7,
            unit="x",
        )
    ]
