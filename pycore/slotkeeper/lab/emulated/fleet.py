"""A fleet of emulated GPFs that lives for a while, round by round."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Self

import orjson

from slotkeeper.lab import events
from slotkeeper.lab.emulated.acts import Act
from slotkeeper.lab.emulated.handover import Handover, command_without_tracking, number_of
from slotkeeper.lab.emulated.leaving import Leave, next_step
from slotkeeper.lab.emulated.member import NEVER, Member
from slotkeeper.lab.emulated.parties import ACB, SUPPLIERS, Holder, Parties
from slotkeeper.lab.emulated.sending import FACTS, REQUESTS, TABLE, Sent, Told, meter_record
from slotkeeper.lab.emulated.state_file import StateFile, StateFileError
from slotkeeper.lab.terms import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from slotkeeper.lab.emulated.plan import Plan
    from slotkeeper.lab.emulated.sending import Asked
    from slotkeeper.lab.events import Event

__all__ = ["EmulatedFleet"]

# Parties act in the first part of a round, the DSP's commands arrive in the rest.
_ACTING: Final = 0.6
# So many slots have held the ACB since the factory.
_UNTOUCHED: Final = 0.3
_OLDEST_DAYS: Final = 1_000


class EmulatedFleet:
    """Devices, parties and the time between them; it knows no streams.

    A round is: :meth:`begin`, then publish :meth:`told` and after that :meth:`requests`, collect a
    command or a refusal for each of :attr:`waiting`, then :meth:`end`. A fleet that is killed goes
    on in the round in which it was: it may tell the same records again, to the octet. After the
    last round :meth:`begin` is still called once, since messages may be on their way.

    Attributes:
        plan: what was asked for.
        parties: everyone's keys and certificates.
        state: the file.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        """Open a fleet, making it where there is none.

        Raises:
            StateFileError: the file is another fleet's, or no fleet's.
        """
        self.plan = plan
        self.state = StateFile(path)
        asked = orjson.dumps(plan.record(), option=orjson.OPT_SORT_KEYS).decode()
        kept = self.state.about("plan")
        if kept not in (None, asked):
            self.state.close()
            raise StateFileError(f"{path} holds a fleet that was asked for otherwise: {kept}")
        if kept is None:
            self.state.note("plan", asked)
        self.parties = Parties(plan.seed)

    def __enter__(self) -> Self:
        """Use it as a context that closes the file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.state.close()

    @property
    def round(self) -> int:
        """The round that is under way, or begins next."""
        return int(self.state.about("round") or 0)

    @property
    def over(self) -> bool:
        """Whether everything has happened and been told."""
        return self.round > self.plan.rounds

    @property
    def waiting(self) -> set[str]:
        """RequestIDs of 6.21 requests that have no answer yet."""
        return (
            {asked.request_id for _, asked in self.state.asked()} if self.plan.tracking else set()
        )

    def begin(self, progress: Callable[[int], object] = lambda _: None) -> None:
        """Let the parties act; what comes of it is in the file before anybody is told.

        Does nothing where the round has begun already.

        Args:
            progress: is told how many devices have been through.
        """
        current = self.round
        if self.state.about("begun") == current:
            return
        with self.state.whole():
            if current == 0:
                self._make(progress)
            elif current < self.plan.rounds:
                for done, member in enumerate(list(self.state.members(current))):
                    self._act(member)
                    progress(done)
            else:
                self.state.bring_forward(current)
            self.state.note("begun", current)

    def told(self) -> Iterator[list[Event]]:
        """Give what is published first in this round, by pages: inventory, then messages."""
        return self.state.outbox(self.round, (TABLE, FACTS))

    def requests(self) -> Iterator[list[Event]]:
        """Give what is published once all of :meth:`told` is written: suppliers' requests."""
        return self.state.outbox(self.round, (REQUESTS,))

    def end(
        self,
        answers: Mapping[str, bytes | str],
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Bring the commands of this round to their devices, and go on to the next round.

        Args:
            answers: by RequestID a whole command, or the reason why there is none.
            progress: is told how many requests have been through.

        Raises:
            KeyError: a request has no answer; nothing has happened then.
            ValueError: a command is no GBCS message; likewise.
        """
        current = self.round
        if self.state.about("begun") != current:
            raise ValueError(f"round {current} has not begun")
        with self.state.whole():
            requests = self.state.asked()
            for done, (device, ones) in enumerate(groupby(requests, key=itemgetter(0))):
                told = self._told(self.state.member(device), current, "answers", (_ACTING, 1.0))
                self._answer(told, [asked for _, asked in ones], answers)
                self._keep(told)
                progress(done)
            self.state.answered()
            published = self.state.sent(current)
            self.state.note("published", int(self.state.about("published") or 0) + published)
            self.state.note("round", current + 1)

    def _make(self, progress: Callable[[int], object]) -> None:
        """Make the devices as they stand at the beginning, and their inventory records."""
        late = self.plan.leaving.late if self.plan.leaving else 0
        # A number that is none of the devices', nor of a hub that takes the place of one.
        strangers = range(2 * self.plan.devices, 2 * self.plan.devices + late)
        for number in (*range(self.plan.devices), *strangers):
            draw = random.Random(f"{self.plan.seed}/{number}")  # noqa: S311 - drawn, not secret
            supplier = draw.randrange(SUPPLIERS)
            if self.plan.leaving:
                self._make_leaving(number, supplier, draw)
                progress(number)
                continue
            operator = Holder(Role.NETWORK_OPERATOR, 1 + number % self.parties.operators, 0)
            holder = ACB if draw.random() < _UNTOUCHED else operator
            act = 1 + draw.randrange(max(1, self.plan.rounds // self.plan.acts))
            member = Member(
                number=number,
                cells=self.parties.factory_cells(holder, supplier),
                supplier=supplier,
                owner=operator.number,
                next_act=act,
                wake=act,
            )
            commissioned = self.plan.start - timedelta(days=draw.randrange(1, _OLDEST_DAYS))
            day = commissioned.date().isoformat()
            self.state.keep(member, commissioned)
            gpf = events.inventory(self.parties.device(number), commissioned_on=day)
            meter = meter_record(self.plan, number, commissioned_on=day)
            self.state.send([Sent(0, TABLE, gpf), Sent(0, TABLE, meter)])
            # Drawn only where it is asked for: other fleets have the history that they always had.
            if self.plan.baselines and draw.random() < self.plan.baselines:
                baseline = self._baseline(number, holder)
                self.state.send([Sent(0, FACTS, baseline)])
            progress(number)

    def _make_leaving(self, number: int, supplier: int, draw: random.Random) -> None:
        """Make a device of the operator that leaves, or one that nobody knows of."""
        plan = self.plan
        leaver = Holder(Role.NETWORK_OPERATOR, 1, 0)
        act = next_step(plan, number, 0)
        member = Member(
            number=number,
            cells=self.parties.factory_cells(leaver, supplier),
            supplier=supplier,
            owner=leaver.number,
            next_act=act,
            wake=act,
        )
        commissioned = plan.start - timedelta(days=draw.randrange(1, _OLDEST_DAYS))
        day = commissioned.date().isoformat()
        device = self.parties.device(number)
        self.state.keep(member, commissioned)
        self.state.send([Sent(0, TABLE, events.inventory(device, commissioned_on=day))])
        if number < plan.devices:
            self.state.send(
                [
                    Sent(0, TABLE, meter_record(plan, number, commissioned_on=day)),
                    Sent(1, FACTS, self._baseline(number, leaver)),
                ]
            )

    def _baseline(self, number: int, holder: Holder) -> Event:
        """Tell who stood in a slot when the time began."""
        device = self.parties.device(number).eui
        at = self.plan.start - timedelta(days=1)
        return events.baseline(device, self.parties.organisation(holder), at)

    def _act(self, member: Member) -> None:
        told = self._told(member, self.round, "act", (0.0, _ACTING))
        act = Leave(told, self.parties) if self.plan.leaving else Act(told, self.parties)
        act.execute_due()
        if isinstance(act, Leave):
            act.go_on()
        elif member.next_act <= told.current:
            # On average `acts` in the whole time, at least a round apart.
            gap = self.plan.rounds / self.plan.acts
            member.next_act = told.current + max(1, round(told.random.uniform(0.2, 1.8) * gap))
            act.act()
        act.finish()
        self._keep(told)

    def _answer(self, told: Told, asked: list[Asked], answers: Mapping[str, bytes | str]) -> None:
        handover = Handover(told, self.parties)
        commands: list[tuple[int, str, Asked, bytes]] = []
        for one in asked:
            answer: bytes | str = (
                answers[one.request_id]
                if self.plan.tracking
                else command_without_tracking(one, self.parties, told.member.number)
            )
            if isinstance(answer, str):
                handover.refused(one, answer)
            else:
                commands.append((number_of(answer), one.request_id, one, answer))
        for _, _, one, command in sorted(commands):
            handover.deliver(one, command)

    def _keep(self, told: Told) -> None:
        """Write down a device and all that came of its round."""
        for one in filter(None, (told.member, told.made)):
            one.wake = min([one.next_act, *(self._due(one, p.due) for p in one.pending)])
            self.state.keep(one, told.moment)
        self.state.send(told.sent)
        self.state.ask(told.member.number, told.asked)
        self.state.result(told.current, told.results)

    def _due(self, member: Member, due: datetime) -> int:
        """Give the round in which a dated command is executed, by the device's own clock."""
        by_right_time = due - timedelta(seconds=member.clock_error)
        found = self.plan.round_of(by_right_time)
        return found if found <= self.plan.rounds else NEVER

    def _told(self, member: Member, current: int, phase: str, parts: tuple[float, float]) -> Told:
        # Text, since only that gives the same numbers in every process.
        seed = f"{self.plan.seed}/{member.number}/{current}/{phase}"
        draw = random.Random(seed)  # noqa: S311 - a fleet is drawn, not a secret
        moment = self.plan.begin_of(current) + draw.uniform(*parts) * self.plan.step
        return Told(self.plan, member, current, draw, moment)
