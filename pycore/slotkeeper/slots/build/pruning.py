"""Removes builds that nobody needs, and the files that none of the others has."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from slotkeeper.errors import WrongUseError

from .folder import BUILDS, NAMED, build_of, builds_of, only_builder
from .layout import TABLES


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went.

    Attributes:
        builds: Numbers of the builds that were removed.
        spared: Of builds that reports or packages name.
        files: How many files went.
        octets: How much room that gives.
    """

    builds: list[str]
    spared: list[str]
    files: int
    octets: int


def prune(root: Path, keep: int) -> Pruned:
    """Remove all builds but the last ones and those that a report or a package names.

    A build goes before its files: whoever is killed in between leaves files that the next one
    removes.

    Args:
        root: The folder of builds.
        keep: How many of the last builds stay, at least 1.

    Raises:
        TryLaterError: A build is being made there.
        WrongUseError: It has no build.
    """
    if not builds_of(root):
        raise WrongUseError(f"{root} has no build")
    with only_builder(root) as making:
        folders = builds_of(root)
        older = folders[:-keep]
        spared = [folder for folder in older if (folder / NAMED).exists()]
        gone = [folder for folder in older if folder not in spared]
        for folder in gone:
            away = root / BUILDS / f".{folder.name}"
            folder.rename(away)
            shutil.rmtree(away)
        shutil.rmtree(making, ignore_errors=True)
        needed = {
            one.path
            for folder in builds_of(root)
            for build in [build_of(root, folder)]
            for table in TABLES
            for one in build.files(table)
        }
        files = octets = 0
        for table in TABLES:
            for file in sorted((root / table).rglob("*.parquet")):
                if str(file.relative_to(root)) not in needed:
                    octets += file.stat().st_size
                    files += 1
                    file.unlink()
    return Pruned([one.name for one in gone], [one.name for one in spared], files, octets)
