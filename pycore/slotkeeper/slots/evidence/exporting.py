"""Makes a package out of the streams."""

import asyncio
import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from slotkeeper._core import EvidenceKey, check_package
from slotkeeper.engine.port import AuditHead
from slotkeeper.errors import FaultFoundError, WrongUseError
from slotkeeper.settings.reading import certificates
from slotkeeper.slots.tables import Tables, tables
from slotkeeper.streams import Record, Streams

from .folder import new_package, write_list
from .manifest import (
    CERTIFICATES,
    EARLIER,
    ISSUING,
    MANIFEST,
    PAGE,
    REPORT,
    SIGNATURE,
    Audited,
    Counts,
    Manifest,
    ReportCounts,
)
from .manifests import Signed, before, place
from .page import package_page
from .parties import PartySubject
from .reports import ReportSubject, devices_with_rows
from .rows import write_rows
from .staging import TABLES, Certificates, Decisions, Evidence

AUDIT, EVIDENCE, INVENTORY = "audit-trail", "slot-evidence", "smart-metering-inventory"

Advance = Callable[[str, int], None]


class Signer:
    """Who signs, and whose certificates vouch for devices."""

    def __init__(self, key: EvidenceKey, certificate: Path, issuing: Sequence[Path]) -> None:
        """Read the certificates.

        Args:
            key: Of its own, none of the ACB's.
            certificate: PEM file of the key's certificate.
            issuing: PEM files of the authorities that issue certificates of devices.

        Raises:
            ConfigurationError: One cannot be read.
        """
        self.key = key
        self.certificate = certificate
        self.sha256 = hashlib.sha256(certificates(certificate)[0]).hexdigest()
        self.issuing = [der for path in issuing for der in certificates(path)]


async def export(
    streams: Streams,
    about: PartySubject | ReportSubject,
    folder: Path,
    *,
    signer: Signer,
    after: Path | None,
    now_ms: int,
    advance: Advance,
) -> Manifest:
    """Make a package; gives what its manifest says.

    Evidence is read before the audit trail, so that every decision is there; the inventory last,
    so that every device has its certificate.

    Args:
        streams: Of the worker, which may run meanwhile.
        about: The party, or the report.
        folder: Of the package; nothing may be there yet.
        signer: Who signs it.
        after: The package before, where it is not beside this one.
        now_ms: The time of the export.
        advance: Is told which stream is read and how many records were.

    Raises:
        FaultFoundError: The audit trail or a message is not what it was, or there is nothing.
        StoreUnavailableError: Streams cannot be read now, or the disk is full.
        WrongUseError: The folder is not empty, or streams do not exist yet.
    """
    with new_package(folder) as making, tables(making) as made:
        chain = before(folder, after)
        ended = chain[-1].manifest.until() if chain else {}
        (making / CERTIFICATES / ISSUING).mkdir(parents=True)
        made.run(TABLES)
        party = about if isinstance(about, PartySubject) else None
        if isinstance(about, ReportSubject):
            await asyncio.to_thread(_take_report, made, about, making)
        evidence, decisions = Evidence(made), Decisions(made, party, ended)
        await _read(streams, EVIDENCE, evidence.take, advance)
        if evidence.unreadable:
            raise FaultFoundError(
                f"{EVIDENCE} has {evidence.unreadable} records that no worker has written"
            )
        await _read(streams, AUDIT, decisions.take, advance)
        heads = await asyncio.to_thread(decisions.finish)
        held = await asyncio.to_thread(Certificates, made, making / CERTIFICATES)
        await _read(streams, INVENTORY, held.take, advance)
        return await asyncio.to_thread(
            _finish, made, making, about, signer=signer, chain=chain, heads=heads, now_ms=now_ms
        )


def _take_report(made: Tables, report: ReportSubject, making: Path) -> None:
    """Copy a report into the package; its devices are the scope, its build the cut."""
    for name in report.files():
        target = making / REPORT / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(report.folder / name, target)
        except FileNotFoundError:
            raise FaultFoundError(f"{report.folder / name} is not there") from None
    faults = list(_copied(report, making).faults())
    if faults:
        raise FaultFoundError(f"{report.folder}: {faults[0]}")
    devices = [(one.device, one.party) for one in report.devices()]
    made.add("scope", "varchar, varchar", devices)
    positions = report.manifest["positions"].get(AUDIT, {})
    cut = [(int(partition), below) for partition, below in positions.items()]
    made.add("cut", "integer, bigint", cut)


def _copied(report: ReportSubject, package: Path) -> ReportSubject:
    return ReportSubject(package / REPORT, report.manifest, report.manifest_sha256)


async def _read(
    streams: Streams, stream: str, take: Callable[[list[Record]], None], advance: Advance
) -> None:
    async for records in streams.read(stream):
        await asyncio.to_thread(take, records)
        advance(stream, len(records))


def _finish(
    made: Tables,
    making: Path,
    about: PartySubject | ReportSubject,
    *,
    signer: Signer,
    chain: Sequence[Signed],
    heads: Mapping[int, AuditHead | None],
    now_ms: int,
) -> Manifest:
    root = write_rows(made, making)
    for der in signer.issuing:
        name = f"{hashlib.sha256(der).hexdigest()}.der"
        (making / CERTIFICATES / ISSUING / name).write_bytes(der)
    for number, signed in enumerate(chain, start=1):
        (making / EARLIER).mkdir(exist_ok=True)
        (making / f"{place(number)}.json").write_bytes(signed.octets)
        (making / f"{place(number)}.p7s").write_bytes(signed.signature)
    (making / PAGE).write_text(package_page(), encoding="utf-8")
    write_list(making)
    checked = _checked(making)
    if isinstance(about, PartySubject) and not checked["rows"]:
        raise WrongUseError(f"no message of any device is about {about.party_id}")
    ended = chain[-1].manifest.until() if chain else {}
    manifest = Manifest(
        made_at=datetime.fromtimestamp(now_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        sequence=len(chain) + 1,
        previous=chain[-1].sha256 if chain else None,
        party=about.party_id if isinstance(about, PartySubject) else None,
        report=_report_counts(about, making),
        counts=Counts.of(checked),
        audit=tuple(
            Audited(partition=number, after=ended.get(number), until=head)
            for number, head in heads.items()
        ),
        root=root,
        files=checked["files"],
        files_sha256=checked["files_sha256"],
        signer_certificate_sha256=signer.sha256,
    )
    octets = manifest.encode()
    (making / MANIFEST).write_bytes(octets)
    (making / SIGNATURE).write_bytes(signer.key.sign_detached(octets, signer.certificate))
    return manifest


def _checked(making: Path) -> dict[str, Any]:
    """Check what was written as `evidence verify` will: nothing is signed that it would refuse."""
    checked: dict[str, Any] = orjson.loads(check_package(making))
    if checked["findings"]:
        first = checked["findings"][0]
        raise FaultFoundError(
            f"device {first['device']}: {first['what']}; {first['detail']}: nothing is signed"
        )
    return checked


def _report_counts(about: PartySubject | ReportSubject, package: Path) -> ReportCounts | None:
    if isinstance(about, PartySubject):
        return None
    report = _copied(about, package)
    return report.counts(report.devices(), devices_with_rows(package))
