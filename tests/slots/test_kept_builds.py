"""What stays of builds: verified without the streams, pruned without loss of what is named."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from tests.slots.desk import Desk
from tests.slots.fleet import ACB_CELLS, Fleet

from slotkeeper.errors import FaultFoundError, WrongUseError
from slotkeeper.slots.build.folder import open_build
from slotkeeper.slots.build.pruning import prune
from slotkeeper.slots.build.verifying import faults_of

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


async def three_builds(folder: Path) -> tuple[Fleet, Path]:
    fleet = Fleet(Desk(folder))
    for number in range(1, 4):
        for device in range(number, number + 40):
            await fleet.inventory(device, commissioned_on="2026-05-01", mprn=str(device))
            fleet.decided(device, ACB_CELLS, NOW - timedelta(days=9 - number))
        made = await fleet.build(NOW)
    return fleet, made


def faults(folder: Path) -> list[str]:
    return faults_of(folder, lambda _: None)


async def test_p32_a_folder_is_verified_without_the_streams(tmp_path: Path) -> None:
    _, folder = await three_builds(tmp_path)
    assert faults(folder) == []
    with pytest.raises(WrongUseError):
        faults(tmp_path)
    last = open_build(folder)
    [history] = [one for one in last.files("history") if one.rows][-1:]
    builds = sum(history.path in one.read_text() for one in folder.rglob("manifest.json"))
    file = folder / history.path
    kept = file.read_bytes()

    file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    assert [history.path in fault for fault in faults(folder)] == [True] * builds
    file.unlink()
    assert [history.path in fault for fault in faults(folder)] == [True] * builds
    file.write_bytes(kept)

    manifests = [folder / "builds" / f"{number:08d}" / "manifest.json" for number in (2, 3)]
    told = orjson.loads(manifests[1].read_bytes())
    for member, fault in (
        (("rows", "attempts"), "attempts has another number of rows"),
        (("cuts", "1"), "does not end at the manifest's cut"),
    ):
        altered = orjson.loads(manifests[1].read_bytes())
        altered[member[0]][member[1]] = None if member[0] == "cuts" else 1
        manifests[1].write_bytes(orjson.dumps(altered))
        assert any(fault in one for one in faults(folder)), fault
        manifests[1].write_bytes(orjson.dumps(told))

    shorter = orjson.loads(manifests[1].read_bytes())
    for table in ("history", "attempts", "decisions"):
        parts = [one for one in shorter["files"][table] if one["partition"] == 0]
        shorter["files"][table].remove(parts[1])
        shorter["rows"][table] -= parts[1]["rows"]
    manifests[1].write_bytes(orjson.dumps(shorter))
    found = faults(folder)
    assert any("was due" in one for one in found)
    assert any("does not go on from build 00000002" in one for one in found)

    manifests[1].write_bytes(b"{")
    assert any("cannot be read" in one for one in faults(folder))


async def test_what_a_report_names_is_not_pruned(tmp_path: Path) -> None:
    fleet, folder = await three_builds(tmp_path)
    first = open_build(folder, folder / "builds" / "00000001" / "manifest.json")
    report = tmp_path / "report"
    report.mkdir()
    (report / "manifest.json").write_bytes(orjson.dumps({"build": first.name}))
    first.name_in(report / "manifest.json")
    stray = folder / "history" / "part-00000" / "stray.parquet"
    shutil.copy(folder / first.files("history")[0].path, stray)

    pruned = prune(folder, keep=1)
    assert (pruned.builds, pruned.spared) == (["00000002"], ["00000001"])
    assert pruned.files > 1
    assert not stray.exists()
    assert faults(folder) == []
    assert open_build(folder, report / "manifest.json").name == "00000001"
    assert open_build(folder).name == "00000003"
    assert prune(folder, keep=1).builds == []
    await fleet.build(NOW)
    assert faults(folder) == []


async def test_a_report_names_its_build(tmp_path: Path) -> None:
    fleet, folder = await three_builds(tmp_path)
    fleet.report(folder, NOW.date())
    for _ in range(2):
        await fleet.build(NOW)
    assert prune(folder, keep=1).spared == ["00000003"]


async def test_a_manifest_names_no_file_outside_of_its_folder(tmp_path: Path) -> None:
    _, folder = await three_builds(tmp_path)
    manifest = open_build(folder).folder / "manifest.json"
    for path in ("/etc/passwd", "../../etc/passwd"):
        altered = orjson.loads(manifest.read_bytes())
        altered["files"]["history"][0]["path"] = path
        manifest.write_bytes(orjson.dumps(altered))
        with pytest.raises(FaultFoundError, match="outside"):
            open_build(folder, checked=False)
