"""The rehearsal's story: an operator leaves, round by round, with a worker and real builds."""

import asyncio
import base64
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

import orjson

from slotkeeper.cli.exit.drafting import draft, signed, verified_manifest
from slotkeeper.cli.exit.looking import Look, looking
from slotkeeper.cli.exit.rehearse import site
from slotkeeper.cli.output import Advance
from slotkeeper.engine.port import engines
from slotkeeper.errors import WrongUseError
from slotkeeper.lab.emulated import EmulatedFleet, FaultRates, Leaving, Plan
from slotkeeper.lab.emulated.export import registrations
from slotkeeper.lab.events import Event
from slotkeeper.settings import Settings
from slotkeeper.slots.build.building import build
from slotkeeper.slots.evidence.exporting import Signer, export
from slotkeeper.slots.evidence.parties import party_subject
from slotkeeper.slots.exit.listing import woken
from slotkeeper.slots.exit.states import Phase, State, Word
from slotkeeper.slots.exit.stream import STREAM
from slotkeeper.slots.exit.survey import Day
from slotkeeper.streams import Message, Streams, open_streams
from slotkeeper.worker import run

Ending: TypeAlias = Literal["clean", "early", "compromise"]

ROUNDS = 14
"""Weeks: four of waves, then what went wrong, the silent ones, the quiet days and the closing."""

_OPENING = 1
_EARLY = 4
"""The last round of the operator's acts where its certificates are revoked too early."""

_WEEK = timedelta(days=7)
_BATCH = 1_000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is rehearsed.

    Attributes:
        ending: ``clean``: in the right order; ``early``: revoked while devices hold; or for a
            key compromise.
        late: Hubs that wake after the exit was closed.
    """

    devices: int
    seed: str
    silent: float
    partial: float
    quarantined: float
    exchanged: int
    placed_again: int
    late: int
    ending: Ending

    @property
    def plan(self) -> Plan:
        """The fleet's."""
        return Plan(
            devices=self.devices,
            seed=self.seed,
            days=7 * ROUNDS,
            rounds=ROUNDS,
            rates=FaultRates.none(),
            leaving=Leaving(
                silent=self.silent,
                partial=self.partial,
                quarantined=self.quarantined,
                exchanged=self.exchanged,
                placed_again=self.placed_again,
                late=self.late,
                until=None if self.ending == "clean" else _EARLY,
            ),
        )


@dataclass(frozen=True, slots=True)
class Fenced:
    """How the exit stood at the end of a round.

    Attributes:
        pace: Devices replaced a day, the median of the last week.
        exact: Whether baseline and joined are what the states hold.
        states: Devices by state, those with any.
    """

    at: datetime
    phase: Phase
    baseline: int
    joined: int
    left: int
    stranded: int
    residue: int
    pace: float
    exact: bool
    states: Mapping[State, int]


@dataclass
class Story:
    """What came of it.

    Attributes:
        fences: The end of each round.
        days: The burn-down, as the last fence knows it.
        breach: Devices that held a revoked key too early; None: there was no breach.
        woken: Hubs that were found holding after the closing.
        ignored: Reasons of acts that counted for nothing.
    """

    fences: list[Fenced] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)
    breach: int | None = None
    woken: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def play(folder: Path, asked: Asked, advance: Advance) -> Story:
    """Play it to its end in a folder; one that was killed goes on in the round in which it was."""
    story = Story()
    with EmulatedFleet(folder / "fleet.db", asked.plan) as fleet:
        settings = site.prepare(folder, fleet)
        stage = Stage(folder, asked, fleet, settings, advance)
        if fleet.round:
            # Whoever was killed may not have come to the fence of the round before.
            story.fences.append(stage.fence(fleet.round - 1, story))
        while not fleet.over:
            current = fleet.round
            stage.live()
            story.fences.append(stage.fence(current, story))
    return story


class Stage:
    """A round, step by step."""

    def __init__(
        self,
        folder: Path,
        asked: Asked,
        fleet: EmulatedFleet,
        settings: Settings,
        advance: Advance,
    ) -> None:
        """Make the worker's engines of the folder's settings."""
        self._folder, self._asked, self._fleet = folder, asked, fleet
        self._settings, self._advance = settings, advance
        self._engines = engines(settings.authority(), settings.engine_json())

    def live(self) -> None:
        """Let a round happen, and a worker decide all of it."""
        fleet = self._fleet
        current = fleet.round
        self._advance.now(f"week {current} of {ROUNDS}", 4)
        fleet.begin()
        asyncio.run(self._decide(current))
        answers = asyncio.run(self._answers(fleet.waiting))
        fleet.end(answers)
        self._advance.by(1)

    def fence(self, current: int, story: Story) -> Fenced:
        """Build, see how the exit stands, and let persons act."""
        at = self.end_of(current)
        asyncio.run(self.build(at))
        self._advance.by(1)
        with looking(site.PARTY, self._folder / "slots", self._settings) as look:
            told = look.campaign
            self._act(look, current)
            story.days = list(told.survey.burn_down())
            story.breach = told.breach.holders if told.breach else story.breach
            story.ignored = [one.reason for one in told.ignored]
            story.woken = [row.device_id for row in woken(told, look.scope, look.waits)]
            return Fenced(
                at=told.survey.view.at,
                phase=told.phase,
                baseline=told.survey.baseline,
                joined=told.survey.joined,
                left=told.survey.blocking,
                stranded=told.stranded,
                residue=told.residue,
                pace=told.survey.pace(),
                exact=told.survey.exact,
                states={state: told.survey.counts[state] for state in State},
            )

    def _act(self, look: Look, current: int) -> None:
        """Let persons do what is due; each act once."""
        campaign, clean = look.campaign, self._asked.ending == "clean"
        done = {one.word for one in campaign.acts}
        if campaign.phase is Phase.DRAFT and current >= _OPENING:
            self._publish(look, Word.OPEN, both=True)
        elif clean and campaign.phase is Phase.READY:
            self._publish(look, Word.RECORD_REVOCATION_REQUEST, both=False)
        elif (
            self._asked.ending == "compromise"
            and current >= _EARLY
            and Word.RECORD_KEY_COMPROMISE not in done
        ):
            self._publish(look, Word.RECORD_KEY_COMPROMISE, both=True)
        elif campaign.phase is Phase.REVOKED and not campaign.leaving.is_user(
            campaign.survey.view.at.date()
        ):
            self._publish(look, Word.CLOSE, both=campaign.residue > 0)
        asked = [one.at for one in campaign.acts if one.word is Word.RECORD_REVOCATION_REQUEST]
        requested = campaign.phase is Phase.REVOCATION_REQUESTED
        # The certificates go a week after the request, or too early.
        if (requested and asked[-1] < campaign.survey.view.at) or (not clean and current == _EARLY):
            asyncio.run(self._revoke(self.end_of(current)))

    def _publish(self, look: Look, word: Word, *, both: bool) -> None:
        keys = site.persons(self._folder)[: 2 if both else 1]
        names = tuple(key.kid for key in keys)
        manifest = None
        if word is Word.CLOSE:
            manifest = self._evidence(look.campaign.survey.view.at.replace(tzinfo=UTC))
        act = draft(look, word, f"rehearsal, {self._asked.ending}", manifest, names)
        octets = signed(act, keys, look.incarnation or "")
        asyncio.run(self._send([Message(STREAM, site.PARTY.encode(), octets)]))

    def _evidence(self, at: datetime) -> str | None:
        """Export the evidence package, unless that was done before, and verify it."""
        folder = self._folder / "evidence"
        if not folder.exists():
            try:
                asyncio.run(self._export(folder, at))
            except WrongUseError:
                # No device has ever said anything about the party.
                return None
        return verified_manifest(folder, site.PARTY)

    async def _export(self, folder: Path, at: datetime) -> None:
        settings = self._settings
        signer = Signer(
            settings.evidence_key(),
            Path(settings.evidence.certificate),
            [Path(path) for path in settings.verify.issuing_certificates],
        )
        async with self._streams() as streams:
            await export(
                streams,
                await party_subject(streams, site.PARTY),
                folder,
                signer=signer,
                after=None,
                now_ms=int(at.timestamp() * 1_000),
                advance=lambda _stream, _records: None,
            )

    async def _revoke(self, at: datetime) -> None:
        """Let the certificates be revoked, and the party cease to be a DCC User a week later."""
        intent, day = self._fleet.plan.start.date(), at.date()
        await self._send(
            [
                *site.certificate_records(self._fleet, at, revoked_on=day),
                site.party_record(self._fleet, intent_on=intent, user_until=day + _WEEK, at=at),
            ]
        )

    async def _decide(self, current: int) -> None:
        fleet, at = self._fleet, self.end_of(current)
        now_ms = int(at.timestamp() * 1_000)
        async with self._streams() as streams:
            if current == 0:
                await self._registers(streams)
            for pages in (fleet.told(), fleet.requests()):
                published = 0
                for page in pages:
                    await streams.publish(_messages(page, streams))
                    published += len(page)
                if published:
                    await run(streams, self._engines, until_idle=True, clock=lambda: now_ms)
        self._advance.by(1)

    async def _registers(self, streams: Streams) -> None:
        fleet, at = self._fleet, self._fleet.plan.start
        await streams.publish(
            [
                *site.certificate_records(fleet, at),
                site.party_record(fleet, intent_on=at.date(), user_until=None, at=at),
            ]
        )
        for rows in _in_batches(registrations(fleet)):
            await streams.publish(site.registration_records(rows, at))

    async def _answers(self, wanted: set[str]) -> dict[str, bytes | str]:
        found: dict[str, bytes | str] = {}
        if not wanted:
            return found
        async with self._streams() as streams:
            for stream in ("cs02b-commands", "handover-refusals"):
                async for records in streams.read(stream):
                    for record in records:
                        told = orjson.loads(record.value or b"{}")
                        if told.get("request_id") not in wanted:
                            continue
                        command = told.get("gbcs_payload")
                        found[told["request_id"]] = (
                            base64.b64decode(command, validate=True) if command else told["reason"]
                        )
        return found

    async def build(self, at: datetime) -> None:
        """Build the slots folder as of a time."""
        async with self._streams() as streams:
            await build(
                streams,
                self._folder / "slots",
                policy=self._settings.slot_policy(),
                now_ms=int(at.timestamp() * 1_000),
                advance=lambda _stream, _offsets, _total: None,
                signers=self._settings.signers(),
                waits=self._settings.exit_waits(),
            )

    async def _send(self, messages: list[Message]) -> None:
        async with self._streams() as streams:
            await streams.publish(messages)

    def _streams(self) -> AbstractAsyncContextManager[Streams]:
        return open_streams(self._settings.streams, self._settings.streams_settings())

    def end_of(self, current: int) -> datetime:
        """Give the moment at which a round is over."""
        return self._fleet.plan.begin_of(current + 1).astimezone(UTC)


def _messages(page: list[Event], streams: Streams) -> list[Message]:
    known = streams.layout.inputs
    return [
        Message(event.stream, event.key.encode(), event.octets)
        for event in page
        if event.stream in known and isinstance(event.key, str)
    ]


def _in_batches(rows: Iterator[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    batch: list[dict[str, object]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
