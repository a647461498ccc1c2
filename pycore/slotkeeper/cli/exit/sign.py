"""``slotkeeper exit sign``: another person's signature under a prepared act."""

from pathlib import Path

import click
import orjson

from slotkeeper.acts import Act, ActError, PersonKey
from slotkeeper.cli.counters.signing import require_signer, signers_of
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note, write_lines
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.slots.exit.acts import LONGEST, TYP


@click.command(epilog="Example: slotkeeper exit sign open.json --key bob.key")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--key",
    "key_file",
    metavar="KEY",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your private key.",
)
@settings_options
def sign(*, file: Path, key_file: Path, settings: Settings) -> None:
    """Sign what another person prepared in FILE; it then has both signatures, and is printed.

    Shown is what it says and who signed it; every signature is verified first. Nothing is
    published: `slotkeeper publish gno-exits FILE` does that.
    """
    signers = signers_of(settings)
    key = PersonKey(key_file)
    name = require_signer(signers, key)
    party, act = _read(file)
    try:
        _, persons, void = signers.prove(act.octets, TYP, [act.incarnation])
        if void:
            place, why = void[0]
            raise FaultFoundError(f"{file}: signature {place} {why}")
        note(f"{_told(act)}; signed by {', '.join(persons)}")
        octets = key.countersign(act.octets)
        _, persons, _ = signers.prove(octets, TYP, [act.incarnation])
    except ActError as error:
        raise FaultFoundError(f"{file}: {error}") from None
    if len(persons) < 2:  # noqa: PLR2004
        raise FaultFoundError(f"{file}: {persons[0]} alone signed it")
    line = orjson.dumps({"key": party, "value": orjson.loads(octets)})
    beside = file.with_name(f".{file.name}.signed")
    beside.write_bytes(line + b"\n")
    beside.replace(file)
    write_lines([line])
    note(f"signed by {name}; `slotkeeper publish gno-exits {file}` sends it")


def _read(file: Path) -> tuple[str, Act]:
    """Give the party and the act of a file.

    Raises:
        FaultFoundError: It holds something else.
    """
    with file.open("rb") as lines:
        octets = lines.read(2 * LONGEST + 1)
    try:
        told = orjson.loads(octets)
        party, value = told["key"], orjson.dumps(told["value"])
        if len(octets) > 2 * LONGEST or len(value) > LONGEST or not isinstance(party, str):
            raise FaultFoundError(f"{file} holds no act of an exit")
        act = Act.read(value)
    except (orjson.JSONDecodeError, ActError, KeyError, TypeError) as error:
        raise FaultFoundError(f"{file} holds no act of an exit: {error}") from None
    if act.typ != TYP or act.payload.get("party_id") != party:
        raise FaultFoundError(f"{file} holds no act of an exit of its key")
    return party, act


def _told(act: Act) -> str:
    """Say what an act says; nothing of it is proven, so that it is printed escaped."""
    told = act.payload
    counts = told.get("counts")
    numbers = (
        ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        if isinstance(counts, dict)
        else ""
    )
    said = f"{told.get('act')} of {told.get('campaign')} at {told.get('at')}: {numbers}"
    reason = f"; {told.get('reason')}" if told.get("reason") else ""
    return (said + reason).encode("unicode_escape").decode()
