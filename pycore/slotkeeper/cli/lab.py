"""``slotkeeper lab``: test keys and certificates."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from slotkeeper.cli.groups import Commands
from slotkeeper.cli.options import json_option
from slotkeeper.cli.output import note, write_json_line
from slotkeeper.errors import FaultFoundError
from slotkeeper.lab.pki import NOT_AFTER, NOT_BEFORE
from slotkeeper.lab.pki_folder import Issued, PkiFolder
from slotkeeper.lab.terms import Role

_ROLES = {
    "acb": Role.ACCESS_CONTROL_BROKER,
    "network-operator": Role.NETWORK_OPERATOR,
    "supplier": Role.SUPPLIER,
    "recovery": Role.RECOVERY,
    "transitional-cos": Role.TRANSITIONAL_COS,
    "wan-provider": Role.WAN_PROVIDER,
}

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])
_FOLDER = click.Path(path_type=Path, file_okay=False)
_MOST = 65_535
"""Organisations of a role: the number is two octets of the EUI-64."""


@click.group(cls=Commands)
def lab() -> None:
    """Make test keys and certificates in the profile of the smart metering PKI.

    They are for tests alone: every key follows from a seed that stands beside it.
    """


@lab.command(epilog="Example: slotkeeper lab pki site --operators 3 --streams sqlite:///slots.db")
@click.argument("folder", type=_FOLDER, default=Path("pki"))
@click.option("--seed", default="0", show_default=True, help="Another seed, other keys.")
@click.option("--operators", type=click.IntRange(0, _MOST), default=3, show_default=True)
@click.option("--suppliers", type=click.IntRange(0, _MOST), default=2, show_default=True)
@click.option("--devices", type=click.IntRange(0, 100_000), default=1, show_default=True)
@click.option("--streams", default="", metavar="URL", help="Goes into slotkeeper.toml.")
@json_option
def pki(
    *,
    folder: Path,
    seed: str,
    operators: int,
    suppliers: int,
    devices: int,
    streams: str,
    as_json: bool,
) -> None:
    """Make a test PKI in FOLDER, which must be new or empty.

    It gets authorities, the ACB with settings for `slotkeeper run`, network operators and
    suppliers with certificates for signatures and key agreement, devices, and a revocation list.
    """
    if folder.exists() and any(folder.iterdir()):
        raise click.BadParameter(f"{folder} is not empty", param_hint="FOLDER")
    issued = [
        Issued(role=Role.ACCESS_CONTROL_BROKER),
        Issued(role=Role.RECOVERY),
        Issued(role=Role.TRANSITIONAL_COS),
        *(Issued(role=Role.NETWORK_OPERATOR, number=n) for n in range(1, operators + 1)),
        *(Issued(role=Role.SUPPLIER, number=n) for n in range(1, suppliers + 1)),
    ]
    try:
        made = PkiFolder(folder, seed, streams, issued, list(range(devices)))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--seed") from None
    made.write(at=datetime.now(UTC))
    note(f"{folder}: test keys only, never to be used for a real device or party")
    if as_json:
        write_json_line(_told(made))


@lab.command(
    epilog="Example: slotkeeper lab certificate site --role network-operator --number 1 "
    "--generation 1"
)
@click.argument("folder", type=_FOLDER, default=Path("pki"))
@click.option("--role", type=click.Choice(sorted(_ROLES)), help="Of an organisation.")
@click.option("--number", type=click.IntRange(1, _MOST), default=1, show_default=True)
@click.option(
    "--generation",
    type=click.IntRange(0, _MOST),
    default=0,
    show_default=True,
    help="1 for the first renewal: new keys of the same organisation.",
)
@click.option("--not-before", type=_DAY, metavar="DAY", help=f"{NOT_BEFORE:%Y-%m-%d} if not given.")
@click.option("--not-after", type=_DAY, metavar="DAY", help=f"{NOT_AFTER:%Y-%m-%d} if not given.")
@click.option("--revoke", is_flag=True, help="Put those that exist into the revocation list.")
@click.option(
    "--device", type=click.IntRange(0, 2**32 - 1), help="A device's instead of an organisation's."
)
@json_option
def certificate(
    *,
    folder: Path,
    role: str | None,
    number: int,
    generation: int,
    not_before: datetime | None,
    not_after: datetime | None,
    revoke: bool,
    device: int | None,
    as_json: bool,
) -> None:
    """Make certificates in FOLDER, which `slotkeeper lab pki` made, or revoke them.

    Always both: one for signatures and one for key agreement, and a supplier's for top-ups. A
    renewed ACB comes first in slotkeeper.toml, and its older keys stay there.
    """
    if (role is None) == (device is None):
        raise click.UsageError("give either --role or --device")
    now = datetime.now(UTC)
    try:
        made = PkiFolder.open(folder)
        if device is not None:
            made.add_device(device, at=now)
        elif role is not None and revoke:
            made.revoke(_ROLES[role], number, generation, at=now)
        elif role is not None:
            made.add(
                Issued(
                    role=_ROLES[role],
                    number=number,
                    generation=generation,
                    not_before=_utc(not_before) or NOT_BEFORE,
                    not_after=_utc(not_after) or NOT_AFTER,
                ),
                at=now,
            )
    except FileNotFoundError:
        raise click.BadParameter(
            f"{folder} has no pki.json: `slotkeeper lab pki {folder}` makes it",
            param_hint="FOLDER",
        ) from None
    except KeyError as error:
        raise FaultFoundError(str(error.args[0])) from None
    except ValueError as error:
        raise FaultFoundError(str(error)) from None
    if as_json:
        write_json_line(_told(made))


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


def _told(made: PkiFolder) -> dict[str, Any]:
    pki = made.pki
    return {
        "folder": str(made.folder),
        "settings": str(made.folder / "slotkeeper.toml"),
        "organisations": [
            {**entry.record(), "eui64": str(entry.organisation(pki).eui)} for entry in made.issued
        ],
        "devices": [str(pki.device(number).eui) for number in made.devices],
    }
