"""Finds out how an exit stands: acts from the streams, facts from a build of slots."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from slotkeeper.cli.output import progress
from slotkeeper.cli.store import looked_at
from slotkeeper.clock import system_clock
from slotkeeper.errors import WrongUseError
from slotkeeper.settings import Settings
from slotkeeper.slots.build.building import build as read_streams
from slotkeeper.slots.build.folder import MANIFEST, Build, open_build
from slotkeeper.slots.digest import digest
from slotkeeper.slots.exit.acts import Act, Ignored
from slotkeeper.slots.exit.campaign import Campaign, fold
from slotkeeper.slots.exit.facts import Fence, Waits
from slotkeeper.slots.exit.reading import Scope, fence_of, made_at
from slotkeeper.slots.exit.register import Leaving, leaving
from slotkeeper.slots.exit.stream import PARTITION, read_acts
from slotkeeper.slots.registers.records import RefusedError, party_id
from slotkeeper.slots.report.judging import registers_of
from slotkeeper.slots.tables import tables

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How an exit stands, and what it was seen by.

    Attributes:
        scope: The devices; they can be gone through again.
        records: The party's acts, and what counts for nothing.
        incarnation: Name of the store, for signatures; None: nothing was ever committed.
        manifest: SHA-256 of the build's manifest.
    """

    campaign: Campaign
    leaving: Leaving
    scope: Scope
    records: list[Act | Ignored]
    incarnation: str | None
    manifest: str
    fence: Fence
    waits: Waits
    signed: bool

    def folded(self, *more: Act) -> Campaign:
        """Fold once more, as if these acts stood at the end of the stream."""
        return fold(
            self.leaving,
            lambda: self.scope,
            [*self.records, *more],
            at=self.campaign.survey.view.at,
            fence=self.fence,
            waits=self.waits,
            signed=self.signed,
        )


def from_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--from`` as ``folder``."""
    return click.option(
        "--from",
        "folder",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="The folder of `slotkeeper slots build`; without it the streams are read anew.",
    )(command)


def party_argument(command: Callable[P, T]) -> Callable[P, T]:
    """Add PARTY."""
    return click.argument("party", metavar="PARTY", callback=_party)(command)


def _party(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return party_id(value, "PARTY")
    except RefusedError as refused:
        raise click.BadParameter(str(refused)) from None


@contextmanager
def looking(party: str, folder: Path | None, settings: Settings) -> Iterator[Look]:
    """Read what there is, and fold it.

    Raises:
        WrongUseError: The party is in no register, or there is no build.
    """
    if folder is not None:
        with _look(party, open_build(folder), settings) as look:
            yield look
        return
    with tempfile.TemporaryDirectory(prefix="slotkeeper-slots-") as made:
        asyncio.run(_build(Path(made), settings))
        with _look(party, open_build(Path(made)), settings) as look:
            yield look


@contextmanager
def _look(party: str, build: Build, settings: Settings) -> Iterator[Look]:
    signers = settings.signers()
    waits = settings.exit_waits()
    records, incarnation = asyncio.run(_acts(party, settings))
    with tables(build.reads) as made:
        who = leaving(registers_of(made, build), party)
        if who is None:
            raise WrongUseError(
                f"{party} is not in the register of parties: `slotkeeper registers import parties`"
            )
        scope = Scope(made, build, who, settings.slot_policy())
        campaign = fold(
            who,
            lambda: scope,
            records,
            at=made_at(build),
            fence=fence_of(build),
            waits=waits,
            signed=signers is not None,
        )
        yield Look(
            campaign=campaign,
            leaving=who,
            scope=scope,
            records=records,
            incarnation=incarnation,
            manifest=digest(build.folder / MANIFEST),
            fence=fence_of(build),
            waits=waits,
            signed=signers is not None,
        )


async def _acts(party: str, settings: Settings) -> tuple[list[Act | Ignored], str | None]:
    async with looked_at(settings) as streams:
        acts = await read_acts(streams, party, settings.signers())
        return acts, await streams.incarnation(PARTITION)


async def _build(folder: Path, settings: Settings) -> None:
    policy = settings.slot_policy()
    async with looked_at(settings) as streams:
        with progress("reading") as bar:
            await read_streams(
                streams,
                folder,
                policy=policy,
                now_ms=system_clock(),
                advance=lambda _stream, offsets, _total: bar.by(offsets),
            )
