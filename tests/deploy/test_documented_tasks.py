"""What people do first, from an empty folder, by the commands of docs/first-tasks.md alone."""

import csv
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slotkeeper.streams.address import kafka_servers
from slotkeeper.streams.kafka.clients import admin
from slotkeeper.streams.kafka.options import ClientOptions
from slotkeeper.streams.layout import SLOTKEEPER

PAGE = (Path(__file__).parents[2] / "docs" / "first-tasks.md").read_text()
BIN = Path(sys.executable).parent
PREFIX = f"first-tasks-{os.getpid()}."

STOPPING = """
for job in $(jobs -p); do kill "$job"; wait "$job"; done
"""
"""After the commands: a worker that they left running stops as asked, with status 0."""


def commands(heading: str) -> list[str]:
    """Give the commands of a section, each a line."""
    _, found, after = PAGE.partition(f"\n## {heading}\n")
    assert found, heading
    return re.findall(r"^ {4}(.*)$", after.partition("\n## ")[0], re.MULTILINE)


def follow(heading: str, folder: Path, **variables: str) -> str:
    """Run the commands of a section in an empty folder; give what they printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    script = "\n".join(commands(heading)).replace("9464", port)
    done = subprocess.run(
        [
            "bash",
            "-euxo",
            "pipefail",
            "-c",
            f"trap 'jobs -p | xargs -r kill' ERR\n{script}\n{STOPPING}",
        ],
        cwd=folder,
        env={"PATH": f"{BIN}:/usr/bin:/bin", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_own_configuration_serves_on_a_file(tmp_path: Path) -> None:
    heading = "Message path: a worker of your own configuration"
    assert len(commands(heading)) <= 5
    assert "ready" in follow(heading, tmp_path)
    assert (tmp_path / "slotkeeper.db").exists()


@pytest.fixture
async def topics_removed(kafka_url: str) -> AsyncIterator[None]:
    yield
    async with admin(ClientOptions(kafka_servers(kafka_url), {})) as client:
        await client.delete_topics([f"{PREFIX}{stream}" for stream in SLOTKEEPER.names])


@pytest.mark.usefixtures("topics_removed")
def test_own_configuration_serves_on_kafka(kafka_url: str, tmp_path: Path) -> None:
    heading = "Message path: the same on Kafka"
    assert len(commands(heading)) <= 8
    # The broker of the tests, which has more than one application's topics.
    told = follow(
        heading,
        tmp_path,
        SLOTKEEPER_STREAMS=kafka_url,
        SLOTKEEPER_KAFKA__APPLICATION=PREFIX,
        SLOTKEEPER_KAFKA__TOPIC_PREFIX=PREFIX,
    )
    assert "ready" in told


def test_service_management_makes_a_report(tmp_path: Path) -> None:
    follow("Service management: a report out of the registers", tmp_path)
    folder = tmp_path / "site" / "report"
    assert "<html" in (folder / "report.html").read_text()
    with (folder / "device.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert len(rows) >= 20
    assert any(row["gas_supplier"] for row in rows)


def test_a_test_house_sees_what_was_sent(tmp_path: Path) -> None:
    told = follow("Test house: what was sent, octet by octet", tmp_path)
    assert "signature: valid" in told
    assert "FALSE" not in told
    capture = (tmp_path / "site" / "commands.pcap").read_bytes()
    sent = (tmp_path / "site" / "commands.jsonl").read_text().splitlines()
    assert capture[:4] in {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"}
    assert len(capture) > 24 + 16 * len(sent) > 24


def test_an_auditor_verifies_trail_and_package(tmp_path: Path) -> None:
    told = follow("Auditor: what can be believed", tmp_path)
    assert "agrees with the changelog" in told
    rows = tmp_path / "demo" / "package" / "rows.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b'"verified":true', b'"verified":false', 1))
    last = commands("Auditor: what can be believed")[-1].split()
    done = subprocess.run([BIN / last[0], *last[1:]], cwd=tmp_path / "demo", check=False)
    assert done.returncode == 1
