"""The demo's second half: which certificate belongs in each slot, and the report that says so."""

import asyncio
import base64
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from slotkeeper.cli.output import Advance
from slotkeeper.clock import system_clock
from slotkeeper.engine.port import engines
from slotkeeper.lab import events, messages
from slotkeeper.lab.anchors import factory_anchors
from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import Gpf
from slotkeeper.lab.pki import NOT_BEFORE, Organisation, Pki
from slotkeeper.lab.terms import KeyUsage, Role
from slotkeeper.settings import Settings
from slotkeeper.slots.build.building import build
from slotkeeper.slots.build.folder import open_build
from slotkeeper.slots.exit.kept import exits_on
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.registers.certificate import told_by
from slotkeeper.slots.registers.certificate_rows import key_of
from slotkeeper.slots.report.judging import judge_all
from slotkeeper.slots.report.writing import write_report
from slotkeeper.slots.tables import tables
from slotkeeper.streams import Message, open_streams
from slotkeeper.worker import run

COVERAGE_DAYS = 500
"""So long before the demo's day all outcomes are in its audit trail."""

_SUPPLIERS = 5
_KEY_PAIRS = 64
"""As few as the story's fleet has, so that devices are quickly made."""

_SOURCE = {"source": "demo", "asserted_at": "2026-01-01T00:00:00.000000Z"}

_NEXT, _RIVAL, _OLD, _LEAVING, _LATE = 100, 101, 102, 103, 104
"""Numbers of operators of the test PKI; the first is the one that the story hands slots to."""

_NAMES = {_NEXT: "NEXT", _RIVAL: "RIVAL", _OLD: "OLD", _LEAVING: "LEAVING", _LATE: "LATE"}
_NEVER_SUBSCRIBED = "IGT"


@dataclass(frozen=True, slots=True)
class SecondHalf:
    """What came of it.

    Attributes:
        page: The report for people.
        totals: Its reconciliation.
        as_of: The day that it is of.
    """

    page: Path
    totals: dict[str, Any]
    as_of: date

    def as_json(self) -> dict[str, Any]:
        """Give it for a program to read."""
        return {"page": str(self.page), "as_of": self.as_of, "totals": self.totals}


def coverage_from() -> date:
    """Give the day from which the demo knows of every outcome."""
    return _today() - timedelta(days=COVERAGE_DAYS)


async def play_report(
    folder: Path, out: Path, *, devices: int, seed: int, advance: Advance
) -> SecondHalf:
    """Add as many devices as the story has, say whose their meters are, build and report.

    Args:
        folder: Where the story was played.
        out: An empty folder for the report.
        devices: Of the story; as many are added that it does not know.
        seed: The story's.
        advance: Is told what is done.
    """
    settings = Settings.load(folder / "slotkeeper.toml", environment={})
    scene = _Scene(Pki(seed), devices, random.Random(seed), _today())  # noqa: S311  # no secret
    slots = folder / "slots"
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        advance.now("meters, parties, certificates, registrations")
        await streams.publish([_message(event) for event in scene.inventory()])
        await streams.publish(list(scene.registers()))
        await streams.publish([_message(event) for event in scene.outcomes()])
        advance.now("recording")
        make = engines(settings.authority(), settings.engine_json())
        await run(streams, make, until_idle=True)
        advance.now("building slots and their report")
        policy = settings.slot_policy()
        await build(
            streams,
            slots,
            policy=policy,
            now_ms=system_clock(),
            advance=lambda _stream, _offsets, _total: None,
        )
    return await asyncio.to_thread(_report, slots, out, policy, scene.today)


def _report(slots: Path, out: Path, policy: Policy, today: date) -> SecondHalf:
    made_of = open_build(slots)
    with tables(made_of.reads, out.resolve()) as made:
        exits = exits_on(made_of, policy, today)
        registers = judge_all(made, made_of, policy, today, exits=exits)
        totals = write_report(
            made,
            made_of,
            registers,
            policy=policy,
            as_of=today,
            out=out,
            formats=("csv", "json", "html"),
            warnings=[],
        )
    return SecondHalf(out / "report.html", totals, today)


class _Scene:
    """Who is who, and what stands in the slots that the story did not touch."""

    def __init__(self, pki: Pki, devices: int, draw: random.Random, today: date) -> None:
        self._pki, self._devices, self.today = pki, devices, today
        self._operators = {
            number: pki.organisation(Role.NETWORK_OPERATOR, number) for number in _NAMES
        }
        self._owners: dict[int, str | None] = {}
        self._holders: dict[int, int] = {}
        self._days: dict[int, date] = {}
        for number in range(2 * devices):
            self._draw(number, draw)

    def _draw(self, number: int, draw: random.Random) -> None:
        if number < self._devices:
            # The story's: all of them hold the next operator's certificates by now.
            self._days[number] = self._ago(draw.randrange(COVERAGE_DAYS, 3 * COVERAGE_DAYS))
            self._owners[number] = draw.choices(["NEXT", "RIVAL", None], [94, 4, 2])[0]
            return
        kind = draw.choices(
            ["OLD", "LEAVING", "half", "new", "IGT", "LATE", None, "older"],
            [5, 4, 2, 28, 40, 8, 3, 3],
        )[0]
        days = draw.randrange(30, COVERAGE_DAYS - 20)
        if kind == "new":
            # Mostly new ones: suppliers are seldom late for long.
            days = min(int(draw.expovariate(1 / 12)), days)
        if kind == "older":
            days = draw.randrange(COVERAGE_DAYS + 1, 2 * COVERAGE_DAYS)
        self._days[number] = self._ago(days)
        self._owners[number] = {"OLD": "NEXT", "half": "NEXT", "new": "NEXT", "older": "NEXT"}.get(
            kind or "", kind
        )
        if kind in {"OLD", "LEAVING", "half"}:
            self._holders[number] = {"OLD": _OLD, "LEAVING": _LEAVING}.get(kind or "", _RIVAL)

    def _ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def inventory(self) -> Iterator[Event]:
        """Say of every GPF when it was commissioned, and which gas meter is joined to it."""
        for number, day in self._days.items():
            gpf = self._pki.device(number, shared_keys=_KEY_PAIRS)
            yield events.inventory(gpf, commissioned_on=str(day))
            meter = self._pki.meter_eui(number)
            yield events.meter(meter, gpf.eui, str(number + 1), commissioned_on=str(day))

    def outcomes(self) -> Iterator[Event]:
        """Let operators renew their certificates, or hand back one cell of two: so slots show."""
        supplier = self._pki.organisation(Role.SUPPLIER, 1)
        for number, holder in self._holders.items():
            operator = self._operators[holder]
            cells = factory_anchors(
                self._pki, operator=operator, supplier=supplier, acb=self._pki.acb
            )
            gpf = Gpf(
                self._pki.device(number, shared_keys=_KEY_PAIRS), cells, clock=lambda: self._now
            )
            half = holder == _RIVAL
            payload = messages.slot_payload(
                self._pki.acb if half else self._renewed(holder),
                counter=number + 1,
                key_usages=_BOTH[:1] if half else _BOTH,
            )
            reply = gpf.receive(messages.command(payload, operator, gpf.device, self._pki.acb))
            if reply.response is not None:
                yield events.outcome(
                    events.UPDATE_RESPONSES,
                    gpf.device.eui,
                    reply.response,
                    request=events.request_id(operator.eui, gpf.device.eui, number + 1),
                    received_at=self._now,
                )

    @property
    def _now(self) -> datetime:
        return datetime.combine(self._ago(1), datetime.min.time(), UTC)

    def _renewed(self, number: int) -> Organisation:
        return self._pki.organisation(Role.NETWORK_OPERATOR, number, generation=1)

    def registers(self) -> Iterator[Message]:
        """Say who the parties are, which certificates they have, and whose each meter point is."""
        for number, name in _NAMES.items():
            since = self._ago(20) if number == _LATE else NOT_BEFORE.date()
            exits = [{"intent_on": str(self._ago(60))}] if number == _LEAVING else []
            yield _party(name, [str(self._operators[number].eui)], since, exits)
            for one in (self._operators[number], self._renewed(number)):
                yield from self._certificates(name, one, revoked=number == _OLD)
        yield _party(_NEVER_SUBSCRIBED, [], None, [])
        for number, owner in self._owners.items():
            entry = {
                "from": "2020-01-01",
                "gas_network_party": owner,
                "gas_supplier": f"SUP-{number % _SUPPLIERS + 1}",
            }
            mprn = str(number + 1)
            yield _record("gas-registrations", mprn, {"mprn": mprn, "history": [entry]})

    def _certificates(self, name: str, one: Organisation, *, revoked: bool) -> Iterator[Message]:
        status = [{"code": "I", "from": str(NOT_BEFORE.date()), "source": "REPOSITORY"}]
        if revoked:
            status.append({"code": "R", "from": str(self._ago(90)), "source": "CRL"})
        for credential in (one.digital_signature, one.key_agreement):
            told = told_by(credential.certificate)
            record = {
                **told,
                "party_id": name,
                "status": status,
                "certificate": base64.b64encode(credential.certificate).decode(),
            }
            key = key_of(told["issuer"], told["serial"])
            yield _record("smki-organisation-certificates", key, record)


_BOTH = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT)


def _party(
    name: str, identities: list[str], since: date | None, exits: Iterable[dict[str, Any]]
) -> Message:
    record = {
        "party_id": name,
        "name": name.capitalize(),
        "kind": "GNO" if identities else "IGT",
        "eui64": identities,
        "dcc_user": [{"from": str(since)}] if since else [],
        "exits": list(exits),
        "by": ["demo"],
    }
    return _record("gas-network-parties", name, record)


def _record(stream: str, key: str, record: dict[str, Any]) -> Message:
    return Message(stream, key.encode(), orjson.dumps(record | _SOURCE))


def _message(event: Event) -> Message:
    key = event.key if isinstance(event.key, bytes) else event.key.encode()
    return Message(event.stream, key, event.octets)


def _today() -> date:
    return datetime.fromtimestamp(system_clock() / 1_000, UTC).date()
