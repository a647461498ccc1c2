"""Where snapshots lie, and how often they are taken."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """Where a worker keeps snapshots, and how often it takes them.

    Attributes:
        directory: Made if it is missing. Workers of one machine may share it.
        application: Names the streams among others whose snapshots lie there.
        every_s: Seconds from one snapshot of a partition to the next, if anything was committed.
    """

    directory: Path
    application: str
    every_s: float = 600.0

    def file(self, partition: int) -> Path:
        """Give the place of a partition's snapshot."""
        return self.directory / f"partition-{partition}.snapshot"
