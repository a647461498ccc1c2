"""Slotkeeper inside a pipeline of another kind: an asyncio queue for transport, its own store.

The pipeline knows nothing of Slotkeeper's streams. It takes events from a queue in batches, lets
the engine decide them, and commits in ONE transaction of its store: the engine's changes, the
sealed commands, the audit records, and how far it has read. Kill it between any two steps and start
it again: no event is lost or decided twice, and no number goes out twice.

    python examples/embed_asyncio.py FOLDER
    python examples/embed_asyncio.py FOLDER --kill committed:2    # dies in its second batch
    python examples/embed_asyncio.py FOLDER                       # goes on where it was
"""

import argparse
import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from slotkeeper import Command, Engine, Event, Settings, Staged
from slotkeeper.errors import SignerUnavailableError
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_settings

DEVICES = 60
BATCH = 16
START = datetime(2026, 6, 1, tzinfo=UTC)
STEPS = ("staged", "sealed", "written", "committed", "folded")


class Store:
    """What this pipeline keeps: the engine's state, outbox, records by stream, a position."""

    def __init__(self, path: Path) -> None:
        """Open or make the store."""
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(
            """
            CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value BLOB);
            CREATE TABLE IF NOT EXISTS outbox (device TEXT, counter INTEGER, message BLOB);
            CREATE TABLE IF NOT EXISTS written (stream TEXT, record BLOB);
            CREATE TABLE IF NOT EXISTS place (next INTEGER, audited INTEGER, digest BLOB);
            """
        )

    def state(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Give everything the engine asked to keep."""
        yield from self._database.execute("SELECT key, value FROM state")

    def position(self) -> int:
        """Say which event comes next."""
        row = self._database.execute("SELECT next FROM place").fetchone()
        return row[0] if row else 0

    def audit_head(self) -> tuple[int, bytes] | None:
        """Give the last audit record, which the next one has to name."""
        row = self._database.execute("SELECT audited, digest FROM place").fetchone()
        return row if row and row[1] is not None else None

    def commit(
        self,
        staged: Staged,
        commands: Sequence[Command],
        position: int,
        written: Callable[[], None],
    ) -> None:
        """Commit a batch: all of it or nothing."""
        execute, many = self._database.execute, self._database.executemany
        execute("BEGIN IMMEDIATE")
        for change in staged.changes:
            if change.value is None:
                execute("DELETE FROM state WHERE key = ?", (change.key,))
            else:
                execute("REPLACE INTO state VALUES (?, ?)", (change.key, change.value))
        sent = [(c.device_id, c.originator_counter, c.message) for c in commands]
        many("INSERT INTO outbox VALUES (?, ?, ?)", sent)
        # The audit trail, and the messages by which slots changed.
        records = [(record.stream, record.value) for record in staged.records]
        many("INSERT INTO written VALUES (?, ?)", records)
        execute("DELETE FROM place")
        number, digest = staged.audit_head or (None, None)
        execute("INSERT INTO place VALUES (?, ?, ?)", (position, number, digest))
        written()
        execute("COMMIT")


async def pump(events: Sequence[Event], first: int, queue: "asyncio.Queue[Event | None]") -> None:
    """Stand in for the pipeline's transport: events in order, from a position on, then the end."""
    for event in events[first:]:
        await queue.put(event)
    await queue.put(None)


async def take(queue: "asyncio.Queue[Event | None]") -> list[Event]:
    """Take what is there, up to a batch; nothing at the end."""
    batch: list[Event] = []
    while len(batch) < BATCH:
        event = await queue.get()
        if event is None:
            queue.put_nowait(None)
            break
        batch.append(event)
    return batch


async def run(engine: Engine, store: Store, events: Sequence[Event], reached: "Milestones") -> None:
    """Restore, then batch after batch: stage, seal, commit, fold."""
    read = inventory(events[: store.position()])
    engine.restore(store.state(), inventory=read, audit_head=store.audit_head())
    queue: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=4 * BATCH)
    pumping = asyncio.create_task(pump(events, store.position(), queue))
    while batch := await take(queue):
        staged = await asyncio.to_thread(engine.stage, batch)
        reached("staged")
        try:
            commands = await staged.seal()
        except SignerUnavailableError:
            staged.discard()
            raise
        reached("sealed")
        try:
            store.commit(staged, commands, batch[-1].offset + 1, lambda: reached("written"))
        except sqlite3.Error:
            staged.in_doubt()
            raise
        reached("committed")
        staged.fold()
        reached("folded")
    await pumping


def inventory(events: Sequence[Event]) -> Iterator[tuple[str | bytes, bytes | None]]:
    """Give the inventory as far as it was read: a table of the host, not of the engine."""
    for event in events:
        if event.stream == "smart-metering-inventory" and event.key is not None:
            yield event.key, event.value if isinstance(event.value, bytes) else None


class Milestones:
    """Kills the process at a step of a batch, if asked to: ``committed:2``."""

    def __init__(self, where: str) -> None:
        """Remember where."""
        step, _, times = where.partition(":")
        self._step, self._left = step, int(times or 1)

    def __call__(self, step: str) -> None:
        """Note that a step was reached."""
        if step == self._step:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def prepare(folder: Path) -> tuple[Settings, list[Event]]:
    """Make keys and events the first time; a real transport keeps its events too."""
    journal = folder / "events.jsonl"
    if not journal.exists():
        fleet = Fleet(devices=DEVICES, seed=1, now=START)
        write_settings(folder, [fleet.pki.acb])
        made = [*fleet.inventory(), *fleet.hand_backs(), *fleet.handover_requests()]
        lines = ({"stream": e.stream, "key": e.key, "value": e.value} for e in made)
        journal.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    events = []
    for offset, line in enumerate(journal.read_bytes().splitlines()):
        entry = orjson.loads(line)
        events.append(Event(entry["stream"], entry["key"], orjson.dumps(entry["value"]), offset))
    return Settings.load(folder / "slotkeeper.toml"), events


def main() -> None:
    """Run the example to its end, or to where it is killed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where store and keys live; made if absent")
    parser.add_argument("--kill", default="", metavar="STEP:N", help=f"one of {', '.join(STEPS)}")
    arguments = parser.parse_args()

    settings, events = prepare(arguments.folder)
    engine = Engine(settings.authority(), settings=settings.engine_json())
    store = Store(arguments.folder / "store.db")
    asyncio.run(run(engine, store, events, Milestones(arguments.kill)))
    print(f"{store.position()} of {len(events)} events decided")


if __name__ == "__main__":
    main()
