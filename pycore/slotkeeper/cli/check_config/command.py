"""``slotkeeper check-config``: settings, keys, places and streams, looked at as a doctor does."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from slotkeeper.cli.check_config.effective import toml
from slotkeeper.cli.check_config.finding import Finding, error, worst
from slotkeeper.cli.check_config.keys import check_keys, check_lists, persons
from slotkeeper.cli.check_config.places import check_places
from slotkeeper.cli.check_config.store import check_store
from slotkeeper.cli.options import json_option, source_options
from slotkeeper.cli.output import notes, tables, write_json_line
from slotkeeper.errors import ConfigurationError
from slotkeeper.settings import Loaded, Settings
from slotkeeper.settings.redaction import redacted

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


@click.command(epilog="Example: slotkeeper check-config --config slotkeeper.toml")
@source_options
@json_option
def check_config(*, config: Path | None, streams: str | None, as_json: bool) -> None:
    """Show the settings in effect, and say whether `slotkeeper run` would serve with them.

    Every fault is told at once: of the settings, of keys and certificates, of files and folders, of
    the port, of the streams and their witness. Nothing is created or changed. Warnings leave the
    exit status at 0; else it is the one that `slotkeeper run` would end with.
    """
    loaded = Settings.examine(config, streams=streams)
    # Keys and lists are read for more than one check: what is wrong is told once.
    findings = list(dict.fromkeys(_findings(loaded)))
    shown = loaded.settings.model_dump(mode="json")
    if as_json:
        write_json_line(_report(loaded, shown, findings))
    else:
        _print(tables(), loaded, shown, findings)
    if status := worst(findings):
        raise click.exceptions.Exit(status)


def _findings(loaded: Loaded[Settings]) -> Iterator[Finding]:
    for fault in loaded.faults:
        yield error("settings", fault)
    settings = loaded.settings
    yield from check_keys(settings)
    yield from check_lists(settings)
    yield from check_places(settings)
    yield from asyncio.run(_of_store(settings))


async def _of_store(settings: Settings) -> list[Finding]:
    return [finding async for finding in check_store(settings)]


def _report(
    loaded: Loaded[Settings], shown: dict[str, Any], findings: list[Finding]
) -> dict[str, Any]:
    return {
        "settings": redacted(shown),
        "origins": loaded.origins,
        "findings": [asdict(finding) for finding in findings],
        "exit_status": worst(findings),
        **_acb(loaded.settings),
        "signers": [
            {"name": name, "algorithm": algorithm, "kid": kid}
            for name, algorithm, kid in _persons(loaded.settings)
        ],
        "partitions": next((one.number for one in findings if one.number is not None), None),
    }


def _acb(settings: Settings) -> dict[str, Any]:
    try:
        return {"acb": settings.authority().describe()}
    except ConfigurationError:
        return {"acb": None}


def _persons(settings: Settings) -> Sequence[tuple[str, str, str]]:
    try:
        return persons(settings)
    except ConfigurationError:
        return ()


def _print(
    console: Console,
    loaded: Loaded[Settings],
    shown: dict[str, Any],
    findings: list[Finding],
) -> None:
    for line in toml(shown, loaded.origins):
        console.print(Text(line), soft_wrap=True)
    console.print()
    for finding in findings:
        # Where an error is looked for: on standard error.
        where = notes() if finding.level == "error" else console
        said = Text(f"{finding.level}: ", style=_STYLES[finding.level])
        where.print(said.append(finding.sentence, style="default"), soft_wrap=True)
    if not worst(findings):
        console.print("the configuration can be used")
