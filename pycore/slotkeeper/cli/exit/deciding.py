"""``slotkeeper exit open`` and the other acts: judged first, then signed and printed as a file."""

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
import orjson

from slotkeeper.acts import PersonKey
from slotkeeper.cli.counters.signing import require_signer, signers_of
from slotkeeper.cli.exit.drafting import judged, signed, verified_manifest
from slotkeeper.cli.exit.looking import from_option, looking, party_argument
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note, write_lines
from slotkeeper.errors import TryLaterError
from slotkeeper.settings import Settings
from slotkeeper.slots.exit.acts import MAX_REASON
from slotkeeper.slots.exit.states import Word
from slotkeeper.slots.registers.records import RefusedError, plain_text

P = ParamSpec("P")
T = TypeVar("T")


def _reason(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return plain_text(value, "the reason", at_most=MAX_REASON)
    except RefusedError as refused:
        raise click.BadParameter(str(refused)) from None


def act_options(command: Callable[P, T]) -> Callable[P, T]:
    """Add PARTY, ``--from``, ``--reason``, ``--sign`` and the settings."""
    reason = click.option("--reason", default="", callback=_reason, help="Why; kept with the act.")
    sign = click.option(
        "--sign",
        "key_file",
        metavar="KEY",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Sign with this private key of yours, and print the act for `publish gno-exits`.",
    )
    return party_argument(from_option(reason(sign(settings_options(command)))))


@click.command(
    "open",
    epilog="Example: slotkeeper exit open GNO-1 --sign ann.key > open.json; "
    "slotkeeper exit sign open.json --key bob.key; slotkeeper publish gno-exits open.json",
)
@act_options
def open_(
    *, party: str, folder: Path | None, reason: str, key_file: Path | None, settings: Settings
) -> None:
    """Open the exit of PARTY: what it holds now is the baseline. Two persons sign."""
    _decide(Word.OPEN, party, folder, reason, key_file, settings)


@click.command(epilog="Example: slotkeeper exit pause GNO-1 --reason 'winter' --sign ann.key")
@act_options
def pause(
    *, party: str, folder: Path | None, reason: str, key_file: Path | None, settings: Settings
) -> None:
    """Say that the party pauses: nothing is forecast until it goes on."""
    _decide(Word.PAUSE, party, folder, reason, key_file, settings)


@click.command(epilog="Example: slotkeeper exit resume GNO-1 --sign ann.key")
@act_options
def resume(
    *, party: str, folder: Path | None, reason: str, key_file: Path | None, settings: Settings
) -> None:
    """Say that a paused exit goes on."""
    _decide(Word.RESUME, party, folder, reason, key_file, settings)


@click.command(epilog="Example: slotkeeper exit cancel GNO-1 --reason 'it stays' --sign ann.key")
@act_options
def cancel(
    *, party: str, folder: Path | None, reason: str, key_file: Path | None, settings: Settings
) -> None:
    """Say that PARTY stays.

    The register of parties needs `cancelled_on` as well: suppliers' duties count from there.
    """
    _decide(Word.CANCEL, party, folder, reason, key_file, settings)


@click.command(
    "record-revocation-request",
    epilog="Example: slotkeeper exit record-revocation-request GNO-1 --sign ann.key",
)
@click.option(
    "--compromise",
    is_flag=True,
    help="A key is compromised: its revocation is no breach, whatever is left. Two persons sign.",
)
@act_options
def record_revocation_request(
    *,
    party: str,
    folder: Path | None,
    reason: str,
    key_file: Path | None,
    compromise: bool,
    settings: Settings,
) -> None:
    """Record that PARTY asked for the revocation of its certificates (R18).

    Refused with the counts (exit status 1) while the exit is not READY. With a reason two persons
    may record it all the same.
    """
    word = Word.RECORD_KEY_COMPROMISE if compromise else Word.RECORD_REVOCATION_REQUEST
    _decide(word, party, folder, reason, key_file, settings)


@click.command(
    epilog="Example: slotkeeper exit close GNO-1 --evidence evidence --sign ann.key > close.json"
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The evidence package of the exit; it is verified, and the act names its manifest.",
)
@act_options
def close(
    *,
    party: str,
    folder: Path | None,
    reason: str,
    key_file: Path | None,
    evidence: Path | None,
    settings: Settings,
) -> None:
    """Close the exit of PARTY; if devices are left, with that residue, and two persons sign."""
    manifest = None if evidence is None else verified_manifest(evidence, party)
    _decide(Word.CLOSE, party, folder, reason, key_file, settings, manifest)


def _decide(  # noqa: PLR0917  # what all acts have
    word: Word,
    party: str,
    folder: Path | None,
    reason: str,
    key_file: Path | None,
    settings: Settings,
    manifest: str | None = None,
) -> None:
    signers = signers_of(settings)
    key = None if key_file is None else PersonKey(key_file)
    name = require_signer(signers, key) if key else ""
    with looking(party, folder, settings) as look:
        act, alone = judged(look, word, reason=reason, manifest=manifest)
        if key is None:
            raise click.UsageError(
                f"{word} would be taken; sign it with --sign KEY, which prints it as a file"
            )
        if look.incarnation is None:
            raise TryLaterError(
                "nothing was ever committed, so that the store has no name to sign for: start a "
                "worker, with the inventory, first"
            )
        octets = signed(act, [key], look.incarnation)
        write_lines([orjson.dumps({"key": party, "value": orjson.loads(octets)})])
        note(f"{word} of {act.campaign}, signed by {name}; nothing is published yet")
        note(
            "`slotkeeper publish gno-exits FILE` sends it"
            if alone
            else "another person signs with `slotkeeper exit sign FILE --key KEY`, then "
            "`slotkeeper publish gno-exits FILE` sends it"
        )
