"""``slotkeeper counters import``: an exported table into the adjustments."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from slotkeeper.cli.counters.adjustments import adjustment_options, message_of, person_key
from slotkeeper.cli.counters.entry import Entry, Parked, UnusableError, parts, read
from slotkeeper.cli.counters.publishing import Publishing
from slotkeeper.cli.counters.signing import signed_octets
from slotkeeper.cli.counters.transfer import entries, verify
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import note
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.streams import Message

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

    Records that waited are published on their streams again, before the adjustments; with --out,
    `counters publish-parked` does that.

    A store that lost commits gave numbers out that nobody knows. The one that takes its place
    counts these losses as well: where it does not yet, the import names the command.
    """
    verified = verify(file)
    source = f"import of {file.name}, sha256 {verified.sha256}"
    longest = settings.limits.message_bytes
    making = _Making(reason, by, source, longest, is_signed=key_file is not None)
    look = _look(file, making)
    key = person_key(settings, by=by, key_file=key_file, out=out, highest=look.highest)
    publishing = Publishing(settings, verified.losses)
    if verified.losses is None:
        note(
            f"{file} is of a release that did not tell how often its store lost commits: if it "
            "ever did, `slotkeeper acknowledge --losses TIMES` first"
        )
    if out is not None:
        asyncio.run(publishing.prepare(out, making.messages(file), key))
        if look.parked:
            note(
                f"{look.parked} records that wait are not in it: `slotkeeper counters "
                f"publish-parked {file}` publishes them"
            )
        return
    if look.parked:
        _publish_parked(publishing, file)
    published = asyncio.run(publishing.all(making.messages(file), key))
    note(f"{published} adjustments published; a running worker applies them in order")


@click.command(epilog="Example: slotkeeper counters publish-parked counters.jsonl")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@settings_options
def publish_parked(*, file: Path, settings: Settings) -> None:
    """Publish the records that waited undecided when `counters export` wrote FILE.

    They go to the streams that they came from, as they came. `counters import` does the same,
    except where it prepares a file to be signed. What was met before is a repeat.
    """
    verified = verify(file)
    _look(file, None)
    _publish_parked(Publishing(settings, verified.losses), file)


def _publish_parked(publishing: Publishing, file: Path) -> None:
    waiting = (one.message() for _, one in _lines(file) if isinstance(one, Parked))
    published = asyncio.run(publishing.all(waiting, None))
    note(f"{published} records published that waited for a decision")


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
        for _, entry in _lines(file):
            if isinstance(entry, Entry):
                yield from self.of(entry)

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


@dataclass
class _Look:
    """What stands in a file of which every line is of use."""

    highest: int = 0
    parked: int = 0


def _lines(file: Path) -> Iterator[tuple[int, Entry | Parked]]:
    for number, line in entries(file):
        yield number, read(line)


def _look(file: Path, making: _Making | None) -> _Look:
    """Read every line, and make its records where ``making`` is given.

    Raises:
        FaultFoundError: Some lines are of no use.
    """
    found = _Look()
    faults: list[str] = []
    for number, line in entries(file):
        try:
            one = read(line)
            if isinstance(one, Parked):
                found.parked += 1
                continue
            found.highest = max(found.highest, one.highest())
            for _ in () if making is None else making.of(one):
                pass
        except UnusableError as error:
            faults.append(f"line {number}: {error}")
    if faults:
        more = len(faults) - _TOLD
        told = faults[:_TOLD] + ([f"and {more} more"] if more > 0 else [])
        raise FaultFoundError(
            f"{file} has lines that no worker would take; nothing was published:\n  "
            + "\n  ".join(told)
        )
    return found
