"""A device's story from an export, without the streams it came from."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from slotkeeper.cli.audit.export import exported
from slotkeeper.cli.why.gathering import gathered
from slotkeeper.errors import WrongUseError
from slotkeeper.explain.story import AUDIT, Json, Story, told_by
from slotkeeper.settings import Settings
from slotkeeper.streams import Record

_STORE = "streams.db"
_LINES = f"{AUDIT}.jsonl"
_BUILDS = "builds"


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
    if (folder / _BUILDS).is_dir():
        return Story(device, decisions=list(_attempts(folder, device)))
    raise WrongUseError(
        f"{folder} has neither {_STORE} nor {_LINES}, and is no folder of builds: `slotkeeper read "
        f"{AUDIT} --from-start` writes the lines, `slotkeeper slots build` the builds"
    )


def _attempts(folder: Path, device: str) -> Iterator[Json]:
    """Give what a build knows of the decisions about a device: those on its slot.

    Refused requests and commands without an answer are in no table.
    """
    # Slow to import, and only of use here.
    from slotkeeper.slots.build.folder import open_build  # noqa: PLC0415
    from slotkeeper.slots.tables import tables  # noqa: PLC0415

    build = open_build(folder)
    with tables(build.reads) as made:
        for row in made.named(
            f"SELECT * FROM {build.table('attempts')} WHERE device = $1 "  # noqa: S608  # a name of the folder's own
            "ORDER BY audit_partition, audit_offset",
            [device],
        ):
            yield {
                "at": {"partition": row["audit_partition"], "offset": row["audit_offset"]},
                "kind": "decision",
                "stream": row["stream"],
                "partition": row["audit_partition"],
                "offset": row["stream_offset"],
                "device_id": device,
                "remote_party_role": "NetworkOperator",
                "request_id": row["request_id"],
                "disposition": row["disposition"],
                "reason": row["reason"],
                # Times of the tables are UTC without a zone.
                "decided_at": f"{row['at'].isoformat()}Z" if row["at"] else None,
            }


def _records(lines: Path) -> Iterator[Record]:
    for partition, offset, key, value in exported(lines):
        yield Record(AUDIT, partition, offset, key, value, (), 0)
