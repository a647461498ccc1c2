"""A fleet whose slots were handed back, with what its devices have signed, and packages of it."""

import asyncio
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from slotkeeper.lab import registers
from slotkeeper.lab.events import Event
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import pem, write_settings
from slotkeeper.settings import Settings
from slotkeeper.slots.evidence.exporting import Signer, export
from slotkeeper.slots.evidence.manifest import Manifest
from slotkeeper.slots.evidence.parties import party_subject
from slotkeeper.streams import Message, Streams, open_streams

PARTY = "GNO-1"
NOW_MS = 1_795_000_000_000
DEVICES = 5


@dataclass
class Site:
    """A folder with settings, an evidence key and streams.

    Attributes:
        fleet: Its devices.
        folder: Where everything is.
    """

    fleet: Fleet
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "slotkeeper.toml"

    @property
    def signer_pem(self) -> Path:
        return self.folder / "evidence.pem"

    def settings(self) -> Settings:
        return Settings.load(self.config)

    def signer(self) -> Signer:
        settings = self.settings()
        issuing = [Path(path) for path in settings.verify.issuing_certificates]
        return Signer(settings.evidence_key(), Path(settings.evidence.certificate), issuing)

    def streams(self) -> AbstractAsyncContextManager[Streams]:
        settings = self.settings()
        return open_streams(settings.streams, settings.streams_settings())

    async def package(self, folder: Path, after: Path | None = None) -> Manifest:
        """Export one about the party whose certificates the devices had."""
        async with self.streams() as streams:
            about = await party_subject(streams, PARTY)
            return await export(
                streams,
                about,
                folder,
                signer=self.signer(),
                after=after,
                now_ms=NOW_MS,
                advance=lambda *_: None,
            )

    def run(self, *arguments: str | Path, expected: int = 0) -> "subprocess.CompletedProcess[str]":
        """Run the command as a user runs it."""
        done = subprocess.run(
            [sys.executable, "-m", "slotkeeper", *arguments],
            capture_output=True,
            cwd=self.folder,
            check=False,
            text=True,
        )
        assert done.returncode == expected, f"status {done.returncode}\n{done.stdout}{done.stderr}"
        return done


def make_site(folder: Path, devices: int = DEVICES) -> Site:
    """Let a worker decide what a fleet's devices have answered; the last operator is GNO-2."""
    fleet = Fleet(devices, seed=11)
    pki = fleet.pki
    write_settings(
        folder,
        [pki.acb],
        streams="sqlite:///streams.db",
        more='[verify]\nissuing_certificates = ["issuing.pem"]\n'
        '[evidence]\ncertificate = "evidence.pem"\nkey = "evidence.key"\n',
    )
    authorities = (pki.device_issuing, pki.issuing)
    (folder / "issuing.pem").write_bytes(b"".join(pem(one.certificate) for one in authorities))
    make_signer(folder, "evidence")
    site = Site(fleet, folder)
    asyncio.run(_publish(site))
    site.run("run", "--until-idle")
    return site


def make_signer(folder: Path, name: str) -> None:
    """Make an evidence key and its certificate as docs/evidence.md says."""
    made = f"""
    openssl ecparam -name prime256v1 -genkey -noout -out {name}.key
    openssl req -x509 -new -key {name}.key -sha256 -days 3650 -out {name}.pem \\
      -subj '/O=Example/CN=Evidence' -addext 'keyUsage=critical,digitalSignature'
    """
    subprocess.run(["bash", "-ec", made], cwd=folder, check=True, capture_output=True)


def message(event: Event) -> Message:
    return Message(event.stream, str(event.key).encode(), event.octets)


async def _publish(site: Site) -> None:
    fleet = site.fleet
    operators = sorted({str(member.operator.eui) for member in fleet.members})
    async with site.streams() as streams:
        for events in (fleet.inventory(), fleet.hand_backs(), fleet.handover_requests()):
            await streams.publish([message(event) for event in events])
        for number, eui64 in enumerate((operators[:-1], operators[-1:]), start=1):
            record = registers.party(number, fleet.successor.eui) | {"eui64": eui64}
            key = registers.operator_id(number).encode()
            await streams.publish([Message("gas-network-parties", key, orjson.dumps(record))])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"))
