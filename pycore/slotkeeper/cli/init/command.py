"""``slotkeeper init``: a commented ``slotkeeper.toml``, and keys for tests on request."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import click

from slotkeeper.cli.init.template import Acb, configuration
from slotkeeper.cli.output import note
from slotkeeper.clock import system_clock
from slotkeeper.errors import WrongUseError
from slotkeeper.settings import DEFAULT_FILE

_TEST_PKI = "test-pki"
_SEED_OCTETS = 8


@click.command(epilog="Example: slotkeeper init site --test-keys")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--test-keys",
    is_flag=True,
    help="Make an ACB, authorities and parties for tests beside it: then `slotkeeper run` works.",
)
@click.option("--kafka", is_flag=True, help="For topics of a Kafka cluster, not a file.")
def init(*, folder: Path, test_keys: bool, kafka: bool) -> None:
    """Write a commented configuration into DIR, or into this folder.

    Nothing that exists is changed. Keys of --test-keys are for tests alone.
    """
    file = folder / DEFAULT_FILE
    for path in (file, folder / _TEST_PKI) if test_keys else (file,):
        if path.exists():
            raise WrongUseError(f"{path} is there already, and stays as it is")
    folder.mkdir(parents=True, exist_ok=True)
    acb = _test_keys(folder / _TEST_PKI) if test_keys else Acb()
    with file.open("x", encoding="utf-8") as out:
        out.write(configuration(acb, kafka=kafka))
    note(f"{file} is written")
    for step in _next(folder, test_keys=test_keys, kafka=kafka):
        note(f"  {step}")


def _test_keys(folder: Path) -> Acb:
    # Slow to import, and seldom needed.
    from slotkeeper.lab.pki_folder import Issued, PkiFolder  # noqa: PLC0415
    from slotkeeper.lab.terms import Role  # noqa: PLC0415

    issued = [
        Issued(role=Role.ACCESS_CONTROL_BROKER),
        Issued(role=Role.NETWORK_OPERATOR, number=1),
        Issued(role=Role.NETWORK_OPERATOR, number=2),
        Issued(role=Role.SUPPLIER, number=1),
    ]
    # Another seed each time, so that nobody takes one site's keys for another's.
    made = PkiFolder(folder, secrets.token_hex(_SEED_OCTETS), "", issued, [1])
    made.write(at=datetime.fromtimestamp(system_clock() / 1_000, UTC))
    return Acb(
        id=str(made.pki.acb.eui),
        ds=f"{_TEST_PKI}/acb-ds-0",
        ka=f"{_TEST_PKI}/acb-ka-0",
        issuing=(f"{_TEST_PKI}/authorities/z1.pem", f"{_TEST_PKI}/authorities/e1.pem"),
    )


def _next(folder: Path, *, test_keys: bool, kafka: bool) -> list[str]:
    config = f" --config {folder / DEFAULT_FILE}" if folder != Path() else ""
    steps = [] if test_keys else ["fill in [acb]: docs/certificates.md says what is needed"]
    if kafka:
        steps.append(f"slotkeeper streams create{config}")
    steps += [f"slotkeeper check-config{config}", f"slotkeeper run{config}"]
    if test_keys:
        steps.append(f"(keys in {folder / _TEST_PKI} are for tests: `slotkeeper lab certificate`)")
    return steps
