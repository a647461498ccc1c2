"""The changelog and inventory that a host keeps, and the ways in which an engine comes back."""

import random
from typing import Any

from slotkeeper import Change
from slotkeeper._core import CoreEngine, UnreadableSnapshotError

Json = dict[str, Any]
Staged = tuple[bytes, bytes | None, Json]
"""An inventory record: key, value, and what the test knows of it."""


class Store:
    """What was committed.

    Attributes:
        log: Changelog records in the order in which they were written.
        inventory: Inventory records that were staged and committed.
        stored: What the engine said of its device records with the last commit.
    """

    def __init__(self) -> None:
        self.log: list[tuple[bytes, bytes | None]] = []
        self.inventory: list[Staged] = []
        self.stored: tuple[int, int, int, int] | None = None
        self._snapshot: tuple[list[bytes], int, int] | None = None

    def compact(self) -> None:
        """Keep the newest record of each key, and no tombstones."""
        newest = {key: place for place, (key, _) in enumerate(self.log)}
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

    def damage(self, which: int) -> bytes | None:
        """Turn a bit of one of the records that count; give its key."""
        self.compact()
        if not self.log:
            return None
        place = which % len(self.log)
        key, value = self.log[place]
        octets = bytearray(value or b"")
        # Behind the format, which tells damage and novelty apart.
        octets[1 + which % (len(octets) - 1)] ^= 1 << which % 8
        self.log[place] = (key, bytes(octets))
        return key

    def take_snapshot(self, engine: CoreEngine) -> None:
        parts, cursor = [], None
        while True:
            part, cursor = engine.snapshot_part(cursor)
            parts.append(part)
            if cursor is None:
                break
        self._snapshot = (parts, len(self.log), len(self.inventory))

    def restore(
        self, engine: CoreEngine, step: Json, *, rollbacks: int, fresh: bool
    ) -> list[Staged]:
        """Bring an engine back, from everything or from a snapshot and what came after it.

        Args:
            engine: Closed; if it is not new it still has what it knew.
            step: How: order of the changelog, inventory, snapshot.
            rollbacks: As ``CoreEngine.open`` takes it.
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
        changes = [Change(*one) for one in self._shuffled(rng, log)]
        cut = rng.randint(0, len(changes))
        engine.restore(changes[:cut])
        engine.restore(changes[cut:])
        engine.load_inventory([Change(key, value) for key, value, _ in inventory])
        engine.open(stored=self.stored, rollbacks=rollbacks)
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
    def _shuffled(
        rng: random.Random, log: list[tuple[bytes, bytes | None]]
    ) -> list[tuple[bytes, bytes | None]]:
        """Give records in any order and some twice; of a parked record only the newest."""
        newest = dict(log)
        devices = [one for one in log if b"/" not in one[0]]
        devices += rng.sample(devices, rng.randint(0, len(devices)))
        found = devices + [one for one in newest.items() if b"/" in one[0]]
        rng.shuffle(found)
        return found
