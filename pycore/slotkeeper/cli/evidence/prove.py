"""``slotkeeper evidence prove``: one device of a package, for its own operator."""

from pathlib import Path

import click

from slotkeeper._core import canonical_key
from slotkeeper.cli.output import note, write_json_line
from slotkeeper.slots.evidence.proving import prove as make
from slotkeeper.slots.evidence.proving import write_proof


@click.command(
    epilog="Example: slotkeeper evidence prove evidence/gno-a-2026-11-26 00-DB-12-34-56-78-90-A3 "
    "--to proof"
)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("device")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write a folder that is checked with openssl and sha256sum, as its VERIFY.md says.",
)
def prove(*, folder: Path, device: str, target: Path | None) -> None:
    """Print the rows of DEVICE and their way up to the signed root, without any other's rows."""
    canonical = canonical_key(device.encode())
    if canonical is None:
        raise click.BadParameter(f"{device!r} is no EUI-64", param_hint="DEVICE")
    proof = make(folder, canonical.decode())
    if target is not None:
        write_proof(proof, folder, target)
        note(f"{target}: {len(proof.rows)} rows of {proof.device}")
    write_json_line(proof.told())
