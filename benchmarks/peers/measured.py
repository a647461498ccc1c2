"""Of what the figures were measured."""

from importlib import metadata
from xml.etree import ElementTree as ET  # a file of this package

from benchmarks.machine import Machine, describe, output

from .contenders import HERE

SOURCES = (
    *("rust/*/src", "pycore", "Cargo.lock", "benchmarks/peers", "benchmarks/snapshot.py"),
    *(f":(exclude)benchmarks/peers/{name}" for name in ("README.md", "goals.py", "report.py")),
    *(f":(exclude)benchmarks/peers/{name}" for name in ("results.py", "soak")),
)
"""Whatever decides what is measured; how it is told of does not."""


def described() -> Machine:
    """Look at the machine, the checkout, and the versions of all programs."""
    pom = ET.parse(HERE / "kafka-streams" / "pom.xml")  # noqa: S314  # a file of this package
    locked = dict(line.split("==") for line in (HERE / "requirements.in").read_text().split())
    versions = {
        "aiokafka": metadata.version("aiokafka"),
        "Kafka and Kafka Streams": pom.findtext("./{*}properties/{*}kafka.version", ""),
        "Faust-streaming": locked["faust-streaming"],
        "Quix Streams": locked["quixstreams"],
        "Java": output("java", "-version").splitlines()[0].split('"')[1],
    }
    return describe(SOURCES, versions)
