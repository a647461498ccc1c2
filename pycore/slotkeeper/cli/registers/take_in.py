"""``slotkeeper registers import``: files into a register."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from cryptography import x509

from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import Advance, note, progress
from slotkeeper.clock import system_clock
from slotkeeper.errors import ConfigurationError, FaultFoundError, WrongUseError
from slotkeeper.settings import Settings
from slotkeeper.settings.reading import read
from slotkeeper.slots.registers.asserted import instant, written
from slotkeeper.slots.registers.certificate_rows import CODES, Known
from slotkeeper.slots.registers.importing import (
    Import,
    Outcome,
    find_changes,
    parties_after,
    publish_changes,
    renamed_certificates,
)
from slotkeeper.slots.registers.kinds import CERTIFICATES, PARTIES, REGISTRATIONS, Register
from slotkeeper.slots.registers.reading import owners_of, read_registers
from slotkeeper.slots.registers.records import RefusedError
from slotkeeper.slots.registers.sources import Source, sources_of
from slotkeeper.slots.registers.staging import Change, Staging, staging
from slotkeeper.streams import Streams, open_streams

from .shown import Shown

_REGISTERS = {one.name: one for one in (PARTIES, CERTIFICATES, REGISTRATIONS)}

_BAR_FROM = 10_000
"""Rows; fewer are read before a bar could be looked at."""


@click.command(
    name="import",
    epilog="Example: slotkeeper registers import certificates answers/ organisations.crl",
)
@click.argument("register", type=click.Choice(list(_REGISTERS)))
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(path_type=Path, exists=True),
)
@click.option("--dry-run", is_flag=True, help="Show what would change, publish nothing.")
@click.option(
    "--complete",
    is_flag=True,
    help="The files have all there is: mark what they do not have. Nothing is deleted.",
)
@click.option(
    "--asserted-at",
    metavar="TIME",
    help="When the files were made; else each file's modification time.",
)
@click.option(
    "--status",
    type=click.Choice(CODES),
    help="Of certificates whose source does not tell it, from the day that they begin: a folder "
    "of PEM files knows no status.",
)
@settings_options
@json_option
def import_(
    *,
    register: str,
    files: tuple[Path, ...],
    dry_run: bool,
    complete: bool,
    asserted_at: str | None,
    status: str | None,
    settings: Settings,
    as_json: bool,
) -> None:
    """Take files into a register: parties, certificates or registrations.

    Parties and registrations are read from CSV and JSON lines; certificates from these, from PEM
    and DER files, folders of them, saved answers of the SMKI Repository (XML) and revocation
    lists. The newest assertion about each member counts, so that files may be imported again and
    in any order. A row that cannot be right is refused with its reason and the others are taken;
    the exit status is 1 then.
    """
    now = datetime.fromtimestamp(system_clock() / 1_000, UTC)
    latest = written(now + timedelta(days=1))
    try:
        at = instant(asserted_at, "--asserted-at") if asserted_at else None
        sources = sources_of(list(files), at=at, latest=written(now))
    except RefusedError as wrong:
        raise WrongUseError(str(wrong)) from None
    if not sources:
        raise WrongUseError("no file to be read: a folder has none of a known kind")
    anchors = _anchors(settings)
    if register == CERTIFICATES.name and not anchors:
        note(
            "warning: verify.issuing_certificates is not set: certificates and revocation lists "
            "are taken without proof"
        )
    known = Known(anchors=anchors, status=status, latest=latest)
    shown = Shown(sources, as_json=as_json)
    outcome = asyncio.run(
        _import(
            _REGISTERS[register],
            sources=sources,
            known=known,
            shown=shown,
            settings=settings,
            complete=complete,
            dry_run=dry_run,
        )
    )
    shown.outcome(outcome, dry_run=dry_run, complete=complete)
    if outcome.refused:
        # A file that is refused as a whole has no row.
        rows = max(outcome.rows, outcome.refused)
        raise FaultFoundError(f"{outcome.refused} of {rows} rows were refused")


async def _import(
    register: Register,
    *,
    sources: list[Source],
    known: Known,
    shown: Shown,
    settings: Settings,
    complete: bool,
    dry_run: bool,
) -> Outcome:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        if register is not PARTIES:
            parties = (await read_registers(streams)).parties
            known = Known(
                parties=frozenset(parties),
                owners=owners_of(parties),
                anchors=known.anchors,
                status=known.status,
                latest=known.latest,
            )
        wanted = Import(register=register, sources=sources, known=known, complete=complete)
        with staging() as tables:
            with _bar(sources) as advance:
                outcome = await find_changes(streams, wanted, tables, advance)
            if complete and not outcome.rows and not outcome.refused:
                raise FaultFoundError(
                    "the files have no rows: with --complete all that is registered would be "
                    "marked as missing; nothing was published"
                )
            renamed: list[Change] = []
            if register is PARTIES:
                parties = await parties_after(streams, tables)
                renamed = await renamed_certificates(streams, owners_of(parties))
                outcome.renamed = len(renamed)
            shown.changes(tables, outcome)
            if not dry_run:
                await _publish(streams, register, tables, renamed, outcome)
    return outcome


async def _publish(
    streams: Streams,
    register: Register,
    tables: Staging,
    renamed: list[Change],
    outcome: Outcome,
) -> None:
    total = outcome.added + outcome.changed + outcome.missing
    with ExitStack() as stack:
        bar = None
        if total >= _BAR_FROM:
            bar = stack.enter_context(progress(f"publishing to {register.stream}", total))

        def advance(records: int) -> None:
            if bar is not None:
                bar.by(records)

        await publish_changes(streams, register, tables.changes(), advance)
        await publish_changes(streams, CERTIFICATES, iter(renamed), advance)


@contextmanager
def _bar(sources: list[Source]) -> Iterator["_Reading"]:
    with ExitStack() as stack:
        yield _Reading(stack, sum(source.octets for source in sources))


class _Reading:
    """A bar of octets that shows itself once there are many rows."""

    def __init__(self, stack: ExitStack, octets: int) -> None:
        self._stack = stack
        self._total = octets
        self._rows = self._octets = 0
        self._bar: Advance | None = None

    def __call__(self, rows: int, octets: int) -> None:
        self._rows += rows
        self._octets += octets
        if self._bar is None and self._rows >= _BAR_FROM:
            self._bar = self._stack.enter_context(progress("reading (octets)", self._total))
        if self._bar is not None and octets:
            self._bar.to(self._octets)


def _anchors(settings: Settings) -> list[x509.Certificate]:
    found: list[x509.Certificate] = []
    for path in settings.verify.issuing_certificates:
        try:
            found += x509.load_pem_x509_certificates(read(Path(path)))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"verify.issuing_certificates: {path}: {error}") from None
    return found
