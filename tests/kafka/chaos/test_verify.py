"""The verdict must be able to be bad: sound streams are doctored, and it sees each forgery."""

import asyncio
import base64
import copy
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import cast

import orjson
import pytest
from tests.kafka.chaos.conduct import machine
from tests.kafka.chaos.journal import Journal
from tests.kafka.chaos.load import Load
from tests.kafka.chaos.verify import AUDIT, CHANGELOG, DEAD_LETTERS, POSITIONS, Account, verify
from tests.laws import Findings, Json

from slotkeeper.engine.port import engines
from slotkeeper.lab.events import HANDOVER_REQUESTS, INVENTORY, UPDATE_RESPONSES
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Record, Streams
from slotkeeper.streams.layout import SLOTKEEPER, Layout
from slotkeeper.streams.memory import MemoryStreams
from slotkeeper.worker import run

COMMANDS = "cs02b-commands"
RECORDS = 1_600


@dataclass
class Checkpoint:
    """Streams that can only be read."""

    records: dict[str, list[Record]]
    account: Account
    layout: Layout = SLOTKEEPER

    async def verdict(self) -> Findings:
        return await verify(cast("Streams", self), self.account)

    async def read(self, stream: str) -> AsyncIterator[list[Record]]:
        yield self.records[stream]

    def find(self, stream: str, fits: Callable[[Json], bool] = lambda _: True) -> int:
        """Give the index of the last record that fits."""
        return max(
            index
            for index, record in enumerate(self.records[stream])
            if record.value and fits(orjson.loads(record.value))
        )

    def change(self, stream: str, index: int, **members: object) -> None:
        record = self.records[stream][index]
        content = {**orjson.loads(record.value or b""), **members}
        self.records[stream][index] = record._replace(value=orjson.dumps(content))

    def repeat(self, stream: str, index: int) -> None:
        """Write a record once more, after all others."""
        record = self.records[stream][index]
        self.records[stream].append(record._replace(offset=10**6))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """What a worker without faults leaves behind."""
    return asyncio.run(left_behind(tmp_path_factory.mktemp("worker")))


async def left_behind(folder: Path) -> Checkpoint:
    load = Load(1, records=RECORDS, partitions=4)
    file = machine(folder, "kafka://nowhere", load.pki.acb)
    settings = Settings.load(file, environment={})
    streams, journal = MemoryStreams(), Journal()
    planned = load.records()
    while chunk := list(islice(planned, 80)):
        offsets = []
        for record in chunk:
            offsets.append(streams.log(record.event.stream, record.partition).end)
            await streams.publish(
                [
                    Message(
                        record.event.stream,
                        record.key,
                        record.event.octets,
                        partition=record.partition,
                    )
                ]
            )
        journal.acknowledged(chunk, offsets)
    await run(streams, engines(settings.authority(), settings.engine_json()), until_idle=True)
    return Checkpoint(
        {
            name: [record async for batch in streams.read(name) for record in batch]
            for name in SLOTKEEPER.names
        },
        Account(journal, load.expected, load.dead_tables),
    )


def issued(entry: Json) -> bool:
    return bool(entry["disposition"] == "ISSUED")


def of_a_busy_device(entry: Json) -> bool:
    return str(entry["device_id"]).startswith("02-1A-B0-01-40")


def a_decision_is_missing(forged: Checkpoint) -> None:
    del forged.records[AUDIT][forged.find(AUDIT, issued)]


def a_decision_stands_twice(forged: Checkpoint) -> None:
    forged.repeat(AUDIT, forged.find(AUDIT, issued))


def a_decision_without_its_record(forged: Checkpoint) -> None:
    del forged.records[UPDATE_RESPONSES][-1]


def another_decision(forged: Checkpoint) -> None:
    index = forged.find(AUDIT, lambda entry: entry["reason"] == "SAME_MESSAGE")
    forged.change(AUDIT, index, disposition="RECORDED")


def a_second_decision_without_cause(forged: Checkpoint) -> None:
    forged.change(AUDIT, forged.find(AUDIT, issued), kind="redecision", cause_stream=None)


def an_acknowledgement_nobody_made(forged: Checkpoint) -> None:
    forged.repeat(AUDIT, 0)
    forged.change(AUDIT, -1, kind="acknowledgement")


def numbers_that_did_not_come_back(forged: Checkpoint) -> None:
    an_acknowledgement_nobody_made(forged)


def a_fault_of_the_engine(forged: Checkpoint) -> None:
    index = forged.find(AUDIT, lambda entry: entry["disposition"] == "DEAD_LETTER")
    forged.change(AUDIT, index, reason="ENGINE_FAULT", detail="it failed")


def a_request_that_did_not_wait(forged: Checkpoint) -> None:
    fence = dict.fromkeys(SLOTKEEPER.inputs, 0)
    forged.change(AUDIT, forged.find(AUDIT, issued), decided_after=fence)


def a_number_below_what_was_recorded(forged: Checkpoint) -> None:
    index = forged.find(AUDIT, lambda entry: issued(entry) and of_a_busy_device(entry))
    entry = orjson.loads(forged.records[AUDIT][index].value or b"")
    forged.change(AUDIT, index, originator_counter=entry["recorded_counter"])


def a_number_below_what_was_told(forged: Checkpoint) -> None:
    promises = forged.account.journal.promises
    for place, promise in promises.items():
        promises[place] = replace(promise, above=2**62)


def a_recorded_number_that_fell(forged: Checkpoint) -> None:
    index = forged.find(AUDIT, lambda entry: issued(entry) and of_a_busy_device(entry))
    forged.change(AUDIT, index, recorded_counter="1")


def a_command_stands_twice(forged: Checkpoint) -> None:
    forged.repeat(COMMANDS, 0)


def a_command_is_missing(forged: Checkpoint) -> None:
    del forged.records[COMMANDS][0]


def a_number_with_two_messages(forged: Checkpoint) -> None:
    index = forged.find(COMMANDS)
    forged.repeat(COMMANDS, index)
    command = orjson.loads(forged.records[COMMANDS][index].value or b"")
    octets = bytearray(base64.b64decode(command["gbcs_payload"]))
    octets[-1] ^= 1
    forged.change(COMMANDS, -1, gbcs_payload=base64.b64encode(octets).decode())


def commands_in_the_wrong_order(forged: Checkpoint) -> None:
    forged.records[COMMANDS].reverse()


def a_record_was_written_again_twice(forged: Checkpoint) -> None:
    for stream in (UPDATE_RESPONSES, HANDOVER_REQUESTS):
        index = max(i for i, record in enumerate(forged.records[stream]) if record.headers)
        forged.repeat(stream, index)


def a_record_was_not_written_again(forged: Checkpoint) -> None:
    records = forged.records[HANDOVER_REQUESTS]
    del records[max(index for index, record in enumerate(records) if record.headers)]


def an_acknowledged_record_is_gone(forged: Checkpoint) -> None:
    records = forged.records[HANDOVER_REQUESTS]
    del records[max(index for index, record in enumerate(records) if not record.headers)]


def a_dead_letter_nobody_planned(forged: Checkpoint) -> None:
    record = next(one for one in forged.records[DEAD_LETTERS] if origin(one) != INVENTORY)
    elsewhere = [(name, b"77" if name == "offset" else value) for name, value in record.headers]
    forged.records[DEAD_LETTERS].append(record._replace(headers=elsewhere))


def a_dead_letter_stands_twice(forged: Checkpoint) -> None:
    forged.repeat(DEAD_LETTERS, 0)


def a_dead_letter_is_missing(forged: Checkpoint) -> None:
    records = forged.records[DEAD_LETTERS]
    (*_, index) = (n for n, one in enumerate(records) if origin(one) != INVENTORY)
    del records[index]


def a_dead_table_is_missing(forged: Checkpoint) -> None:
    records = forged.records[DEAD_LETTERS]
    (*_, index) = (n for n, one in enumerate(records) if origin(one) == INVENTORY)
    del records[index]


def origin(record: Record) -> str:
    return dict(record.headers)["stream"].decode()


def changes(forged: Checkpoint) -> Iterator[int]:
    """Give the places of busy devices' changes."""
    for index, record in enumerate(forged.records[CHANGELOG]):
        if (record.key or b"").startswith(b"02-1A-B0-01-40"):
            yield index


def the_newest_change_is_lost(forged: Checkpoint) -> None:
    del forged.records[CHANGELOG][max(changes(forged))]


def an_older_change_came_later(forged: Checkpoint) -> None:
    forged.repeat(CHANGELOG, min(changes(forged)))


def two_owners_side_by_side(forged: Checkpoint) -> None:
    write_positions_again(forged, rise=0)


def another_life_of_the_store(forged: Checkpoint) -> None:
    write_positions_again(forged, rise=1, incarnation="another")


def positions_that_fell(forged: Checkpoint) -> None:
    write_positions_again(forged, rise=1, positions=dict.fromkeys(SLOTKEEPER.inputs, 0))


def positions_that_lag(forged: Checkpoint) -> None:
    (*_, newest) = positions(forged)
    forged.change(CHANGELOG, newest, positions={})


def write_positions_again(forged: Checkpoint, *, rise: int, **members: object) -> None:
    (*_, newest) = positions(forged)
    sequence = orjson.loads(forged.records[CHANGELOG][newest].value or b"")["sequence"]
    forged.repeat(CHANGELOG, newest)
    forged.change(CHANGELOG, -1, sequence=sequence + rise, **members)


def positions(forged: Checkpoint) -> Iterator[int]:
    """Give the places of the positions' records."""
    for index, record in enumerate(forged.records[CHANGELOG]):
        if record.key == POSITIONS:
            yield index


FORGERIES: dict[Callable[[Checkpoint], None], str] = {
    a_decision_is_missing: "was never decided",
    a_decision_stands_twice: "was decided 2 times",
    a_decision_without_its_record: "was decided and is not there",
    another_decision: "decided too often Counter({'RECORDED': 1})",
    a_second_decision_without_cause: "decided again without a cause",
    an_acknowledgement_nobody_made: "acknowledged are",
    numbers_that_did_not_come_back: "before an acknowledged loss, and came back as None",
    a_fault_of_the_engine: "the engine failed over",
    a_request_that_did_not_wait: "had been reached before it was written",
    a_number_below_what_was_recorded: "known was",
    a_number_below_what_was_told: "had been told before it was written",
    a_recorded_number_that_fell: "law 3: recorded_counter",
    a_command_stands_twice: "not decided so, or a second",
    a_command_is_missing: "without command",
    a_number_with_two_messages: "law 4: two messages",
    commands_in_the_wrong_order: "law 1:",
    a_record_was_written_again_twice: "arrived Counter({'srv",
    a_record_was_not_written_again: "rerouted Counter({'srv",
    an_acknowledged_record_is_gone: "records, not",
    a_dead_letter_nobody_planned: "77) is a dead letter",
    a_dead_letter_stands_twice: "became 2 dead letters",
    a_dead_letter_is_missing: "has no dead letter",
    a_dead_table_is_missing: "inventory records are dead letters, not",
    the_newest_change_is_lost: "the changelog has",
    an_older_change_came_later: "law 7: 02-1A-B0-01-40",
    two_owners_side_by_side: "law 7: {'version'",
    positions_that_fell: "law 5: the position of srv-6.21-requests fell",
    another_life_of_the_store: "law 7: {'version'",
    positions_that_lag: "its position is",
}


async def test_what_a_worker_leaves_behind_is_sound(sound: Checkpoint) -> None:
    findings = await sound.verdict()
    assert findings.broken == []
    assert findings.commands > RECORDS / 10
    assert len(findings.decisions) > 10


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
async def test_a_forgery_is_seen(sound: Checkpoint, forge: Callable[[Checkpoint], None]) -> None:
    forged = copy.deepcopy(sound)
    forge(forged)
    findings = await forged.verdict()
    assert any(FORGERIES[forge] in sentence for sentence in findings.broken), findings.broken
