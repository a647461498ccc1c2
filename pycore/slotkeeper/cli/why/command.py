"""``slotkeeper why``: what became of a device or a request, who acts next, and the whole story."""

import asyncio
from pathlib import Path

import click

from slotkeeper._core import canonical_key
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import tables, write_json_line
from slotkeeper.cli.why.exported import story_of_export
from slotkeeper.cli.why.gathering import gathered
from slotkeeper.cli.why.telling import print_story, story_json
from slotkeeper.explain.story import Story
from slotkeeper.settings import Settings
from slotkeeper.streams.address import shown

_PARTS = 3
"""Of a RequestID: originator, target and counter."""


class Subject(click.ParamType[tuple[str, str | None]]):
    """A device, or a request about one; the command gets the device and the RequestID or None."""

    name = "device"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, str | None]:
        """Take the device out of it, or say what it should look like."""
        text = str(value)
        parts = text.split(":")
        is_request = len(parts) == _PARTS and parts[2].isdecimal() and canonical(parts[0])
        device = canonical(parts[1] if is_request else text)
        if device is None:
            self.fail(
                f"{text!r} is neither a device, such as 00-DB-12-34-56-78-90-A3, nor a RequestID, "
                "such as 90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001",
                param,
                ctx,
            )
        return device, text if is_request else None


def canonical(text: str) -> str | None:
    """Spell an EUI-64 canonically; None if it is none."""
    found = canonical_key(text.encode(errors="replace"))
    return None if found is None else found.decode()


@click.command(epilog="Example: slotkeeper why 00-DB-12-34-56-78-90-A3")
@click.argument("subject", metavar="DEVICE|REQUEST-ID", type=Subject())
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="An export instead of the streams: a folder with audit-trail.jsonl, as `slotkeeper read "
    "audit-trail --from-start` writes it, with streams.db, as `demo --keep` leaves it, or of "
    "`slotkeeper slots build`, which has no refused requests.",
)
@settings_options
@json_option
def why(
    *, subject: tuple[str, str | None], folder: Path | None, settings: Settings, as_json: bool
) -> None:
    """Say why a device, or a request, stands as it does.

    The first line is the cause and who acts next; then whether asking again helps, what to do, and
    the whole story: numbers, cells, what waits for an answer, what is parked and why, and every
    decision. One partition is read. A device's newest 500 decisions are told.
    """
    device, request_id = subject
    story = _story(settings, folder, device, request_id)
    if as_json:
        store = str(folder) if folder is not None else shown(settings.streams)
        write_json_line({**story_json(story, request_id), "streams": store})
    else:
        print_story(tables(), story, request_id)


def _story(settings: Settings, folder: Path | None, device: str, request_id: str | None) -> Story:
    if folder is not None:
        return story_of_export(folder, settings, device, request_id)
    return asyncio.run(gathered(settings, device, request_id))
