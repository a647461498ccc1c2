"""Whether a folder of builds is whole, without the streams that it was made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slotkeeper.errors import FaultFoundError, WrongUseError
from slotkeeper.slots.tables import tables

from .folder import Build, build_of, builds_of, damaged_files
from .layout import SEGMENTED, TABLES, Kept


def faults_of(root: Path, tell: Callable[[str], None]) -> list[str]:
    """Check all builds of a folder; give a sentence for each fault.

    Args:
        root: The folder.
        tell: Is told which build is checked.

    Raises:
        WrongUseError: There is no build.
    """
    found: list[str] = []
    folders = builds_of(root)
    if not folders:
        raise WrongUseError(f"{root} has no build: `slotkeeper slots build` makes one")
    before: Build | None = None
    for folder in folders:
        tell(folder.name)
        try:
            build = build_of(root, folder)
        except (OSError, ValueError, FaultFoundError) as error:
            found.append(f"build {folder.name}: its manifest cannot be read: {error}")
            continue
        damaged = damaged_files(build)
        found += [f"build {build.name}: {path} is missing or was altered" for path in damaged]
        if not damaged:
            found += [f"build {build.name}: {fault}" for fault in _contradictions(build, before)]
        before = build
    return found


def _contradictions(build: Build, before: Build | None) -> Iterator[str]:
    """Say where a manifest and the files that it names do not agree."""
    yield from _counts(build)
    for table in SEGMENTED:
        for partition in range(len(build.manifest["incarnations"])):
            files = [one for one in build.files(table) if one.partition == partition]
            cut = build.manifest["cuts"].get(str(partition))
            yield from (
                f"{table} of partition {partition}: {fault}" for fault in _holes(files, cut)
            )
    if before is not None:
        yield from (
            f"{table} does not go on from build {before.name}"
            for table in SEGMENTED
            if not _goes_on(table, before, build)
        )


def _goes_on(table: str, before: Build, build: Build) -> bool:
    """Say whether a build has all rows of the one before, be it in files that were merged."""
    known, now = before.files(table), build.files(table)
    if {one.path for one in known} <= {one.path for one in now}:
        return True
    with tables(build.reads) as made:
        for partition, cut in before.manifest["cuts"].items():
            rows = sum(one.rows for one in known if one.partition == int(partition))
            end = -1 if cut is None else cut["offset"]
            query = (
                f"SELECT count(*) FROM {build.table(table)} "  # noqa: S608  # paths of our own
                "WHERE audit_partition = $1 AND audit_offset <= $2"
            )
            if made.one(query, [int(partition), end]) != rows:
                return False
    return True


def _counts(build: Build) -> Iterator[str]:
    with tables(build.reads) as made:
        for table in TABLES:
            for one in build.files(table):
                query = "SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata($1)"
                if int(made.one(query, [str(build.root / one.path)])) != one.rows:
                    yield f"{one.path} has another number of rows than the manifest"
            query = f"SELECT count(*) FROM {build.table(table)}"  # noqa: S608
            if int(made.one(query)) != build.manifest["rows"][table]:
                yield f"{table} has another number of rows than the manifest"


def _holes(files: Sequence[Kept], cut: Mapping[str, Any] | None) -> Iterator[str]:
    """Follow the stretches of an audit trail: each begins where the one before ended."""
    due, number = 0, None
    last: Mapping[str, Any] | None = None
    for one in files:
        if one.about["first"] != due:
            yield f"a stretch begins at offset {one.about['first']}, and {due} was due"
        last = one.about["cut"]
        if last is None:
            continue
        records = one.about["records"]
        if number is not None and last["number"] is not None and last["number"] != number + records:
            yield f"{records} records lead from number {number} to {last['number']}"
        due, number = last["offset"] + 1, last["number"]
    if last != cut:
        yield "its last stretch does not end at the manifest's cut"
