"""D5: a restored older copy, or another store in its place, is found and refused."""

# ruff: noqa: ASYNC240  # files of a test are small, and nothing else waits for its loop

import json
import shutil
from pathlib import Path

import pytest

from slotkeeper.streams import (
    CommitInDoubtError,
    OwnedPartition,
    StoppedForOperatorError,
    StoreUnavailableError,
    WrongUseError,
)
from slotkeeper.worker import acknowledge, examine

from .conftest import AUDIT, CHANGELOG, RESPONSES, everything, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "streams.db"


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    folder = tmp_path / "other-disk"
    folder.mkdir()
    return folder / "witness"


async def serve(path: Path, witness: Path, commits: int) -> None:
    async with opened(path, witness=witness) as streams, streams.own() as ownership:
        for number in range(4):
            owned = await ownership.open(number)
            for _ in range(commits):
                await advance(owned)


async def advance(owned: OwnedPartition) -> None:
    await owned.commit([(CHANGELOG, owned.number, b"k", b"v", [])], {})


async def put_back(path: Path, witness: Path) -> Path:
    """Let an older copy stand in the store's place; gives where the newest one is."""
    older, newest = path.with_name("older"), path.with_name("newest")
    for copy in (older, newest):
        await serve(path, witness, 1)
        shutil.copy(path, copy)
    shutil.copy(older, path)
    return newest


async def test_d05_the_newest_store_is_served_on(path: Path, witness: Path) -> None:
    for _ in range(3):
        await serve(path, witness, 2)


async def test_d05_an_older_copy_is_refused(path: Path, witness: Path) -> None:
    await serve(path, witness, 2)
    shutil.copy(path, path.with_name("backup"))
    await serve(path, witness, 1)
    shutil.copy(path.with_name("backup"), path)
    with pytest.raises(StoppedForOperatorError, match="older copy") as refusal:
        await serve(path, witness, 1)
    assert refusal.value.partition == 0


async def test_d05_a_store_made_anew_is_refused(path: Path, witness: Path) -> None:
    await serve(path, witness, 1)
    path.unlink()
    with pytest.raises(StoppedForOperatorError, match="incarnation"):
        await serve(path, witness, 1)


async def test_d05_a_witness_that_lags_does_not_veto(path: Path, witness: Path) -> None:
    await serve(path, witness, 1)
    before = witness.read_bytes()
    await serve(path, witness, 1)
    witness.write_bytes(before)
    await serve(path, witness, 1)


async def test_d05_without_a_witness_nothing_is_compared(path: Path, witness: Path) -> None:
    await serve(path, witness, 1)
    path.unlink()
    async with opened(path) as streams, streams.own() as ownership:
        await ownership.open(0)


async def test_d05_a_damaged_witness_is_refused(path: Path, witness: Path) -> None:
    await serve(path, witness, 1)
    witness.write_bytes(witness.read_bytes()[:-10])
    with pytest.raises(StoppedForOperatorError, match="understood"):
        await serve(path, witness, 1)


async def test_d05_a_witness_of_a_newer_form_is_refused(path: Path, witness: Path) -> None:
    witness.write_text(json.dumps({"version": 2}))
    with pytest.raises(StoppedForOperatorError, match="newer"):
        await serve(path, witness, 1)


async def test_d05_a_commit_whose_witness_cannot_be_written_is_in_doubt(
    path: Path, witness: Path
) -> None:
    async with opened(path, witness=witness) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        shutil.rmtree(witness.parent)
        with pytest.raises(CommitInDoubtError, match="witness"):
            await advance(owned)
        with pytest.raises(StoreUnavailableError, match="witness"):
            await ownership.open(0)


async def test_d05_acknowledged_partitions_go_on_and_only_they(path: Path, witness: Path) -> None:
    await put_back(path, witness)
    async with opened(path, witness=witness) as streams:
        against = await examine(streams, 2)
        assert "older copy" in against[0]
        accepted = await acknowledge(streams, 2, reason="tape of Sunday", by="ops", clock=lambda: 0)
        assert "older copy" in accepted[0]
        assert await examine(streams, 2) == []
        assert await examine(streams, 1) != []
        (audited,) = [json.loads(r.value or b"") for r in await everything(streams, AUDIT)]
        assert audited["kind"] == "acknowledgement"
        assert (audited["reason"], audited["by"]) == ("tape of Sunday", "ops")
        assert audited["detail"] == accepted
        assert audited["decided_at"] == "1970-01-01T00:00:00Z"


async def test_d05_an_acknowledgement_that_is_refused_accepts_nothing(
    path: Path, witness: Path
) -> None:
    """The newest copy, found later, is still the one that the witness knows."""
    newest = await put_back(path, witness)
    before = witness.read_bytes()
    async with opened(path, witness=witness) as streams:
        with pytest.raises(WrongUseError):
            await acknowledge(streams, 0, reason="r", by="b", from_start=[RESPONSES])
        assert "older copy" in (await examine(streams, 0))[0]
        assert await everything(streams, AUDIT) == []
    assert witness.read_bytes() == before
    async with opened(path, witness=witness) as streams:
        accepted = await acknowledge(streams, 0, reason="r", by="b")
        assert "older copy" in accepted[0]
    witness.write_bytes(before)
    shutil.copy(newest, path)
    await serve(path, witness, 1)


async def test_d05_the_newer_copy_is_refused_after_the_older_was_acknowledged(
    path: Path, witness: Path
) -> None:
    newest = await put_back(path, witness)
    async with opened(path, witness=witness) as streams:
        await acknowledge(streams, 0, reason="r", by="b")
    shutil.copy(newest, path)
    with pytest.raises(StoppedForOperatorError, match="incarnation"):
        await serve(path, witness, 1)


async def test_the_partition_count_is_pinned(path: Path) -> None:
    async with opened(path, partitions=2) as streams:
        assert streams.partitions == 2
    async with opened(path) as streams:
        assert streams.partitions == 2
    with pytest.raises(StoppedForOperatorError, match="2 partitions"):
        async with opened(path, partitions=4):
            pass
