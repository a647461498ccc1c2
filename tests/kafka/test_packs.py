"""Finished records as record batches: the client's own builder is the judge, then a broker."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from tests.kafka.bench import CHANGELOG, PARTITION, Bench
from tests.worker.fake_engine import AUDIT, DEAD

from slotkeeper._core import CoreEngine, CoreStaged
from slotkeeper.lab import events, keystore
from slotkeeper.lab.pki import Pki
from slotkeeper.lab.terms import Role
from slotkeeper.settings import Settings
from slotkeeper.streams import Output

NOW_MS = 1_800_000_000_000

PRODUCER = (4_000, 7, 2**31 - 3)
"""Id, epoch, and a sequence number that wraps within any batch of four."""


def staged(folder: Path, requests: int = 5) -> CoreStaged:
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
    batch = engine.stage([*records, *unreadable], now_ms=NOW_MS, decided_after={})
    batch.seal()
    return batch


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
    finished = staged(tmp_path).finished()
    records = finished.records()
    packs = finished.packed(1 << 24)
    assert {stream for stream, _, _ in packs} >= {AUDIT, CHANGELOG, DEAD, "cs02b-commands"}
    for stream, partition, pack in packs:
        own = [record for record in records if record[:2] == (stream, partition)]
        assert len(pack) == len(own)
        assert pack.encode(*PRODUCER, NOW_MS) == built_by_the_client(own), stream


@pytest.mark.parametrize("octets", [1, 3_000, 10_000])
def test_packs_are_bounded_and_hold_everything_in_order(tmp_path: Path, octets: int) -> None:
    finished = staged(tmp_path, requests=20).finished()
    records = finished.records()
    packs = finished.packed(octets)
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
    finished = staged(tmp_path).finished()
    expected = [
        (stream, key, value, headers) for stream, _, key, value, headers in finished.records()
    ]
    options = {} if compression is None else {"compression_type": compression}
    async with bench.opened(kafka=options) as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        # Twice: a broker takes a batch for a repeat of one with the same sequence numbers.
        for _ in range(2):
            await owned.commit([(CHANGELOG, PARTITION, b"@last", b"{}", [])], {}, finished=finished)
        await owned.close()
        found = []
        for stream in streams.layout.names:
            if stream not in streams.layout.inputs:
                async for batch in streams.read(stream):
                    found += [
                        (stream, each.key, each.value, list(each.headers))
                        for each in batch
                        if each.key != b"@last"
                    ]
    for stream in streams.layout.names:
        once = [each for each in expected if each[0] == stream]
        assert [each for each in found if each[0] == stream] == [*once, *once]
