"""The example for hosts, killed between any two of its steps."""

import sqlite3
import subprocess
import sys
from collections import defaultdict
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed_asyncio.py"
KILLED = -9


def run_example(folder: Path, kill: str = "") -> int:
    arguments = ["--kill", kill] if kill else []
    return subprocess.run(
        [sys.executable, str(EXAMPLE), str(folder), *arguments],
        check=False,
        stdout=subprocess.DEVNULL,
    ).returncode


def check_laws(folder: Path) -> None:
    """One decision for each event, rising counters above every number recorded before."""
    events = (folder / "events.jsonl").read_bytes().splitlines()
    with sqlite3.connect(folder / "store.db") as store:
        trail = "SELECT record FROM written WHERE stream = 'audit-trail' ORDER BY rowid"
        written = [row[0] for row in store.execute(trail)]
        outbox = store.execute("SELECT device, counter FROM outbox ORDER BY rowid").fetchall()
    audit = [orjson.loads(record) for record in written]
    digests = [None, *(sha256(record).hexdigest() for record in written)]
    assert [entry["previous"] for entry in audit] == digests[:-1]
    inventory = sum(orjson.loads(line)["stream"] == "smart-metering-inventory" for line in events)
    assert sorted(entry["offset"] for entry in audit) == list(range(inventory, len(events)))
    recorded = {
        entry["device_id"]: int(entry["recorded_counter"])
        for entry in audit
        if entry["disposition"] == "RECORDED"
    }
    used = defaultdict(list)
    for device, counter in outbox:
        assert counter > recorded[device]
        used[device].append(counter)
    assert set(used) == set(recorded)
    assert all(len(counters) == 1 for counters in used.values())


@pytest.mark.parametrize("step", ["staged", "sealed", "written", "committed", "folded"])
def test_d01_d03_killed_between_any_two_steps(tmp_path: Path, step: str) -> None:
    # The sixth batch is the first with outcomes and no inventory, the tenth one of requests.
    for batch in (1, 6, 4):
        assert run_example(tmp_path, f"{step}:{batch}") == KILLED
    assert run_example(tmp_path) == 0
    check_laws(tmp_path)
