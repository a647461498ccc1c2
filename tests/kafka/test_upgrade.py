"""The records of an earlier version, standing in topics, are served on.

A broker's own state cannot be kept. So the records of each kept store are written into fresh topics
by a plain producer, the identity in the headers of the last changelog record as that version put it
there, and its positions as the group's offsets. The transactions themselves and their ids are
unknown to the broker, as to a cluster that has let them expire.
"""

import gzip
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from tests.durability.exports import covers, entries
from tests.durability.stores import make
from tests.durability.test_upgrade import READ_BY, STORES
from tests.kafka.harness import CHANGELOG, Bench

from slotkeeper.lab.events import Event
from slotkeeper.lab.keystore import write_settings
from slotkeeper.streams.layout import SLOTKEEPER
from slotkeeper.streams.sqlite.schema import OFFSET_BITS, PARTITION_BITS

COMMAND = Path(sys.executable).parent / "slotkeeper"
AUDIT = "audit-trail"
POSITIONS = b"@positions"


class Row(NamedTuple):
    stream: str
    partition: int
    key: bytes | None
    value: bytes | None


def rows(store: Path, folder: Path) -> Iterator[Row]:
    """Give every record, a partition's in order."""
    file = folder / "kept.db"
    file.write_bytes(gzip.decompress((store / "streams.db.gz").read_bytes()))
    with closing(sqlite3.connect(file)) as kept:
        for table in ("log", "compacted"):
            for row, key, value in kept.execute(f"SELECT id, key, value FROM {table} ORDER BY id"):  # noqa: S608
                shard = row >> OFFSET_BITS
                stream = SLOTKEEPER.names[shard >> PARTITION_BITS]
                yield Row(stream, shard & (1 << PARTITION_BITS) - 1, key, value)


async def replay(bench: Bench, records: Sequence[Row]) -> None:
    async with bench.producer() as client:
        for stream, partition, key, value in records:
            headers = []
            if stream == CHANGELOG and key == POSITIONS:
                positions = json.loads(value or b"")
                headers = [
                    ("incarnation", positions["incarnation"].encode()),
                    ("partitions", str(positions["partitions"]).encode()),
                ]
            topic = bench.topic(stream)
            await client.send_and_wait(topic, value, key=key, partition=partition, headers=headers)
    await commit(
        bench,
        {
            TopicPartition(bench.topic(stream), partition): offset
            for _, partition, key, value in records
            if key == POSITIONS
            for stream, offset in json.loads(value or b"")["positions"].items()
        },
    )


async def commit(bench: Bench, offsets: dict[TopicPartition, int]) -> None:
    async with bench.group() as group:
        group.assign(list(offsets))
        await group.commit(offsets)


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
async def test_what_an_earlier_version_wrote_to_topics_is_served_on(
    store: Path, bench: Bench, tmp_path: Path
) -> None:
    kept = list(rows(store, tmp_path))
    await replay(bench, kept)
    fleet = make.fleet()
    kafka = (
        f'[kafka]\napplication = "{bench.settings.application}"\n'
        f'topic_prefix = "{bench.settings.topic_prefix}"\n'
    )
    config = write_settings(tmp_path / "site", [fleet.pki.acb], streams=bench.url, more=kafka)

    def run(*arguments: str, given: Sequence[Event] = ()) -> str:
        done = subprocess.run(
            [COMMAND, *arguments, "--config", config],
            input=b"".join(event.line() for event in given),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    assert json.loads(run("run", "--until-idle", "--json"))["dispositions"] == {}
    then = entries((store / "export.jsonl").read_text())
    now = entries(run("counters", "export"))
    assert now.keys() == then.keys()
    for slot, was in then.items():
        assert (now[slot]["recorded"], now[slot]["seen"]) == (was["recorded"], was["seen"])
        assert all(covers(now[slot], number) for number in was["issued_numbers"])

    member = fleet.members[make.IMPORTED + 3]
    again = [make.ask(fleet, member, number) for number in (1, 2)]
    run("publish", again[0].stream, given=[*again, make.ask(fleet, member, 3)])
    told = json.loads(run("run", "--until-idle", "--json"))
    assert told["reasons"].get("DUPLICATE SAME_REQUEST") == 2
    assert told["dispositions"] == {"DUPLICATE": 2, "ISSUED": 1}

    # The version that wrote the store stops at what stands there now, with exit status 3.
    replayed = Counter(row.partition for row in kept if row.stream == CHANGELOG)
    written = [
        each for each in await bench.read(CHANGELOG) if each.offset >= replayed[each.partition]
    ]
    told_of = [json.loads(each.value or b"") for each in written if each.key == POSITIONS]
    devices = [each.value[0] for each in written if each.value and each.value[0] < ord(" ")]
    assert min(each["version"] for each in told_of) > READ_BY[store.name]["positions"]
    assert min(devices) > READ_BY[store.name]["device"]
    audit = await bench.decisions()
    device = str(member.gpf.device.eui)
    numbers = [
        int(one["originator_counter"])
        for one in audit
        if one.get("disposition") == "ISSUED" and one["device_id"] == device
    ]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 3
    # The first commit wrote down what the earlier version did not know.
    (pinned,) = [one for one in audit if one["kind"] == "pinning"]
    assert pinned["application"] == bench.settings.application
    assert CHANGELOG in pinned["logs"]
