"""The journal: what the worker wrote, found again, and made anew where it is another store's."""

import asyncio
import threading
from pathlib import Path

import orjson
import pytest

from slotkeeper.explain.times import is_time
from slotkeeper.pages.journal import taking
from slotkeeper.pages.journal.file import Journal, prepare
from slotkeeper.pages.journal.taking import AUDIT, DEAD_LETTERS, follow, take
from slotkeeper.streams import Record
from slotkeeper.streams.memory import MemoryStreams

DEVICE = "00-DB-12-34-56-78-90-A3"
CHANGELOG = "originator-counters"


def record(stream: str, offset: int, value: bytes | None, *headers: tuple[str, bytes]) -> Record:
    return Record(stream, 0, offset, DEVICE.encode(), value, headers, 1_700_000_000_000)


def decision(**members: object) -> bytes:
    return orjson.dumps({"disposition": "ISSUED", "reason": "NATURAL", "stream": "s", **members})


def test_what_is_taken_twice_is_there_once(tmp_path: Path) -> None:
    connection = prepare(tmp_path / "journal.db", "store")
    records = [record(AUDIT, offset, decision(offset=offset, partition=0)) for offset in range(3)]
    take(connection, AUDIT, records[:2], CHANGELOG)
    take(connection, AUDIT, records, CHANGELOG)
    journal = Journal(tmp_path / "journal.db")
    rows = list(journal.rows("SELECT offset, device, word FROM record ORDER BY offset"))
    assert [row["offset"] for row in rows] == [0, 1, 2]
    assert {(row["device"], row["word"]) for row in rows} == {(DEVICE, "ISSUED")}
    assert journal.count("SELECT next FROM reached WHERE stream = ?", (AUDIT,)) == 3
    connection.close()


def test_a_journal_of_another_store_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    for store, kept in (("one", 0), ("one", 1), ("other", 0), ("other", 1)):
        connection = prepare(file, store)
        assert connection.execute("SELECT count(*) FROM record").fetchone() == (kept,)
        take(connection, AUDIT, [record(AUDIT, 0, decision())], CHANGELOG)
        connection.close()
    file.write_bytes(b"no database at all" * 100)
    connection = prepare(file, "other")
    assert connection.execute("SELECT count(*) FROM record").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff\x00",
        b"[]",
        b"null",
        b'{"disposition": 5, "reason": [], "request_id": {}, "offset": true, "partition": -1}',
        b'{"source": "x", "offset": 99999999999999999999, "stream": "' + b"a" * 9_000 + b'"}',
        b'{"decided_at": 7, "device_id": "\\u0000"}',
        b'{"decided_at": "yesterday"}',
    ],
)
def test_whatever_stands_in_a_stream_is_taken(tmp_path: Path, value: bytes | None) -> None:
    connection = prepare(tmp_path / "journal.db", "store")
    for stream in (AUDIT, DEAD_LETTERS, "cs02b-commands", "handover-refusals"):
        take(connection, stream, [record(stream, 7, value, ("offset", b"\xff"))], CHANGELOG)
    odd = Record(CHANGELOG, 0, 1, b"\xff/parked", value, (), -(2**62))
    take(connection, CHANGELOG, [odd, odd._replace(key=None)], CHANGELOG)
    journal = Journal(tmp_path / "journal.db")
    assert journal.count("SELECT count(*) FROM record") == 4
    # Pages show them as times.
    assert all(is_time(row["at"]) for row in journal.rows("SELECT at FROM record"))
    connection.close()


async def test_who_stops_following_waits_for_what_is_being_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is closed while a thread uses it ends the process."""
    begun, may_end = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        begun.set()
        may_end.wait()

    monkeypatch.setattr(taking, "take", slow)
    streams = MemoryStreams()
    streams.log(AUDIT, 0).append(DEVICE.encode(), decision(), (), 0)
    connection = prepare(tmp_path / "journal.db", "store")
    following = asyncio.create_task(follow(streams, connection))
    await asyncio.to_thread(begun.wait)
    try:
        for _ in range(2):
            following.cancel()
            for _ in range(50):
                await asyncio.sleep(0)
            assert not following.done()
    finally:
        may_end.set()
    await asyncio.wait([following])
    assert following.cancelled()
    connection.close()


async def test_following_goes_on_from_where_it_stopped(tmp_path: Path) -> None:
    streams = MemoryStreams()
    log = streams.log(AUDIT, 0)
    file = tmp_path / "journal.db"
    journal = Journal(file)
    for round_ in (1, 2):
        log.append(DEVICE.encode(), decision(), (), 0)
        # What was taken before is not read again: it would not be found.
        log.drop_before(round_ - 1)
        connection = prepare(file, "store")
        following = asyncio.create_task(follow(streams, connection))
        while journal.count("SELECT count(*) FROM record") < round_:
            assert not following.done()
            await asyncio.sleep(0)
        following.cancel()
        await asyncio.wait([following])
        connection.close()
