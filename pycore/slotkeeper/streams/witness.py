"""A file outside the store that remembers how far the store had come.

It can only veto. It is written after each commit, so it may lag behind the store and never leads:
a store that is behind its witness has lost committed records, by a restored backup or a lost disk.
"""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from .errors import StoppedForOperatorError, StoreUnavailableError

VERSION = 1
"""Of the file's form. A newer one is refused, since it might say what this one cannot read."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """How far a partition's changelog had come.

    Attributes:
        incarnation: Of the store that was seen.
        end: The offset after the last committed changelog record.
    """

    incarnation: str
    end: int


class Witness:
    """The witness file of one store. Blocks; not for the event loop."""

    def __init__(self, path: Path) -> None:
        """Read the file; a missing one has seen nothing.

        Raises:
            StoppedForOperatorError: The file cannot be understood.
            StoreUnavailableError: The file cannot be read.
        """
        self._path = path
        self._seen = _read(path)

    def objection(self, partition: int, now: Sighting) -> str:
        """Say what speaks against the store as it stands; empty if nothing does."""
        seen = self._seen.get(partition)
        if seen is None:
            return ""
        if seen.incarnation != now.incarnation:
            return (
                f"the witness {self._path} has seen incarnation {seen.incarnation} of partition "
                f"{partition}, and this store is incarnation {now.incarnation}: another store "
                "stands in the old one's place"
            )
        if seen.end > now.end:
            return (
                f"the changelog of partition {partition} ends at {now.end}, but the witness "
                f"{self._path} has seen it at {seen.end}: an older copy was restored, or the "
                "newest records are lost"
            )
        return ""

    def record(self, partition: int, now: Sighting) -> None:
        """Write down what is committed; durable on return.

        Raises:
            StoreUnavailableError: Not written; the old file stands.
        """
        if self._seen.get(partition) == now:
            return
        seen = {**self._seen, partition: now}
        try:
            _write(self._path, seen)
        except OSError as error:
            raise StoreUnavailableError(
                f"the witness {self._path} cannot be written ({error.strerror}); "
                "make room or correct its path"
            ) from error
        self._seen = seen


def _read(path: Path) -> dict[int, Sighting]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreUnavailableError(
            f"the witness {path} cannot be read ({error.strerror})"
        ) from error
    try:
        content = json.loads(text)
        if content["version"] != VERSION:
            raise StoppedForOperatorError(
                f"the witness {path} has format {content['version']} and this program knows "
                f"{VERSION}: use the program that wrote it, or a newer one"
            )
        return {
            int(partition): Sighting(str(seen["incarnation"]), int(seen["changelog_end"]))
            for partition, seen in content["partitions"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoppedForOperatorError(
            f"the witness {path} cannot be understood; restore it from where it was kept, "
            "or remove it after having made sure that the store is the newest"
        ) from error


def _write(path: Path, seen: dict[int, Sighting]) -> None:
    content = {
        "version": VERSION,
        "partitions": {
            str(partition): {"incarnation": at.incarnation, "changelog_end": at.end}
            for partition, at in sorted(seen.items())
        },
    }
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("w", encoding="ascii") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
