"""``slotkeeper evidence verify``: is a package what was signed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import orjson

from slotkeeper.cli.options import json_option
from slotkeeper.cli.output import note, progress, write_json_line, write_lines
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings.reading import certificates
from slotkeeper.slots.evidence.verifying import Verdict
from slotkeeper.slots.evidence.verifying import verify as judge


@click.command(
    epilog="Example: slotkeeper evidence verify evidence/gno-a-2026-11-26 --signer evidence.pem"
)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--signer",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The signer's certificate, PEM, had from the signer by another way.",
)
@json_option
def verify(*, folder: Path, signer: Path | None, as_json: bool) -> None:
    """Check a package by its folder alone: no streams, no settings, no key.

    Signature, the chain of manifests, every file, every device's signature and certificate, and all
    counts. Exit status 1 names what is not as it was signed. What a package cannot prove is said as
    well.
    """
    pinned = None if signer is None else certificates(signer)[0]
    with progress(f"checking {folder.name}"):
        verdict = judge(folder, pinned)
    if as_json:
        write_json_line(_told(verdict))
    else:
        write_lines([line.encode() for line in _lines(verdict)])
    if verdict.findings:
        raise FaultFoundError(str(verdict.findings[0]))
    note("the package is what was signed")


def _told(verdict: Verdict) -> dict[str, Any]:
    manifest = None if verdict.manifest is None else orjson.loads(verdict.manifest.encode())
    return {
        "manifest": manifest,
        "signer_certificate_sha256": verdict.signer_sha256,
        "signer_pinned": verdict.signer_pinned,
        "counts": asdict(verdict.counts),
        "findings": [asdict(finding) for finding in verdict.findings],
        "further_findings": verdict.further_findings,
        "not_proven": list(verdict.not_proven),
    }


def _lines(verdict: Verdict) -> list[str]:
    counts, manifest = verdict.counts, verdict.manifest
    lines = []
    if manifest is not None:
        about = f"party {manifest.party}"
        if manifest.report is not None:
            about = f"the report as of {manifest.report.as_of}"
        lines += [
            f"package {manifest.sequence} about {about}, made at {manifest.made_at}",
            f"signed with certificate {verdict.signer_sha256}"
            + (", as given" if verdict.signer_pinned else ""),
        ]
    lines += [
        f"{counts.rows} rows of {counts.devices} devices",
        f"{counts.anchored:>10}  signed by a device, certificate issued by one in the package",
        f"{counts.certified:>10}  signed by a device, issuer of its certificate not in the package",
        f"{counts.bare_keys:>10}  signed by a key without certificate",
        f"{counts.unverified:>10}  not known to be signed by a device",
    ]
    lines += [f"FAULT {finding}" for finding in verdict.findings]
    if verdict.further_findings:
        lines.append(f"FAULT {verdict.further_findings} more")
    return [*lines, *(f"not proven: {told}" for told in verdict.not_proven)]
