"""Snapshots: the engine of a partition in a file, so that a start reads only what came since."""

from .file import RefusedSnapshotError, Snapshots
from .load import load
from .take import SnapshotTaker

__all__ = ["RefusedSnapshotError", "SnapshotTaker", "Snapshots", "load"]
