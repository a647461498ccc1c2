"""``python -m benchmarks.peers``: measure everybody, print the table, write the results."""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from . import latency, machine, throughput
from .cluster import Broker, running_broker
from .contenders import CONTENDERS, ROOT, Contender, Setting, build
from .load import Load
from .processes import Program
from .results import COLUMNS, Results, Row
from .verify import WrongOutputError

LIVE_DEVICES = 20_000
"""Enough for a minute and a half of single requests not to meet the same devices all the time."""

Measurement = Callable[[str, Contender, Path], Awaitable[Row]]


def main() -> None:
    given = _arguments()
    build()
    results = asyncio.run(_measured(given))
    print("\n".join(results.lines()))
    if given.results is not None:
        results.write(given.results)
    if results.failures:
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="one contender")
    parser.add_argument("--scenario", action="append", choices=COLUMNS, help="one scenario")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--warm", type=float, default=60.0, help="seconds")
    parser.add_argument("--measure", type=float, default=30.0, help="seconds, at least")
    parser.add_argument("--devices", type=int, default=100_000)
    # A contender that worked off everything before the measuring ends is a failure.
    parser.add_argument("--requests", type=int, default=2_500_000, help="of the backlog")
    parser.add_argument("--broker-core", default="2")
    parser.add_argument("--program-core", default="3")
    parser.add_argument("--results", type=Path, help="folder; nothing is written without it")
    return parser.parse_args()


async def _measured(given: argparse.Namespace) -> Results:
    scenarios = given.scenario or list(COLUMNS)
    plan = {
        "broker on core": given.broker_core,
        "programs on core": given.program_core,
        "warmed s": given.warm,
        "measured s": given.measure,
        "repetitions": given.repeats,
        "devices": given.devices,
        "requests": given.requests,
    }
    even, hot = Load(given.devices), Load(given.devices // 4, hot=True)
    results = Results(machine.describe(), {**plan, "digest of the requests": even.digest()})
    cores = {int(given.broker_core), int(given.program_core)}
    # The writer of requests and the reader of commands are nobody's cost.
    os.sched_setaffinity(0, (os.sched_getaffinity(0) - cores) or cores)
    async with running_broker({int(given.broker_core)}) as broker:
        measurements = _measurements(broker, given)
        for scenario, load in (("even", even), ("hot", hot)):
            if scenario in scenarios:
                await broker.create(f"{scenario}.")
                await broker.publish(f"{scenario}.", load.inventory())
                await broker.publish(f"{scenario}.", load.requests(0, given.requests))
        for repeat in range(given.repeats):
            for scenario in scenarios:
                for key in given.only or CONTENDERS:
                    await _once(results, measurements[scenario], scenario, key, repeat)
                    await broker.remove(f"{scenario}-{key}-{repeat}")
    return results


async def _once(
    results: Results, measurement: Measurement, scenario: str, key: str, repeat: int
) -> None:
    """Measure once. Who fails is told of, and the others go on."""
    contender = CONTENDERS[key]
    with tempfile.TemporaryDirectory(prefix="slotkeeper-peer-") as folder:
        try:
            row = await measurement(f"{scenario}-{key}-{repeat}", contender, Path(folder))
        except (RuntimeError, TimeoutError, WrongOutputError) as error:
            what = str(error).replace(str(ROOT), ".") or type(error).__name__
            results.failures.append(f"{contender.name}, {scenario}: {what}")
            print(results.failures[-1], flush=True)
        else:
            results.add(scenario, key, row)
            print(f"{contender.name}, {scenario}: {row}", flush=True)


def _measurements(broker: Broker, given: argparse.Namespace) -> dict[str, Measurement]:
    cores = given.program_core
    backlog = throughput.Plan(given.warm, given.measure, given.requests, cores)
    flow = latency.Plan(given.warm, given.measure, cores)
    load = Load(LIVE_DEVICES)

    def setting(group: str, prefix: str, folder: Path, *, live: bool = False) -> Setting:
        own = folder / "program"
        own.mkdir()
        return Setting(servers=broker.servers, group=group, prefix=prefix, folder=own, live=live)

    async def even(name: str, contender: Contender, folder: Path) -> Row:
        own = setting(name, "even.", folder)
        return (await throughput.measure(broker, contender, own, backlog)).as_dict()

    async def hot(name: str, contender: Contender, folder: Path) -> Row:
        own = setting(name, "hot.", folder)
        return (await throughput.measure(broker, contender, own, backlog)).as_dict()

    async def single(name: str, contender: Contender, folder: Path) -> Row:
        own = setting(name, f"{name}.", folder, live=True)
        return (await latency.measure(broker, contender, own, load, flow)).as_dict()

    async def takeover(name: str, contender: Contender, folder: Path) -> Row:
        row = {}
        for end in (Program.kill, Program.stop):
            what = f"{name}-{end.__name__}"
            (folder / what).mkdir()
            own = setting(what, f"{what}.", folder / what, live=True)
            row[f"{end.__name__}_s"] = await latency.take_over(
                broker, contender, own, load, flow, end=end
            )
        return row

    return {"even": even, "hot": hot, "latency": single, "takeover": takeover}


if __name__ == "__main__":
    main()
