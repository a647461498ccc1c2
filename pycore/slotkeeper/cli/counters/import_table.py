"""``slotkeeper counters import``: an exported table into the adjustments."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click

from slotkeeper.acts import PersonKey
from slotkeeper.cli.counters.adjustments import adjustment_options, message_of, person_key
from slotkeeper.cli.counters.entry import Entry, UnusableError, parts
from slotkeeper.cli.counters.signing import Signing, prepare, signed_octets
from slotkeeper.cli.counters.transfer import entries, verify
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note, progress
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, open_streams

_BATCH = 1000
"""Adjustments of some 300 octets each, written in one transaction."""

_TOLD = 10
"""Faults that are told one by one; more would hide the first."""


@click.command(
    "import",
    epilog="Example: slotkeeper counters import counters.jsonl --reason 'new operator of the DSP' "
    "--by ann --by bob",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@adjustment_options
@settings_options
def import_table(
    *,
    file: Path,
    reason: str,
    by: tuple[str, ...],
    key_file: Path | None,
    out: Path | None,
    settings: Settings,
) -> None:
    """Publish what `counters export` wrote to FILE as counter-adjustments.

    The checksum is verified and every line looked at before anything is published: one that the
    worker could not take is named, and nothing is published then. The worker takes the larger of
    both numbers everywhere, so that an import may be repeated and lowers nothing. With --sign each
    adjustment is an act of its own, signed for the store of its device's partition.
    """
    checksum = verify(file)
    source = f"import of {file.name}, sha256 {checksum}"
    longest = settings.limits.message_bytes
    making = _Making(reason, by, source, longest, is_signed=key_file is not None)
    highest = _highest(file, making)
    key = person_key(settings, by=by, key_file=key_file, out=out, highest=highest)
    published = asyncio.run(_publish(settings, making.messages(file), key, out))
    if out is None:
        note(f"{published} adjustments published; a running worker applies them in order")


class _Making:
    """Makes records of entries, none longer than what the worker takes."""

    def __init__(
        self, reason: str, by: tuple[str, ...], source: str, longest: int, *, is_signed: bool
    ) -> None:
        self._reason = reason
        self._by = by
        self._source = source
        self._longest = longest
        self._is_signed = is_signed

    def messages(self, file: Path) -> Iterator[Message]:
        for _, entry in entries(file):
            yield from self.of(Entry.read(entry))

    def of(self, entry: Entry) -> Iterator[Message]:
        """Give the records of one entry.

        Raises:
            UnusableError: Even the shortest would be too long.
        """
        waiting = list(reversed(list(entry.adjustments())))
        while waiting:
            numbers = waiting.pop()
            message = message_of(
                entry.device_id,
                entry.role,
                reason=self._reason,
                by=self._by,
                source=self._source,
                **numbers,
            )
            octets = len(message.value or b"")
            if (signed_octets(octets) if self._is_signed else octets) <= self._longest:
                yield message
            else:
                waiting.extend(reversed(parts(numbers)))


def _highest(file: Path, making: _Making) -> int:
    """Give the highest number of all, after every line was found to be of use.

    Raises:
        FaultFoundError: Some lines are not.
    """
    highest = 0
    faults: list[str] = []
    for line, entry in entries(file):
        try:
            read = Entry.read(entry)
            for _ in making.of(read):
                pass
            highest = max(highest, read.highest())
        except UnusableError as error:
            faults.append(f"line {line}: {error}")
    if faults:
        more = len(faults) - _TOLD
        told = faults[:_TOLD] + ([f"and {more} more"] if more > 0 else [])
        raise FaultFoundError(
            f"{file} has lines that no worker would take; nothing was published:\n  "
            + "\n  ".join(told)
        )
    return highest


async def _publish(
    settings: Settings, messages: Iterator[Message], key: PersonKey | None, out: Path | None
) -> int:
    published = 0
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        if key is not None:
            messages = map((await Signing.of(streams, key)).signed, messages)
        if out is not None:
            return prepare(out, messages)
        with progress("publishing adjustments") as advance:
            while batch := list(islice(messages, _BATCH)):
                await streams.publish(batch)
                published += len(batch)
                advance.by(len(batch))
    return published
