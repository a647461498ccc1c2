"""What a build keeps of exits, and how they stood on a day: the column ``exit`` of a report."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from functools import cache
from typing import Any

from slotkeeper.errors import FaultFoundError
from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.registers.reading import Registers
from slotkeeper.slots.registers.records import RefusedError
from slotkeeper.slots.report.joining import ended
from slotkeeper.slots.report.judging import registers_of
from slotkeeper.slots.tables import tables

from .acts import Act, act_of
from .campaign import phase_of
from .facts import DeviceFacts, Waits
from .reading import Scope, fence_of, made_at
from .register import Leaving, leaving
from .states import Phase

_INSTANT = timedelta(microseconds=1)


def exits_on(build: Build, policy: Policy, as_of: date) -> dict[str, Phase]:
    """Say how the exit of each party stood at the end of a day, by what a build knows.

    Left out are parties that intended nothing by then, and those that took back an intent of which
    nobody had opened the exit. A build of an earlier release knows of no acts, and says nothing.

    Raises:
        FaultFoundError: What the build keeps of acts is damaged.
    """
    kept = build.manifest.get("exits")
    if kept is None:
        return {}
    acts, waits = _kept(kept)
    with tables(build.reads) as made:
        registers = registers_of(made, build)
    found = {}
    for party in _leaving(registers, as_of):
        own = [one for one in acts if one.party_id == party.party.party_id]
        with _devices(build, party, policy) as devices:
            phase = phase_of(
                party,
                devices,
                own,
                at=min(ended(as_of) - _INSTANT, made_at(build)),
                fence=fence_of(build),
                waits=waits,
            )
        if phase is not Phase.DRAFT or not party.is_taken_back(as_of):
            found[party.party.party_id] = phase
    return found


def _leaving(registers: Registers, as_of: date) -> Iterator[Leaving]:
    for party_id in sorted(registers.parties):
        party = leaving(registers, party_id, as_of)
        if party is not None and party.intent is not None:
            yield party


@contextmanager
def _devices(
    build: Build, party: Leaving, policy: Policy
) -> Iterator[Callable[[], Iterable[DeviceFacts]]]:
    """Give what finds the devices of the scope once somebody asks: an exit may need none."""
    with ExitStack() as stack:

        @cache
        def devices() -> Scope:
            return Scope(stack.enter_context(tables(build.reads)), build, party, policy)

        yield devices


def _kept(kept: Mapping[str, Any]) -> tuple[list[Act], Waits]:
    try:
        waits = Waits(
            silent=timedelta(days=kept["silent_days"]), quiet=timedelta(days=kept["quiet_days"])
        )
        return [act_of(one) for one in kept["acts"]], waits
    except (RefusedError, KeyError, TypeError, ValueError) as error:
        raise FaultFoundError(f"what the build keeps of exits is damaged: {error!r}") from None
