"""D5: beside an older copy of the store, a newer snapshot is no way to trust it."""

import shutil
from pathlib import Path

import pytest
from tests.worker.fake_engine import COMMANDS, REQUESTS, FakeEngine

from slotkeeper.streams import Message, StoppedForOperatorError
from slotkeeper.worker import Snapshots, Summary, run

from .conftest import everything, opened


class Site:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "streams.db"
        self.backup = folder / "backup"
        self.snapshots = Snapshots(directory=folder / "snapshots", application="")
        self.engines: list[FakeEngine] = []

    def make(self, partition: int, partitions: int) -> FakeEngine:
        self.engines.append(FakeEngine(partition, partitions))
        return self.engines[-1]

    async def serve(self, witness: Path | None = None) -> Summary:
        """Decide one request more; a snapshot is left at the end."""
        async with opened(self.path, witness=witness) as streams:
            await streams.publish([Message(REQUESTS, b"d", b"", partition=1)])
            return await run(streams, self.make, until_idle=True, snapshots=self.snapshots)

    async def numbers(self) -> list[int]:
        async with opened(self.path) as streams:
            return [int(record.value or b"") for record in await everything(streams, COMMANDS)]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_d05_a_snapshot_ahead_of_an_older_copy_is_refused(site: Site) -> None:
    await site.serve()
    shutil.copy(site.path, site.backup)
    await site.serve()
    shutil.copy(site.backup, site.path)
    summary = await site.serve()
    assert summary.snapshots_refused == {"ahead": 1}
    # The copy's own truth, as without any snapshot: nothing else is left of the second number.
    assert await site.numbers() == [1, 2]
    assert site.engines[-3].partition == 1
    assert site.engines[-3].loaded == 0


async def test_d05_with_a_witness_an_older_copy_stops_the_worker_whatever_is_beside_it(
    site: Site, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    await site.serve(witness)
    shutil.copy(site.path, site.backup)
    await site.serve(witness)
    shutil.copy(site.backup, site.path)
    with pytest.raises(StoppedForOperatorError, match="older copy"):
        await site.serve(witness)
    assert await site.numbers() == [1]


async def test_a_snapshot_of_the_newest_store_is_used(site: Site) -> None:
    for _ in range(3):
        await site.serve()
    assert site.engines[-3].loaded == 1
    assert await site.numbers() == [1, 2, 3]
