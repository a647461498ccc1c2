"""``soak.md`` and ``soak.svg``, and the samples that they were made of."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from benchmarks import markdown, picture
from benchmarks.machine import Machine
from benchmarks.peers.contenders import CACHE

from .judgement import LAG_S, MEMORY, Judgement, Sample

SAMPLES = CACHE / "soak.json"
"""Of the last soak: they are many, and worth something only as long as somebody looks into it."""

SHOWN = "A worker under a steady load: memory, lag and processor time"

FIGURES: dict[str, Callable[[Sample], float]] = {
    "memory of the worker, MiB": lambda sample: sample.resident_mib,
    "requests behind": lambda sample: sample.lag,
    "share of its core, %": lambda sample: 100 * sample.cpu,
}
"""What is drawn, by what it is called."""


@dataclass
class Soak:
    """All that one soak found.

    Attributes:
        machine: Where.
        plan: Minutes, cores, devices, limits.
        measured_s: Requests a second from a backlog, just before.
        rate: Requests a second that were written since.
        samples: Each 5 s.
        judgement: None until the end.
        commands: Read and held against the laws.
        judged: Of them, those whose signature and MAC were checked.
        failure: What went wrong, or None.
    """

    machine: Machine
    plan: dict[str, Any]
    measured_s: float = 0.0
    rate: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    judgement: Judgement | None = None
    commands: int = 0
    judged: int = 0
    failure: str | None = None

    @property
    def passed(self) -> bool:
        return (
            self.failure is None
            and self.judgement is not None
            and self.judgement.memory_steady
            and self.judgement.lag_steady
        )

    def write(self, folder: Path) -> None:
        """Write the report into the folder, and every sample into the cache."""
        SAMPLES.parent.mkdir(parents=True, exist_ok=True)
        SAMPLES.write_bytes(orjson.dumps(self, option=orjson.OPT_INDENT_2))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "soak.md").write_text("\n".join([*self.lines(), ""]))
        if self.samples:
            (folder / "soak.svg").write_text(_drawn(self.samples))

    def lines(self) -> Iterator[str]:
        """Give what people read, as Markdown."""
        yield from ("# Result of `make soak`", "")
        yield from self.machine.lines()
        yield f"- {', '.join(f'{name} {value}' for name, value in self.plan.items())}"
        yield (
            f"- {self.measured_s:,.0f} requests a second from a backlog just before; "
            f"{self.rate:,.0f} a second were written since"
        )
        found = f"{self.commands:,} commands and their decisions read, "
        found += f"{self.judged:,} signatures and MACs checked"
        laws = ["the laws", found, "no breach, nothing missing"]
        judged = [] if self.judgement is None else _judged(self.judgement, self.rate)
        rows = [*judged, [*laws, markdown.verdict(self.failure is None)]]
        yield from markdown.table(["what", "found", "wanted", ""], rows)
        if self.failure is not None:
            yield from ("", self.failure)
        if self.samples:
            yield from ("", _resources(self.samples))
            yield from ("", f"![{SHOWN}](soak.svg)", "", "Medians of each tenth of the soak:")
            yield from _tenths(self.samples)


def _judged(found: Judgement, rate: float) -> list[list[str]]:
    minutes = found.window_s / 60
    last, before = found.resident_last_mib, found.resident_before_mib
    return [
        [
            f"memory, median of the last {minutes:.3g} min to that of as many before",
            f"{last:.1f} MiB, {before:.1f} MiB: {last / before:.3f} x",
            f"within {MEMORY:.0%}",
            markdown.verdict(found.memory_steady),
        ],
        [
            "lag, medians of the same",
            f"{found.lag_last:,.0f}, {found.lag_before:,.0f} requests",
            f"risen by at most {LAG_S:g} s of requests, {LAG_S * rate:,.0f}",
            markdown.verdict(found.lag_steady),
        ],
    ]


def _resources(samples: Sequence[Sample]) -> str:
    count = len(samples)
    return (
        f"On average {sum(sample.cpu for sample in samples) / count:.0%} of the worker's core and "
        f"{sum(sample.broker_cpu for sample in samples) / count:.0%} of the broker's; at most "
        f"{max(sample.lag for sample in samples):,} requests behind and "
        f"{max(sample.disk_mib for sample in samples) / 1024:.1f} GiB of disk."
    )


def _tenths(samples: Sequence[Sample]) -> Iterator[str]:
    """Give a table of the picture's figures."""
    count, rows = len(samples), []
    for tenth in range(10):
        some = samples[count * tenth // 10 : count * (tenth + 1) // 10]
        if some:
            figures = (f"{median(map(value, some)):,.0f}" for value in FIGURES.values())
            rows.append([f"{some[-1].at_s / 60:.1f} min", *figures])
    return markdown.table(["until", *FIGURES], rows)


def _drawn(samples: Sequence[Sample]) -> str:
    told = (
        f"{label}: {value(samples[0]):,.0f} at first, {max(map(value, samples)):,.0f} at most, "
        f"{value(samples[-1]):,.0f} at last"
        for label, value in FIGURES.items()
    )
    panels = [
        picture.Panel(
            label=label, series={label: [(sample.at_s / 60, value(sample)) for sample in samples]}
        )
        for label, value in FIGURES.items()
    ]
    return picture.lines(SHOWN, f"{'; '.join(told)}.", "minutes under load", panels)
