"""``slotkeeper exit rehearse``: an exit on synthetic devices, from the opening to its end."""

import tempfile
from pathlib import Path

import click

from slotkeeper.cli.exit.rehearse.story import Asked, Ending, Story, play
from slotkeeper.cli.exit.rehearse.telling import print_story, story_json, write_pictures
from slotkeeper.cli.options import json_option
from slotkeeper.cli.output import note, progress, tables, write_json_line
from slotkeeper.errors import ConfigurationError, FaultFoundError
from slotkeeper.lab.emulated import StateFileError

_DEVICES = 1_000
"""Half a minute."""


class _Share(click.ParamType[float]):
    """A part of all devices: ``5%``, or from 0 to 1."""

    name = "share"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            self.fail(f"{text!r} is no share such as 5%", param, ctx)
        return share


@click.command(
    epilog="Example: slotkeeper exit rehearse --devices 5000 --silent 5% --partial 1% --seed 1 "
    "--keep rehearsal"
)
@click.option(
    "--devices",
    type=click.IntRange(10, 1_000_000),
    default=_DEVICES,
    show_default=True,
    metavar="N",
)
@click.option("--seed", default="1", show_default=True, help="Another seed, another fleet.")
@click.option("--silent", type=_Share(), default="5%", show_default=True, help="Hear nothing long.")
@click.option("--partial", type=_Share(), default="1%", show_default=True, help="One cell fails.")
@click.option(
    "--quarantined",
    type=_Share(),
    default="0.5%",
    show_default=True,
    help="Are held by anomaly detection for a week.",
)
@click.option(
    "--exchanged", type=click.IntRange(0), metavar="N", help="Hubs exchanged; default: 0.4 %."
)
@click.option(
    "--placed-again",
    type=click.IntRange(0),
    metavar="N",
    help="Slots that suppliers give back to the party; default: 0.2 %.",
)
@click.option(
    "--late",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Unknown hubs that wake after the closing.",
)
@click.option(
    "--ending",
    type=click.Choice(["clean", "early", "compromise"]),
    default="clean",
    show_default=True,
    help="Early: its certificates are revoked while devices hold them.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep streams.db, slots/, evidence/ and the pictures in this folder; one that was killed "
    "goes on there.",
)
@json_option
def rehearse(
    *,
    devices: int,
    seed: str,
    silent: float,
    partial: float,
    quarantined: float,
    exchanged: int | None,
    placed_again: int | None,
    late: int,
    ending: Ending,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Play an exit to its end on emulated devices, with a real worker, builds and signed acts.

    An operator hands its slots back in four weekly waves. Some devices are silent for weeks, some
    fail in one cell, some requests are quarantined or dated ahead, hubs are exchanged, and
    suppliers place its certificates again. Shown are each week's fence and the burn-down.
    """
    try:
        asked = Asked(
            devices=devices,
            seed=seed,
            silent=silent,
            partial=partial,
            quarantined=quarantined,
            exchanged=devices // 250 if exchanged is None else exchanged,
            placed_again=devices // 500 if placed_again is None else placed_again,
            late=late,
            ending=ending,
        )
        asked.plan  # noqa: B018  # refuses what cannot be
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="slotkeeper-exit-") as folder:
            story = _play(Path(folder), asked)
    else:
        _claim(keep)
        story = _play(keep, asked)
        write_pictures(keep, story, asked)
    if as_json:
        write_json_line(story_json(story))
    else:
        print_story(tables(), story)
        _where_next(keep)
    if not all(one.exact for one in story.fences):
        raise FaultFoundError("at some fence the states do not add up to the plan")


def _claim(folder: Path) -> None:
    """Take a new folder, or one of a rehearsal that is to go on."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "fleet.db").exists():
        raise click.BadParameter(f"{folder} is not empty", param_hint="--keep")
    folder.mkdir(parents=True, exist_ok=True)


def _play(folder: Path, asked: Asked) -> Story:
    with progress("making the fleet") as advance:
        try:
            return play(folder, asked, advance)
        except StateFileError as error:
            raise ConfigurationError(f"{error}; give another --keep") from error


def _where_next(keep: Path | None) -> None:
    if keep is None:
        note("\nTo look into it, keep it: slotkeeper exit rehearse --keep rehearsal")
        return
    about = f"--config {keep / 'slotkeeper.toml'} --from {keep / 'slots'}"
    note(
        "\nWhere to look next:\n"
        f"  {keep / 'burn-down.html'} in a browser\n"
        f"  slotkeeper exit status GNO-1 {about}\n"
        f"  slotkeeper exit devices GNO-1 --format csv {about}"
    )
