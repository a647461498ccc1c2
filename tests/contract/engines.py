"""An engine by itself: records in, finished records out, with no streams around it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from slotkeeper import Change
from slotkeeper._core import CoreEngine
from slotkeeper.lab import keystore
from slotkeeper.lab.events import INVENTORY, Event
from slotkeeper.lab.pki import Organisation
from slotkeeper.settings import Settings


def decide(
    folder: Path, acb: Sequence[Organisation], told: Sequence[Event], *, more: str = ""
) -> list[tuple[str, Any]]:
    """Let a fresh engine decide records in order; give what it writes, stream and value.

    Args:
        folder: for keys and settings.
        acb: generations of the ACB, newest first.
        told: inventory records count as there before.
        more: further TOML of the settings.
    """
    settings = Settings.load(keystore.write_settings(folder, acb, more=more), environment={})
    engine = CoreEngine(settings.authority(), settings=settings.engine_json())
    engine.load_inventory(
        [
            Change(str(event.key).encode(), event.octets)
            for event in told
            if event.stream == INVENTORY
        ]
    )
    engine.open()
    staged = engine.stage(
        [
            (event.stream, offset, str(event.key).encode(), event.octets)
            for offset, event in enumerate(told)
            if event.stream != INVENTORY
        ],
        now_ms=1_800_000_000_000,
        decided_after={},
    )
    written = [
        (stream, orjson.loads(value))
        for stream, _partition, _key, value, _headers in staged.seal().outputs.records()
        if stream != "originator-counters" and value is not None
    ]
    staged.fold()
    return written
