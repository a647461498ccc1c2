"""Nothing that takes its time runs on the event loop."""

import threading
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from slotkeeper.engine.port import Call, Step, engines
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_settings
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, open_streams
from slotkeeper.streams.sqlite.commit import Commit
from slotkeeper.streams.sqlite.rows import Tables
from slotkeeper.worker import Snapshots, run

# Discards and doubts do not happen here.
ENGINE = set(Step) - {Step.DISCARD, Step.IN_DOUBT}
STORE = {"commit", "fetch"}


class Threads:
    """Which threads were seen in which call."""

    def __init__(self) -> None:
        self.seen: dict[str, set[int]] = defaultdict(set)

    def note(self, call: str) -> None:
        self.seen[call].add(threading.get_ident())

    def begin(self, call: Call) -> None:
        self.note(call.step)

    def end(self, call: Call) -> None:
        self.note(call.step)


async def test_engine_and_store_never_run_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = Threads()
    watch_store(threads, monkeypatch)
    fleet = Fleet(5, seed=11)
    url = f"sqlite:///{tmp_path / 'streams.db'}"
    file = write_settings(tmp_path, [fleet.pki.acb], streams=url)
    settings = Settings.load(file, environment={})
    make = engines(settings.authority(), settings.engine_json())
    work = partial(run, until_idle=True, hook=threads)
    events = [*fleet.inventory(), *fleet.hand_backs(), *fleet.handover_requests()]
    async with open_streams(url) as streams:
        await streams.publish(
            [Message(event.stream, str(event.key).encode(), event.octets) for event in events]
        )
        await streams.publish([Message("gas-network-parties", b"NORTH", b"{}")])
        snapshots = Snapshots(directory=tmp_path, application="")
        summary = await work(streams, make, snapshots=snapshots)
        # Nothing is left to replay after the snapshot of the first run's end.
        await work(streams, make)
        await work(streams, make, snapshots=snapshots)
    assert summary.dispositions == {"RECORDED": 5, "ISSUED": 5}
    # All of them, or the next line says nothing.
    assert threads.seen.keys() == ENGINE | STORE
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
