"""Snapshots are the account's own: a right checksum proves nothing of who wrote a file."""

import os
import shutil
from pathlib import Path

import pytest

from slotkeeper.worker.snapshot import file
from slotkeeper.worker.snapshot.file import Header, SnapshotWriter

from .test_snapshots import Site, site

__all__ = ["site"]

HEADER = Header(
    application="here",
    partition=1,
    partitions=4,
    incarnation="a",
    at_ms=0,
    changelog=0,
    positions="{}",
)


async def test_it_is_the_accounts_own_whatever_the_mask(site: Site) -> None:
    await site.raised(b"a")
    mask = os.umask(0)
    try:
        await site.taken()
    finally:
        os.umask(mask)
    assert site.file.stat().st_mode & 0o777 == 0o600
    assert site.file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("where", ["file", "folder"])
async def test_one_that_others_may_write_is_void(site: Site, mode: int, where: str) -> None:
    """A checksum proves nothing of who wrote it."""
    await site.raised(b"a")
    await site.taken()
    exposed = site.file if where == "file" else site.file.parent
    exposed.chmod(mode | (0o100 if where == "folder" else 0))
    assert (await site.restore()).source == "nothing"
    assert site.engine.loaded == 0
    assert site.summary.snapshots_refused == {"exposed": 1}
    before = site.file.read_bytes()
    site.now_ms += 1
    await site.taken()
    # A file is replaced by one that is the account's own; in such a folder none is written.
    replaced = site.file.read_bytes() != before
    assert replaced == (where == "file")
    site.file.parent.chmod(0o700)
    assert (await site.restore()).source == "snapshot"


@pytest.mark.parametrize("where", ["file", "folder"])
async def test_another_accounts_is_void(site: Site, where: str) -> None:
    if os.geteuid():
        pytest.skip("needs the right to give files away")
    await site.raised(b"a")
    await site.taken()
    os.chown(site.file if where == "file" else site.file.parent, 12_345, -1)
    assert (await site.restore()).source == "nothing"
    assert site.summary.snapshots_refused == {"exposed": 1}


def linked(site: Site, tmp_path: Path) -> tuple[Path, Path, Path]:
    """Have a link lead to the folder; gives link, folder, and a copy that others may write."""
    own, exposed = tmp_path / "own", tmp_path / "exposed"
    site.snapshots.directory.rename(own)
    shutil.copytree(own, exposed)
    exposed.chmod(0o777)
    link = site.snapshots.directory
    link.symlink_to(own)
    return link, own, exposed


def led_to(link: Path, folder: Path) -> None:
    link.unlink()
    link.symlink_to(folder)


async def test_a_link_to_the_folder_is_judged_by_what_it_leads_to(
    site: Site, tmp_path: Path
) -> None:
    await site.raised(b"a")
    await site.taken()
    link, own, exposed = linked(site, tmp_path)
    assert (await site.restore()).source == "snapshot"
    led_to(link, exposed)
    assert (await site.restore()).source == "nothing"
    assert site.summary.snapshots_refused == {"exposed": 1}
    # Folders above are let alone: who may write one can only put another own folder in the place.
    link.parent.chmod(0o777)
    led_to(link, own)
    assert (await site.restore()).source == "snapshot"


async def test_a_folder_that_is_swapped_between_the_looks_is_void(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File and folder are judged as they are open, so that both are of one place."""
    await site.raised(b"a")
    await site.taken()
    link, own, exposed = linked(site, tmp_path)
    led_to(link, exposed)
    real = file._require_own

    def swapping(path: Path, status: os.stat_result) -> None:
        led_to(link, own)
        real(path, status)

    monkeypatch.setattr(file, "_require_own", swapping)
    assert (await site.restore()).source == "nothing"
    assert site.summary.snapshots_refused == {"exposed": 1}


async def test_what_is_written_stays_in_the_folder_that_was_looked_at(
    tmp_path: Path,
) -> None:
    own, other, link = tmp_path / "own", tmp_path / "other", tmp_path / "link"
    own.mkdir(mode=0o700)
    other.mkdir(mode=0o700)
    link.symlink_to(own)
    writer = SnapshotWriter(link / "p.snapshot", HEADER)
    writer.begin()
    led_to(link, other)
    writer.part(b"p")
    writer.finish(changelog=1, positions="{}")
    writer.abandon()
    assert [one.name for one in own.iterdir()] == ["p.snapshot"]
    assert not list(other.iterdir())


async def test_a_link_to_one_is_void(site: Site) -> None:
    await site.raised(b"a")
    await site.taken()
    elsewhere = site.file.rename(site.snapshots.directory.with_name("elsewhere"))
    site.file.symlink_to(elsewhere)
    assert (await site.restore()).source == "nothing"
