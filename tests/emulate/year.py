"""A year of a fleet beside a worker, what the registers said meanwhile, and reports of its days."""

import asyncio
import base64
import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.slots.desk import revocations

from slotkeeper.cli import cli
from slotkeeper.cli.emulate.carrying import live
from slotkeeper.engine.port import engines
from slotkeeper.lab import keystore
from slotkeeper.lab.emulated import EmulatedFleet, Plan, write_export
from slotkeeper.lab.pki import Pki
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams
from slotkeeper.worker import run

Json = dict[str, Any]

START = datetime(2025, 1, 1, tzinfo=UTC)
"""The whole year is past when its slots are built: a report asks no day after its build."""

DAYS = 10


@dataclass
class Year:
    """A folder with a fleet, its streams, registers, builds and reports.

    Attributes:
        folder: Of what is made.
        plan: Of the fleet.
        settings: Of the worker and the streams.
        export: What became of the fleet.
    """

    folder: Path
    plan: Plan
    settings: Path
    export: Path

    @classmethod
    def begin(cls, folder: Path, plan: Plan) -> "Year":
        """Let a fleet live beside a worker until all is decided."""
        with EmulatedFleet(folder / "fleet.db", plan) as fleet:
            pki = fleet.parties.pki
            for name, authority in (("z1", pki.issuing), ("e1", pki.device_issuing)):
                (folder / f"{name}.pem").write_bytes(keystore.pem(authority.certificate))
            settings = keystore.write_settings(
                folder,
                [fleet.parties.acb],
                streams="sqlite:///streams.db",
                more='[verify]\nissuing_certificates = ["z1.pem", "e1.pem"]',
            )
            asyncio.run(_lived(fleet, Settings.load(settings)))
            write_export(fleet, folder / "export", ["jsonl"])
        return cls(folder, plan, settings, folder / "export")

    @property
    def days(self) -> list[date]:
        """Ten days, the last one that of the end."""
        tenths = range(1, DAYS + 1)
        return [self.day(self.plan.days * tenth // DAYS) for tenth in tenths]

    def day(self, number: int) -> date:
        """Give a day of the year by its number."""
        return (self.plan.start + timedelta(days=number)).date()

    def run(self, *words: object, expected: tuple[int, ...] = (0,)) -> Result:
        """Run a command of the command line."""
        told = CliRunner().invoke(cli, [*map(str, words), "--config", str(self.settings)])
        assert told.exit_code in expected, (words, told.output, told.exception)
        return told

    def fill_registers(self) -> None:
        """Say who could sign when: parties come and leave, certificates go out of use."""
        parties = self._write("parties.jsonl", self._parties())
        self.run("registers", "import", "parties", parties)
        held = self.export / "certificates"
        self.run("registers", "import", "certificates", held, "--status", "I")
        changes = self.folder / "statuses.csv"
        with changes.open("w", newline="") as file:
            csv.writer(file).writerows([("certificate", "status", "status_from"), *self._changes()])
        self.run("registers", "import", "certificates", changes)
        pki = Pki(self.plan.seed)
        revoked = [_der(path) for path in sorted(held.glob("*00030004-*-0.pem"))]
        (self.folder / "z1.crl").write_bytes(
            revocations(
                *revoked, at=_midnight(self.day(201)), day=self.day(200), issuer=pki.issuing
            )
        )
        self.run("registers", "import", "certificates", self.folder / "z1.crl")
        meters = self.export / "registrations.jsonl"
        self.run("registers", "import", "registrations", meters)

    def build(self) -> Result:
        """Build the slots; it must find no device of which trail and changelog differ."""
        return self.run("slots", "build", "--to", self.folder / "slots")

    def report(self, day: date) -> Iterator[dict[str, str]]:
        """Give the rows of a day's report."""
        out = self.folder / f"report-{day}"
        shutil.rmtree(out, ignore_errors=True)
        words = ("--from", self.folder / "slots", "--as-of", day, "--to", out)
        self.run("report", *words, "--format", "csv,json")
        with (out / "device.csv").open(newline="") as file:
            yield from csv.DictReader(file)

    def told(self, table: str) -> Iterator[Json]:
        """Give the rows of an export."""
        with (self.export / f"{table}.jsonl").open("rb") as file:
            yield from map(orjson.loads, file)

    def _parties(self) -> Iterator[Json]:
        """Give the parties: the second leaves, the third comes, the first stays after all."""
        for party in self.told("parties"):
            always = party["dcc_user"][0]["from"]
            match party["party_id"]:
                case "GNO-1":
                    came_back = {"intent_on": self.day(120), "cancelled_on": self.day(190)}
                    party["exits"] = [came_back]
                case "GNO-2":
                    party["exits"] = [{"intent_on": self.day(100)}]
                    party["dcc_user"] = [{"from": always, "until": self.day(250)}]
                case "GNO-3":
                    party["dcc_user"] = [{"from": self.day(90)}]
            yield party

    def _changes(self) -> Iterator[tuple[str, str, date]]:
        """Give certificates that ceased to be in use, or began to be so only then."""
        for path in sorted((self.export / "certificates").glob("*00030005-*.pem")):
            generation = int(path.stem.rsplit("-", 1)[1])
            text = base64.b64encode(_der(path)).decode()
            if generation == 0:
                yield text, "N", self.day(150)
            elif generation == 1 and "-ka-" in path.name:
                yield text, "E", self.day(300)

    def _write(self, name: str, records: Iterator[Json]) -> Path:
        path = self.folder / name
        path.write_bytes(
            b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in records)
        )
        return path


async def _lived(fleet: EmulatedFleet, settings: Settings) -> None:
    factory, stop = engines(settings.authority(), settings.engine_json()), asyncio.Event()
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        async with asyncio.TaskGroup() as group:
            group.create_task(run(streams, factory, stop=stop))
            await live(
                fleet,
                streams,
                now=lambda _what, _steps: None,
                progress=lambda _done: None,
                impatient=lambda _missing: None,
            )
            stop.set()
        await run(streams, factory, until_idle=True)


def _der(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)
