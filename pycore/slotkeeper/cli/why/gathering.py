"""Reads a device's story, with a bar for whoever waits."""

from slotkeeper.cli.output import progress
from slotkeeper.cli.store import looked_at
from slotkeeper.explain.story import Story, gather
from slotkeeper.settings import Settings


async def gathered(settings: Settings, device: str, request_id: str | None = None) -> Story:
    """Read what the streams tell of a device."""
    async with looked_at(settings) as streams:
        with progress("reading") as bar:
            reading = ""

            def advance(stream: str, records: int) -> None:
                nonlocal reading
                if stream != reading:
                    reading = stream
                    bar.now(f"reading {stream}")
                bar.by(records)

            return await gather(streams, device, request_id=request_id, advance=advance)
