"""A real Kafka for tests and development: one node or three, on free ports, in a folder of its own.

``python -m tests.kafka.broker`` runs one in the foreground.
"""

import argparse
import asyncio
import itertools
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.kafka.distribution import CACHE, NEWEST, BrokerError, Distribution
from tests.sharing import locked

CLUSTER_ID = "c2xvdGtlZXBlci10ZXN0cw"
"""Any 16 octets in base64url; every node of a cluster is formatted with the same."""

JVM = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""A small heap and the quick compiler: started in 1 to 3 s, where a tuned server takes longer."""

START_S = 120.0
"""How long a node may take. It takes seconds; machines that run tests are often busy."""

_SETTINGS = """\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners={listeners},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
default.replication.factor={replicas}
min.insync.replicas={in_sync}
broker.session.timeout.ms=6000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.index.size.max.bytes=65536
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=2
num.io.threads=4
"""

_PORTS = range(20_000, 32_768)
"""Below those that Linux gives to clients: a broker that begins again finds its own free."""

USER = "tester"
PASSWORD = "only-for-tests"  # noqa: S105
"""Of listeners that ask for SCRAM-SHA-512."""


@dataclass(frozen=True)
class Listener:
    """A port for clients.

    Attributes:
        name: In capitals.
        protocol: Kafka's word for it, such as ``SASL_SSL``.
        settings: Of this listener alone, without the prefix that names it.
    """

    name: str
    protocol: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        prefix = f"listener.name.{self.name.lower()}"
        return [f"{prefix}.{name}={value}" for name, value in self.settings.items()]


SCRAM = {
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "scram-sha-512.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
}

OPEN = Listener("PLAINTEXT", "PLAINTEXT")
PASSWORDS = Listener("SASL_PLAINTEXT", "SASL_PLAINTEXT", SCRAM)


@dataclass(frozen=True)
class Site:
    """What a cluster's nodes have beyond what each broker needs.

    Attributes:
        listeners: The first is the one that brokers use among themselves.
        settings: Of each broker.
        users: Besides ``USER``, whose passwords are all ``PASSWORD``.
        distribution: Which Kafka.
    """

    listeners: tuple[Listener, ...] = (OPEN, PASSWORDS)
    settings: Mapping[str, str] = field(default_factory=dict)
    users: tuple[str, ...] = ()
    distribution: Distribution = NEWEST


class Node:
    """One broker, which is a controller as well.

    Attributes:
        addresses: ``host:port`` of each listener, by its name.
    """

    def __init__(
        self, folder: Path, number: int, site: Site, port_of: dict[str, int], voters: list[int]
    ) -> None:
        self.addresses = {
            listener.name: f"127.0.0.1:{port_of[listener.name]}" for listener in site.listeners
        }
        self._folder = folder
        self._log = folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = folder / "server.properties"
        self._users = (USER, *site.users)
        self._distribution = site.distribution
        folder.mkdir(parents=True)
        given = _SETTINGS.format(
            number=number,
            voters=",".join(f"{n}@127.0.0.1:{port}" for n, port in enumerate(voters, 1)),
            listeners=",".join(f"{name}://{at}" for name, at in self.addresses.items()),
            protocols=",".join(f"{each.name}:{each.protocol}" for each in site.listeners),
            controller_port=voters[number - 1],
            data=folder / "data",
            replicas=len(voters),
            in_sync=min(2, len(voters)),
        )
        more = [f"{name}={value}" for name, value in site.settings.items()]
        more += [line for listener in site.listeners for line in listener.lines()]
        self._settings.write_text("\n".join([given, *more, ""]))

    @property
    def address(self) -> str:
        """Of the listener that asks for nothing."""
        return self.addresses[OPEN.name]

    def format(self) -> None:
        self._distribution.run(
            *("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._settings)),
            *(
                argument
                for user in self._users
                for argument in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={PASSWORD}]")
            ),
        )

    def start(self, *jvm: str) -> None:
        """Start the process; ``wait`` waits until it serves."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *self._distribution.command("kafka.Kafka", *JVM, *jvm),
                    str(self._settings),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                # A terminal's Ctrl-C is for whoever runs the broker, and ends it in order.
                start_new_session=True,
            )

    async def wait(self) -> None:
        async with asyncio.timeout(START_S):
            while b"Kafka Server started" not in self._log.read_bytes():
                if self._process is None or self._process.poll() is not None:
                    raise BrokerError(f"the broker did not start:\n{self._log.read_text()[-4000:]}")
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """Kill -9: what is not in the page cache by then is lost."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def copy_data(self, to: Path) -> None:
        """Take a backup of a stopped node."""
        shutil.copytree(self._folder / "data", to)

    def restore_data(self, backup: Path) -> None:
        shutil.rmtree(self._folder / "data")
        shutil.copytree(backup, self._folder / "data")

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None


class Cluster:
    """Nodes that know each other.

    Attributes:
        nodes: All of them, running or not.
    """

    def __init__(self, folder: Path, nodes: int = 1, site: Site | None = None) -> None:
        site = site or Site()
        self._distribution = site.distribution
        ports = iter(_free_ports((1 + len(site.listeners)) * nodes))
        voters = list(itertools.islice(ports, nodes))
        self.nodes = [
            Node(
                folder / f"node-{number}",
                number,
                site,
                {listener.name: next(ports) for listener in site.listeners},
                voters,
            )
            for number in range(1, nodes + 1)
        ]

    @property
    def address(self) -> str:
        """Of all nodes, as an address of streams has it."""
        return ",".join(node.address for node in self.nodes)

    @property
    def url(self) -> str:
        return f"kafka://{self.address}"

    async def start(self, *jvm: str) -> None:
        self._distribution.libraries()
        await asyncio.gather(*(asyncio.to_thread(node.format) for node in self.nodes))
        for node in self.nodes:
            node.start(*jvm)
        await asyncio.gather(*(node.wait() for node in self.nodes))

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


@contextmanager
def running_cluster(nodes: int = 1, site: Site | None = None) -> Iterator[Cluster]:
    """Give a cluster that is gone afterwards, data and all."""
    class_archive((site or Site()).distribution)
    with tempfile.TemporaryDirectory(prefix="slotkeeper-kafka-") as folder:
        cluster = Cluster(Path(folder), nodes, site)
        try:
            asyncio.run(cluster.start())
            yield cluster
        finally:
            cluster.kill()


def class_archive(distribution: Distribution = NEWEST) -> Path:
    """Give an archive of loaded classes, made once by a broker that ends in order."""
    archive = distribution.archive()
    with locked(archive):
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                made = Path(folder, "classes.jsa")
                cluster = Cluster(Path(folder, "broker"), site=Site(distribution=distribution))
                try:
                    asyncio.run(cluster.start(f"-XX:ArchiveClassesAtExit={made}"))
                    cluster.nodes[0].stop()
                finally:
                    cluster.kill()
                made.rename(archive)
    return archive


def _free_ports(count: int) -> list[int]:
    sockets: list[socket.socket] = []
    try:
        for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
            if len(sockets) == count:
                break
            with suppress(OSError):
                sockets.append(socket.create_server(("127.0.0.1", port)))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a Kafka broker until Ctrl-C.")
    parser.add_argument("--nodes", type=int, default=1, choices=(1, 3))
    arguments = parser.parse_args()
    # As an exception, so that the broker and its data go, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running_cluster(arguments.nodes) as cluster:
            sys.stdout.write(
                f"{cluster.url}\n"
                f"first: slotkeeper streams create --streams {cluster.url}\n"
                "Ctrl-C ends it and removes its data\n"
            )
            sys.stdout.flush()
            signal.pause()
    except KeyboardInterrupt:
        return
    except BrokerError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
