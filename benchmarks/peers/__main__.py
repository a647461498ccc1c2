"""``python -m benchmarks.peers``: measure everybody, print the table, write the results."""

import argparse
import asyncio
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.machine import ROOT

from . import report
from .cluster import Broker, quiet, running_broker
from .contenders import CONTENDERS, build
from .measured import described
from .results import Results, Row
from .scenarios import Plan, Scenario, scenarios
from .verify import WrongOutputError

RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    given = _arguments()
    # As an exception, so that the broker and its data go, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    quiet()
    plan = Plan(
        warm_s=given.warm,
        measured_s=given.measure,
        repeats=given.repeats,
        devices=given.devices,
        requests=given.requests,
        restored=given.restored,
        saved=given.saved,
        broker_core=given.broker_core,
        program_core=given.program_core,
    )
    folder = given.results
    if given.report:
        found = Results.kept(folder or RESULTS)
        report.write(found, folder or RESULTS)
        return
    build()
    here = described()
    results = Results(here) if given.anew else Results.continued(here, folder)
    known = scenarios(plan)
    runs = [
        Runs(name, known[name], _chosen(known[name], given.only, goals=given.goals))
        for name in given.scenario or known
    ]
    failed = asyncio.run(Session(plan, results, folder).measure(runs))
    print("\n".join(report.lines(results, folder or RESULTS)))
    if failed:
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("--goals", action="store_true", help="only what a goal needs")
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="a contender")
    parser.add_argument(
        "--scenario",
        action="append",
        choices=("even", "hot", "latency", "takeover", "restore", "snapshot"),
        help="a scenario",
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--warm", type=float, default=60.0, help="seconds")
    parser.add_argument("--measure", type=float, default=20.0, help="seconds, at least")
    parser.add_argument("--devices", type=int, default=400_000)
    # A contender that worked off everything before the measuring ends is a failure.
    parser.add_argument("--requests", type=int, default=5_000_000, help="of each backlog")
    parser.add_argument("--restored", type=int, default=200_000, help="devices to restore")
    parser.add_argument("--saved", type=int, default=10_000_000, help="devices of the snapshot")
    parser.add_argument("--broker-core", default="2")
    parser.add_argument("--program-core", default="3")
    parser.add_argument("--results", type=Path, help="folder; nothing is written without it")
    parser.add_argument("--anew", action="store_true", help="drop what the folder holds")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the table")
    return parser.parse_args()


@dataclass(frozen=True)
class Runs:
    """A scenario and who takes part in it."""

    name: str
    scenario: Scenario
    contenders: list[str]

    def expected_s(self, plan: Plan) -> float:
        each = sum(self.scenario.expected_s(plan.of(CONTENDERS[key])) for key in self.contenders)
        return self.scenario.preparing_s + plan.repeats * each if self.contenders else 0.0


def _chosen(scenario: Scenario, only: list[str] | None, *, goals: bool) -> list[str]:
    those = scenario.goal_contenders if goals else scenario.contenders
    return [key for key in those if only is None or key in only]


@dataclass
class Session:
    """One call of this program.

    Attributes:
        plan: How.
        results: What is found is added to.
        folder: Where it is written after each run, or None.
    """

    plan: Plan
    results: Results
    folder: Path | None
    failed: bool = False

    async def measure(self, all_runs: list[Runs]) -> bool:
        """Measure all; gives whether any run failed."""
        expected = timedelta(seconds=sum(runs.expected_s(self.plan) for runs in all_runs))
        print(f"{self.plan}; until about {datetime.now().astimezone() + expected:%H:%M}")
        for runs in all_runs:
            minutes = runs.expected_s(self.plan) / 60
            print(f"  {runs.name}: {', '.join(runs.contenders)}: {minutes:.0f} min", flush=True)
        cores = {int(self.plan.broker_core), int(self.plan.program_core)}
        # The writer of requests and the reader of commands are nobody's cost.
        os.sched_setaffinity(0, (os.sched_getaffinity(0) - cores) or cores)
        async with running_broker({int(self.plan.broker_core)}) as broker:
            for runs in all_runs:
                if runs.contenders:
                    await self._measure(broker, runs)
        return self.failed

    async def _measure(self, broker: Broker, runs: Runs) -> None:
        with tempfile.TemporaryDirectory(prefix="slotkeeper-peers-") as folder:
            try:
                await runs.scenario.prepare(broker, Path(folder))
            except (RuntimeError, subprocess.SubprocessError) as error:
                self._tell_failure(f"{runs.name}, before the first run", error)
                return
            for repeat in range(self.plan.repeats):
                # In turns, and not always the same one first: a machine that gets slower or hotter
                # with time favours nobody.
                turn = repeat % len(runs.contenders)
                for key in runs.contenders[turn:] + runs.contenders[:turn]:
                    await self._once(broker, runs, key, repeat)
            await runs.scenario.finish(broker)

    async def _once(self, broker: Broker, runs: Runs, key: str, repeat: int) -> None:
        """Measure once. Who fails is told of, and the others go on."""
        what = f"{CONTENDERS[key].name}, {runs.name}, {repeat + 1} of {self.plan.repeats}"
        name = f"{runs.name}-{key}-{repeat}"
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="slotkeeper-peer-") as folder:
            try:
                row = await runs.scenario.measure(broker, name, key, Path(folder), repeat)
            except (RuntimeError, TimeoutError, WrongOutputError) as error:
                self._tell_failure(what, error)
            else:
                self.results.add(runs.name, key, row)
                print(f"{what}, {time.monotonic() - begun:.0f} s: {_short(row)}", flush=True)
            await broker.remove(name)
        if self.folder is not None:
            report.write(self.results, self.folder)

    def _tell_failure(self, what: str, error: Exception) -> None:
        self.failed = True
        why = str(error).replace(str(ROOT), ".") or type(error).__name__
        self.results.failures.append(f"{what}: {why}")
        print(self.results.failures[-1], flush=True)


def _short(row: Row) -> str:
    figures = {name: value for name, value in row.items() if isinstance(value, float)}
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


if __name__ == "__main__":
    main()
