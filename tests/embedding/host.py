"""A host of the embedding, for tests: a fleet, and engines that are told of it."""

from datetime import UTC, datetime
from pathlib import Path

from slotkeeper import Change, Engine, Event, Settings
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_settings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


class Host:
    """A fleet and the engine it is told to."""

    def __init__(self, folder: Path, devices: int = 10) -> None:
        self.fleet = Fleet(devices=devices, seed=3, now=NOW)
        self.settings = Settings.load(write_settings(folder, [self.fleet.pki.acb]))
        self.inventory = [(e.key, e.octets) for e in self.fleet.inventory()]
        self.hand_backs = [Event(e.stream, e.key, e.octets) for e in self.fleet.hand_backs()]
        requests = self.fleet.handover_requests()
        self.requests = [Event(e.stream, e.key, e.octets) for e in requests]

    def closed_engine(self, threads: int = 0) -> Engine:
        return Engine(
            self.settings.authority(),
            settings=self.settings.engine_json(),
            threads=threads,
            clock=lambda: NOW_MS,
        )

    def engine(self, changes: list[Change] | None = None, threads: int = 0) -> Engine:
        engine = self.closed_engine(threads)
        engine.restore(changes or [], inventory=self.inventory)
        return engine
