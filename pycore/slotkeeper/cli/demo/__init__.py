"""``slotkeeper demo``: the whole story on synthetic data."""

import asyncio
import tempfile
from pathlib import Path

import click

from slotkeeper.cli.demo.second_half import SecondHalf, play_report
from slotkeeper.cli.demo.story import Story, play
from slotkeeper.cli.demo.telling import print_report, print_story, story_json
from slotkeeper.cli.options import json_option
from slotkeeper.cli.output import note, progress, tables, write_json_line
from slotkeeper.errors import FaultFoundError

LISTEN = "127.0.0.1:8643"
"""As that of `slotkeeper console`."""

_DEVICES = 500
"""A hundred for each of the five ways to count; some seconds."""


@click.command(epilog="Example: slotkeeper demo --devices 2000 --keep demo")
@click.option(
    "--devices", type=click.IntRange(5, 100_000), default=_DEVICES, show_default=True, metavar="N"
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another fleet.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep streams, keys and settings in this new folder, to look into afterwards.",
)
@click.option(
    "--serve",
    "listen",
    is_flag=False,
    flag_value=LISTEN,
    metavar="[ADDRESS]",
    help=f"Let a fleet live for a year, and show it as pages at ADDRESS, {LISTEN} if none is "
    "given; the first line printed is a link that works once.",
)
@json_option
def demo(*, devices: int, seed: int, keep: Path | None, listen: str | None, as_json: bool) -> None:
    """Play the whole story on emulated devices.

    Nothing needs to be set up. Leaving gas network operators hand their slots to the ACB (SRV
    6.15.1), suppliers ask for the handover to the next operator (SRV 6.21), and each device
    checks the command as a real one does. The same handover is also tried with the DCC's own
    counter, as without tracking.

    In the second half as many devices join that the story does not touch, with meters and network
    parties, and the report says of each which certificate belongs in its slot and who has to act.
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.BadParameter(f"{keep} is not empty", param_hint="--keep")
    if listen is not None:
        # Only who serves pages pays for what serves them.
        from slotkeeper.cli.demo.serving import serve_demo  # noqa: PLC0415

        serve_demo(listen, keep, devices=devices, seed=seed)
        return
    if keep is not None:
        story, second = _play(keep, keep / "report", devices, seed)
    else:
        # The report stays, so that it can be opened.
        out = Path(tempfile.mkdtemp(prefix="slotkeeper-demo-report-"))
        with tempfile.TemporaryDirectory(prefix="slotkeeper-demo-") as folder:
            story, second = _play(Path(folder), out, devices, seed)
    if as_json:
        write_json_line({**story_json(story), "report": second.as_json()})
    else:
        print_story(tables(), story)
        print_report(tables(), second)
        _where_next(keep, story)
    if story.lost:
        raise FaultFoundError(f"{story.lost} devices did not take their handover")


def _play(folder: Path, out: Path, devices: int, seed: int) -> tuple[Story, SecondHalf]:
    with progress("making the fleet", devices) as advance:
        story = asyncio.run(play(folder, devices=devices, seed=seed, advance=advance))
        out.mkdir(exist_ok=True)
        second = asyncio.run(play_report(folder, out, devices=devices, seed=seed, advance=advance))
        return story, second


def _where_next(keep: Path | None, story: Story) -> None:
    if keep is None:
        note("\nTo look into it, keep it: slotkeeper demo --keep demo")
        return
    config = f"--config {keep / 'slotkeeper.toml'}"
    note(
        "\nWhere to look next:\n"
        f"  slotkeeper explain-slot {story.device_id} --from {keep / 'slots'} {config}\n"
        f"  slotkeeper counters show {story.device_id} {config}\n"
        f"  slotkeeper read audit-trail --from-start {config} | head -3\n"
        f"  slotkeeper inspect --keystore {keep / 'keystore'} {keep / 'messages'}/*.hex"
    )
