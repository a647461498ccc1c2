"""``slotkeeper evidence export``: make a package."""

import asyncio
from dataclasses import asdict
from pathlib import Path

import click

from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, progress, write_json_line
from slotkeeper.cli.store import looked_at
from slotkeeper.clock import system_clock
from slotkeeper.settings import Settings
from slotkeeper.slots.evidence.exporting import Signer
from slotkeeper.slots.evidence.exporting import export as make
from slotkeeper.slots.evidence.manifest import Manifest
from slotkeeper.slots.evidence.parties import party_subject
from slotkeeper.slots.evidence.reports import ReportSubject, report_subject


@click.command(
    epilog="Example: slotkeeper evidence export GNO-A --to evidence/gno-a-2026-11-26; "
    "slotkeeper evidence verify evidence/gno-a-2026-11-26 --signer evidence.pem"
)
@click.argument("about", metavar="PARTY|OUT")
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the package; it is made, or must be empty.",
)
@click.option(
    "--after",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The package before; without it the last one of those beside the new one.",
)
@settings_options
@json_option
def export(
    *, about: str, folder: Path, after: Path | None, settings: Settings, as_json: bool
) -> None:
    """Make a signed package about a party, or about a report.

    PARTY is a gas network party of the register: the package has what every device has signed whose
    slot ever held that party's certificates. OUT is the folder of a report with device.csv and
    reconciliation.json: the report goes into the package with what its devices have signed.

    The worker may run meanwhile. Signs with evidence.key, which must be none of the ACB's. An
    export that does not come to its end leaves nothing under that name.
    """
    signer = Signer(
        settings.evidence_key(),
        Path(settings.evidence.certificate),
        [Path(path) for path in settings.verify.issuing_certificates],
    )
    report = report_subject(Path(about)) if Path(about).is_dir() else None
    made = asyncio.run(_export(report or about, folder, after, settings, signer))
    if as_json:
        write_json_line({"folder": str(folder), "sequence": made.sequence, **asdict(made.counts)})
        return
    counts = made.counts
    note(
        f"{folder}: package {made.sequence}, {counts.rows} rows of {counts.devices} devices, "
        f"{counts.anchored + counts.certified} signed by a device with a certificate"
    )


async def _export(
    about: ReportSubject | str,
    folder: Path,
    after: Path | None,
    settings: Settings,
    signer: Signer,
) -> Manifest:
    async with looked_at(settings) as streams:
        subject = await party_subject(streams, about) if isinstance(about, str) else about
        what = about if isinstance(about, str) else str(about.folder)
        with progress(f"evidence about {what}") as bar:
            reading = ""

            def advance(stream: str, records: int) -> None:
                nonlocal reading
                if stream != reading:
                    reading = stream
                    bar.now(f"reading {stream}")
                bar.by(records)

            return await make(
                streams,
                subject,
                folder,
                signer=signer,
                after=after,
                now_ms=system_clock(),
                advance=advance,
            )
