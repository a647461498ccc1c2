"""Nothing that takes its time runs on the event loop."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from slotkeeper.cli.run import engine_factory
from slotkeeper.console import Metrics, measured
from slotkeeper.console.engine import CountableBatch
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_settings
from slotkeeper.settings import Settings
from slotkeeper.streams import Entry, Finished, Message, open_streams
from slotkeeper.streams.sqlite.commit import Commit
from slotkeeper.streams.sqlite.rows import Tables
from slotkeeper.worker import Snapshots, run
from slotkeeper.worker.engine import Cursor, EngineInput

ENGINE = {
    "clear",
    "close",
    "load_part",
    "open",
    "replay_changelog",
    "replay_inventory",
    "snapshot_part",
    "stage",
    "statistics",
}
STAGED = {"seal", "finished", "void", "summary", "fold"}
STORE = {"commit", "fetch"}


class Threads:
    """Which threads were seen in which call."""

    def __init__(self) -> None:
        self.seen: dict[str, set[int]] = defaultdict(set)

    def note(self, call: str) -> None:
        self.seen[call].add(threading.get_ident())


class WatchedEngine:
    """The real engine."""

    def __init__(self, engine: Any, threads: Threads) -> None:  # noqa: ANN401
        self._engine = engine
        self._threads = threads

    def replay_changelog(
        self, records: Sequence[Entry]
    ) -> Sequence[tuple[bytes | None, bytes | None]]:
        self._threads.note("replay_changelog")
        others: Sequence[tuple[bytes | None, bytes | None]]
        others = self._engine.replay_changelog(records)
        return others

    def replay_inventory(self, records: Sequence[Entry]) -> int:
        self._threads.note("replay_inventory")
        return int(self._engine.replay_inventory(records))

    def snapshot_part(self, cursor: Cursor | None = None) -> tuple[bytes, Cursor | None]:
        self._threads.note("snapshot_part")
        part: tuple[bytes, Cursor | None] = self._engine.snapshot_part(cursor)
        return part

    def load_part(self, part: bytes) -> None:
        self._threads.note("load_part")
        self._engine.load_part(part)

    def clear(self) -> None:
        self._threads.note("clear")
        self._engine.clear()

    def open(self) -> None:
        self._threads.note("open")
        self._engine.open()

    def close(self) -> None:
        self._threads.note("close")
        self._engine.close()

    def stage(
        self,
        records: Sequence[EngineInput],
        *,
        now_ms: int,
        decided_after: Mapping[str, int] | None = None,
    ) -> "WatchedStaged":
        self._threads.note("stage")
        staged = self._engine.stage(records, now_ms=now_ms, decided_after=decided_after)
        return WatchedStaged(staged, self._threads)

    def statistics(self) -> dict[str, int]:
        self._threads.note("statistics")
        return dict(self._engine.statistics())


class WatchedStaged:
    def __init__(self, staged: CountableBatch, threads: Threads) -> None:
        self._staged = staged
        self._threads = threads

    def seal(self) -> None:
        self._threads.note("seal")
        self._staged.seal()

    def finished(self) -> Finished:
        self._threads.note("finished")
        return self._staged.finished()

    def written(self) -> Mapping[str, int]:
        return self._staged.written()

    def faults(self) -> Mapping[str, int]:
        return self._staged.faults()

    def void(self) -> Sequence[int]:
        self._threads.note("void")
        return self._staged.void()

    def summary(self) -> Mapping[str, int]:
        self._threads.note("summary")
        return self._staged.summary()

    def fold(self) -> None:
        self._threads.note("fold")
        self._staged.fold()

    def discard(self) -> None:
        self._staged.discard()

    def in_doubt(self) -> None:
        self._staged.in_doubt()


async def test_engine_and_store_never_run_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = Threads()
    watch_store(threads, monkeypatch)
    fleet = Fleet(5, seed=11)
    url = f"sqlite:///{tmp_path / 'streams.db'}"
    file = write_settings(tmp_path, [fleet.pki.acb], streams=url)
    settings = Settings.load(file, environment={})
    make = engine_factory(settings.authority(), settings)
    watched = measured(lambda *which: WatchedEngine(make(*which), threads), Metrics())
    events = [*fleet.inventory(), *fleet.hand_backs(), *fleet.handover_requests()]
    async with open_streams(url) as streams:
        await streams.publish(
            [Message(event.stream, str(event.key).encode(), event.octets) for event in events]
        )
        snapshots = Snapshots(directory=tmp_path, application="")
        summary = await run(streams, watched, until_idle=True, snapshots=snapshots)
        # Nothing is left to replay after the snapshot of the first run's end.
        await run(streams, watched, until_idle=True)
        await run(streams, watched, until_idle=True, snapshots=snapshots)
    assert summary.dispositions == {"RECORDED": 5, "ISSUED": 5}
    # All of them, or the next line says nothing.
    assert threads.seen.keys() == ENGINE | STAGED | STORE
    on_loop = {call for call, seen in threads.seen.items() if threading.get_ident() in seen}
    assert on_loop == set()


def watch_store(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Note the threads of the SQLite streams' long calls, which go on as they are."""
    commit, fetch = Commit.__call__, Tables.fetch

    def noted_commit(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        threads.note("commit")
        return commit(*args, **kwargs)

    def noted_fetch(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        threads.note("fetch")
        return fetch(*args, **kwargs)

    monkeypatch.setattr(Commit, "__call__", noted_commit)
    monkeypatch.setattr(Tables, "fetch", noted_fetch)
