"""The options that several commands share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from slotkeeper.settings import DEFAULT_FILE, Settings

P = ParamSpec("P")
T = TypeVar("T")


def source_options(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--config`` and ``--streams`` as ``config`` and ``streams``."""
    with_streams = click.option(
        "--streams",
        metavar="URL",
        help="sqlite:///path/to/file.db (an absolute path has four slashes), or "
        "kafka://host:port[,host:port].",
    )(command)
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="SLOTKEEPER_CONFIG",
        help=f"Settings; without it {DEFAULT_FILE} of this folder, where there is one.",
    )(with_streams)


def settings_options(command: Callable[..., T]) -> Callable[..., T]:
    """Add ``--config`` and ``--streams``; the command gets ``settings`` in their place."""

    @source_options
    @functools.wraps(command)
    def with_settings(*args: Any, config: Path | None, streams: str | None, **kwargs: Any) -> T:  # noqa: ANN401
        return command(*args, settings=Settings.load(config, streams=streams), **kwargs)

    return with_settings


def json_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--json`` as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print for a program to read.")(
        command
    )
