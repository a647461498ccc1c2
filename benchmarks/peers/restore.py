"""How fast a partition is restored, against a reader that does nothing with what it gets."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from .cluster import Broker
from .contenders import CONTENDERS, HERE, Setting
from .load import Load
from .processes import Program

REQUESTS_A_DEVICE = 1.5
"""So many changelog records a device has: the most that compaction at its ratio leaves behind."""

FILLED_S = 600.0
"""How long a worker may take to write it."""


@dataclass(frozen=True)
class Plan:
    """How it is measured.

    Attributes:
        devices: All of them in the only partition.
        cores: Of the program.
    """

    devices: int
    cores: str


async def fill(broker: Broker, setting: Setting, load: Load, plan: Plan) -> None:
    """Let a worker write the changelog that is restored."""
    await broker.create(setting.prefix, partitions=1)
    await broker.publish(setting.prefix, load.inventory())
    requests = int(plan.devices * REQUESTS_A_DEVICE)
    await broker.publish(setting.prefix, load.requests(0, requests))
    worker = CONTENDERS["unsigned"]
    program = Program(
        [*worker.command(setting), "--until-idle"],
        cores=plan.cores,
        log=Path(f"{setting.folder}.log"),
        environment=worker.environment,
    )
    await asyncio.to_thread(program.wait, FILLED_S)


async def measure(setting: Setting, plan: Plan, order: tuple[str, str]) -> dict[str, Any]:
    """Restore, and read without restoring; in this order, on the same cores."""
    found: dict[str, Any] = {}
    for what in order:
        found |= await asyncio.to_thread(_measured, setting, plan, what)
    return figures(found, plan)


def figures(found: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """Make rates and ratios of what the program found."""
    row = dict(found)
    for what in ("changelog", "inventory"):
        rate = found[f"{what}_records"] / found[f"{what}_s"]
        bare = found[f"bare_{what}_records"] / found[f"bare_{what}_s"]
        row |= {f"{what}_rate": rate, f"{what}_bare": bare, f"{what}_of_bare": rate / bare}
    row["counted_device_b"] = found["counted_b"] / plan.devices
    row["resident_device_b"] = found["resident_b"] / plan.devices
    if found["devices"] != plan.devices:
        raise RuntimeError(f"{found['devices']} devices of {plan.devices} were restored")
    return row


def _measured(setting: Setting, plan: Plan, what: str) -> dict[str, Any]:
    config = setting.folder / "slotkeeper.toml"
    done = subprocess.run(  # noqa: S603  # a program of this package
        [
            *("taskset", "-c", plan.cores, sys.executable, "-P"),
            *(str(HERE / "programs" / "restoring.py"), str(config), what),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    found: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return found
