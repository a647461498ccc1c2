"""The command: outputs in, an import and a report out."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.tree import Tree

from slotkeeper.cli.counters.rebuild.gathered import Gathered, gathering
from slotkeeper.cli.counters.rebuild.report import Report
from slotkeeper.cli.counters.rebuild.told import OUTPUTS, RecordFault, Told, told_by
from slotkeeper.cli.counters.transfer import Exporter, written
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, notes, progress, write_json_line
from slotkeeper.cli.store import looked_at
from slotkeeper.errors import FaultFoundError
from slotkeeper.settings import Settings
from slotkeeper.streams import Record


class _Outputs(click.ParamType[tuple[str, ...]]):
    """Names of outputs between commas."""

    name = "outputs"

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's own signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, ...]:
        """Take each name once, in the order in which they are read."""
        if isinstance(value, tuple):
            return value
        names = {name.strip() for name in str(value).split(",")}
        unknown = names - set(OUTPUTS)
        if unknown:
            self.fail(f"{min(unknown)!r} tells no numbers; {' and '.join(OUTPUTS)} do", param, ctx)
        return tuple(name for name in OUTPUTS if name in names)


@click.command(
    epilog="Example: slotkeeper counters rebuild --from audit-trail,cs02b-commands numbers.jsonl"
)
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--from",
    "outputs",
    type=_Outputs(),
    default=OUTPUTS,
    show_default=",".join(OUTPUTS),
    help="Outputs to read.",
)
@settings_options
@json_option
def rebuild(*, file: Path, outputs: tuple[str, ...], settings: Settings, as_json: bool) -> None:
    """Make an import out of what the outputs tell, for a store whose changelog is lost.

    For each device and role it takes the highest numbers of the audit trail, and every number that
    a command had: from the message itself, whatever the JSON beside it says. FILE is what `counters
    import` takes; the report says what cannot be known. Exit status 1: FILE is whole, and records
    were met that cannot be right.

    Memory is bounded, some 150 MB; a file beside FILE, removed at the end, takes some 150 octets
    for each command. The store is only read.
    """
    to_stdout = str(file) == "-"
    if to_stdout and as_json:
        raise click.UsageError("name a FILE: --json writes the report to standard output")
    with written(file) as out, gathering(None if to_stdout else file.parent) as gathered:
        report = asyncio.run(_read(settings, outputs, gathered))
        exporter = Exporter(out, losses=report.losses)
        for entry in gathered.entries():
            exporter.add(entry)
        checksum = exporter.finish()
        told = {
            "file": None if to_stdout else str(file),
            "entries": exporter.entries,
            "sha256": checksum,
            **report.as_dict(gathered, int(settings.counter.ceiling)),
        }
    if as_json:
        write_json_line(told)
    else:
        notes().print(_tree(told))
    if not exporter.entries:
        raise FaultFoundError(
            f"{' and '.join(outputs)} told no number: are these the streams of the lost store?"
        )
    if report.faults:
        raise FaultFoundError(
            f"{report.faults} things in the outputs cannot be right; the import holds everything "
            "else, and the report names them"
        )
    note("`slotkeeper counters import` publishes it into a new store")


async def _read(settings: Settings, outputs: tuple[str, ...], gathered: Gathered) -> Report:
    async with looked_at(settings) as streams:
        # A changelog that somebody made anew may have fewer partitions than the outputs.
        counts = [len(await streams.ends(output)) for output in outputs]
        report = Report(outputs, streams.layout.events, max(streams.partitions, *counts))
        for output in outputs:
            with progress(f"reading {output}") as advance:
                async for records in streams.read(output, from_start=True):
                    # A batch of commands takes 100 ms to decode; the client needs the loop.
                    await asyncio.to_thread(_take, output, records, gathered, report)
                    advance.by(len(records))
    return report


def _take(output: str, records: list[Record], gathered: Gathered, report: Report) -> None:
    found: list[tuple[int, Told]] = []
    for record in records:
        report.read(record)
        faults: list[RecordFault] = []
        told = told_by(record, faults)
        if told is not None:
            if not report.told(record.partition, told):
                faults.append(RecordFault("MALFORMED", "stream"))
                told = replace(told, event=None)
            found.append((record.partition, told))
        report.fault(record, faults)
    gathered.add(output, found)


def _tree(told: dict[str, Any]) -> Tree:
    tree = Tree(
        f"{told['slots']} slots, {told['issued_numbers']} issued numbers, {told['requests']} "
        f"requests: {told['entries']} entries, sha256 {told['sha256']}"
    )
    for partition, times in enumerate(told["losses"]):
        if times:
            tree.add(f"partition {partition} lost commits {times} times: a new store counts that")
    read = tree.add("read")
    for output, partitions in told["outputs"].items():
        for ends in partitions:
            if ends["records"]:
                read.add(
                    f"{output} partition {ends['partition']}: {ends['records']} records, offsets "
                    f"{ends['first']} to {ends['last']}"
                )
    decided = tree.add("decided: what stands in the inputs from these offsets on was not")
    for stream, offsets in told["decided_up_to"].items():
        decided.add(f"{stream}: {', '.join(map(str, offsets))}")
    _add_faults(tree, told["faults"])
    unknown = tree.add("cannot be known")
    for one in told["cannot_be_known"]:
        count = f"{one['count']} " if one["count"] else ""
        branch = unknown.add(f"{count}{one['what']}: {one['detail']}")
        for example in one["examples"]:
            branch.add(escape(example))
    return tree


def _add_faults(tree: Tree, found: list[dict[str, Any]]) -> None:
    if not found:
        return
    faults = tree.add("[bold red]cannot be right[/]")
    for fault in found:
        branch = faults.add(f"{fault['count']} {fault['kind']}: {fault['detail']}")
        for record in fault["records"]:
            branch.add(escape(record))
