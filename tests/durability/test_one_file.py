"""A store is one file under one name; whoever comes by another way is refused."""

# ruff: noqa: ASYNC240  # files of a test are small, and nothing else waits for its loop

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from slotkeeper.cli.exits import run_to_exit_status
from slotkeeper.cli.streams import streams as streams_command
from slotkeeper.streams import (
    LockedError,
    OwnedPartition,
    StoppedForOperatorError,
    StoreUnavailableError,
    WrongUseError,
    open_streams,
)

from .conftest import AUDIT, CHANGELOG, RESPONSES, everything, opened, response


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "streams.db"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Gives a file another name by a mount of it alone."""
    other = tmp_path / "elsewhere" / "other.db"
    other.parent.mkdir()
    done: list[Path] = []

    def mount(path: Path) -> Path:
        other.touch()
        told = subprocess.run(
            ["mount", "--bind", str(path), str(other)], check=False, capture_output=True, text=True
        )
        if told.returncode:
            pytest.skip(f"needs the right to mount: {told.stderr.strip()}")
        done.append(other)
        return other

    yield mount
    for mounted_at in done:
        subprocess.run(["umount", str(mounted_at)], check=True)


async def written(path: Path, value: bytes = b"v") -> None:
    async with opened(path) as streams:
        await streams.publish([response(value)])


async def values(path: Path) -> list[bytes | None]:
    async with opened(path) as streams:
        return [record.value for record in await everything(streams, RESPONSES)]


async def commit(owned: OwnedPartition) -> None:
    await owned.commit([(CHANGELOG, 0, b"k", b"v", ())], {})


async def test_a_second_name_is_refused(path: Path) -> None:
    await written(path)
    other = path.with_name("other.db")
    other.hardlink_to(path)
    for name in (path, other):
        with pytest.raises(WrongUseError, match="hard links"):
            await written(name)
    other.unlink()
    await written(path)


async def test_a_file_that_is_mounted_alone_is_refused(
    path: Path, mounted: Callable[[Path], Path]
) -> None:
    await written(path)
    async with opened(path) as streams, streams.own():
        with pytest.raises(WrongUseError, match="mounted by itself"):
            await written(mounted(path))


async def test_a_symbolic_link_is_followed_and_finds_the_worker(path: Path, tmp_path: Path) -> None:
    link, folder = tmp_path / "link.db", tmp_path / "folder"
    link.symlink_to(path.name)
    folder.symlink_to(".", target_is_directory=True)
    async with opened(link) as streams, streams.own():
        await streams.publish([response()])
        for name in (path, link, folder / path.name, folder / link.name):
            assert await values(name) == [b"v"]
            async with opened(name) as again:
                with pytest.raises(LockedError, match=str(os.getpid())):
                    async with again.own():
                        pass
    assert {left.name for left in tmp_path.iterdir()} == {
        "streams.db", "streams.db-worker", "link.db", "folder",
    }  # fmt: skip


async def test_a_worker_is_found_under_a_name_that_the_file_got_later(path: Path) -> None:
    await written(path)
    moved = path.with_name("moved.db")
    async with opened(path) as streams, streams.own():
        path.rename(moved)
        async with opened(moved) as again:
            with pytest.raises(LockedError):
                async with again.own():
                    pass


LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM meta").fetchall()
connection.close()
"""
"""The last connection that goes takes the log away: what others have open then is lost."""


async def test_the_locks_outlive_other_users_of_the_file(path: Path) -> None:
    """A process that closes a file loses all its locks of one kind, SQLite's among them."""
    async with opened(path) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        await commit(owned)
        async with opened(path) as again:
            await again.publish([response()])
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", LOOK, str(path)], check=True)
        await commit(owned)
        with pytest.raises(LockedError):
            async with streams.own():
                pass
    async with opened(path) as streams, streams.own():
        pass


def moved(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def removed(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("copy.db"))
    path.with_name("copy.db").rename(path)


def log_removed(path: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def shared_memory_removed(path: Path) -> None:
    path.with_name(path.name + "-shm").unlink()


def folder_moved(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


@pytest.mark.parametrize(
    "harm", [moved, removed, replaced, log_removed, shared_memory_removed, folder_moved]
)
async def test_harm_to_an_open_file_stops_before_the_next_commit(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "streams.db"
    async with opened(path) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        await commit(owned)
        harm(path)
        with pytest.raises(StoppedForOperatorError, match="while it was open"):
            await commit(owned)
        with pytest.raises(StoppedForOperatorError, match="while it was open"):
            await ownership.open(1)
        with pytest.raises(StoppedForOperatorError, match="while it was open"):
            await streams.publish([response()])
        assert len(await everything(streams, CHANGELOG)) == 1
        assert await everything(streams, AUDIT) == []


NAMES = ("a", "a#1", "a#2", "a?x", "a%20b", "a b", "a%", "a%zz", "a%62", "ab", ":memory:", "file:a")


async def test_every_address_is_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        for url in (f"sqlite:///{name}", f"sqlite:///{tmp_path}/{name}"):
            async with open_streams(url) as streams:
                await streams.publish([response(name.encode())])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert await values(tmp_path / name) == [name.encode()] * 2


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://host/a", "sqlite:///a\0b", "sqlite:///a/"])
async def test_an_address_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(WrongUseError, match="names no file"):
        async with open_streams(url):
            pass


async def test_no_empty_store_is_begun_beside_the_one_that_an_address_has_meant(
    tmp_path: Path,
) -> None:
    """Earlier versions decoded and cut addresses."""
    path = tmp_path / "a b"
    await written(path)
    with closing(sqlite3.connect(path)) as older:
        older.execute("DELETE FROM meta WHERE name = 'addresses'")
        older.commit()
    for name in ("a%20b", "a%20b#1"):
        with pytest.raises(WrongUseError, match="earlier versions opened"):
            async with opened(tmp_path / name):
                pass
    assert [left.name for left in tmp_path.iterdir() if left.suffix == ""] == ["a b"]
    await written(path)
    assert await values(tmp_path / "a%20b") == []


async def test_what_an_address_has_meant_is_seen_before_an_empty_store_is_begun(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a b"
    await written(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailableError, match="cannot be seen"):
            async with opened(tmp_path / "a%20b"):
                pass
        holder.execute("ROLLBACK")
    (tmp_path / "c d").write_bytes(b"no database, and long enough to be none" * 100)
    await written(tmp_path / "c%20d")
    for name, columns in (("e f", "key, value"), ("g h", "name, value")):
        with closing(sqlite3.connect(tmp_path / name)) as another, another:
            another.execute(f"CREATE TABLE meta ({columns})")
            another.execute("INSERT INTO meta VALUES (CAST(x'ff' AS TEXT), 1)")
        await written(tmp_path / name.replace(" ", "%20"))


async def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("folder", "pipe", "loop"):
        with pytest.raises(WrongUseError, match=name):
            await written(tmp_path / name)


async def test_a_copy_without_a_log_gets_one_again(path: Path) -> None:
    await written(path)
    copy = path.with_name("copy.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    assert mode(copy) == "delete"
    async with opened(copy) as streams, streams.own() as ownership:
        await commit(await ownership.open(0))
    assert mode(copy) == "wal"
    assert await values(copy) == [b"v"]


async def test_a_database_of_something_else_is_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(WrongUseError, match="something else"):
        await written(path)
    assert path.read_bytes() == before


def mode(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


@pytest.mark.parametrize(("links", "status"), [(0, 0), (1, 2)])
def test_a_second_name_is_wrong_use(path: Path, links: int, status: int) -> None:
    path.touch()
    for number in range(links):
        path.with_name(f"{number}").hardlink_to(path)
    assert (
        run_to_exit_status(streams_command, ["create", "--streams", f"sqlite:///{path}"]) == status
    )


TAKEN_AWAY = (
    "DROP TABLE compacted",
    "DROP TABLE log",
    "DROP TABLE ends",
    "DROP TABLE positions",
    "DROP TABLE owners",
    "DROP INDEX compacted_by_key",
    "DELETE FROM owners WHERE partition = 1",
    "UPDATE owners SET incarnation = NULL WHERE partition = 1",
    "DELETE FROM meta WHERE name = 'partitions'",
    "UPDATE meta SET value = 'x' WHERE name = 'partitions'",
    "DELETE FROM meta WHERE name = 'format'",
)


@pytest.mark.parametrize("statement", TAKEN_AWAY)
async def test_a_file_from_which_something_was_taken_is_for_an_operator(
    path: Path, statement: str
) -> None:
    await written(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    for _ in range(2):
        with pytest.raises(StoppedForOperatorError, match=r"not as this program left it|format"):
            async with opened(path) as streams, streams.own():
                pass
        with pytest.raises(StoppedForOperatorError):
            async with opened(path) as streams:
                await streams.objections()


async def test_outputs_are_read_where_the_changelog_was_taken(path: Path) -> None:
    """Numbers are rebuilt from them."""
    async with opened(path) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        await owned.commit([(AUDIT, 0, b"k", b"v", ())], {})
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE compacted")
    async with opened(path) as streams:
        assert [record.value for record in await everything(streams, AUDIT)] == [b"v"]


async def test_headers_that_another_program_wrote_are_for_an_operator(path: Path) -> None:
    async with opened(path) as streams, streams.own() as ownership:
        await commit(await ownership.open(0))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE compacted SET headers = 'text'")
        with pytest.raises(StoppedForOperatorError, match="headers of a record are damaged"):
            await everything(streams, CHANGELOG)


@pytest.mark.parametrize("value", ["'text'", "5", "1.5"])
async def test_what_is_no_octets_is_read_as_octets(path: Path, value: str) -> None:
    """So that the engine finds it damaged, and not the program itself."""
    async with opened(path) as streams, streams.own() as ownership:
        await commit(await ownership.open(0))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"UPDATE compacted SET value = {value}")  # noqa: S608
        (record,) = await everything(streams, CHANGELOG)
        assert record.value == value.strip("'").encode()
