"""``soak.json``, ``soak.md`` and ``soak.svg``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from benchmarks.peers.machine import Machine

from . import picture
from .judgement import LAG_S, MEMORY, Judgement, Sample


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
        folder.mkdir(parents=True, exist_ok=True)
        everything = {
            "machine": self.machine.as_dict(),
            "plan": self.plan,
            "measured_s": self.measured_s,
            "rate": self.rate,
            "passed": self.passed,
            "failure": self.failure,
            "judgement": self.judgement and self.judgement.as_dict(),
            "commands": self.commands,
            "judged": self.judged,
            "samples": [sample.as_dict() for sample in self.samples],
        }
        (folder / "soak.json").write_bytes(
            orjson.dumps(everything, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
        (folder / "soak.md").write_text("\n".join([*self.lines(), ""]))
        (folder / "soak.svg").write_text(picture.draw(self.samples))

    def lines(self) -> Iterator[str]:
        """Give what people read, as Markdown."""
        yield from ("# Result of `make soak`", "")
        yield from (f"- {line}" for line in self.machine.lines())
        yield f"- {', '.join(f'{name} {value}' for name, value in self.plan.items())}"
        yield (
            f"- {self.measured_s:,.0f} requests a second from a backlog just before; "
            f"{self.rate:,.0f} a second were written since"
        )
        yield from ("", "| what | found | wanted | |", "|---|---|---|---|")
        if self.judgement is not None:
            yield from _judged(self.judgement, self.rate)
        laws = "met" if self.failure is None else "**MISSED**"
        yield (
            f"| the laws | {self.commands:,} commands and their decisions read, {self.judged:,} "
            f"signatures and MACs checked | no breach, nothing missing | {laws} |"
        )
        if self.failure is not None:
            yield from ("", self.failure)
        if self.samples:
            yield from ("", _resources(self.samples))
            yield from ("", "![Memory, lag and processor time over time](soak.svg)")


def _judged(found: Judgement, rate: float) -> Iterator[str]:
    minutes = found.window_s / 60
    memory = "met" if found.memory_steady else "**MISSED**"
    lag = "met" if found.lag_steady else "**MISSED**"
    yield (
        f"| memory, median of the last {minutes:.3g} min to that of as many before | "
        f"{found.resident_last_mib:.1f} MiB, {found.resident_before_mib:.1f} MiB: "
        f"{found.resident_last_mib / found.resident_before_mib:.3f} x | "
        f"within {MEMORY:.0%} | {memory} |"
    )
    yield (
        f"| lag, medians of the same | {found.lag_last:,.0f}, {found.lag_before:,.0f} requests | "
        f"risen by at most {LAG_S:g} s of requests, {LAG_S * rate:,.0f} | {lag} |"
    )


def _resources(samples: Sequence[Sample]) -> str:
    count = len(samples)
    return (
        f"On average {sum(sample.cpu for sample in samples) / count:.0%} of the worker's core and "
        f"{sum(sample.broker_cpu for sample in samples) / count:.0%} of the broker's; at most "
        f"{max(sample.lag for sample in samples):,} requests behind and "
        f"{max(sample.disk_mib for sample in samples) / 1024:.1f} GiB of disk."
    )
