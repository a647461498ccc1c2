"""Where and of what the figures were measured. No host name and no path."""

import os
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # a file of this package

import slotkeeper

from .contenders import HERE

MEASURED = (
    *("rust/*/src", "pycore", "Cargo.lock", "benchmarks/peers", "benchmarks/snapshot.py"),
    *(f":(exclude)benchmarks/peers/{name}" for name in ("README.md", "goals.py", "picture.py")),
    *(f":(exclude)benchmarks/peers/{name}" for name in ("report.py", "results.py", "soak")),
)
"""Whatever decides what is measured; how it is told of does not."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a reader needs to compare the figures of two runs.

    Attributes:
        processor: Its name.
        memory_gib: All of it.
        system: Kernel and release.
        load_before: Running processes averaged over a minute: what else the machine did.
        versions: Of the programs.
        commit: The last that changed what is measured.
        modified: Whether measured sources differ from the commit.
        date: In UTC.
    """

    processor: str
    memory_gib: int
    system: str
    load_before: float
    versions: dict[str, str]
    commit: str
    modified: bool
    date: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def same_as(self, other: dict[str, Any]) -> bool:
        """Say whether figures found there may stand beside figures found here."""
        own = self.as_dict()
        return not (self.modified or other["modified"]) and all(
            own[name] == other.get(name)
            for name in ("processor", "memory_gib", "system", "versions", "commit")
        )

    def lines(self) -> list[str]:
        modified = ", modified" if self.modified else ""
        return [
            f"{self.processor}, {self.memory_gib} GiB, {self.system}",
            ", ".join(f"{name} {version}" for name, version in self.versions.items()),
            f"commit {self.commit}{modified}",
            f"{self.date}, load average {self.load_before:.1f} at the start",
        ]


def describe() -> Machine:
    """Look at the machine and the checkout."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    system = os.uname()
    status = _output("git", "status", "--porcelain", "--", *MEASURED)
    return Machine(
        processor=names[0] if names else system.machine,
        memory_gib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30,
        system=f"{system.sysname} {system.release}",
        load_before=os.getloadavg()[0],
        versions={
            "Slotkeeper": slotkeeper.__version__,
            "aiokafka": metadata.version("aiokafka"),
            "Kafka and Kafka Streams": _kafka_version(),
            **_locked(),
            "Java": _output("java", "-version").splitlines()[0].split('"')[1],
        },
        commit=_output("git", "log", "-1", "--format=%h", "--abbrev=12", "--", *MEASURED),
        modified=bool(status),
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _kafka_version() -> str:
    pom = ET.parse(HERE / "kafka-streams" / "pom.xml")  # noqa: S314  # a file of this package
    version = pom.find("./{*}properties/{*}kafka.version")
    assert version is not None
    return version.text or ""


def _locked() -> dict[str, str]:
    """Give the versions of the Python peers."""
    lines = (HERE / "requirements.in").read_text().split()
    named = {"faust-streaming": "Faust-streaming", "quixstreams": "Quix Streams"}
    return {named[name]: version for name, _, version in (line.partition("==") for line in lines)}


def _output(*command: str) -> str:
    done = subprocess.run(  # noqa: S603  # commands of this file alone
        command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout.strip()
