"""A device's story from an export, without the streams it came from."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from slotkeeper.cli.audit.export import exported
from slotkeeper.cli.why.gathering import gathered
from slotkeeper.errors import WrongUseError
from slotkeeper.explain.story import AUDIT, Story, told_by
from slotkeeper.settings import Settings
from slotkeeper.streams import Record

_STORE = "streams.db"
_LINES = f"{AUDIT}.jsonl"


def story_of_export(folder: Path, settings: Settings, device: str, request_id: str | None) -> Story:
    """Read a folder's store, or the audit trail that was written there as JSON lines.

    Raises:
        WrongUseError: It has neither.
        FaultFoundError: A line is none of ``slotkeeper read``.
    """
    store = folder / _STORE
    if store.is_file():
        there = settings.model_copy(update={"streams": f"sqlite:///{store.absolute()}"})
        return asyncio.run(gathered(there, device, request_id))
    lines = folder / _LINES
    if lines.is_file():
        return told_by(device, _records(lines), request_id)
    raise WrongUseError(
        f"{folder} has neither {_STORE} nor {_LINES}: `slotkeeper read {AUDIT} --from-start` "
        "writes the latter"
    )


def _records(lines: Path) -> Iterator[Record]:
    for partition, offset, key, value in exported(lines):
        yield Record(AUDIT, partition, offset, key, value, (), 0)
