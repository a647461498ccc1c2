"""The work on a build that is not complete: what it has done is kept, so that it can go on.

Files and what is known of them stand in a folder of their own until the build is complete. Whoever
is killed leaves it; the next one goes on from there.
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from slotkeeper.slots.digest import digest
from slotkeeper.slots.tables import Tables

from .layout import Kept, query, rows_of

_FORMAT = 1
_STATE = "state.json"
_FILES = "files"
_SPILL = "spill"
TOO_OLD_MS = 86_400_000
"""After a day work is not gone on with: its registers would be older than what it is read with."""


class Work:
    """The steps of a build: each is done once, whoever does it."""

    def __init__(self, folder: Path, begun: Mapping[str, Any], now_ms: int) -> None:
        """Go on with what stands there if it was begun on the same, else begin.

        Args:
            folder: For what is not complete.
            begun: On what the build rests; work that was begun on anything else is dropped.
            now_ms: The time.
        """
        self.folder = folder
        self._state: dict[str, Any] = {}
        with_time = {"format": _FORMAT, "began_ms": now_ms, **begun}
        found = _state_of(folder)
        same = {**found, "steps": None} == {
            **with_time,
            "began_ms": found.get("began_ms"),
            "steps": None,
        }
        if same and 0 <= now_ms - found["began_ms"] < TOO_OLD_MS:
            self._state = found
        else:
            shutil.rmtree(folder, ignore_errors=True)
            self._state = {**with_time, "steps": {}}
        # Whoever left tables there is gone, since this is the only builder.
        shutil.rmtree(folder / _SPILL, ignore_errors=True)
        self.spill.mkdir(parents=True)
        (folder / _FILES).mkdir(exist_ok=True)

    @property
    def spill(self) -> Path:
        """The folder for what does not fit into memory."""
        return self.folder / _SPILL

    @property
    def begun(self) -> Mapping[str, Any]:
        """On what the build rests."""
        return self._state

    @property
    def began_ms(self) -> int:
        """When the first of those who worked on it began, milliseconds since 1970 UTC."""
        return int(self._state["began_ms"])

    def done(self, step: str) -> Any:  # noqa: ANN401
        """Give what a step came to, None if it was not done."""
        return self._state["steps"].get(step)

    def keep(self, step: str, result: object) -> None:
        """Keep what a step came to."""
        self._state["steps"][step] = result
        # After a loss of power it may be missing: then the build begins anew.
        beside = self.folder / f".{_STATE}"
        beside.write_bytes(orjson.dumps(self._state))
        beside.replace(self.folder / _STATE)

    def write(
        self,
        made: Tables,
        select: str,
        table: str,
        *,
        partition: int,
        delta: bool = False,
        about: Mapping[str, Any] | None = None,
    ) -> Kept:
        """Write the rows of a query, in its order, into a file that is named by its digest."""
        beside = self.folder / f"{table}.part"
        made.run(f"COPY ({select}) TO $1 (FORMAT parquet)", [str(beside)])
        rows = made.one("SELECT sum(num_rows) FROM parquet_file_metadata($1)", [str(beside)])
        sha256 = digest(beside)
        path = f"{table}/part-{partition:05d}/{sha256}.parquet"
        place = self.folder / _FILES / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(place)
        return Kept(path, sha256, int(rows), partition, delta, about or {})

    def place(self, one: Kept, root: Path) -> Path:
        """Say where a file stands now: here, or in the folder of complete builds."""
        made = self.folder / _FILES / one.path
        return made if made.exists() else root / one.path

    def move_into(self, root: Path) -> None:
        """Move all files to where builds have them."""
        made = self.folder / _FILES
        for file in sorted(made.rglob("*.parquet")):
            place = root / file.relative_to(made)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)
            _sync_folder(place.parent)

    def end(self) -> None:
        """Forget it: the build is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a build is worked on.

    Attributes:
        made: Tables that go with it.
        work: What is done.
        root: The folder of complete builds.
    """

    made: Tables
    work: Work
    root: Path

    def place(self, one: Kept) -> Path:
        """Say where a file stands now: in the work, or in the folder of complete builds."""
        return self.work.place(one, self.root)

    def read(self, table: str, files: Iterable[Kept]) -> str:
        """Give what stands behind FROM for a table that these files hold."""
        return query(table, files, self.place)

    def count(self, table: str, files: Sequence[Kept]) -> int:
        """Say how many rows readers see."""
        if not any(one.delta for one in files):
            return sum(one.rows for one in files)
        return int(self.made.one(f"SELECT count(*) FROM {self.read(table, files)}"))  # noqa: S608

    def rows(self, one: Kept) -> str:
        """Give what stands behind FROM for all rows of a file."""
        return rows_of([one], self.place)


def write_whole(path: Path, octets: bytes) -> None:
    """Write a file so that nobody ever finds half of it."""
    beside = path.with_name(f".{path.name}")
    with beside.open("wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _state_of(folder: Path) -> dict[str, Any]:
    try:
        found = orjson.loads((folder / _STATE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
