"""What an exported table says, in any format."""

import json
from typing import Any, TypeAlias

Entry: TypeAlias = dict[str, Any]
Slot: TypeAlias = tuple[str, str]
"""Device and role."""


def entries(export: str) -> dict[Slot, Entry]:
    lines = [json.loads(line) for line in export.splitlines()[1:-1]]
    # Records that are parked stand there as well.
    numbers = [one for one in lines if "stream" not in one]
    return {(one["device_id"], one["remote_party_role"]): one for one in numbers}


def named(entry: Entry) -> set[int]:
    """Give the issued numbers that stand there one by one; of blocks both ends."""
    blocks = [end for block in entry.get("issued_blocks", ()) for end in block]
    alone = [*entry.get("issued_numbers", ()), *entry["request_ids"].values()]
    return {int(number) for number in (*alone, *blocks)}


def covers(entry: Entry, number: int | str) -> bool:
    return int(number) in named(entry) or any(
        int(first) <= int(number) <= int(last) for first, last in entry.get("issued_blocks", ())
    )


def assert_rebuilt(rebuilt: dict[Slot, Entry], exported: dict[Slot, Entry]) -> None:
    """An import from the outputs says what the changelog knew, number by number."""
    assert rebuilt.keys() == exported.keys()
    for slot, entry in exported.items():
        found = rebuilt[slot]
        for mark in ("recorded", "seen", "issued"):
            assert found[mark] == entry[mark]
        assert entry["request_ids"].items() <= found["request_ids"].items()
        assert named(entry) <= named(found)
        assert all(covers(entry, number) for number in named(found))
