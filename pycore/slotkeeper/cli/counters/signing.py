"""Signatures under adjustments: whose they are, for which store, and files for the next person."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from slotkeeper._core import partition_for
from slotkeeper.acts import COUNTER_ADJUSTMENT, PersonKey, Signers
from slotkeeper.cli.output import note
from slotkeeper.errors import TryLaterError
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Streams

STREAM = "counter-adjustments"

_SIGNATURE_OCTETS = 512
"""Room for a signature with its header, which have some 330."""


@dataclass(frozen=True)
class Signing:
    """A person's key, and the names of the store, by partition."""

    key: PersonKey
    incarnations: Sequence[str | None]

    @classmethod
    async def of(cls, streams: Streams, key: PersonKey) -> "Signing":
        """Ask the store for its names."""
        return cls(key, [await streams.incarnation(one) for one in range(streams.partitions)])

    def signed(self, unsigned: Message) -> Message:
        """Sign what an adjustment says.

        Raises:
            TryLaterError: Nothing was ever committed for the partition of its device.
        """
        key = unsigned.key or b""
        partition = partition_for(key, len(self.incarnations))
        incarnation = self.incarnations[partition]
        if incarnation is None:
            raise TryLaterError(
                f"nothing was ever committed for partition {partition}, so that its store has no "
                "name to sign for: start a worker, with the inventory, first"
            )
        act = self.key.sign(COUNTER_ADJUSTMENT, incarnation, unsigned.value or b"")
        return Message(STREAM, key, act)


def signed_octets(payload: int) -> int:
    """Say how long a record becomes that two persons sign, at most."""
    return (payload + 2) // 3 * 4 + 2 * _SIGNATURE_OCTETS


def signers_of(settings: Settings) -> Signers:
    """Give those who may sign.

    Raises:
        UsageError: Nobody is configured.
    """
    signers = settings.signers()
    if signers is None:
        raise click.UsageError(
            "adjustments.signers is not set: no worker takes a signed adjustment without it"
        )
    return signers


def require_signer(signers: Signers, key: PersonKey) -> str:
    """Give the name that a key proves.

    Raises:
        UsageError: Nobody's.
    """
    for name, _, kid in signers.all():
        if kid == key.kid:
            return name
    raise click.UsageError(f"the key {key.kid} is nobody's in adjustments.signers")


def prepare(file: Path, acts: Iterable[Message]) -> int:
    """Write acts for the next person, a line each; how many. Of what fails no file is left.

    Raises:
        UsageError: The file exists.
    """
    written = 0
    try:
        out = file.open("xb")
    except FileExistsError:
        raise click.UsageError(f"{file} exists; name a new file") from None
    with ExitStack() as failed:
        failed.callback(file.unlink, missing_ok=True)
        with out:
            for act in acts:
                out.write((act.value or b"") + b"\n")
                written += 1
        failed.pop_all()
    note(
        f"{written} prepared in {file}, nothing published; another person signs with "
        f"`slotkeeper counters sign {file} --key KEY`"
    )
    return written
