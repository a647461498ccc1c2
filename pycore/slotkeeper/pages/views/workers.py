"""Workers: which partitions each serves, how far behind it is, and how far the journal is."""

import orjson

from slotkeeper.pages.desk import Desk
from slotkeeper.pages.journal.taking import TAKEN
from slotkeeper.pages.listing import Frozen
from slotkeeper.pages.route import Ask


class Figure(Frozen):
    """A figure of a worker."""

    name: str
    value: float


class Worker(Frozen):
    """What one worker says of itself."""

    address: str
    ready: bool | None
    said: str
    partitions: list[int]
    lag: int
    restoring: int
    figures: list[Figure]


class Partition(Frozen):
    """How far a partition is.

    Attributes:
        served_by: The worker that says so; empty if none does.
        devices: With a record of their own.
        undecided: Records of its inputs beyond what the worker committed, as far as it says.
        audit: Records of its audit trail.
    """

    number: int
    served_by: str
    devices: int
    audit: int
    positions: list[tuple[str, int]]


class Taken(Frozen):
    """How far the journal has read a stream."""

    stream: str
    records: int


class Workers(Frozen):
    """The page of workers."""

    sentence: str
    workers: list[Worker]
    partitions: list[Partition]
    taken: list[Taken]
    build_every_s: int | None


def workers(desk: Desk, ask: Ask) -> Workers:
    """Show workers and partitions."""
    del ask
    found = [
        Worker(
            address=one.address,
            ready=one.ready,
            said=one.said,
            partitions=sorted(
                int(name.removeprefix("partition "))
                for name in one.figures
                if name.startswith("partition ")
            ),
            lag=int(one.figures.get("lag", 0)),
            restoring=int(one.figures.get("restoring", 0)),
            figures=[
                Figure(name=name, value=value)
                for name, value in one.figures.items()
                if not name.startswith("partition ")
            ],
        )
        for one in desk.workers
    ]
    served = {number: one.address for one in found for number in one.partitions}
    ready = sum(one.ready is True for one in found)
    return Workers(
        sentence=f"{ready} of {len(found)} workers are ready."
        if found
        else "No worker is asked: name where each listens ([http] listen, or --worker).",
        workers=found,
        partitions=[
            _partition(number, told, served)
            for number, told in (
                (row["partition"], orjson.loads(row["told"]))
                for row in desk.journal.rows("SELECT * FROM positions ORDER BY partition")
            )
        ],
        taken=[
            Taken(
                stream=stream,
                records=desk.journal.count(
                    "SELECT sum(next) FROM reached WHERE stream = ?", (stream,)
                ),
            )
            for stream in TAKEN
        ],
        build_every_s=desk.build_every_s,
    )


def _partition(number: int, told: dict[str, object], served: dict[int, str]) -> Partition:
    positions = told.get("positions")
    devices, audit = told.get("devices"), told.get("audit")
    return Partition(
        number=number,
        served_by=served.get(number, ""),
        devices=devices if isinstance(devices, int) else 0,
        audit=int(audit.get("number", 0)) if isinstance(audit, dict) else 0,
        positions=sorted(positions.items()) if isinstance(positions, dict) else [],
    )
