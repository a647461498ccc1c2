"""Where and of what the figures were measured. No host name and no path."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import slotkeeper

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a reader needs to compare the figures of two runs.

    Attributes:
        processor: Its name.
        cores: Those that everything measured ran on; None where each program had its own.
        memory_gib: All of it.
        system: Kernel and release.
        load_before: Running processes averaged over a minute: what else the machine did.
        versions: Of the programs.
        commit: The last that changed what is measured.
        modified: Whether measured sources differ from the commit.
        date: In UTC.
    """

    processor: str
    cores: str | None = None
    memory_gib: int
    system: str
    load_before: float
    versions: dict[str, str]
    commit: str
    modified: bool
    date: str

    def same_as(self, other: dict[str, Any]) -> bool:
        """Say whether figures found there may stand beside figures found here."""
        those = ("processor", "memory_gib", "system", "versions", "commit")
        return not (self.modified or other["modified"]) and all(
            getattr(self, name) == other.get(name) for name in those
        )

    def lines(self) -> list[str]:
        """Give what people read, as a list in Markdown."""
        cores = f" (cores {self.cores})" if self.cores else ""
        modified = ", modified" if self.modified else ""
        return [
            f"- {self.processor}{cores}, {self.memory_gib} GiB, {self.system}",
            f"- {', '.join(f'{name} {version}' for name, version in self.versions.items())}",
            f"- commit {self.commit}{modified}",
            f"- {self.date}, load average {self.load_before:.1f} at the start",
        ]


def describe(
    measured: Sequence[str], versions: Mapping[str, str], *, cores: bool = False
) -> Machine:
    """Look at the machine and the checkout.

    Args:
        measured: Whatever decides what is measured, as paths that git takes.
        versions: Of the programs beside Slotkeeper.
        cores: Whether everything measured runs on the cores of this process.
    """
    names = _fields("/proc/cpuinfo", "model name")
    system = os.uname()
    return Machine(
        processor=names[0] if names else system.machine,
        cores=_fields("/proc/self/status", "Cpus_allowed_list")[0] if cores else None,
        memory_gib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30,
        system=f"{system.sysname} {system.release}",
        load_before=os.getloadavg()[0],
        versions={"Slotkeeper": slotkeeper.__version__, **versions},
        commit=output("git", "log", "-1", "--format=%h", "--abbrev=12", "--", *measured),
        modified=bool(output("git", "status", "--porcelain", "--", *measured)),
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def output(*command: str) -> str:
    """Give what a program says when it is asked for its version or the state of the checkout."""
    done = subprocess.run(  # noqa: S603  # commands of the benchmarks alone
        command, check=True, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout.strip()


def _fields(file: str, name: str) -> list[str]:
    lines = Path(file).read_text().splitlines()
    return [line.partition(":")[2].strip() for line in lines if line.startswith(name)]
