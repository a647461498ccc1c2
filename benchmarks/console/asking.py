"""A console on a folder of builds, and ten people who ask it at once."""

import contextlib
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson

USERS = 10

ROUNDS = 12
"""Times that each of them asks for each kind of page."""

ALONE = 5
"""Times that one person asks for each before, while the processor's time is read."""

OPEN_S = 1_200.0
"""For the console to open the report, and to work out how exits stand, which is not measured."""

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_LOOK = 0.25


@dataclass
class Asked:
    """What it took.

    Attributes:
        open_s: From the start of the process until pages know of devices.
        resident_mib: Of the console's process, at most.
        devices: In the report.
        seconds: By page, of each answer.
        cpu_s: By page, of the processor for one answer: other programs on the machine do not show
            in it.
    """

    open_s: float
    resident_mib: float
    devices: int
    cpu_s: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)


def ask(data: Path, streams: str) -> Asked:
    """Start a console on a data folder, let everybody ask, and stop it."""
    began = time.monotonic()
    with _console(data, streams) as (process, link):
        client = httpx.Client(base_url=link.partition("/session/")[0], timeout=120)
        client.get(link)
        while client.get("/index.json").json()["as_of"] is None:
            if time.monotonic() - began > OPEN_S:
                raise TimeoutError("the report was not opened")
            time.sleep(_LOOK)
        told = Asked(
            open_s=time.monotonic() - began,
            resident_mib=0.0,
            devices=client.get("/index.json").json()["judged"],
        )
        pages = _pages(client)
        for name, wanted in pages.items():
            before = _processor_s(process.pid)
            for number in range(ALONE):
                _asked(client, name, wanted[number % len(wanted)])
            told.cpu_s[name] = (_processor_s(process.pid) - before) / ALONE
        everybody = [
            threading.Thread(target=_one, args=(client, pages, told, number))
            for number in range(USERS)
        ]
        for one in everybody:
            one.start()
        for one in everybody:
            one.join()
        told.resident_mib = _most_resident(process.pid)
    return told


def _one(client: httpx.Client, pages: dict[str, Sequence[str]], told: Asked, seed: int) -> None:
    """Ask for every page in an order of one's own, again and again."""
    draw = random.Random(seed)  # noqa: S311  # no secret
    asked = [name for name in pages for _ in range(ROUNDS)]
    draw.shuffle(asked)
    for name in asked:
        took = _asked(client, name, draw.choice(pages[name]))
        told.seconds.setdefault(name, []).append(took)


def _asked(client: httpx.Client, name: str, wanted: str) -> float:
    """Ask for a page; gives the seconds until its answer was there."""
    fields = {}
    if name == "find":
        token = _CSRF.search(client.get("/find").text)
        fields = {"csrf": token[1] if token else "", "wanted": wanted}
    began = time.perf_counter()
    answer = client.post("/find", data=fields) if fields else client.get(wanted)
    took = time.perf_counter() - began
    answer.raise_for_status()
    return took


def _pages(client: httpx.Client) -> dict[str, Sequence[str]]:
    """Give what is asked for, by the name of a page; devices are drawn from all over the report."""
    rows = []
    for sort in ("device_id", "-device_id", "due_on", "-slot_since", "gas_supplier", "-reason"):
        for page in (1, 7):
            told = client.get(f"/devices.json?sort={sort}&page={page}").json()
            rows += told["table"]["rows"]
    suppliers = [row["supplier"] for row in client.get("/suppliers.json").json()["table"]["rows"]]
    parties = [row["party"] for row in client.get("/parties.json").json()["table"]["rows"]]
    keys = [row["key"] for row in client.get("/certificates.json").json()["rows"]]
    exits = [one["party_id"] for one in client.get("/exits.json").json()["exits"]]
    found = {row["finding"] for row in rows} | {"WRONG_GNO", "UNKNOWN"}
    pages: dict[str, Sequence[str]] = {
        "device": [f"/devices/{row['device_id']}" for row in rows],
        "overview": ["/"],
        "find": [row["mprn"] for row in rows if row["mprn"]],
        "devices": ["/devices", "/devices?page=20", "/devices?sort=-device_id"],
        "devices, sorted": [
            f"/devices?sort={name}"
            for name in ("-overdue_days", "due_on", "-slot_since", "finding")
        ],
        "devices, narrowed": [
            *(f"/devices?finding={one}" for one in sorted(found)),
            *(f"/devices?supplier={one}&action_by=SUPPLIER" for one in suppliers),
            *(f"/devices?key={one}" for one in keys),
            "/devices?action_by=SUPPLIER&due_by=2026-06-01&sort=-due_on",
            "/devices?supplier=NOBODY",
        ],
        "suppliers": ["/suppliers", *(f"/suppliers/{one}" for one in suppliers)],
        "parties": ["/parties", *(f"/parties/{one}" for one in parties)],
        "certificates": ["/certificates", *(f"/certificates/{one}" for one in keys)],
        "others": ["/requests", "/pending", "/parked", "/dead-letters", "/rule", "/workers"],
        "reports": [
            "/reports",
            f"/reports/{client.get('/reports.json').json()['reports'][0]['name']}",
        ],
    }
    if exits:
        pages["exits"] = ["/exits", *(f"/exits/{one}?open=yes" for one in exits)]
    return pages


@contextlib.contextmanager
def _console(data: Path, streams: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    command = [sys.executable, "-m", "slotkeeper", "console", "--data", str(data)]
    with (
        (data / "console.err").open("w") as said,
        subprocess.Popen(  # noqa: S603  # our own program
            [*command, "--streams", streams, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            yield process, process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()
            process.wait()


def _most_resident(process: int) -> float:
    told = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", told)
    return int(found[1]) / 1024 if found else 0.0


def _processor_s(process: int) -> float:
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    # Fields 14 and 15 of proc(5): in user mode, and in the kernel for it.
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def quantile(seconds: Sequence[float], share: float) -> float:
    """Give the value that this share of them does not exceed."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def as_json(told: Asked) -> bytes:
    """Give it for a program."""
    return orjson.dumps(
        {
            "open_s": told.open_s,
            "resident_mib": told.resident_mib,
            "devices": told.devices,
            "pages": {
                name: {
                    "asked": len(took),
                    "median_ms": 1_000 * quantile(took, 0.5),
                    "p95_ms": 1_000 * quantile(took, 0.95),
                    "most_ms": 1_000 * max(took),
                    "cpu_ms": 1_000 * told.cpu_s[name],
                }
                for name, took in sorted(told.seconds.items())
            },
        },
        option=orjson.OPT_INDENT_2,
    )
