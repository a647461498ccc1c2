"""What is measured, each in a process of its own."""

import asyncio
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from slotkeeper.lab.certificates import read
from slotkeeper.slots.build.building import INVENTORY, REGISTERS, build
from slotkeeper.slots.build.changelog import STREAM as CHANGELOG
from slotkeeper.slots.build.folder import BUILDS, MANIFEST, open_build
from slotkeeper.slots.build.trail import STREAM as AUDIT
from slotkeeper.slots.digest import digest
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.report.judging import judge_all
from slotkeeper.slots.report.writing import APPLICABLE, CSV, DEVICES, write_report
from slotkeeper.slots.tables import tables
from slotkeeper.streams import StreamsSettings, open_streams

from .enlarging import enlarge
from .filling import fill
from .store import MADE, PARTITIONS, World, live_a_day

REPORTED = (MADE - timedelta(days=1)).date()
STREAMS = (*(register.stream for register in REGISTERS), CHANGELOG, INVENTORY, AUDIT)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one size is measured.

    Attributes:
        folder: For the store and what is made of it.
        gpfs: How many devices.
        repeats: How many devices the folder has of which this one is made; 0: it has streams.
    """

    folder: Path
    gpfs: int
    repeats: int = 0

    @property
    def address(self) -> str:
        """Of the streams."""
        return f"sqlite:///{self.folder.resolve()}/streams.db"

    @property
    def small(self) -> "Place":
        """Where that folder is: beside this one."""
        return Place(self.folder.parent / str(self.repeats), self.repeats)

    @property
    def slots(self) -> Path:
        """The folder of builds."""
        return self.folder / "slots"


def measured(step: str, place: Place) -> dict[str, Any]:
    """Do a step and say what it took: seconds, those of processors, resident MiB at most."""
    began, cpu = time.monotonic(), time.process_time()
    told: dict[str, Any] = asyncio.run(STEPS[step](place))
    return {
        "seconds": time.monotonic() - began,
        "cpu_s": time.process_time() - cpu,
        "resident_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **told,
    }


def in_process(step: str, place: Place) -> dict[str, Any]:
    """Do it in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.slots", "--step", step]
    given = ["--gpfs", str(place.gpfs), "--directory", str(place.folder)]
    given += ["--repeats", str(place.repeats)]
    done = subprocess.run([*command, *given], check=True, stdout=subprocess.PIPE)  # noqa: S603
    return dict(json.loads(done.stdout))


async def _fill(place: Place) -> dict[str, Any]:
    world = World(place.gpfs)
    async with _opened(place):
        pass
    records = fill(place.folder / "streams.db", world)
    parties = place.folder / "parties.csv"
    rows = [
        f"GNO{number},Operator {number},GNO,{str(one.eui).upper()},2025-01-01"
        for number, one in enumerate(world.operators)
    ]
    parties.write_text("\n".join(["party_id,name,kind,eui64,dcc_user_from", *rows]) + "\n")
    certificates = place.folder / "certificates"
    certificates.mkdir()
    for one in (world.acb, *world.operators):
        for name, credential in (("ds", one.digital_signature), ("ka", one.key_agreement)):
            (certificates / f"{one.eui}-{name}.der").write_bytes(credential.certificate)
    for register, path, more in (
        ("parties", parties, ()),
        ("certificates", certificates, ("--status", "I")),
    ):
        command = [sys.executable, "-m", "slotkeeper", "registers", "import", register, path, *more]
        subprocess.run(  # noqa: ASYNC221, S603  # nothing else runs
            [*command, "--streams", place.address], check=True, capture_output=True
        )
    return {"records": records, "octets": (place.folder / "streams.db").stat().st_size}


async def _bare(place: Place) -> dict[str, Any]:
    records = octets = 0
    async with _opened(place) as streams:
        for stream in STREAMS:
            async for some in streams.read(stream):
                records += len(some)
                octets += sum(len(record.value or b"") for record in some)
    return {"records": records, "octets": octets}


async def _build(place: Place) -> dict[str, Any]:
    async with _opened(place) as streams:
        built = await build(
            streams,
            place.slots,
            policy=policy(),
            now_ms=int(MADE.timestamp() * 1_000),
            advance=lambda _stream, _offsets, _total: None,
        )
    rows: Mapping[str, int] = built.build.manifest["rows"]
    files = built.build.manifest["files"].values()
    paths = {one["path"] for some in files for one in some}
    size = sum((place.slots / path).stat().st_size for path in paths)
    return {"rows": dict(rows), "files": len(paths), "octets": size}


async def _day(place: Place) -> dict[str, Any]:
    world = World(place.gpfs)
    async with _opened(place) as streams:
        async for some in streams.read("originator-counters"):
            world.know(some)
        return {"records": await live_a_day(streams, world)}


async def _report(place: Place) -> dict[str, Any]:
    """Judge and write, then every device once more, and a bare copy of the same columns."""
    watch = _Watch()
    made_of = open_build(place.slots)
    watch.done("open")
    out = place.folder / "report"
    out.mkdir()
    with tables(made_of.reads, out.resolve()) as made:
        registers = judge_all(made, made_of, policy(), REPORTED)
        watch.done("judge")
        totals = write_report(
            made,
            made_of,
            registers,
            policy=policy(),
            as_of=REPORTED,
            out=out.resolve(),
            formats=("csv", "json", "html"),
            warnings=[],
        )
        watch.done("write")
        devices = DEVICES.format(whose=APPLICABLE)
        copy, rows = out.resolve() / "copy.csv", out.resolve() / "report.parquet"
        made.run(f"COPY ({devices}) TO $1 {CSV}", [str(copy)])
        watch.done("device.csv")
        made.run(f"COPY ({devices}) TO $1 (FORMAT parquet)", [str(rows)])
        watch.done("parquet")
        shuffled = "SELECT * FROM read_parquet($1) ORDER BY hash(device_id)"
        made.run(f"CREATE TABLE bare AS {shuffled}", [str(rows)])
        watch.done("shuffle")
        made.run(f"COPY (FROM bare ORDER BY device_id) TO $1 {CSV}", [str(copy)])
        watch.done("bare.csv")
    shutil.rmtree(out)
    took, cpu = watch.took, watch.cpu
    return {
        "small_judge_s": took["open"] + took["judge"],
        "small_write_s": took["write"] - took["device.csv"],
        "small_cpu_s": cpu["open"] + cpu["judge"] + cpu["write"] - cpu["device.csv"],
        "device_csv_s": took["device.csv"],
        "bare_csv_s": took["bare.csv"],
        "device_csv_cpu_s": cpu["device.csv"],
        "bare_csv_cpu_s": cpu["bare.csv"],
        "findings": totals["findings"],
        "gpfs": totals["gpfs"],
    }


async def _same(place: Place) -> dict[str, Any]:
    """Write the report by two threads, by two again and by one, and compare all files."""
    made_of = open_build(place.slots)
    found = []
    for number, threads in enumerate((2, 2, 1)):
        out = place.folder / f"report-{number}"
        out.mkdir()
        with tables(made_of.reads, out.resolve(), threads=threads) as made:
            registers = judge_all(made, made_of, policy(), REPORTED)
            write_report(
                made,
                made_of,
                registers,
                policy=policy(),
                as_of=REPORTED,
                out=out.resolve(),
                formats=("csv", "json"),
                warnings=[],
            )
        found.append({file.name: digest(file) for file in sorted(out.iterdir())})
        shutil.rmtree(out)
    return {"same": found[0] == found[1] == found[2], "files": found[0]}


class _Watch:
    """Says what each part took: seconds, and seconds of processors."""

    def __init__(self) -> None:
        self.took: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._since = time.monotonic(), time.process_time()

    def done(self, part: str) -> None:
        now = time.monotonic(), time.process_time()
        self.took[part], self.cpu[part] = now[0] - self._since[0], now[1] - self._since[1]
        self._since = now


async def _enlarge(place: Place) -> dict[str, Any]:
    """Make the folder of builds out of the small one that ``small`` names."""
    copies = place.gpfs // place.small.gpfs
    first = place.small.slots / BUILDS / "00000001" / MANIFEST
    small = open_build(place.small.slots, first)
    made = enlarge(small, place.slots, place.small.gpfs, copies)
    return {"copies": copies, "rows": dict(made.manifest["rows"])}


STEPS: Mapping[str, Callable[[Place], Coroutine[None, None, dict[str, Any]]]] = {
    "fill": _fill,
    "bare": _bare,
    "build": _build,
    "day": _day,
    "report": _report,
    "same": _same,
    "enlarge": _enlarge,
}


def policy() -> Policy:
    """Give the policy by which the benchmark's devices are judged."""
    acb = World(0).acb
    keys = [
        read(one.certificate).key_identifier.hex()
        for one in (acb.digital_signature, acb.key_agreement)
    ]
    return Policy(
        acb_id=str(acb.eui).upper(),
        acb_keys={"DS": frozenset(keys[:1]), "KA": frozenset(keys[1:])},
    )


def _opened(place: Place) -> Any:  # noqa: ANN401  # a context manager of streams
    return open_streams(place.address, StreamsSettings(partitions=PARTITIONS))
