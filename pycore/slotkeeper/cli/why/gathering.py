"""Reads a device's story, with a bar for whoever waits."""

from slotkeeper.cli.output import progress
from slotkeeper.explain.story import Story, gather
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams


async def gathered(settings: Settings, device: str, request_id: str | None = None) -> Story:
    """Read what the streams tell of a device."""
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        with progress("reading") as bar:
            reading = ""

            def advance(stream: str, records: int) -> None:
                nonlocal reading
                if stream != reading:
                    reading = stream
                    bar.now(f"reading {stream}")
                bar.by(records)

            return await gather(streams, device, request_id=request_id, advance=advance)
