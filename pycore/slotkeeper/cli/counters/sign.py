"""``slotkeeper counters sign``: another person's signature under prepared adjustments."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from slotkeeper._core import canonical_key, partition_for
from slotkeeper.acts import COUNTER_ADJUSTMENT, Act, ActError, PersonKey, Signers
from slotkeeper.cli import plain
from slotkeeper.cli.counters import sign_replay
from slotkeeper.cli.counters.signing import (
    STREAM,
    Signing,
    prepare,
    require_signer,
    signers_of,
)
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Streams, open_streams

_BATCH = 1000
"""Acts of some 800 octets each, published in one transaction."""

_TOLD = 10
"""Acts that are shown; of an import of many lines the rest is counted."""


@click.command(epilog="Example: slotkeeper counters sign raise.json --key bob.key")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--key",
    "--sign",
    "key_file",
    metavar="KEY",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your private key.",
)
@click.option(
    "--out",
    metavar="NEW_FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Publish nothing, and write a file with both signatures.",
)
@click.option("--reason", help="Why, of the replay of a dead letter.")
@settings_options
def sign(
    *, file: Path, key_file: Path, out: Path | None, reason: str | None, settings: Settings
) -> None:
    """Sign what another person prepared in FILE, and publish it.

    Shown is what it says and who signed it; every signature is verified first. Nothing is
    published if one line cannot be. The replay of a dead letter, which the console prepared, is
    signed into --out and handed in there.
    """
    if (told := sign_replay.prepared(file)) is not None:
        sign_replay.sign(told, PersonKey(key_file), reason, out)
        return
    signers = signers_of(settings)
    key = PersonKey(key_file)
    name = require_signer(signers, key)
    _look(file, signers, settings.limits.message_bytes)
    published = asyncio.run(_sign(settings, file, key, out))
    if out is None:
        note(f"signed by {name}; {published} published, a running worker applies them in order")


def _look(file: Path, signers: Signers, longest: int) -> None:
    """Verify every line, and show what is to be signed.

    Raises:
        FaultFoundError: A line is no act, or a signature does not hold.
    """
    count = 0
    for number, act in _acts(file, longest):
        _, persons, ignored = signers.prove(act.octets, COUNTER_ADJUSTMENT, [act.incarnation])
        if ignored:
            place, why = ignored[0]
            raise FaultFoundError(f"{file}, line {number}: signature {place} {why}")
        count += 1
        if count <= _TOLD:
            # One line: whoever signs must not take a line break in a reason for another act.
            note(plain.line(f"{_told(act.payload)}; signed by {', '.join(persons)}"))
    if count > _TOLD:
        note(f"and {count - _TOLD} more")


def _told(adjustment: dict[str, Any]) -> str:
    lists = (
        f"{len(listed)} {name}"
        for name in ("issued_numbers", "issued_blocks", "request_ids")
        if isinstance(listed := adjustment.get(name), list | dict)
    )
    numbers = ", ".join(
        [
            *(
                f"{name.replace('_', ' ')} {adjustment[name]}"
                for name in ("at_least", "issued_floor")
                if adjustment.get(name) is not None
            ),
            *lists,
        ]
    )
    device, role = adjustment.get("device_id"), adjustment.get("remote_party_role")
    because = f"{adjustment.get('reason')} ({adjustment.get('source')})"
    return f"{device} {role}, {adjustment.get('kind')}: {numbers}; {because}"


def _acts(file: Path, longest: int) -> Iterator[tuple[int, Act]]:
    """Give number and act of each line.

    Raises:
        FaultFoundError: A line is none.
    """
    with file.open("rb") as lines:
        number = 0
        while line := lines.readline(longest + 2):
            number += 1
            octets = line.strip()
            if not octets:
                continue
            try:
                act = _read(octets, longest)
            except ActError as error:
                raise FaultFoundError(f"{file}, line {number}: {error}") from None
            yield number, act


def _read(octets: bytes, longest: int) -> Act:
    if len(octets) > longest:
        raise ActError("it is longer than limits.message_bytes")
    act = Act.read(octets)
    if act.typ != COUNTER_ADJUSTMENT:
        raise ActError(f"it is no adjustment, but of the kind {act.typ!r}")
    _device(act)
    return act


def _device(act: Act) -> bytes:
    device = act.payload.get("device_id")
    canonical = canonical_key(device.encode()) if isinstance(device, str) else None
    if canonical is None:
        raise ActError("its device_id is no EUI-64")
    return canonical


async def _sign(settings: Settings, file: Path, key: PersonKey, out: Path | None) -> int:
    signers = signers_of(settings)
    longest = settings.limits.message_bytes

    def signed() -> Iterator[Message]:
        for number, act in _acts(file, longest):
            try:
                octets = key.countersign(act.octets)
            except ActError as error:
                raise FaultFoundError(f"{file}, line {number}: {error}") from None
            _, persons, _ = signers.prove(octets, act.typ, [act.incarnation])
            if len(persons) < 2:  # noqa: PLR2004
                raise FaultFoundError(f"{file}, line {number}: {persons[0]} alone signed it")
            if len(octets) > longest:
                raise FaultFoundError(f"{file}, line {number}: longer than limits.message_bytes")
            yield Message(STREAM, _device(act), octets)

    if out is not None:
        return prepare(out, signed())
    for _ in signed():
        pass
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        await _require_store(streams, file, key, longest)
        published = 0
        acts = signed()
        while batch := list(islice(acts, _BATCH)):
            await streams.publish(batch)
            published += len(batch)
        return published


async def _require_store(streams: Streams, file: Path, key: PersonKey, longest: int) -> None:
    """Refuse what the store would not take as signed for it.

    Raises:
        FaultFoundError: A line is for another store, or was prepared before an acknowledgement.
    """
    signing = await Signing.of(streams, key)
    for number, act in _acts(file, longest):
        partition = partition_for(_device(act), streams.partitions)
        if act.incarnation != signing.incarnations[partition]:
            raise FaultFoundError(
                f"{file}, line {number}: it was prepared for another store, or before an "
                "acknowledgement of this one: prepare it again"
            )
