"""Takes a snapshot of many devices, and starts from it.

``python -m benchmarks.snapshot --devices 10000000 --directory /somewhere`` prints one JSON object:
seconds and octets. Every device is a GPF of the inventory with both public keys and a recorded
number. Saving and loading are processes of their own; the file is read from the page cache unless
the machine has less memory than that.
"""

import argparse
import asyncio
import base64
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from slotkeeper._core import BUILD_PROFILE, CoreEngine
from slotkeeper.lab import events, keystore
from slotkeeper.lab.pki import Pki
from slotkeeper.settings import Settings
from slotkeeper.worker import Snapshots
from slotkeeper.worker.engine_thread import EngineThread
from slotkeeper.worker.positions import Checkpoint, Positions
from slotkeeper.worker.snapshot import SnapshotTaker, load

FIRST = 0x021A_B000_0000_0000
AT_A_TIME = 20_000
ADJUSTED_AT_A_TIME = 2_000
POSITIONS = Positions(
    sequence=1,
    partitions=1,
    incarnation="benchmark",
    inputs={"smart-metering-inventory": 1},
    takeovers=((0, 1),),
)


class Partition:
    """As much of an owned partition as a snapshot needs."""

    number = 0
    incarnation = POSITIONS.incarnation

    async def changelog_end(self) -> int:
        return 1

    async def tombstones_ms(self) -> int | None:
        return None


class Kept(NamedTuple):
    key: bytes
    value: bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--only", choices=["save", "load"])
    given = parser.parse_args()
    if BUILD_PROFILE != "release":
        sys.exit("this is a debug build: run `make setup`")
    if given.only:
        step = saved if given.only == "save" else started
        print(json.dumps(asyncio.run(step(given.directory, given.devices))))
        return
    with tempfile.TemporaryDirectory(dir=given.directory) as directory:
        found = {"devices": given.devices}
        for only in ("save", "load"):
            found |= done(only, given.devices, Path(directory))
        print(json.dumps(found, indent=1))


def done(step: str, devices: int, folder: Path, *before: str) -> dict[str, Any]:
    """Save or load in a new process.

    Args:
        step: ``save`` or ``load``.
        devices: How many.
        folder: With the snapshot.
        before: A program that starts this one, such as taskset.
    """
    command = [*before, sys.executable, "-m", "benchmarks.snapshot", "--only", step]
    command += ["--devices", str(devices), "--directory", str(folder)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # own
    if ended.returncode:
        raise RuntimeError(ended.stderr[-4000:])
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


async def saved(directory: Path, devices: int) -> dict[str, float]:
    """Fill an engine and take its snapshot, once between batches and once for itself."""
    engine = new_engine(directory)
    for records in inventory(devices):
        engine.load_inventory(records)
    engine.open()
    for first in range(0, devices, ADJUSTED_AT_A_TIME):
        numbers = range(first, min(first + ADJUSTED_AT_A_TIME, devices))
        staged = engine.stage([adjustment(number) for number in numbers], now_ms=1)
        if staged.summary() != {"SEEN ADJUSTED": len(numbers)}:
            sys.exit(f"unexpected decisions: {staged.summary()}")
        staged.fold()
    checkpoint = Checkpoint(positions=POSITIONS, changelog=1, at_ms=1)
    with EngineThread(0) as engine_thread:
        taker = SnapshotTaker(
            Snapshots(directory=directory, application="benchmark"),
            Partition(),  # type: ignore[arg-type]
            engine,
            engine_thread,
            partitions=1,
            checkpoint=lambda: checkpoint,
        )
        begun = time.perf_counter()
        await taker.take(asyncio.Lock(), share=1.0)
        seconds = time.perf_counter() - begun
    held = engine.statistics()
    return {
        "save_s": round(seconds, 2),
        "file_bytes": taker.octets or 0,
        "engine_bytes": held["table_bytes"] + held["directory_bytes"],
    }


async def started(directory: Path, devices: int) -> dict[str, float]:
    """Load the snapshot into an empty engine."""
    engine = new_engine(directory)
    with EngineThread(0) as engine_thread:
        begun, cpu = time.perf_counter(), time.process_time()
        await load(
            Snapshots(directory=directory, application="benchmark"),
            Partition(),  # type: ignore[arg-type]
            engine,
            engine_thread,
            partitions=1,
            now_ms=1,
        )
        engine.open()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    assert engine.statistics()["devices"] == devices
    return {
        "load_s": round(seconds, 2),
        "load_cpu_s": round(cpu, 2),
        "load_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def new_engine(directory: Path) -> CoreEngine:
    """Give an engine of a made-up ACB."""
    folder = directory / "settings"
    folder.mkdir(exist_ok=True)
    file = keystore.write_settings(folder, [Pki("snapshot").acb])
    settings = Settings.load(file, environment={})
    return CoreEngine(settings.authority(), settings=settings.engine_json())


def inventory(devices: int) -> Iterator[list[Kept]]:
    """Give an inventory record of each device: one of them, with another EUI-64 in all places."""
    model = events.inventory(Pki("snapshot").device(0))
    fields = orjson.loads(model.octets or b"")
    old = int(fields["device_id"].replace("-", ""), 16).to_bytes(8, "big")
    certificates = [
        base64.b64decode(fields[name])
        for name in ("key_agreement_certificate", "digital_signing_certificate")
    ]
    for first in range(0, devices, AT_A_TIME):
        records = []
        for number in range(first, min(first + AT_A_TIME, devices)):
            new = eui(number)
            ka, ds = (base64.b64encode(each.replace(old, new)) for each in certificates)
            key = new.hex("-").upper().encode()
            value = (
                b'{"device_id":"%b","device_type":"GPF","status":"Commissioned",'
                b'"smets_version":"SMETS2","key_agreement_certificate":"%b",'
                b'"digital_signing_certificate":"%b"}' % (key, ka, ds)
            )
            records.append(Kept(key, value))
        yield records


def adjustment(number: int) -> tuple[str, int, bytes, bytes]:
    """Give a record that makes a number of a device known."""
    key = eui(number).hex("-").upper()
    content = {
        "device_id": key,
        "remote_party_role": "NetworkOperator",
        "kind": "recorded",
        "at_least": str(1_700_000_000_000 + number),
        "reason": "benchmark",
        "by": ["benchmark"],
        "source": "benchmark",
    }
    return ("counter-adjustments", number, key.encode(), orjson.dumps(content))


def eui(number: int) -> bytes:
    """Scatter the devices, as those of a fleet are."""
    return (FIRST | number * 0x9E37_79B1 & 0xFFFF_FFFF).to_bytes(8, "big")


if __name__ == "__main__":
    main()
