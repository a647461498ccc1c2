"""Finished records as record batches: the client's own builder is the judge, then a broker."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from tests.kafka.harness import CHANGELOG, PARTITION, Bench
from tests.worker.crossings import crossings
from tests.worker.fake_engine import AUDIT, DEAD

from slotkeeper._core import CoreEngine, CoreSealed
from slotkeeper.engine.port import engines
from slotkeeper.lab import events, keystore
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.pki import Pki
from slotkeeper.lab.terms import Role
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Output
from slotkeeper.worker import run

NOW_MS = 1_800_000_000_000

PRODUCER = (4_000, 7, 2**31 - 3)
"""Id, epoch, and a sequence number that wraps within any batch of four."""


def sealed(folder: Path, requests: int = 5) -> CoreSealed:
    """Decide something of everything: commands, audit records, the changelog, dead letters."""
    pki = Pki("packs")
    device = pki.device(1)
    told = [events.inventory(device)]
    told += [
        events.handover_request(
            pki.organisation(Role.SUPPLIER, 1),
            device.eui,
            pki.organisation(Role.NETWORK_OPERATOR, 2),
            number=number,
            floor=0,
        )
        for number in range(requests)
    ]
    records = [
        (event.stream, offset, str(device.eui).encode(), event.octets)
        for offset, event in enumerate(told)
    ]
    unreadable = [
        (events.HANDOVER_REQUESTS, offset, str(device.eui).encode(), b"{" * offset)
        for offset in range(100, 103)
    ]
    settings = Settings.load(keystore.write_settings(folder, [pki.acb]), environment={})
    engine = CoreEngine(settings.authority(), settings=settings.engine_json())
    engine.open()
    return engine.stage([*records, *unreadable], now_ms=NOW_MS, decided_after={}).seal()


def built_by_the_client(records: Sequence[Output]) -> bytes:
    identity, epoch, sequence = PRODUCER
    builder = DefaultRecordBatchBuilder(
        2,
        0,
        is_transactional=1,
        producer_id=identity,
        producer_epoch=epoch,
        base_sequence=sequence,
        batch_size=1 << 24,
    )
    for place, (_, _, key, value, headers) in enumerate(records):
        assert builder.append(place, NOW_MS, key, value, list(headers))
    return bytes(builder.build())


def test_a_pack_is_what_the_clients_builder_makes_of_its_records(tmp_path: Path) -> None:
    outputs = sealed(tmp_path).outputs
    records = outputs.records()
    packs = outputs.packed(1 << 24)
    assert {stream for stream, _, _ in packs} >= {AUDIT, CHANGELOG, DEAD, "cs02b-commands"}
    for stream, partition, pack in packs:
        own = [record for record in records if record[:2] == (stream, partition)]
        assert len(pack) == len(own)
        assert pack.encode(*PRODUCER, NOW_MS) == built_by_the_client(own), stream


@pytest.mark.parametrize("octets", [1, 3_000, 10_000])
def test_packs_are_bounded_and_hold_everything_in_order(tmp_path: Path, octets: int) -> None:
    outputs = sealed(tmp_path, requests=20).outputs
    records = outputs.records()
    packs = outputs.packed(octets)
    for place in dict.fromkeys(record[:2] for record in records):
        own = [record for record in records if record[:2] == place]
        for pack in (pack for *at, pack in packs if tuple(at) == place):
            now, own = own[: len(pack)], own[len(pack) :]
            encoded = pack.encode(*PRODUCER, NOW_MS)
            assert encoded == built_by_the_client(now)
            assert len(encoded) <= octets or len(pack) == 1
        assert not own


@pytest.mark.parametrize("compression", [None, "gzip"])
async def test_packed_or_compressed_a_broker_gives_the_same_back(
    bench: Bench, tmp_path: Path, compression: str | None
) -> None:
    outputs = sealed(tmp_path).outputs
    expected = [
        (stream, key, value, headers) for stream, _, key, value, headers in outputs.records()
    ]
    options = {} if compression is None else {"compression_type": compression}
    async with bench.opened(kafka=options) as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        # Twice: a broker takes a batch for a repeat of one with the same sequence numbers.
        for _ in range(2):
            await owned.commit([(CHANGELOG, PARTITION, b"@last", b"{}", [])], {}, finished=outputs)
        await owned.close()
        found = []
        for stream in streams.layout.names:
            if stream not in streams.layout.inputs:
                async for batch in streams.read(stream):
                    found += [
                        (stream, each.key, each.value, list(each.headers))
                        for each in batch
                        # Who serves the store is written before anything else.
                        if each.key not in {b"@last", b"@application"}
                    ]
    for stream in streams.layout.names:
        once = [each for each in expected if each[0] == stream]
        assert [each for each in found if each[0] == stream] == [*once, *once]


async def test_a_batch_is_packed_once_and_each_pack_encoded_once(
    bench: Bench, tmp_path: Path
) -> None:
    fleet = Fleet(40, seed=5)
    settings = Settings.load(keystore.write_settings(tmp_path, [fleet.pki.acb]), environment={})
    make = engines(settings.authority(), settings.engine_json())
    told = itertools.chain(fleet.inventory(), fleet.hand_backs(), fleet.handover_requests())
    async with bench.opened() as streams:
        await streams.publish(
            [Message(event.stream, str(event.key).encode(), event.octets) for event in told]
        )
        with crossings() as counted:
            summary = await run(streams, make, until_idle=True)
    assert summary.dispositions == {"RECORDED": 40, "ISSUED": 40}
    assert (counted["packed"], counted["records"]) == (summary.batches, 0)
    # Commands, audit records, evidence and changelog, each a pack of a partition.
    assert 0 < counted["encode"] <= 4 * summary.batches
