"""Snapshots: what one saves, when it is not used, and that it never changes what is decided."""

import asyncio
import contextlib
import itertools
import json
import os
import threading
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slotkeeper.streams import Message, StoppedForOperatorError
from slotkeeper.streams.memory import MemoryStreams
from slotkeeper.worker import Group, Snapshots, Summary, partition, run
from slotkeeper.worker.engine_thread import EngineThread
from slotkeeper.worker.positions import Checkpoint, Positions
from slotkeeper.worker.recovery import Restored, Restorer
from slotkeeper.worker.snapshot import SnapshotTaker, file
from slotkeeper.worker.snapshot.file import FRAME, MAGIC, SnapshotReader

from .fake_engine import CHANGELOG, REQUESTS, TABLE, FakeEngine
from .test_returning import Answering, rolled_back

DAY_MS = 86_400_000
RESPONSES = "srv-6.15.1-responses"


class Site:
    """Streams, and a directory for snapshots."""

    def __init__(self, directory: Path) -> None:
        self.streams = MemoryStreams()
        self.snapshots = Snapshots(directory=directory, application="here")
        self.file = self.snapshots.file(1)
        self.summary = Summary()
        self.engine = FakeEngine(1, 4)
        self.now_ms = 1_000_000_000

    async def raised(self, *devices: bytes, to: bytes = b"7") -> None:
        """Let a worker without snapshots record a number of each device."""
        await self.streams.publish([Message(RESPONSES, d, to, partition=1) for d in devices])
        await run(self.streams, FakeEngine, until_idle=True)

    async def restore(self, snapshots: Snapshots | None = None, **answers: Any) -> Restored:  # noqa: ANN401
        """Start a process: take partition 1 over with an engine that knows nothing."""
        return await self._started(snapshots or self.snapshots, answers)

    async def _started(self, snapshots: Snapshots | None, answers: dict[str, Any]) -> Restored:
        self.engine = FakeEngine(1, 4)
        restorer = Restorer(
            1,
            layout=self.streams.layout,
            partitions=answers.pop("partitions", 4),
            clock=lambda: self.now_ms,
            summary=self.summary,
            snapshots=snapshots,
        )
        async with self.streams.own() as ownership:
            owned: Any = Answering(await ownership.open(1), answers)
            with EngineThread(1) as engine_thread:
                return await restorer.restore(owned, self.engine, engine_thread)

    async def taken(self, **told: int) -> None:
        """Take a snapshot of what is committed, but for what an engine got wrong."""
        restored = await self._started(None, {})
        self.engine.marks |= {device.encode(): mark for device, mark in told.items()}
        checkpoint = await self.checkpoint(restored.positions)
        async with self.streams.own() as ownership:
            owned = await ownership.open(1)
            with EngineThread(1) as engine_thread:
                taker = SnapshotTaker(
                    self.snapshots,
                    owned,
                    self.engine,
                    engine_thread,
                    partitions=4,
                    checkpoint=lambda: checkpoint,
                )
                await taker.take(asyncio.Lock(), share=1.0)

    async def checkpoint(self, positions: Positions) -> Checkpoint:
        end = self.streams.log(CHANGELOG, 1).end
        committed = replace(positions, takeovers=positions.takeovers[:-1])
        return Checkpoint(positions=committed, changelog=end, at_ms=self.now_ms)

    @property
    def marks(self) -> dict[bytes, int]:
        return self.engine.marks


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "snapshots")


async def test_a_start_reads_the_snapshot_and_what_came_after(site: Site) -> None:
    await site.streams.publish([Message(TABLE, b"t", b"", partition=1)])
    await site.raised(b"a", b"b", b"c")
    await site.taken()
    await site.raised(b"b", b"d", to=b"9")
    restored = await site.restore()
    assert (restored.source, restored.replayed) == ("snapshot", 2)
    assert site.engine.loaded == 4
    assert site.marks == {b"a": 7, b"b": 9, b"c": 7, b"d": 9, b"t": 0}
    assert site.engine.known == {b"t"}


async def test_a_worker_takes_one_at_its_end_and_the_next_one_loads_it(site: Site) -> None:
    engines: list[FakeEngine] = []

    def make(partition: int, partitions: int) -> FakeEngine:
        engines.append(FakeEngine(partition, partitions))
        return engines[-1]

    for number in range(3):
        await site.streams.publish([Message(REQUESTS, b"d", b"", partition=1)])
        await run(site.streams, make, until_idle=True, snapshots=site.snapshots)
        engine = engines[-3]
        assert engine.partition == 1
        assert (engine.loaded, engine.replayed) == (min(number, 1), 0)
    commands = [r.value async for batch in site.streams.read("cs02b-commands") for r in batch]
    assert commands == [b"1", b"2", b"3"]


async def test_one_is_taken_while_batches_are_decided(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the worker itself: in slices, and batches between any two of them."""
    monkeypatch.setattr(partition, "CHEAP_OCTETS", -1)
    often = replace(site.snapshots, every_s=0.001)
    devices = [b"k%02d" % number for number in range(20)]
    await site.raised(*devices)
    stop, groups = asyncio.Event(), list[Group]()
    progress: asyncio.Queue[int] = asyncio.Queue()
    worker = asyncio.create_task(
        run(
            site.streams,
            FakeEngine,
            stop=stop,
            snapshots=often,
            progress=lambda now: progress.put_nowait(now.records),
            watch=groups.append,
        )
    )
    decided = 0
    while decided < 3 * len(devices) or not has_snapshot(groups[0]):
        # Backwards: what the slices reach last changes first.
        device = devices[-1 - decided % len(devices)]
        await site.streams.publish(
            [Message(RESPONSES, device, b"%d" % (10 + decided), partition=1)]
        )
        decided += 1
        while await progress.get() < decided:
            pass
    stop.set()
    await worker
    restored = await site.restore()
    assert restored.source == "snapshot"
    with_snapshot = dict(site.marks)
    site.file.unlink()
    assert (await site.restore()).source == "nothing"
    assert with_snapshot == site.marks


def has_snapshot(group: Group) -> bool:
    taker = group.partitions[1].snapshot
    return taker is not None and taker.octets is not None


def frames(content: bytes) -> list[int]:
    """Give where frames begin."""
    places, at = [], len(MAGIC)
    while at < len(content) - 16:
        places.append(at)
        at += FRAME.size + FRAME.unpack_from(content, at)[1]
    return places


async def test_d12_damage_anywhere_is_found_and_the_log_is_read_instead(site: Site) -> None:
    await site.raised(b"a", b"b", b"c")
    await site.taken()
    whole = site.file.read_bytes()
    assert len(frames(whole)) == 6
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        site.file.write_bytes(damaged)
        restored = await site.restore()
        assert restored.source == "nothing", place
        assert site.marks == {b"a": 7, b"b": 7, b"c": 7}
        assert not site.file.exists()
        aside = site.file.with_name(site.file.name + ".refused")
        assert aside.read_bytes() == damaged
    assert site.summary.snapshots_refused == {"damaged": len(range(0, len(whole), 3))}


async def test_a_torn_file_is_found(site: Site) -> None:
    await site.raised(b"a", b"b")
    await site.taken()
    whole = site.file.read_bytes()
    lengths = [*range(0, len(whole), 7), *frames(whole), len(whole) - 1]
    for length in lengths:
        site.file.write_bytes(whole[:length])
        assert (await site.restore()).source == "nothing", length
    assert site.summary.snapshots_refused == {"damaged": len(lengths)}


async def test_parts_that_do_not_belong_together_are_found(site: Site) -> None:
    """Each frame is whole, and they are not those that were written."""
    await site.raised(b"a", b"b")
    await site.taken()
    whole = site.file.read_bytes()
    places = frames(whole)
    first, second = (whole[a:b] for a, b in itertools.pairwise(places[1:4]))
    site.file.write_bytes(whole[: places[1]] + second + first + whole[places[3] :])
    assert (await site.restore()).source == "nothing"
    assert site.summary.snapshots_refused == {"damaged": 1}


async def test_d06_one_with_which_the_count_is_wrong_is_set_aside(site: Site) -> None:
    """Each octet is whole and the log lost nothing: the log alone is right."""
    await site.raised(b"a", b"b")
    await site.taken(c=3)
    restored = await site.restore()
    assert (restored.source, restored.replayed) == ("nothing", 2)
    assert site.marks == {b"a": 7, b"b": 7}
    assert site.summary.snapshots_refused == {"damaged": 1}
    assert not site.file.exists()
    assert site.file.with_name(f"{site.file.name}.refused").exists()


async def test_d06_a_log_with_which_the_count_is_wrong_stops_the_worker(site: Site) -> None:
    """Also beside a snapshot with which it is wrong as well."""
    await site.raised(b"a", b"b")
    await site.taken(c=3)
    site.streams.log(CHANGELOG, 1).append(b"d", b"3", [], 0)
    with pytest.raises(StoppedForOperatorError, match="lost records"):
        await site.restore()


@pytest.mark.parametrize(
    "answers",
    [{"incarnation": "another"}, {"partitions": 5}],
    ids=["incarnation", "partitions"],
)
async def test_another_stores_snapshot_is_refused(site: Site, answers: dict[str, Any]) -> None:
    await site.raised(b"a")
    await site.taken()
    # Whatever else the store objects to: that comes after.
    with contextlib.suppress(Exception):
        await site.restore(**answers)
    assert site.summary.snapshots_refused == {"foreign": 1}
    assert site.engine.loaded == 0


async def test_another_applications_and_another_partitions_snapshot_is_refused(site: Site) -> None:
    await site.raised(b"a")
    await site.taken()
    whole = site.file.read_bytes()
    there = replace(site.snapshots, application="there")
    there.file(1).write_bytes(whole)
    await site.restore(there)
    assert site.engine.loaded == 0
    with header_changed(site.file) as header:
        header["partition"] = 2
    await site.restore()
    assert site.engine.loaded == 0
    assert site.summary.snapshots_refused == {"foreign": 2}


async def test_applications_that_share_a_folder_do_not_hinder_each_other(site: Site) -> None:
    await site.raised(b"a")
    await site.taken()
    here, whole = site.snapshots, site.file.read_bytes()
    site.snapshots = replace(here, application="there")
    assert (await site.restore()).source == "nothing"
    await site.taken()
    assert (await site.restore()).source == "snapshot"
    site.snapshots = here
    assert (await site.restore()).source == "snapshot"
    assert site.file.read_bytes() == whole
    assert site.summary.snapshots_refused == {}


@contextlib.contextmanager
def header_changed(file: Path) -> Any:  # noqa: ANN401
    """Give the header to be changed, and make the file fit again."""
    whole = file.read_bytes()
    begin, end = frames(whole)[:2]
    header = json.loads(whole[begin + FRAME.size : end])
    yield header
    content = json.dumps(header).encode()
    frame = FRAME.pack(b"H", len(content), zlib.crc32(content)) + content
    moved = len(frame) - (end - begin)
    footer_at = int.from_bytes(whole[-16:-8], "big") + moved
    tail = footer_at.to_bytes(8, "big") + MAGIC
    file.write_bytes(whole[:begin] + frame + whole[end:-16] + tail)


@pytest.mark.parametrize("which", ["format", "parts_format"])
async def test_d09_a_newer_format_is_refused_and_left(site: Site, which: str) -> None:
    await site.raised(b"a")
    await site.taken()
    with header_changed(site.file) as header:
        header[which] += 1
    assert (await site.restore()).source == "nothing"
    assert site.summary.snapshots_refused == {"newer": 1}
    assert site.file.exists()


async def test_d05_one_that_is_ahead_of_the_log_is_refused(site: Site) -> None:
    await site.raised(b"a")
    put_back = rolled_back(site.streams)
    await site.raised(b"b")
    await site.taken()
    put_back()
    assert (await site.restore()).source == "nothing"
    assert site.marks == {b"a": 7}
    assert site.summary.snapshots_refused == {"ahead": 1}


async def test_d05_one_of_a_history_that_was_given_up_is_refused(site: Site) -> None:
    """An older copy was put back and served since: its log is longer, and another."""
    await site.raised(b"a")
    put_back = rolled_back(site.streams)
    await site.raised(b"lost")
    await site.taken()
    put_back()
    for device in (b"b", b"c", b"d"):
        await site.raised(device)
    assert (await site.restore()).source == "nothing"
    assert site.marks == {b"a": 7, b"b": 7, b"c": 7, b"d": 7}
    assert site.summary.snapshots_refused == {"foreign": 1}


@pytest.mark.parametrize(
    ("age_ms", "source"), [(DAY_MS * 7 // 10, "snapshot"), (DAY_MS * 9 // 10, "nothing")]
)
async def test_one_that_is_older_than_tombstones_is_refused(
    site: Site, age_ms: int, source: str
) -> None:
    await site.raised(b"a")
    await site.taken()
    site.now_ms += age_ms
    assert (await site.restore(tombstones_ms=DAY_MS)).source == source
    assert site.file.exists()


async def test_a_stale_writer_does_not_replace_a_newer_one(site: Site) -> None:
    await site.raised(b"a")
    restored = await site.restore()
    stale = await site.checkpoint(restored.positions)
    await site.raised(b"b")
    await site.taken()
    newer = site.file.read_bytes()
    engine = FakeEngine(1, 4)
    engine.open()
    async with site.streams.own() as ownership:
        owned = await ownership.open(1)
        with EngineThread(1) as engine_thread:
            taker = SnapshotTaker(
                site.snapshots, owned, engine, engine_thread, partitions=4, checkpoint=lambda: stale
            )
            await taker.take(asyncio.Lock(), share=1.0)
    assert site.file.read_bytes() == newer
    assert taker.octets is None


async def test_after_a_failed_sync_the_file_is_never_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.raised(b"a")

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    await site.taken()
    monkeypatch.undo()
    assert list(site.snapshots.directory.iterdir()) == []
    await site.taken()
    assert (await site.restore()).source == "snapshot"


async def test_what_a_killed_writer_left_is_removed(site: Site) -> None:
    await site.raised(b"a")
    await site.taken()
    left = site.file.with_name(site.file.name + ".1-abc.new")
    left.write_bytes(site.file.read_bytes()[:-3])
    other = site.snapshots.file(11).with_name(site.snapshots.file(11).name + ".1-abc.new")
    other.touch()
    assert (await site.restore()).source == "snapshot"
    await site.raised(b"b")
    await site.taken()
    assert not left.exists()
    assert other.exists()


async def test_one_that_cannot_be_opened_is_left_alone(site: Site) -> None:
    await site.raised(b"a")
    site.file.mkdir(parents=True)
    assert (await site.restore()).source == "nothing"
    assert site.summary.snapshots_refused == {"unreadable": 1}
    assert site.file.exists()


async def test_a_cancelled_one_leaves_nothing(site: Site) -> None:
    await site.raised(b"a", b"b", b"c")
    restored = await site.restore()
    checkpoint = await site.checkpoint(restored.positions)
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()
    parts = site.engine.snapshot_part

    def slow(cursor: tuple[int, int] | None = None) -> Any:  # noqa: ANN401
        loop.call_soon_threadsafe(reached.set)
        return parts(cursor)

    site.engine.snapshot_part = slow  # type: ignore[method-assign]
    async with site.streams.own() as ownership:
        owned = await ownership.open(1)
        with EngineThread(1) as engine_thread:
            taker = SnapshotTaker(
                site.snapshots,
                owned,
                site.engine,
                engine_thread,
                partitions=4,
                checkpoint=lambda: checkpoint,
            )
            # A share so small that it waits for hours after its first slice.
            taking = asyncio.create_task(taker.take(asyncio.Lock(), share=1e-9))
            await reached.wait()
            taking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await taking
    assert list(site.snapshots.directory.iterdir()) == []


async def test_one_that_is_cancelled_while_its_file_is_begun_leaves_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.raised(b"a")
    restored = await site.restore()
    checkpoint = await site.checkpoint(restored.positions)
    reached, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    whole = file._json  # runs on the file's thread

    def slow(content: Any) -> bytes:  # noqa: ANN401
        loop.call_soon_threadsafe(reached.set)
        go_on.wait()
        return whole(content)

    async with site.streams.own() as ownership:
        owned = await ownership.open(1)
        with EngineThread(1) as engine_thread:
            taker = SnapshotTaker(
                site.snapshots,
                owned,
                site.engine,
                engine_thread,
                partitions=4,
                checkpoint=lambda: checkpoint,
            )
            with monkeypatch.context() as patched:
                patched.setattr(file, "_json", slow)
                taking = asyncio.create_task(taker.take(asyncio.Lock()))
                await reached.wait()
                taking.cancel()
                loop.call_later(0, go_on.set)
                with contextlib.suppress(asyncio.CancelledError):
                    await taking
    assert list(site.snapshots.directory.iterdir()) == []


async def test_a_reader_gives_what_a_writer_wrote(site: Site) -> None:
    await site.raised(b"a")
    await site.taken()
    with contextlib.closing(SnapshotReader(site.file)) as reader:
        reader.open()
        parts = []
        while (part := reader.part()) is not None:
            parts.append(part)
    assert parts == [b'{"a": [7, false]}', b"{}"]
    assert reader.header.changelog == reader.footer.changelog
