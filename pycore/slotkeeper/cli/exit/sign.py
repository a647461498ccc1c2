"""``slotkeeper exit sign``: a person's signature under a prepared act, the first or another."""

from pathlib import Path
from typing import Any

import click
import orjson

from slotkeeper.acts import Act, ActError, PersonKey
from slotkeeper.cli.counters.signing import require_signer, signers_of
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note, write_lines
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.slots.exit.acts import LONGEST, MAX_REASON, TYP
from slotkeeper.slots.registers.records import RefusedError, party_id, plain_text


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
@click.option("--reason", default="", help="Why, of an act that nobody has signed yet.")
@settings_options
def sign(*, file: Path, key_file: Path, reason: str, settings: Settings) -> None:
    """Sign the act in FILE, which the console or another person prepared, and print it.

    Shown is what it says and who signed it; every signature is verified first. FILE then has the
    signature as well. Nothing is published: `slotkeeper publish gno-exits FILE` does that, or
    whoever hands it in at the console.
    """
    signers = signers_of(settings)
    key = PersonKey(key_file)
    name = require_signer(signers, key)
    if (told := _prepared(file)) is not None:
        _sign_first(file, told, key, name, reason)
        return
    if reason:
        raise click.UsageError("--reason is of the first signature; this act has one already")
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
    _write(file, party, octets)
    note(f"signed by {name}; `slotkeeper publish gno-exits {file}` sends it")


def _prepared(file: Path) -> dict[str, Any] | None:
    """Read what the console prepared, which nobody has signed; None for any other file."""
    with file.open("rb") as opened:
        octets = opened.read(LONGEST + 1)
    try:
        told = orjson.loads(octets)
    except orjson.JSONDecodeError:
        return None
    is_one = isinstance(told, dict) and told.get("typ") == TYP
    return told if is_one and isinstance(told.get("payload"), dict) else None


def _sign_first(file: Path, told: dict[str, Any], key: PersonKey, name: str, reason: str) -> None:
    """Put the first signature, with the reason, under what was prepared.

    Raises:
        UsageError: There is no reason.
        FaultFoundError: It is no act of an exit.
    """
    payload = told["payload"]
    try:
        party = party_id(payload.get("party_id"), "party_id")
        payload["reason"] = plain_text(reason, "the reason", at_most=MAX_REASON)
    except RefusedError as refused:
        raise FaultFoundError(f"{file} cannot be signed: {refused}") from None
    if not payload["reason"].strip():
        raise click.UsageError("the first signature needs --reason: it is kept with the act")
    octets = key.sign(TYP, str(told.get("incarnation")), orjson.dumps(payload))
    note(f"{_told(Act.read(octets))}")
    _write(file, party, octets)
    note(f"signed by {name}; hand it in at the console, or have another person sign it first")


def _write(file: Path, party: str, octets: bytes) -> None:
    """Put the signed act in the file's place, and print it."""
    line = orjson.dumps({"key": party, "value": orjson.loads(octets)})
    beside = file.with_name(f".{file.name}.signed")
    beside.write_bytes(line + b"\n")
    beside.replace(file)
    write_lines([line])


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
