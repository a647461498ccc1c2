"""Many builds: what they add is merged, and says the same as if it had been read at once."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.slots.desk import Desk
from tests.slots.fleet import ACB_CELLS, Cells, Fleet

from slotkeeper.slots.build import merging
from slotkeeper.slots.build.folder import Build, open_build
from slotkeeper.slots.build.layout import SEGMENTED
from slotkeeper.slots.build.pruning import prune
from slotkeeper.slots.build.verifying import faults_of
from slotkeeper.slots.tables import tables

pytestmark = pytest.mark.timeout(1_800)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
FEW = 2
OTHER: Cells = (("90-B3-D5-1F-30-01-00-00", "1" * 16), ("90-B3-D5-1F-30-01-00-00", "2" * 16))


class KilledError(Exception):
    """Stands for a kill."""


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "SMALL", FEW)


async def many_builds(fleet: Fleet, builds: int = 2 * FEW + 2) -> Path:
    folder = Path()
    for number in range(builds):
        for device in range(12):
            cells = OTHER if (number + device) % 2 else ACB_CELLS
            fleet.decided(device, cells, NOW - timedelta(days=builds - number))
        folder = await fleet.build(NOW)
    return folder


def rows(build: Build, table: str) -> list[tuple[Any, ...]]:
    with tables(build.reads) as made:
        return list(made.rows(f"SELECT * FROM {build.table(table)} ORDER BY ALL"))  # noqa: S608


def files_of(build: Build, table: str) -> Iterator[int]:
    for partition in range(len(build.manifest["incarnations"])):
        yield sum(one.partition == partition for one in build.files(table))


async def test_files_stay_few_and_rows_the_same(tmp_path: Path) -> None:
    fleet = Fleet(Desk(tmp_path))
    folder = await many_builds(fleet)
    merged = open_build(folder)
    for table in SEGMENTED:
        assert max(files_of(merged, table)) <= 2 * FEW
    (tmp_path / "at-once").mkdir()
    whole = open_build(await fleet.build(NOW, folder=tmp_path / "at-once"))
    for table in SEGMENTED:
        assert rows(merged, table) == rows(whole, table), table
    assert faults_of(folder, lambda _: None) == []
    for build in sorted((folder / "builds").iterdir()):
        assert open_build(folder, build / "manifest.json").name == build.name
    prune(folder, keep=1)
    assert rows(open_build(folder), "history") == rows(merged, "history")
    assert faults_of(folder, lambda _: None) == []


async def test_a_merge_that_loses_rows_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(merging._ORDERS, "history", "device LIMIT 1")
    folder = await many_builds(Fleet(Desk(tmp_path)))
    assert any("history does not go on from" in one for one in faults_of(folder, lambda _: None))


async def test_who_is_killed_while_files_are_merged_goes_on_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        fleet = Fleet(Desk(tmp_path / name))
        deaths = 0
        for number in range(2 * FEW):
            for device in range(12):
                cells = OTHER if (number + device) % 2 else ACB_CELLS
                fleet.decided(device, cells, NOW - timedelta(days=30 - number))
            died = name == "killed"
            for merges in count() if died else ():
                with monkeypatch.context() as patched, suppress(KilledError):
                    killed_after(patched, merges)
                    await fleet.build(NOW)
                    break
                deaths += 1
            folder = tmp_path / name / "slots" if died else await fleet.build(NOW)
        assert deaths or name == "whole"
        paths.append([one.told() for table in SEGMENTED for one in open_build(folder).files(table)])
    assert paths[0] == paths[1]


def killed_after(patched: pytest.MonkeyPatch, merges: int) -> None:
    """Die after so many merged files got their names, before that is noted."""
    left = merges
    merge = merging.merge

    def dying(*given: Any) -> Any:  # noqa: ANN401
        nonlocal left
        merged = merge(*given)
        if merged != list(given[1]):
            if not left:
                raise KilledError
            left -= 1
        return merged

    patched.setattr("slotkeeper.slots.build.building.merge", dying)
