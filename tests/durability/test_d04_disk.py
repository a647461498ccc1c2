"""D4: a full disk, a read-only disk, a damaged file: refuse, say what to do, lose nothing."""

# ruff: noqa: ASYNC240  # files of a test are small, and nothing else waits for its loop

from pathlib import Path

import pytest

from slotkeeper.streams import (
    CommitAbortedError,
    CommitError,
    Output,
    StoppedForOperatorError,
    StoreUnavailableError,
    WrongUseError,
)

from .conftest import AUDIT, CHANGELOG, RESPONSES, Remount, everything, opened, response

FILLER = b"x" * 50_000


async def test_d04_publishing_to_a_full_disk_loses_nothing(
    small_disk: Path, remount: Remount
) -> None:
    path = small_disk / "streams.db"
    published = 0
    async with opened(path) as streams:
        try:
            for _ in range(100):
                await streams.publish([response(FILLER)] * 2)
                published += 2
        except StoreUnavailableError as refusal:
            assert "make room" in str(refusal)  # noqa: PT017  # what was published before counts
        assert 0 < published < 200
        assert len(await everything(streams, RESPONSES)) == published
    remount("size=8m")
    async with opened(path) as streams:
        await streams.publish([response(b"after")])
        found = await everything(streams, RESPONSES)
        assert [record.offset for record in found] == list(range(published + 1))


async def test_d04_a_batch_that_finds_the_disk_full_is_wholly_absent(
    small_disk: Path, remount: Remount
) -> None:
    path = small_disk / "streams.db"
    committed = 0
    async with opened(path) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        failure: CommitError | None = None
        while failure is None:
            change: Output = (CHANGELOG, 0, b"k", b"%d" % committed, ())
            try:
                await owned.commit(
                    [(AUDIT, 0, b"k", FILLER, []), change], {RESPONSES: committed + 1}
                )
                committed += 1
            except CommitError as error:
                failure = error
        assert isinstance(failure.__cause__, StoreUnavailableError)
    remount("size=8m")
    async with opened(path) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        # Where COMMIT itself failed, all of the batch may stand, but never a part of it.
        doubt = 0 if isinstance(failure, CommitAbortedError) else 1
        audited = len(await everything(streams, AUDIT))
        assert committed <= audited <= committed + doubt
        assert (await owned.offsets())[RESPONSES] == audited
        changes = [record async for batch in owned.changelog() for record in batch]
        assert [record.value for record in changes] == [b"%d" % (audited - 1)]
        await owned.commit([], {RESPONSES: 0})


async def test_d04_a_disk_that_turned_read_only(small_disk: Path, remount: Remount) -> None:
    path = small_disk / "streams.db"
    async with opened(path) as streams:
        await streams.publish([response(b"before")])
    remount("ro")
    with pytest.raises(StoreUnavailableError):
        async with opened(path) as streams, streams.own() as ownership:
            await ownership.open(0)
    remount("rw")
    async with opened(path) as streams:
        await streams.publish([response(b"after")])
        assert [r.value for r in await everything(streams, RESPONSES)] == [b"before", b"after"]


async def test_d04_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WrongUseError, match="no folder"):
        async with opened(tmp_path / "missing" / "streams.db"):
            pass


async def test_d04_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "streams.db"
    path.write_bytes(b"certainly no database, whatever its name" * 100)
    with pytest.raises(StoppedForOperatorError, match="no database"):
        async with opened(path):
            pass


async def test_d04_a_damaged_page_is_found_and_named(tmp_path: Path) -> None:
    path = tmp_path / "streams.db"
    async with opened(path) as streams:
        await streams.publish([response(FILLER)] * 20)
    content = bytearray(path.read_bytes())
    content[8_192 : len(content)] = b"\xa5" * (len(content) - 8_192)
    path.write_bytes(content)
    with pytest.raises(StoppedForOperatorError, match="damaged"):
        async with opened(path) as streams:
            await everything(streams, RESPONSES)


async def test_d04_a_torn_last_write_takes_only_itself(tmp_path: Path) -> None:
    """Every prefix of the write-ahead log opens, with whole transactions only."""
    path = tmp_path / "streams.db"
    copy = tmp_path / "copy.db"
    async with opened(path) as streams:
        for number in range(4):
            await streams.publish([response(b"%d" % number)] * 3)
        database = path.read_bytes()
        log = Path(f"{path}-wal").read_bytes()
    seen = set()
    for length in [*range(0, len(log), 1_031), len(log)]:
        copy.write_bytes(database)
        Path(f"{copy}-wal").write_bytes(log[:length])
        async with opened(copy) as streams:
            values = [record.value for record in await everything(streams, RESPONSES)]
        assert values == [b"%d" % number for number in range(len(values) // 3) for _ in range(3)]
        seen.add(len(values))
    assert {9, 12} <= seen
