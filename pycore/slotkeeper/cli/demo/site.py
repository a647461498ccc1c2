"""A site for the pages to show: a fleet that has lived for a year, registers, a build, a report.

Everything is done by commands that a user has, but for the year itself, which the fleet lives
beside a worker in this process.
"""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from slotkeeper.acts import PersonKey
from slotkeeper.cli.emulate.carrying import live
from slotkeeper.cli.output import Advance
from slotkeeper.engine.port import engines
from slotkeeper.errors import FaultFoundError
from slotkeeper.lab.emulated import EmulatedFleet, FaultRates, Plan
from slotkeeper.lab.emulated.export import parties, write_export
from slotkeeper.lab.keystore import pem, write_settings
from slotkeeper.lab.pki import NOT_BEFORE
from slotkeeper.lab.terms import Role
from slotkeeper.settings import Settings
from slotkeeper.slots.exit.acts import TYP
from slotkeeper.slots.exit.facts import utc_text
from slotkeeper.slots.exit.states import Word
from slotkeeper.streams import Message, Streams, open_streams
from slotkeeper.worker import run

_DAYS, _ROUNDS = 364, 26
"""A year of the fleet's own calendar, which ends today."""

_RATES = {
    "cell_failed": 0.05,
    "command_lost": 0.03,
    "request_premature": 0.08,
    "response_lost": 0.01,
    "error_response": 0.02,
}
"""So much goes wrong that every page has something to show, and most devices are well."""

_LEAVES = "GNO-3"
"""The operator whose intent to leave stands in the register."""

_OPENED_BEFORE = timedelta(days=45)
"""The exit was opened so long ago: after the intent of the register, and with weeks to look at."""

_RENEWS = 2
"""The operator one of whose certificates expires this quarter."""

_EXPIRES_WITHIN = timedelta(days=20)

PERSONS = ("Ann Archer", "Bob Brown")
"""Who may sign acts; their keys stand beside the settings, since this is a demonstration."""

_UNREADABLE = (b"not a message", b'{"gbcs_payload": "%%%"}', b"<sr:Response", b'{"received_at": 1}')
"""What somebody sends by mistake: dead letters."""


@dataclass(frozen=True, slots=True)
class Site:
    """What was made.

    Attributes:
        folder: The data folder of a console, with the settings in it.
        config: The settings.
    """

    folder: Path
    config: Path


def furnish(
    folder: Path,
    *,
    devices: int,
    seed: str,
    today: date,
    advance: Advance,
    listen: str = "",
) -> Site:
    """Make a site in a folder.

    Args:
        folder: Becomes the data folder of a console.
        devices: Of the fleet.
        seed: Another seed, another fleet.
        today: The last day of the fleet's year.
        advance: Is told what is done.
        listen: Where a worker of it shall serve its health; empty: nowhere.
    """
    start = datetime.combine(today - timedelta(days=_DAYS), datetime.min.time(), UTC)
    plan = Plan(
        devices=devices,
        seed=seed,
        start=start,
        days=_DAYS,
        rounds=_ROUNDS,
        rates=FaultRates(**{**_no_faults(), **_RATES}),
    )
    folder.mkdir(parents=True, exist_ok=True)
    with EmulatedFleet(folder / "fleet.db", plan) as fleet:
        config = _settings(folder, fleet, listen)
        settings = Settings.load(config, environment={})
        asyncio.run(_live(fleet, settings, advance))
        export = folder / "export"
        write_export(fleet, export, ())
        _change_registers(export, fleet, today)
    advance.now("registers, a build and its report")
    site = Site(folder, config)
    _register_and_build(site, today)
    return site


def command(*arguments: str | Path) -> bytes:
    """Run a command of ours; gives what it printed.

    Raises:
        FaultFoundError: It failed; the text is what it said.
    """
    done = subprocess.run(  # noqa: S603  # our own program and arguments
        [sys.executable, "-m", "slotkeeper", *map(str, arguments)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise FaultFoundError(f"{arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


async def _live(fleet: EmulatedFleet, settings: Settings, advance: Advance) -> None:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        await _live_on(fleet, streams, settings, advance)


async def _live_on(
    fleet: EmulatedFleet, streams: Streams, settings: Settings, advance: Advance
) -> None:
    make, stop = engines(settings.authority(), settings.engine_json()), asyncio.Event()
    worker = asyncio.create_task(run(streams, make, stop=stop))
    living = asyncio.create_task(
        live(
            fleet,
            streams,
            now=advance.now,
            progress=advance.to,
            impatient=lambda _missing: None,
        )
    )
    await asyncio.wait([worker, living], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.gather(worker, living)
    devices = [fleet.parties.pki.device_eui(number) for number in range(len(_UNREADABLE))]
    await streams.publish(
        [
            Message("srv-6.15.1-responses", str(device).encode(), octets)
            for device, octets in zip(devices, _UNREADABLE, strict=True)
        ]
    )
    await run(streams, make, until_idle=True)


def _settings(folder: Path, fleet: EmulatedFleet, listen: str) -> Path:
    pki = fleet.parties.pki
    (folder / "z1.pem").write_bytes(pem(pki.issuing.certificate))
    (folder / "e1.pem").write_bytes(pem(pki.device_issuing.certificate))
    _write_signers(folder)
    more = [
        '[verify]\nissuing_certificates = ["z1.pem", "e1.pem"]',
        '[adjustments]\nsigners = "signers.toml"',
        '[console]\nbuild_every = "1h"',
    ]
    if listen:
        more.append(f'[http]\nlisten = "{listen}"')
    return write_settings(
        folder, [fleet.parties.acb], streams="sqlite:///streams.db", more="\n".join(more)
    )


def _write_signers(folder: Path) -> None:
    tables = []
    for person in PERSONS:
        key = Ed25519PrivateKey.generate()
        file = folder / f"{person.split()[0].lower()}.key"
        file.touch(mode=0o600)
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        tables.append(
            f'[[signer]]\nname = "{person}"\nalgorithm = "EdDSA"\n'
            f'public_key = """\n{public.decode()}"""\n'
        )
    (folder / "signers.toml").write_text("\n".join(tables))


def _change_registers(export: Path, fleet: EmulatedFleet, today: date) -> None:
    """Let one operator leave, and another have a certificate that expires soon."""
    lines = []
    for party in parties(fleet):
        if party["party_id"] == _LEAVES:
            party["exits"] = [{"intent_on": str(today - timedelta(days=60))}]
        lines.append(orjson.dumps(party))
    (export / "parties.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    ends = datetime.combine(today + _EXPIRES_WITHIN, datetime.min.time(), UTC)
    soon = fleet.parties.pki.organisation(
        Role.NETWORK_OPERATOR, _RENEWS, generation=99, not_before=NOT_BEFORE, not_after=ends
    )
    for usage, credential in (("ds", soon.digital_signature), ("ka", soon.key_agreement)):
        (export / "certificates" / f"soon-{usage}.pem").write_bytes(pem(credential.certificate))


def _register_and_build(site: Site, today: date) -> None:
    export, config = site.folder / "export", ("--config", site.config)
    take = ("registers", "import")
    command(*take, "parties", export / "parties.jsonl", *config)
    command(*take, "certificates", export / "certificates", "--status", "I", *config)
    command(*take, "registrations", export / "registrations.jsonl", *config)
    slots = site.folder / "slots"
    command("slots", "build", "--to", slots, *config)
    _open_exit(site, today)
    report = site.folder / "reports" / f"{today}-00000001"
    report.parent.mkdir(exist_ok=True)
    wanted = ("--as-of", str(today), "--to", report, "--format", "csv,json,parquet")
    command("report", "--from", slots, *wanted, *config)
    exits = site.folder / "exits" / "00000001"
    exits.mkdir(parents=True)
    for kind, form, file in (
        ("devices", ("--format", "csv"), "csv"),
        ("prepare", (), "acts.json"),
        ("status", ("--json",), "json"),
    ):
        told = command("exit", kind, _LEAVES, *form, "--from", slots, *config)
        (exits / f"{_LEAVES}.{file}").write_bytes(told)


def _open_exit(site: Site, today: date) -> None:
    """Let two persons open the exit as of some weeks ago, so that it is under way.

    Persons sign what the command prepares; only its day is another, as the fleet has lived its year
    within a minute.
    """
    file = site.folder / "open.jsonl"
    told = orjson.loads(
        command(
            "exit", "prepare", _LEAVES, "--from", site.folder / "slots", "--config", site.config
        )
    )
    [payload] = [one["payload"] for one in told["acts"] if one["act"] == Word.OPEN]
    opened = datetime.combine(today - _OPENED_BEFORE, datetime.min.time())
    payload |= {"at": utc_text(opened), "reason": "leaves the market"}
    first, other = (PersonKey(site.folder / f"{name.split()[0].lower()}.key") for name in PERSONS)
    octets = first.sign(TYP, told["incarnation"], orjson.dumps(payload))
    act = orjson.loads(other.countersign(octets))
    file.write_bytes(orjson.dumps({"key": _LEAVES, "value": act}) + b"\n")
    command("publish", "gno-exits", file, "--config", site.config)


def _no_faults() -> dict[str, float]:
    return dict.fromkeys(FaultRates.__dataclass_fields__, 0.0)
