"""``slotkeeper console``: pages for people."""

import asyncio
from pathlib import Path

import click
import uvloop

from slotkeeper.cli import logs
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import write_lines
from slotkeeper.pages.persons import Person
from slotkeeper.pages.serving import Serving, serve
from slotkeeper.settings import DEFAULT_FILE, Settings

LISTEN = "127.0.0.1:8643"
"""Registered for nothing else that people run."""


@click.command(epilog="Example: slotkeeper console --data console --config slotkeeper.toml")
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Its own folder: slots/ with the builds, reports/, evidence/, the journal, access.log.",
)
@click.option(
    "--listen",
    default=LISTEN,
    show_default=True,
    metavar="ADDRESS",
    help="host:port on loopback, port 0 for a free one; unix:PATH for a proxy that names persons.",
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    default=("DCC",),
    show_default=True,
    help="Whom the one-time link is for: DCC, AUDITOR, SUPPLIER:ID or GNP:ID.",
)
@click.option("--person", default="link", show_default=True, help="Their name, for access.log.")
@click.option(
    "--worker",
    "workers",
    multiple=True,
    metavar="HOST:PORT",
    help="Where a worker listens ([http] listen); several may be named.",
)
@logs.logged
@settings_options
def console(
    *,
    data: Path,
    listen: str,
    roles: tuple[str, ...],
    person: str,
    workers: tuple[str, ...],
    settings: Settings,
) -> None:
    """Serve pages for people, beside the worker: what is wrong, whose turn it is, and why.

    It prints a link that works once; follow it in a browser of this machine. SIGUSR1 prints another
    one. It reads the streams and the folder of builds, never a private key, and changes nothing but
    by acts that persons have signed. Without settings of its own it takes those in the data folder.
    """
    given = click.get_current_context().params
    config, streams = given.get("config"), given.get("streams")
    if config is None and streams is None and not Path(DEFAULT_FILE).exists():
        config, streams = _of_data(data)
        if config or streams:
            settings = Settings.load(config, streams=streams)
    common = [
        *(("--config", str(config)) if config else ()),
        *(("--streams", streams) if streams else ()),
    ]
    serving = Serving(
        data=data,
        listen=listen,
        person=Person.of(person, roles),
        workers=workers or tuple(one for one in (settings.http.listen,) if one),
        common=common,
        tell=lambda link: write_lines([link.encode()]),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(serving, settings))


def _of_data(data: Path) -> tuple[Path | None, str | None]:
    """Find settings or streams that stand in the data folder, as a rehearsal leaves them."""
    if (data / DEFAULT_FILE).is_file():
        return data / DEFAULT_FILE, None
    if (data / "streams.db").is_file():
        return None, f"sqlite:///{(data / 'streams.db').absolute()}"
    return None, None
