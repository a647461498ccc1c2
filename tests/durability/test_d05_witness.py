"""D5: the witness of a host is never missing unnoticed, never swapped, and only ever rises."""

# ruff: noqa: ASYNC240  # files of a test are small, and nothing else waits for its loop

import errno
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from slotkeeper.streams import (
    CommitInDoubtError,
    LockedError,
    StoppedForOperatorError,
    StoreUnavailableError,
    Streams,
    WrongUseError,
)
from slotkeeper.streams.witness import NOTHING_YET, Presence, Sighting, Witness
from slotkeeper.worker import acknowledge, examine

from .conftest import CHANGELOG, Remount, everything, opened
from .test_d05_rollback import advance, path, serve

__all__ = ["path"]


FILES_OF_A_STORE = ("{}", "{}-wal", "{}-shm", "{}-journal", "{}-worker")


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    return host(tmp_path, "a")


def host(tmp_path: Path, name: str) -> Path:
    """Give the place of a host's witness."""
    folder = tmp_path / name
    folder.mkdir()
    return folder / "witness"


def told(witness: Path) -> dict[str, object]:
    content: dict[str, dict[str, object]] = json.loads(witness.read_bytes())
    return content["partitions"]


async def accept(path: Path, witness: Path) -> None:
    async with opened(path, witness=witness) as streams:
        for number in range(4):
            await acknowledge(streams, number, reason="r", by="b")


async def issued(path: Path) -> int:
    async with opened(path) as streams:
        return sum(record.offset + 1 for record in await everything(streams, CHANGELOG))


async def begun(path: Path, witness: Path) -> list[int]:
    async with opened(path, witness=witness) as streams:
        return await streams.begin_witness()


async def test_one_that_is_missing_beside_a_history_stops(path: Path, witness: Path) -> None:
    await serve(path, witness, 1)
    witness.unlink()
    before = await issued(path)
    with pytest.raises(StoppedForOperatorError, match="slotkeeper witness init"):
        await serve(path, witness, 1)
    assert not witness.exists()
    async with opened(path, witness=witness) as streams:
        assert "witness init" in (await examine(streams, 0))[0]
        # To forgive is not to make one.
        with pytest.raises(StoppedForOperatorError, match="witness init"):
            await acknowledge(streams, 0, reason="r", by="b")
    assert await issued(path) == before
    assert await begun(path, witness) == [0, 1, 2, 3]
    await serve(path, witness, 1)


async def test_one_that_is_missing_is_not_begun_by_a_partition_without_a_history(
    path: Path, witness: Path
) -> None:
    async with opened(path, witness=witness) as streams, streams.own() as ownership:
        await advance(await ownership.open(1))
    witness.unlink()
    async with opened(path, witness=witness) as streams, streams.own() as ownership:
        for number in (0, 1):
            with pytest.raises(StoppedForOperatorError, match="slotkeeper witness init"):
                await ownership.open(number)
    assert not witness.exists()
    assert await begun(path, witness) == [0, 1, 2, 3]
    await serve(path, witness, 1)


async def test_the_first_one_of_an_existing_store_is_made_by_hand(
    path: Path, witness: Path, tmp_path: Path
) -> None:
    async with opened(path) as streams:
        await one_more(streams)
    with pytest.raises(StoppedForOperatorError, match="witness init"):
        await serve(path, witness, 1)
    assert await begun(path, witness) == [0, 1, 2, 3]
    shutil.copy(path, tmp_path / "backup")
    await serve(path, witness, 1)
    # What was seen stays: this is no way to forgive.
    shutil.copy(tmp_path / "backup", path)
    assert await begun(path, witness) == []
    with pytest.raises(StoppedForOperatorError, match="older copy"):
        await serve(path, witness, 1)


async def test_a_partition_that_one_has_never_seen_stops(path: Path, witness: Path) -> None:
    await serve(path, witness, 1)
    content = json.loads(witness.read_bytes())
    del content["partitions"]["2"]
    witness.write_text(json.dumps(content))
    with pytest.raises(StoppedForOperatorError, match="never seen partition 2"):
        await serve(path, witness, 1)
    assert await begun(path, witness) == [2]
    await serve(path, witness, 1)


async def test_a_new_store_makes_its_own(path: Path, witness: Path) -> None:
    await serve(path, witness, 0)
    assert witness.exists()


async def test_one_that_cannot_be_written_is_found_before_anything_is_issued(
    path: Path, small_disk: Path, remount: Remount
) -> None:
    witness = small_disk / "witness"
    await serve(path, witness, 1)
    before = await issued(path)
    remount("ro")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="witness"):
            await serve(path, witness, 1)
    remount("rw")
    assert await issued(path) == before


async def test_a_symbolic_link_to_one_is_followed(path: Path, witness: Path) -> None:
    link = witness.with_name("link")
    link.symlink_to("witness")
    await serve(path, link, 1)
    assert link.is_symlink()
    before = told(witness)
    await serve(path, link, 1)
    assert told(witness) != before
    witness.unlink()
    with pytest.raises(StoppedForOperatorError, match="missing"):
        await serve(path, link, 1)


def test_the_losses_that_it_remembers_never_fall(witness: Path) -> None:
    first = Witness(witness)
    seen = Sighting("a", 3)
    assert first.admit(0, Presence(seen=seen, new=True)) == seen
    first.record(0, Sighting("a", 4, losses=2))
    first.record(0, Sighting("a", 5))
    assert told(witness)["0"] == {"incarnation": "a", "changelog_end": 5, "losses": 2}
    # An older copy of the store, which knows of none, is accepted.
    again = Witness(witness)
    assert again.accept(0).losses == 2
    again.record(0, Sighting("b", 1))
    renewed = Presence(seen=Sighting("b", 1), new=False)
    assert Witness(witness).admit(0, renewed) == Sighting("b", 1, losses=2)


@pytest.mark.parametrize("losses", [-1, 2**32, "1", None, 1.5])
def test_losses_that_cannot_be_are_damage(witness: Path, losses: object) -> None:
    Witness(witness).admit(0, Presence(seen=Sighting("a", 3), new=True))
    content = json.loads(witness.read_bytes())
    content["partitions"]["0"]["losses"] = losses
    witness.write_text(json.dumps(content))
    with pytest.raises(StoppedForOperatorError, match="cannot be understood"):
        Witness(witness).accept(0)


async def test_what_is_no_file_or_has_a_second_name_is_refused(path: Path, witness: Path) -> None:
    await serve(path, witness, 1)
    second = witness.with_name("second")
    second.hardlink_to(witness)
    with pytest.raises(WrongUseError, match="hard links"):
        await serve(path, witness, 1)
    second.unlink()
    os.mkfifo(second)
    second.with_name("folder").mkdir()
    for name in ("second", "folder"):
        with pytest.raises(WrongUseError, match="no regular file"):
            await serve(path, witness.with_name(name), 1)


@pytest.mark.parametrize(
    "content",
    [
        *(b"[" * 100_000, b"{}", b"[]", b"\xff", b'{"version": 1, "partitions": 7}', b""),
        b'{"version": 2, "partitions": {"0": {"incarnation": "x", "changelog_end": 1e999}}}',
    ],
)
async def test_one_that_cannot_be_understood_stops(
    path: Path, witness: Path, content: bytes
) -> None:
    await serve(path, witness, 1)
    witness.write_bytes(content)
    with pytest.raises(StoppedForOperatorError, match="understood"):
        await serve(path, witness, 1)
    assert witness.read_bytes() == content


async def test_one_that_is_removed_or_swapped_while_it_is_used_ends_the_tenure(
    path: Path, witness: Path
) -> None:
    async with opened(path, witness=witness) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        await advance(owned)
        kept = witness.read_bytes()
        witness.unlink()
        with pytest.raises(CommitInDoubtError, match="removed or replaced"):
            await advance(owned)
        with pytest.raises(StoppedForOperatorError, match="missing"):
            await ownership.open(0)
        witness.write_bytes(kept)
        owned = await ownership.open(0)
        witness.write_bytes(kept.replace(owned.incarnation.encode(), b"0" * 32))
        with pytest.raises(CommitInDoubtError, match="removed or replaced"):
            await advance(owned)
        assert b"0" * 32 in witness.read_bytes()


def test_it_only_ever_rises(witness: Path) -> None:
    first, late = Witness(witness), Witness(witness)
    new = Presence(seen=Sighting("x", 0), new=True)
    first.admit(1, new)
    late.admit(1, new)
    first.record(1, Sighting("x", 9))
    with pytest.raises(StoppedForOperatorError, match="seen it at 9"):
        late.record(1, Sighting("x", 8))
    assert told(witness) == {"1": {"incarnation": "x", "changelog_end": 9}}
    # An owner that was fenced comes late, after an acknowledgement.
    first.accept(1)
    first.record(1, Sighting("y", 3))
    with pytest.raises(StoppedForOperatorError, match="replaced"):
        late.record(1, Sighting("x", 20))
    assert told(witness) == {"1": {"incarnation": "y", "changelog_end": 3}}


def test_a_store_that_is_served_meanwhile_is_not_behind(witness: Path) -> None:
    """Whoever looks beside a worker reads the file first: what is committed since is newer."""
    own, looking = Witness(witness), Witness(witness)
    own.admit(0, Presence(seen=Sighting("a", 3), new=True))
    objection, before = looking.as_of_now(), Presence(seen=Sighting("a", 3), new=False)
    own.record(0, Sighting("a", 5))
    assert objection(0, before) == objection(0, Presence(seen=Sighting("a", 5), new=False)) == ""
    assert "older copy" in looking.as_of_now()(0, before)


def test_two_copies_of_a_store_do_not_both_agree_with_one(witness: Path) -> None:
    """Where no lock can be had, each copy is at the same place and knows nothing of the other."""
    first, copy = Witness(witness), Witness(witness)
    for each in (first, copy):
        each.admit(1, Presence(seen=Sighting("x", 5), new=True))
    first.record(1, Sighting("x", 6), alone=True)
    with pytest.raises(StoppedForOperatorError, match="another worker"):
        copy.record(1, Sighting("x", 6), alone=True)
    # On a broker the first one may have taken over what the second had written.
    copy.record(1, Sighting("x", 6))


async def test_a_copy_that_is_ahead_is_not_served_on(
    path: Path, witness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened again it would agree with the witness, which knows less."""
    monkeypatch.setattr(Witness, "in_use", lambda _: nullcontext())
    await serve(path, witness, 1)
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    async with opened(path, witness=witness) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        async with opened(copy, witness=witness) as others, others.own() as ownership_of_copy:
            copied = await ownership_of_copy.open(0)
            await advance(owned)
            with pytest.raises(StoppedForOperatorError, match="copy of the store"):
                await copied.commit([(CHANGELOG, 0, b"k", b"v", [])] * 2, {})


@pytest.mark.parametrize("kind", ["another account's", "a folder", "a link"])
async def test_a_lock_that_cannot_be_had_is_no_lock_that_is_left_out(
    path: Path, witness: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await serve(path, witness, 1)
    lock = witness.with_name("witness-worker")
    lock.unlink()
    if kind == "a folder":
        lock.mkdir()
    elif kind == "a link":
        lock.symlink_to("elsewhere")
    else:
        plain = os.open

        def refused(file: Path, *how: int) -> int:
            if file == lock:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return plain(file, *how)

        monkeypatch.setattr(os, "open", refused)
    with pytest.raises(StoreUnavailableError, match="witness-worker"):
        await serve(path, witness, 1)


async def test_one_is_used_by_one_store_at_a_time(path: Path, witness: Path) -> None:
    await serve(path, witness, 1)
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    async with opened(path, witness=witness) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        async with opened(copy, witness=witness) as others:
            with pytest.raises(LockedError, match=rf"process {os.getpid()}.*copy"):
                async with others.own():
                    pass
        await advance(owned)
    with pytest.raises(StoppedForOperatorError, match="older copy"):
        await serve(copy, witness, 1)
    await serve(path, witness, 1)


@pytest.mark.parametrize(
    ("store", "name"),
    [(store, name) for store in ("a", "a.db") for name in FILES_OF_A_STORE]
    + [("a.new", "a"), ("a-worker", "a"), ("a.new", "link")],
)
async def test_a_file_of_the_store_itself_is_refused(tmp_path: Path, store: str, name: str) -> None:
    (tmp_path / "link").symlink_to("a")
    path = tmp_path / store
    async with opened(path):
        pass
    kept = path.read_bytes()
    witness = tmp_path / name.format(store)
    with pytest.raises(WrongUseError, match="of the store"):
        async with opened(path, witness=witness):
            pass
    assert path.read_bytes() == kept


def test_who_begins_it_together_makes_one(witness: Path) -> None:
    """The partitions of a new store are opened side by side."""
    together = threading.Barrier(8)

    def begin(number: int) -> None:
        together.wait()
        Witness(witness).admit(number, Presence(seen=Sighting("x", 0), new=True))

    for _ in range(50):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(begin, range(8)))
        assert sorted(told(witness)) == [str(number) for number in range(8)]
        assert [left.name for left in witness.parent.iterdir()] == [witness.name]
        witness.unlink()


def test_what_was_seen_before_the_first_commit_vetoes_nothing(witness: Path) -> None:
    Witness(witness).begin({1: NOTHING_YET})
    Witness(witness).admit(1, Presence(seen=Sighting("x", 9), new=False))
    with pytest.raises(StoppedForOperatorError, match="none yet"):
        Witness(witness).admit(1, Presence(seen=NOTHING_YET, new=True))


async def test_an_acknowledgement_holds_for_the_witnesses_of_all_hosts(
    path: Path, tmp_path: Path
) -> None:
    a, b = host(tmp_path, "a"), host(tmp_path, "b")
    await serve(path, a, 1)
    await begun(path, b)
    shutil.copy(path, tmp_path / "backup")
    await serve(path, a, 1)
    await serve(path, b, 1)
    for _ in range(2):
        shutil.copy(tmp_path / "backup", path)
        for witness in (a, b):
            with pytest.raises(StoppedForOperatorError, match=r"older copy|another store"):
                await serve(path, witness, 1)
        await accept(path, a)
        for witness in (b, a, b, a):
            await serve(path, witness, 1)
        # Of what came since, both are witnesses again.
        shutil.copy(path, tmp_path / "backup")
        await serve(path, a, 1)
        await serve(path, b, 1)


async def test_an_acknowledgement_of_another_store_holds_for_all_hosts(
    path: Path, tmp_path: Path
) -> None:
    a, b = host(tmp_path, "a"), host(tmp_path, "b")
    await serve(path, a, 1)
    await begun(path, b)
    path.unlink()
    for witness in (a, b):
        with pytest.raises(StoppedForOperatorError, match="another store"):
            await serve(path, witness, 1)
    await accept(path, a)
    for witness in (b, a, b):
        await serve(path, witness, 1)


async def one_more(streams: Streams) -> None:
    async with streams.own() as ownership:
        for number in range(streams.partitions):
            await advance(await ownership.open(number))
