"""The changelog and inventory that a host keeps, and the ways in which an engine comes back."""

import random
from typing import Any

from slotkeeper import Change
from slotkeeper._core import CoreEngine, UnreadableSnapshotError

Json = dict[str, Any]
Staged = tuple[bytes, bytes | None, Json]
"""An inventory record: key, value, and what the test knows of it."""

Kept = tuple[bytes, bytes | None, Json | None]
"""A changelog record: key, value, and what the model kept of the device when it was written."""

_VERSION = slice(9, 13)
"""Where a device's record has its version (``docs/changelog-format.md``)."""


class Store:
    """What was committed.

    Attributes:
        log: Changelog records in the order in which they were written.
        inventory: Inventory records that were staged and committed.
        stored: What the engine said of its device records with the last commit.
    """

    def __init__(self) -> None:
        self.log: list[Kept] = []
        self.inventory: list[Staged] = []
        self.stored: tuple[int, int, int, int] | None = None
        self._snapshot: tuple[list[bytes], int, int] | None = None

    def compact(self) -> None:
        """Keep the newest record of each key, and no tombstones."""
        newest = {key: place for place, (key, *_) in enumerate(self.log)}
        self.log = [
            one
            for place, one in enumerate(self.log)
            if newest[one[0]] == place and one[1] is not None
        ]
        # Its positions are no longer those of the log.
        self._snapshot = None

    def copy(self) -> "Store":
        other = Store()
        other.log, other.inventory = list(self.log), list(self.inventory)
        other.stored = self.stored
        return other

    def damage(self, step: Json) -> tuple[bytes, Json | None] | None:
        """Turn a bit of one of the records that count, or of an older one of a device.

        Returns:
            Its key, and what the newest whole record says of the device, if there is one.
        """
        which: int = step["which"]
        if step["compacted"]:
            self.compact()
        self._snapshot = None
        newest = {key: place for place, (key, *_) in enumerate(self.log)}
        places = [place for place in newest.values() if self.log[place][1] is not None] * 3
        places += [place for place, (_, _, row) in enumerate(self.log) if row is not None]
        if not places:
            return None
        place = places[which % len(places)]
        key, value, row = self.log[place]
        octets = bytearray(value or b"")
        if row is not None and step["claims"] == "nothing":
            octets[_VERSION] = bytes(4)
        else:
            # Behind the format, which tells damage and novelty apart.
            octets[1 + which % (len(octets) - 1)] ^= 1 << which % 8
        self.log[place] = (key, bytes(octets), None)
        rows = [row for other, _, row in self.log if other == key and row is not None]
        return key, rows[-1] if rows else None

    def take_snapshot(self, engine: CoreEngine) -> None:
        parts, cursor = [], None
        while True:
            part, cursor = engine.snapshot_part(cursor)
            parts.append(part)
            if cursor is None:
                break
        self._snapshot = (parts, len(self.log), len(self.inventory))

    def restore(
        self, engine: CoreEngine, step: Json, *, rollbacks: int, stores: list[str], fresh: bool
    ) -> list[Staged]:
        """Bring an engine back, from everything or from a snapshot and what came after it.

        Args:
            engine: Closed; if it is not new it still has what it knew.
            step: How: order of the changelog, inventory, snapshot.
            rollbacks: As ``CoreEngine.open`` takes it.
            stores: What the store is called, and before it what it was called.
            fresh: The engine knows nothing.

        Returns:
            Inventory records that the host stages again.
        """
        rng = random.Random(step["order"])  # noqa: S311 - a history is drawn, not a secret
        log, later = self.log, []
        if not fresh:
            inventory = []
        elif step["snapshot"] and self._snapshot is not None and self._loaded(engine):
            _, written, staged = self._snapshot
            log, inventory = log[written:], self.inventory[staged:]
        else:
            portion = {"loaded": len(self.inventory), "none": 0, "in portions": 1}
            cut = portion[step["inventory"]]
            inventory, later = self.inventory[:cut], self.inventory[cut:]
            self.inventory = list(inventory)
            if later:
                # Its positions are no longer those of this log.
                self._snapshot = None
        changes = [Change(key, value) for key, value, _ in self._shuffled(rng, log)]
        cut = rng.randint(0, len(changes))
        engine.restore(changes[:cut])
        engine.restore(changes[cut:])
        engine.load_inventory([Change(key, value) for key, value, _ in inventory])
        engine.open(stored=self.stored, rollbacks=rollbacks, incarnations=stores[::-1])
        return later if step["inventory"] == "in portions" else []

    def _loaded(self, engine: CoreEngine) -> bool:
        """Load the snapshot; one that was made with other settings is void."""
        assert self._snapshot is not None
        try:
            for part in self._snapshot[0]:
                engine.load_part(part)
        except UnreadableSnapshotError:
            engine.clear()
            return False
        return True

    @staticmethod
    def _shuffled(rng: random.Random, log: list[Kept]) -> list[Kept]:
        """Give records in any order and some twice; of a parked record only the newest."""
        newest = {one[0]: one for one in log}
        devices = [one for one in log if b"/" not in one[0]]
        devices += rng.sample(devices, rng.randint(0, len(devices)))
        found = devices + [one for key, one in newest.items() if b"/" in key]
        rng.shuffle(found)
        return found
