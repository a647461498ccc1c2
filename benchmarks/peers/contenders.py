"""Who takes part, and how each is built and started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machine import ROOT

from slotkeeper import __version__
from slotkeeper.lab import keystore

from .load import acb

HERE = Path(__file__).resolve().parent
CACHE = ROOT / ".cache" / "peers"

STREAM_THREADS = 1
"""Of Kafka Streams: it has one core, as all have. It is its default as well."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a contender works.

    Attributes:
        servers: Of the broker.
        group: Consumer group, application id, and beginning of transactional ids.
        prefix: Before the names of topics.
        folder: For its files; one for each process.
        live: Whether requests come one by one and a quick answer counts.
    """

    servers: str
    group: str
    prefix: str
    folder: Path
    live: bool = False

    @property
    def meter(self) -> Path:
        """Where the worker's engines tell what they take; see ``programs/metered.py``."""
        return self.folder / "engines-ns"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One program.

    Attributes:
        name: In tables.
        command: What starts it.
        environment: On top of this process's own.
        changelog: The topic of its state, by setting.
        metered: Whether it tells what its engines take.
        signs: Whether what the engine alone seals a second is measured with it.
        brief: Whether it is so slow that a third of the time shows as much.
    """

    name: str
    command: Callable[[Setting], list[str]]
    changelog: Callable[[Setting], str]
    environment: Mapping[str, str] = field(default_factory=dict)
    metered: bool = False
    signs: bool = False
    brief: bool = False


def build() -> None:
    """Make what is started, in the cache, as far as it is not there."""
    _run("mvn", "-q", "-B", "-f", str(HERE / "kafka-streams" / "pom.xml"), "package")
    _peers_environment()
    _unsigned_package()
    _run(
        *(os.environ.get("CARGO", "cargo"), "build", "--quiet", "--locked", "--release"),
        *("--manifest-path", str(ROOT / "Cargo.toml"), "-p", "slotkeeper-benchmarks"),
    )


def _peers_environment() -> None:
    lock = HERE / "requirements.txt"
    python, installed = CACHE / "venv" / "bin" / "python", CACHE / "venv" / "installed.txt"
    if installed.exists() and installed.read_text() == lock.read_text():
        return
    _run(sys.executable, "-m", "venv", "--clear", str(CACHE / "venv"))
    _run(
        *(str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"),
        *("--requirement", str(lock)),
    )
    shutil.copyfile(lock, installed)


def _unsigned_package() -> None:
    """Put the extension without keys in a copy of the package; the real one stays as it is."""
    crate, target = HERE / "unsigned", CACHE / "unsigned" / "target"
    # The real extension's versions: cargo drops from the copy what this crate does not need.
    shutil.copyfile(ROOT / "Cargo.lock", crate / "Cargo.lock")
    _run(
        *(os.environ.get("CARGO", "cargo"), "build", "--quiet", "--release"),
        *("--manifest-path", str(crate / "Cargo.toml"), "--target-dir", str(target)),
    )
    package = CACHE / "unsigned" / "package" / "slotkeeper"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(
        ROOT / "pycore" / "slotkeeper",
        package,
        ignore=shutil.ignore_patterns("*.so", "__pycache__"),
    )
    shutil.copyfile(target / "release" / "libslotkeeper_unsigned.so", package / "_core.abi3.so")
    # The package refuses an extension of another version than its own, so this one beside the real
    # package would not be imported, nor the real one from here.
    described = package.parent / "slotkeeper-unsigned.dist-info"
    described.mkdir(exist_ok=True)
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: slotkeeper\nVersion: {__version__}+unsigned\n"
    )


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603  # commands of this file alone


def _worker(setting: Setting) -> list[str]:
    file = keystore.write_settings(
        setting.folder,
        [acb()],
        streams=f"kafka://{setting.servers}",
        more=f'[kafka]\napplication = "{setting.group}"\ntopic_prefix = "{setting.prefix}"\n',
    )
    # -P, so that PYTHONPATH alone decides which package it is.
    program = [sys.executable, "-P", str(HERE / "programs" / "metered.py"), str(setting.meter)]
    return [*program, "run", "--config", str(file)]


def _kafka_streams(store: str) -> Callable[[Setting], list[str]]:
    built = CACHE / "kafka-streams"
    return lambda setting: [
        *("java", "-Xms1g", "-Xmx2g", "-cp", f"{built}/classes:{built}/libs/*"),
        *("slotkeeper.KafkaStreamsPeer", setting.servers, setting.group, setting.prefix),
        *(store, str(setting.folder / "state"), str(STREAM_THREADS)),
    ]


def _python_peer(program: str) -> Callable[[Setting], list[str]]:
    return lambda setting: [
        *(str(CACHE / "venv" / "bin" / "python"), str(HERE / "programs" / program)),
        *(setting.servers, setting.group, setting.prefix, str(setting.folder / "state")),
        # Seconds by default, which no answer should wait for: then as Kafka Streams.
        *(["--commit-interval", "0.1"] if setting.live else []),
    ]


def _named(ending: str) -> Callable[[Setting], str]:
    return lambda setting: f"{setting.group}-{ending}"


def _own(setting: Setting) -> str:
    return f"{setting.prefix}originator-counters"


def _quix_changelog(setting: Setting) -> str:
    return f"changelog__{setting.group}--{setting.prefix}srv-6.21-requests--default"


CONTENDERS = {
    "unsigned": Contender(
        name="Slotkeeper, signing off",
        command=_worker,
        changelog=_own,
        environment={"PYTHONPATH": str(CACHE / "unsigned" / "package")},
        metered=True,
    ),
    "signed": Contender(
        name="Slotkeeper, signing on",
        command=_worker,
        changelog=_own,
        metered=True,
        signs=True,
    ),
    "streams-memory": Contender(
        name="Kafka Streams, in-memory",
        command=_kafka_streams("memory"),
        changelog=_named("counters-changelog"),
    ),
    "streams-rocksdb": Contender(
        name="Kafka Streams, RocksDB",
        command=_kafka_streams("rocksdb"),
        changelog=_named("counters-changelog"),
    ),
    "quix": Contender(
        name="Quix Streams", command=_python_peer("quix_streams.py"), changelog=_quix_changelog
    ),
    "faust": Contender(
        name="Faust-streaming",
        command=_python_peer("faust_streaming.py"),
        changelog=_named("counters-changelog"),
        brief=True,
    ),
}
"""By the names that options give; in the order in which they run."""
