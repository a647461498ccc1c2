"""The console beside a worker at a broker: every page, and acts that persons have signed."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from tests.kafka.harness import Bench
from tests.pages.conftest import Console, cli, served
from tests.pages.test_routes import example
from tests.pages.waiting import PATIENCE_S, running_worker, until

from slotkeeper.cli.demo.site import Site, furnish
from slotkeeper.cli.output import progress
from slotkeeper.pages.routes import PAGES
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, create_streams, open_streams

pytestmark = pytest.mark.timeout(1_800)
"""A fleet's year is lived, written to the broker, decided again, built and reported on."""

PARTY = "GNO-3"


@pytest.fixture
async def site(bench: Bench, tmp_path: Path) -> Site:
    """Make a site, and give its inputs to the broker in its settings."""
    with progress("making the fleet") as advance:
        made = await asyncio.to_thread(
            lambda: furnish(
                tmp_path / "site",
                devices=40,
                seed="pages",
                today=datetime.now(UTC).date(),
                advance=advance,
            )
        )
    settings = Settings.load(made.config, environment={})
    await create_streams(bench.url, replace(bench.settings, partitions=4))
    async with (
        open_streams(settings.streams, settings.streams_settings()) as kept,
        bench.opened() as streams,
    ):
        for stream in (*kept.layout.inputs, *kept.layout.registers):
            async for records in kept.read(stream):
                await streams.publish(
                    [
                        Message(stream, record.key, record.value, tuple(record.headers))
                        for record in records
                    ]
                )
    kafka = (
        f'[kafka]\napplication = "{bench.settings.application}"\n'
        f'topic_prefix = "{bench.settings.topic_prefix}"\n'
    )
    text = made.config.read_text().replace("sqlite:///streams.db", bench.url)
    config = made.folder / "kafka.toml"
    config.write_text(f"{text}\n{kafka}")
    return Site(made.folder, config)


@pytest.fixture
def worker(site: Site, tmp_path: Path) -> Iterator[str]:
    with running_worker(site.config, tmp_path / "worker.err") as health:
        until(lambda: _lag(health) == 0)
        yield health


@pytest.fixture
def console(site: Site, worker: str, tmp_path: Path) -> Iterator[Console]:
    data = tmp_path / "console"
    data.mkdir()
    with served(data, "--worker", worker, "--person", "ann", config=site.config) as console:
        yield console


def test_every_page_and_signed_acts_at_a_broker(
    console: Console, site: Site, worker: str, tmp_path: Path
) -> None:
    until(lambda: console.json("/index.json")["as_of"])
    until(lambda: console.json(f"/exits/{PARTY}.json")["state"])
    for page in PAGES:
        answer = console.get(example(console, page.path))
        assert answer.status_code == 200, f"{page.path}: {answer.text}"

    told = console.json("/workers.json")
    assert [(one["address"], one["ready"]) for one in told["workers"]] == [(worker, True)]
    assert sorted(one["number"] for one in told["partitions"]) == [0, 1, 2, 3]
    assert {one["served_by"] for one in told["partitions"]} == {worker}
    [row] = console.json("/requests.json?decision=ISSUED")["table"]["rows"][:1]
    story = console.json(f"/devices/{row['device']}.json")
    assert any(one["request"] == row["request"] for one in story["timeline"])
    command = console.json(f"/requests/{row['request']}.json")["steps"][-1]["path"]
    assert "decoded" in console.json(f"{command}.json")

    letter = console.json("/dead-letters.json")["table"]["rows"][0]["letter"]
    file, out = tmp_path / "replay.json", tmp_path / "signed.json"
    file.write_bytes(console.get(f"/dead-letters/{letter}/replay").content)
    signing = ("--key", site.folder / "ann.key", "--reason", "again")
    cli("counters", "sign", file, *signing, "--out", out, "--config", site.config)
    before = len(console.json("/dead-letters.json")["table"]["rows"])
    answer = console.post(
        f"/dead-letters/{letter}.json", data={"do": "replay"}, files={"act": out.read_bytes()}
    )
    assert answer.json()["done"].startswith("Replayed into srv-6.15.1-responses")
    # It cannot be read this time either: the worker has decided it once more.
    until(lambda: len(console.json("/dead-letters.json")["table"]["rows"]) > before)

    act = tmp_path / "open.json"
    act.write_bytes(console.get(f"/exits/{PARTY}/acts/OPEN").content)
    for number, name in enumerate(("ann", "bob")):
        why = () if number else ("--reason", "it leaves")
        cli(
            "exit", "sign", act, "--key", site.folder / f"{name}.key", *why, "--config", site.config
        )
    answer = console.post(
        f"/exits/{PARTY}.json", data={"do": "decide"}, files={"act": act.read_bytes()}
    )
    assert answer.json()["done"].startswith("OPEN is written"), answer.text
    until(lambda: console.json(f"/exits/{PARTY}.json")["state"] == "OPEN")


def _lag(health: str) -> float:
    text = httpx.get(f"http://{health}/metrics", timeout=PATIENCE_S).text
    found = [
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith("slotkeeper_consumer_lag_messages")
    ]
    return sum(found) if found else -1.0
