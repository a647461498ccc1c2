"""What is asked of an emulated fleet: its size and time, and how often something goes wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

__all__ = ["FaultRates", "Leaving", "Plan"]

# A fixed moment, not the clock's: the same seed must give the same fleet on another day.
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """How often something goes wrong, each a chance from 0 to 1.

    Attributes:
        response_lost: a device's message never arrives (N16).
        response_late: it arrives one to six rounds later (N4).
        response_doubled: it arrives twice, the second time maybe later (N2, N5).
        command_lost: a 6.21 command never reaches its device (S7).
        command_unseen: nobody tells of a 6.15.1 on its way down. With a Response that is lost or
            late as well, the device holds a number that nobody told, and may refuse.
        cell_failed: one of the two cells is not replaced (N7, N8).
        future_dated: an operator dates a hand-back (N13); a fifth of these is cancelled (N15).
        clock_wrong: a device's clock is wrong, or is set anew, by hours or by years.
        error_response: an operator's request ends in an error without a device's message (N6).
        request_repeated: a request arrives twice (S6), or two suppliers ask at once (S5).
        request_premature: a supplier asks although an operator holds the slot (S11).
    """

    response_lost: float = 0.02
    response_late: float = 0.04
    response_doubled: float = 0.03
    command_lost: float = 0.02
    command_unseen: float = 0.0
    cell_failed: float = 0.02
    future_dated: float = 0.08
    clock_wrong: float = 0.03
    error_response: float = 0.04
    request_repeated: float = 0.05
    request_premature: float = 0.03

    def __post_init__(self) -> None:
        """Check the chances.

        Raises:
            ValueError: one is not from 0 to 1.
        """
        for one in fields(self):
            if not 0 <= getattr(self, one.name) <= 1:
                raise ValueError(f"{one.name} must be from 0 to 1")

    @classmethod
    def none(cls) -> FaultRates:
        """Give rates of 0: everything that is sent arrives once and in time."""
        return cls(**{one.name: 0.0 for one in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """The first operator holds every slot and leaves: what goes otherwise than planned.

    Attributes:
        silent: chance that a device does not hear its command until much later.
        partial: chance that only one of its cells is replaced at first.
        quarantined: chance that anomaly detection holds the request for a round.
        dated: chance that the command is dated ten days ahead (N13).
        exchanged: how many hubs are exchanged.
        placed_again: how many slots a supplier gives back to the operator that leaves (P19).
        late: how many hubs that nobody knew of wake in the last round with its certificates (P33).
        until: the last round in which the operator acts; None: it acts to the end.
    """

    silent: float = 0.05
    partial: float = 0.01
    quarantined: float = 0.005
    dated: float = 0.1
    exchanged: int = 0
    placed_again: int = 0
    late: int = 0
    until: int | None = None

    def __post_init__(self) -> None:
        """Check the chances and numbers.

        Raises:
            ValueError: one is out of its range.
        """
        chances = (self.silent, self.partial, self.quarantined, self.dated)
        if any(not 0 <= one <= 1 for one in chances) or sum(chances) > 1:
            raise ValueError("silent, partial, quarantined and dated must be 0 to 1 in all")
        if any(not 0 <= one <= 1 << 20 for one in (self.exchanged, self.placed_again, self.late)):
            raise ValueError("exchanged, placed_again and late must be 0 to 2**20")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A fleet and its time; two fleets of one plan do the same.

    Attributes:
        devices: how many GPFs there are at the beginning, 1 to 2**24.
        seed: another seed, other keys and another history.
        start: when the time begins.
        days: how long it lasts.
        rounds: into how many steps it is divided. In each a device does at most one thing, and
            requests are answered before the next begins.
        acts: how often, on average, somebody does something with a device in that time.
        tracking: False lets the emulated DSP make its 6.21 commands itself, with the numbers of
            its own clock, as without Slotkeeper.
        rates: see :class:`FaultRates`.
        baselines: share of the devices of which it is told in the first round what they held at the
            beginning, as an import of a takeover does; 0 to 1.
        leaving: the fleet is one operator's that leaves, instead of many that come and go.
    """

    devices: int
    seed: str = "0"
    start: datetime = _START
    days: int = 364
    rounds: int = 52
    acts: int = 5
    tracking: bool = True
    rates: FaultRates = field(default_factory=FaultRates)
    baselines: float = 0.0
    leaving: Leaving | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: one is out of its range.
        """
        for name, most in (("devices", 1 << 24), ("days", 36_500), ("rounds", 10_000)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from 1 to {most}")
        if not 0 <= self.baselines <= 1:
            raise ValueError("baselines must be from 0 to 1")
        if not 1 <= self.acts <= self.rounds:
            raise ValueError("acts must be from 1 to the number of rounds")

    @property
    def step(self) -> timedelta:
        """How long a round lasts."""
        return timedelta(days=self.days) / self.rounds

    def begin_of(self, number: int) -> datetime:
        """Give the moment at which a round begins."""
        return self.start + number * self.step

    def round_of(self, moment: datetime) -> int:
        """Give the first round that begins at or after a moment."""
        return max(0, -((self.start - moment) // self.step))

    def record(self) -> dict[str, Any]:
        """Give it as JSON values, by which a kept fleet is recognised."""
        told = {**asdict(self), "start": self.start.isoformat()}
        # Fleets of before are recognised by what they were asked for then.
        if self.leaving is None:
            del told["leaving"]
        if not self.baselines:
            del told["baselines"]
        return told
