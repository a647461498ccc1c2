"""Says whether a package is what was signed, from its folder alone."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from slotkeeper._core import check_package
from slotkeeper.errors import SlotkeeperError

from .manifest import FILES, LEAVES, MANIFEST, REPORT, ROWS, SIGNATURE, Counts, Manifest
from .manifests import Signed, UnsoundError, chain_faults, earlier_of, open_manifest
from .reports import devices_with_rows, report_subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it was signed, or proves nothing.

    Attributes:
        file: Which.
        what: "altered", "removed", "put in", "cut", "moved", "missing", "unproven", "signature",
            "signer", "chain", "counts" or "report".
        detail: The same as a sentence.
        line: Of the file, from 1.
        device: Of that line.
    """

    file: str
    what: str
    detail: str
    line: int | None = None
    device: str | None = None

    def __str__(self) -> str:
        """Give it as one line for a person."""
        line = "" if self.line is None else f", line {self.line}"
        device = "" if self.device is None else f" ({self.device})"
        return f"{self.file}{line}{device}: {self.what}; {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a package is worth.

    Attributes:
        manifest: None where its signature does not hold.
        signer_sha256: Of the certificate in the signature; None likewise.
        signer_pinned: Whether that is the certificate which the caller named.
        counts: What its rows are, as counted now.
        findings: Empty for a package that is what was signed.
        further_findings: How many more there are.
        not_proven: What a reader could take for proven, and is not.
    """

    manifest: Manifest | None
    signer_sha256: str | None
    signer_pinned: bool
    counts: Counts
    findings: Sequence[Finding]
    further_findings: int
    not_proven: Sequence[str]


def verify(package: Path, signer: bytes | None) -> Verdict:
    """Check a package: signature, chain, every file and row, counts.

    Args:
        package: Its folder.
        signer: DER of the certificate that must be the signer's; None pins nobody.
    """
    checked = orjson.loads(check_package(package))
    findings: list[Finding] = []
    signed, chain = _manifests(package, findings)
    told = [Finding(**one) for one in checked["findings"]]
    # What names a row says more than that its file is another one.
    told.sort(key=lambda finding: finding.line is None)
    if signed is not None:
        findings += _signer(signed, signer)
    findings += told
    if signed is not None:
        findings += _against(signed.manifest, checked)
        findings += _report(package, signed.manifest)
    counts = Counts.of(checked)
    return Verdict(
        manifest=None if signed is None else signed.manifest,
        signer_sha256=None if signed is None else hashlib.sha256(signed.certificate).hexdigest(),
        signer_pinned=signer is not None and signed is not None and signed.certificate == signer,
        counts=counts,
        findings=findings,
        further_findings=checked["further_findings"],
        not_proven=list(_not_proven(signer, signed, chain, counts)),
    )


def _manifests(package: Path, findings: list[Finding]) -> tuple[Signed | None, Sequence[Signed]]:
    """Open the manifest and those before it; what is wrong is added to the findings."""
    try:
        signed = open_manifest(package / MANIFEST, package / SIGNATURE)
    except UnsoundError as error:
        findings.append(Finding(file=MANIFEST, what="signature", detail=str(error)))
        return None, ()
    try:
        chain = [*earlier_of(package, signed.manifest.sequence), signed]
    except UnsoundError as error:
        findings.append(Finding(file=MANIFEST, what="chain", detail=f"a manifest before: {error}"))
        return signed, ()
    findings += [
        Finding(file=MANIFEST, what="chain", detail=detail) for detail in chain_faults(chain)
    ]
    return signed, chain


def _signer(signed: Signed, signer: bytes | None) -> Iterator[Finding]:
    if signer is not None and signed.certificate != signer:
        found = hashlib.sha256(signed.certificate).hexdigest()
        wanted = hashlib.sha256(signer).hexdigest()
        yield Finding(
            file=SIGNATURE,
            what="signer",
            detail=f"it was signed with certificate {found}, not with {wanted}",
        )


def _against(manifest: Manifest, checked: dict[str, Any]) -> Iterator[Finding]:
    """Compare what the manifest says with what is there."""
    for file, name, of in ((FILES, "files_sha256", FILES), (ROWS, "root", "the rows' tree")):
        if checked[name] != getattr(manifest, name):
            yield Finding(file=file, what="altered", detail=f"the manifest is not about {of}")
    counted = Counts.of(checked)
    if counted != manifest.counts or checked["files"] != manifest.files:
        differ = [
            f"{name} {was} there, now {now}"
            for name, was, now in _pairs(manifest.counts, counted)
            if was != now
        ]
        detail = ", ".join(differ) or f"{manifest.files} files there, now {checked['files']}"
        yield Finding(file=MANIFEST, what="counts", detail=f"it counts otherwise: {detail}")
    until = manifest.until()
    for partition, number in checked["highest"]:
        if partition not in until or until[partition][0] < number:
            yield Finding(
                file=ROWS,
                what="chain",
                detail=f"decision {number} of partition {partition} is behind the chain's head",
            )


def _pairs(one: Counts, other: Counts) -> Iterator[tuple[str, int, int]]:
    mine, theirs = asdict(one), asdict(other)
    return ((name, mine[name], theirs[name]) for name in mine)


def _report(package: Path, manifest: Manifest) -> Iterator[Finding]:
    """Check the report in a package, and that it is the one that the manifest is about."""
    folder = package / REPORT
    if manifest.report is None:
        return
    try:
        report = report_subject(folder)
        for fault in report.faults():
            yield Finding(file=REPORT, what="report", detail=fault)
        devices = list(report.devices())
        with_rows = devices_with_rows(package)
        counts = report.counts(iter(devices), with_rows)
        strangers = with_rows - {one.device for one in devices}
    except (SlotkeeperError, OSError, ValueError, LookupError) as error:
        yield Finding(file=REPORT, what="report", detail=f"it cannot be read: {error}")
        return
    if counts != manifest.report:
        yield Finding(
            file=REPORT,
            what="report",
            detail=f"the manifest is about another report: {asdict(manifest.report)} there, "
            f"{asdict(counts)} here",
        )
    if strangers:
        yield Finding(
            file=LEAVES,
            what="report",
            detail=f"rows of {len(strangers)} devices that the report does not have",
        )


def _not_proven(
    signer: bytes | None, signed: Signed | None, chain: Sequence[Signed], counts: Counts
) -> Iterator[str]:
    if signer is None:
        yield (
            "signer not pinned: anybody with a key can have made this package; give --signer the "
            "certificate that you had from the signer by another way"
        )
    others = sum(signed is not None and one.certificate != signed.certificate for one in chain)
    if others:
        yield f"{others} manifests before this one were signed with other certificates"
    if signed is not None and signed.manifest.sequence == 1:
        yield "this is the first package of its chain: nothing is known of earlier ones"
    if counts.certified:
        yield (
            f"{counts.certified} rows rest on certificates whose issuer is not in the package: "
            "compare them with the SMKI Repository"
        )
    if counts.bare_keys:
        yield f"{counts.bare_keys} rows are signed by keys that no certificate calls the device's"
    if counts.unverified:
        yield f"{counts.unverified} rows are not known to be signed by a device"
    if counts.without_decision:
        yield f"{counts.without_decision} rows name decisions that the audit trail no longer had"
    report = None if signed is None else signed.manifest.report
    if report is not None and report.without_rows:
        yield (
            f"{report.without_rows} devices of the report are known by messages that are not here"
        )
