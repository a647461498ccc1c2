"""``slotkeeper audit verify``: follow the chain of the audit trail."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.tree import Tree

from slotkeeper._core import EvidenceVerifier
from slotkeeper.audit_chain import Anchor, ChainCheck
from slotkeeper.cli.audit.export import exported
from slotkeeper.cli.audit.signed import reader
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, progress, tables, write_json_line
from slotkeeper.cli.store import looked_at
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.streams import Sighting, StoppedForOperatorError, Streams
from slotkeeper.worker.audit import AUDIT_TRAIL
from slotkeeper.worker.positions import KEY, Positions

AT_A_TIME = 1_000
"""Records of an export between two steps of the bar."""


@click.command(
    epilog="Example: slotkeeper read audit-trail --from-start > trail.jsonl; "
    "slotkeeper audit verify trail.jsonl"
)
@click.argument(
    "file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--partition", type=click.IntRange(min=0), help="This one only.")
@click.option(
    "--changelog",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With FILE: what `slotkeeper read originator-counters --from-start` has written, before "
    "FILE was: it names the last record of each partition.",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Of the evidence key, or its public key, PEM: checks the signatures of checkpoints.",
)
@settings_options
@json_option
def verify(
    *,
    file: Path | None,
    partition: int | None,
    changelog: Path | None,
    certificate: Path | None,
    settings: Settings,
    as_json: bool,
) -> None:
    """Check that no audit record was altered, removed or put in.

    Each record names the SHA-256 of the one before it, and the changelog names the last one. Reads
    the streams beside a running worker or, without any, FILE: lines of `slotkeeper read
    audit-trail --from-start`, which must not be formatted anew. Exit status 1 names partition,
    offset and what is wrong with the first record that is not as it was written.
    """
    if changelog is not None and file is None:
        raise click.UsageError("--changelog goes with a FILE")
    check = TrailCheck(partition, None if certificate is None else EvidenceVerifier(certificate))
    if file is None:
        asyncio.run(_read(settings, check))
    else:
        _read_files(file, changelog, check)
    told = check.told()
    if as_json:
        write_json_line({"partitions": told})
    else:
        tables().print(_tree(told))
    broken = [each for each in told if each["findings"]]
    if broken:
        first = broken[0]["findings"][0]
        raise FaultFoundError(
            f"partition {broken[0]['partition']}, offset {first['offset']}: {first['what']}; "
            f"{first['detail']}"
        )
    note("no record was altered, removed or put in, as far as that shows")


class TrailCheck:
    """Sorts records by their partitions."""

    def __init__(self, only: int | None, verifier: EvidenceVerifier | None = None) -> None:
        """Check all partitions, or ``only`` one; without ``verifier`` no signatures."""
        self._only = only
        self._verifier = verifier
        self._positions: dict[int, Positions] = {}
        self._witnessed: Mapping[int, Sighting] = {}
        self._checks: dict[int, ChainCheck] = {}

    def positions(self, partition: int, value: bytes | None) -> None:
        """Take positions of the changelog; before the trail, which may go on meanwhile."""
        try:
            found = Positions.decode(value)
        except StoppedForOperatorError as error:
            raise FaultFoundError(f"partition {partition}: {error}") from error
        known = self._positions.get(partition)
        if known is None or found.sequence > known.sequence:
            self._positions[partition] = found

    def witnessed(self, seen: Mapping[int, Sighting]) -> None:
        """Take what the witness has seen; before the trail, likewise."""
        self._witnessed = seen

    def take(self, partition: int, records: Iterable[tuple[int, bytes | None]]) -> None:
        """Take records of the trail."""
        if self._only not in {None, partition}:
            return
        check = self._check(partition)
        for offset, value in records:
            check.take(offset, value)

    def told(self) -> list[dict[str, Any]]:
        """Give what was found, by partition."""
        for partition in self._positions:
            if self._only in {None, partition}:
                self._check(partition)
        return [_told(number, check) for number, check in sorted(self._checks.items())]

    def _check(self, partition: int) -> ChainCheck:
        if partition not in self._checks:
            signed = reader(partition, self._verifier)
            self._checks[partition] = ChainCheck(self._anchors(partition), signed)
        return self._checks[partition]

    def _anchors(self, partition: int) -> Iterator[Anchor]:
        positions, seen = self._positions.get(partition), self._witnessed.get(partition)
        if positions is not None and positions.audit is not None:
            yield Anchor("the changelog", positions.audit)
        # What it has seen of an incarnation that an acknowledgement has ended is not compared.
        known = None if positions is None else positions.incarnation
        if seen is not None and seen.audit is not None and seen.incarnation == known:
            yield Anchor("the witness", seen.audit, is_outside=True)


async def _read(settings: Settings, check: TrailCheck) -> None:
    async with looked_at(settings) as streams:
        check.witnessed(await streams.witnessed())
        await _read_positions(streams, check)
        with progress(f"reading {AUDIT_TRAIL}") as advance:
            async for records in streams.read(AUDIT_TRAIL):
                taken = [(record.offset, record.value) for record in records]
                await asyncio.to_thread(check.take, records[0].partition, taken)
                advance.by(len(records))


async def _read_positions(streams: Streams, check: TrailCheck) -> None:
    changelog = streams.layout.changelog
    with progress(f"reading {changelog}") as advance:
        async for records in streams.read(changelog):
            for record in records:
                if record.key == KEY:
                    check.positions(record.partition, record.value)
            advance.by(len(records))


def _read_files(file: Path, changelog: Path | None, check: TrailCheck) -> None:
    if changelog is not None:
        for partition, _, key, value in exported(changelog):
            if key == KEY:
                check.positions(partition, value)
    with progress(f"reading {file.name}") as advance:
        for count, (partition, offset, _, value) in enumerate(exported(file), 1):
            check.take(partition, [(offset, value)])
            if count % AT_A_TIME == 0:
                advance.to(count)


def _told(partition: int, check: ChainCheck) -> dict[str, Any]:
    check.finish()
    ends = {
        name: None if link is None else {"offset": link.offset, "number": link.number}
        for name, link in (("first", check.first), ("last", check.last))
    }
    return {
        "partition": partition,
        "records": check.records,
        "before_chain": check.unlinked,
        **ends,
        "compared": [
            {"with": anchor.who, "number": anchor.head[0], "agrees": agrees}
            for anchor, agrees in check.agreed
        ],
        "checkpoints": check.checkpoints,
        "checkpoints_valid": check.signed,
        "signed_up_to": None if check.signed_up_to is None else check.signed_up_to.number,
        "findings": [asdict(finding) for finding in check.findings],
        "further_findings": check.more,
        "not_excluded": list(check.not_excluded()),
    }


def _tree(told: list[dict[str, Any]]) -> Tree:
    tree = Tree("the chain of the audit trail")
    for each in told:
        first, last = each["first"], each["last"]
        branch = tree.add(f"partition {each['partition']}: {each['records']} records")
        if first is not None:
            branch.add(
                f"from number {first['number']} at offset {first['offset']} to number "
                f"{last['number']} at offset {last['offset']}"
            )
        for one in each["compared"]:
            agrees = "agrees with" if one["agrees"] else "[bold red]contradicts[/]"
            branch.add(f"number {one['number']} {agrees} {one['with']}")
        if each["signed_up_to"] is not None:
            branch.add(
                f"signed up to number {each['signed_up_to']}, by {each['checkpoints_valid']} of "
                f"{each['checkpoints']} checkpoints"
            )
        for finding in each["findings"]:
            branch.add(
                f"[bold red]{finding['what']}[/] at offset {finding['offset']}: "
                f"{escape(finding['detail'])}"
            )
        if each["further_findings"]:
            branch.add(f"[bold red]{each['further_findings']} further findings[/]")
        for sentence in each["not_excluded"]:
            branch.add(f"not excluded: {sentence}")
    return tree
