"""How an answer of a broker is taken apart: the client's own loop is the judge where it can be."""

import struct
import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import aiokafka.codec
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.protocol.fetch import FetchRequest, FetchResponse_v4
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st
from tests.kafka.raw_batches import CODECS, Raw, record

from slotkeeper.streams import SetAside
from slotkeeper.streams.kafka import loose_records
from slotkeeper.streams.kafka.client_internals import fetched_batches
from slotkeeper.streams.kafka.client_internals.fetched_batches import (
    READ_BY_THE_CLIENT,
    BoundedRecords,
)
from slotkeeper.streams.kafka.client_internals.opened_answers import (
    LOOKED_THROUGH,
    PASSED_BY_THE_LOOP,
    Answer,
    open_answers,
)

PLACE = TopicPartition("t", 3)
MOST = 10_000
TRANSACTIONAL = 0x10
CONTROL = 0x20


def placed(batch: bytes, at: int) -> bytes:
    """Give a batch the offset that a broker would; no checksum has it in it."""
    return struct.pack(">q", at) + batch[8:]


def of(batches: Sequence[Raw], producer: int = -1) -> bytes:
    octets, at = b"", 0
    for batch in batches:
        octets += placed(batch.encode(producer, 0, 0, 1_700_000_000_000), at)
        at += len(batch)
    return octets


def bounded(
    octets: bytes, *, since: int = 0, aborted: Sequence[tuple[int, int]] = (), most: int = MOST
) -> list[Any]:
    answer = Answer(octets, most)
    answer.open()
    return taken_apart(answer, since=since, aborted=aborted)


def taken_apart(
    answer: Answer, *, since: int = 0, aborted: Sequence[tuple[int, int]] = ()
) -> list[Any]:
    arguments = (aborted, since, None, None, True, READ_COMMITTED)
    return list(BoundedRecords(PLACE, answer, *arguments))


def by_the_client(
    octets: bytes, *, since: int = 0, aborted: Sequence[tuple[int, int]] = ()
) -> list[Any]:
    arguments = (aborted, since, None, None, True, READ_COMMITTED)
    return list(PartitionRecords(PLACE, MemoryRecords(octets), *arguments))


AFTER_CHECKSUM = 21
"""Octets of a batch before those that its checksum is of. Its header ends with the number of
records."""

MARKER = b"\0\0\0\0", b"\0\0\0\1"
"""Keys of the markers for an abort and for a commit."""

BATCHES = st.lists(
    st.tuples(
        st.integers(1, 4),  # records, of one octet each
        st.sampled_from([0, *CODECS.values()]),
        st.sampled_from([-1, 7, 8]),  # producers
        st.sampled_from([None, 0, 1]),  # a marker after it
    ),
    min_size=1,
    max_size=6,
)


@given(shapes=BATCHES, data=st.data())
def test_of_honest_batches_both_give_the_same(
    shapes: list[tuple[int, int, int, int | None]], data: st.DataObject
) -> None:
    # An answer begins with the batch that has the offset which was asked for.
    since = data.draw(st.integers(0, shapes[0][0] - 1))
    octets, at, aborted = b"", 0, []
    for count, codec, producer, marker in shapes:
        attributes = TRANSACTIONAL if producer >= 0 and marker is not None else 0
        whole = Raw.of([record(n, b"%d" % (at + n)) for n in range(count)], codec=codec)
        encoded = Raw(count, whole.octets, codec | attributes).encode(producer, 0, 0, 1_700_000)
        octets += placed(encoded, at)
        if attributes and marker == 0:
            aborted.append((producer, at))
        at += count
        if attributes and marker is not None:
            control = Raw.of([record(0, b"", key=MARKER[marker])])
            attributes = TRANSACTIONAL | CONTROL
            octets += placed(Raw(1, control.octets, attributes).encode(producer, 0, 0, 0), at)
            at += 1
    # A broker cuts its answer off anywhere.
    octets = octets[: data.draw(st.integers(max(0, len(octets) - 30), len(octets)))]
    told = by_the_client(octets, since=since, aborted=aborted)
    ours = bounded(octets, since=since, aborted=aborted)
    assert [(each, each.offset, each.timestamp) for each in ours] == [
        (each, each.offset, each.timestamp) for each in told
    ]


def test_a_batch_out_of_which_some_was_given_is_set_aside_from_there() -> None:
    spoilt = [record(0, b"1"), record(1, b"2"), b"\x03\0"]
    first, second, aside = bounded(of([Raw.of(spoilt), Raw.of([record(0, b"3")])]))[:3]
    assert (first.value, second.value) == (b"1", b"2")
    assert (aside.first, aside.offset, aside.reason) == (2, 2, "MALFORMED")


@pytest.mark.parametrize("codec", [0, 3])
@pytest.mark.parametrize("headers", [(), [(b"\xff", b"")]])
def test_an_offset_outside_of_its_batch_is_no_offset(
    codec: int, headers: Sequence[tuple[bytes, bytes]]
) -> None:
    spoilt = Raw.of([record(0, b"1", headers=headers), record(2, b"2")], codec=codec)
    first, aside, after = bounded(of([spoilt, Raw.of([record(0, b"3")])]))
    assert (first.value, after.value, after.offset) == (b"1", b"3", 2)
    assert (aside.first, aside.offset, aside.reason) == (1, 1, "MALFORMED")


def test_what_was_read_before_is_not_set_aside_again() -> None:
    (aside,) = bounded(of([Raw(3, b"\x03")]), since=1)
    assert (aside.first, aside.offset) == (1, 2)


def test_a_batch_with_more_than_its_records_gives_them() -> None:
    (only,) = bounded(of([Raw(1, record(0, b"1") + b"\0")]))
    assert only.value == b"1"


def test_a_wrong_checksum_is_asked_for_again() -> None:
    octets = bytearray(of([Raw.of([record(0, b"1")])]))
    octets[-1] ^= 1
    with pytest.raises(CorruptRecordException, match="CRC"):
        bounded(bytes(octets))


def test_a_codec_of_the_future_is_named_with_its_place() -> None:
    with pytest.raises(
        UnsupportedCodecError, match="t 3 from offset 1 on is compressed by codec 5"
    ):
        bounded(of([Raw.of([record(0, b"1")]), Raw(1, b"", 5)]))


def test_an_answer_is_inflated_to_its_bound_and_no_further() -> None:
    batches = [Raw.of([record(0, bytes(MOST // 2))], codec=1)] * 9
    given_ = bounded(of(batches))
    assert [each.offset for each in given_] == [0, 1]


@pytest.mark.parametrize("codec", [0, 4])
def test_of_a_large_batch_the_client_makes_no_million_of_headers(
    codec: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reader makes an object of each, in one call that nothing can interrupt."""
    monkeypatch.setattr(fetched_batches, "DefaultRecordBatch", None)
    monkeypatch.setattr(BoundedRecords, "_by_the_client", None)
    many = [(b"", None)] * (READ_BY_THE_CLIENT // 2)
    batch = Raw.of([record(0, b"1", headers=many), record(1, b"2")], codec=codec)
    first, second = bounded(of([batch]), most=4 * READ_BY_THE_CLIENT)
    assert (first.key, first.value, second.value) == (b"d", b"1", b"2")
    assert first.headers[-1] == ("headers-left-out", b"%d" % (len(many) - 64))


def test_a_marker_that_compaction_has_removed_ends_no_transaction() -> None:
    """The log cleaner keeps its batch as long as its producer may come again."""
    marker = Raw(1, b"", TRANSACTIONAL | CONTROL).encode(7, 0, 0, 0)
    sealed = marker[AFTER_CHECKSUM:-4] + struct.pack(">i", 0)
    emptied = marker[: AFTER_CHECKSUM - 4] + struct.pack(">I", calc_crc32c(sealed)) + sealed
    octets = of([Raw.of([record(0, b"1")])]) + placed(emptied, 1)
    octets += placed(of([Raw.of([record(0, b"2")])]), 2)
    assert [each.value for each in bounded(octets)] == [b"1", b"2"]


@pytest.mark.parametrize("codec", [0, 1])
@pytest.mark.parametrize("since", [0, 2 * PASSED_BY_THE_LOOP, 11_999])
async def test_nobody_reads_what_stands_before_the_record_that_was_asked_for(
    codec: int, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of a few kilobytes may hold a million records; the event loop waits for none."""
    records = [record(n, b"%d" % n, key=None) for n in range(12_000)]
    looked_at: list[int] = []
    real = loose_records.LooseRecord

    def counted(**fields: Any) -> Any:  # noqa: ANN401
        looked_at.append(1)
        return real(**fields)

    monkeypatch.setattr(loose_records, "LooseRecord", counted)
    network = Network(of([Raw.of(records, codec=codec)]), since, most=1 << 20)
    (answer,) = await network.fetch()
    found = taken_apart(answer, since=since)
    assert [each.offset for each in found] == list(range(since, 12_000))
    assert [each.value for each in found[:1]] == [b"%d" % since]
    assert len(looked_at) == 12_000 - since


@pytest.mark.parametrize(
    ("codec", "plain", "hops"), [(1, 10, 1), (0, 10, 0), (0, 2 * LOOKED_THROUGH, 1)]
)
async def test_a_thread_opens_what_is_compressed_or_long(
    codec: int, plain: int, hops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    monkeypatch.setattr(Answer, "open", lambda _: opened.append(threading.get_ident()))
    octets = of([Raw.of([record(0, b"1")]), Raw.of([record(0, bytes(plain))], codec=codec)])
    await Network(octets).fetch()
    assert len(opened) == hops
    assert threading.get_ident() not in opened


async def test_an_answer_without_octets_is_one() -> None:
    (answer,) = await Network(None).fetch()
    assert not answer.has_next()


class Network:
    """A client of one partition, which the broker answers with these octets."""

    def __init__(self, octets: bytes | None, since: int = 0, most: int = MOST) -> None:
        self.octets = octets
        self.since = since
        self.most = most
        self.send: Callable[..., Any] = self.answer

    async def answer(self, _node: object, _request: object) -> FetchResponse_v4:
        topics: list[Any] = [("t", [(3, 0, 9, 9, [], self.octets)])]
        return FetchResponse_v4(throttle_time_ms=0, topics=topics)

    async def fetch(self) -> list[Answer]:
        open_answers(self, self.most)
        asked = [("t", [(3, self.since, 1 << 20)])]
        answer = await self.send(0, FetchRequest(1, 1, 1, 1, asked))
        return [partition[-1] for _, partitions in answer.topics for partition in partitions]


LEGACY = (0, 1)


def legacy(magic: int, values: Sequence[bytes], *, compressed: bool) -> bytes:
    builder = LegacyRecordBatchBuilder(magic, int(compressed), 1 << 20)
    for at, value in enumerate(values):
        assert builder.append(at, 1_700_000_000_000, b"k", value)
    octets = bytes(builder.build())
    # A broker gives the message that holds the others the offset of the last.
    return placed(octets, len(values) - 1) if compressed else octets


@pytest.mark.parametrize("magic", LEGACY)
@pytest.mark.parametrize("compressed", [False, True])
def test_ancient_messages_are_read(magic: int, *, compressed: bool) -> None:
    octets = legacy(magic, [b"1", b"2", b"3"], compressed=compressed)
    assert [each.value for each in bounded(octets)] == [b"1", b"2", b"3"]
    assert [each.value for each in bounded(octets, since=1)] == [b"2", b"3"]


@pytest.mark.parametrize("magic", LEGACY)
def test_ancient_messages_are_inflated_where_the_answer_is_opened(
    magic: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    octets = legacy(magic, [b"1", b"2"], compressed=True)
    answer = Answer(octets, MOST)
    answer.open()
    monkeypatch.setattr(aiokafka.codec, "gzip", None)
    assert [each.value for each in taken_apart(answer)] == [b"1", b"2"]


@pytest.mark.parametrize("magic", LEGACY)
def test_ancient_messages_that_inflate_too_far_are_set_aside(magic: int) -> None:
    octets = legacy(magic, [bytes(MOST), b"2"], compressed=True)
    (aside,) = bounded(octets)
    assert isinstance(aside, SetAside)
    assert (aside.reason, aside.timestamp) == ("TOO_LARGE", -1)


def test_an_ancient_message_that_is_damaged_inside_is_set_aside() -> None:
    octets = bytearray(legacy(1, [b"1", b"2"], compressed=True))
    octets[-6] ^= 1  # of the checksum of gzip
    octets[12:16] = struct.pack(">I", zlib.crc32(octets[16:]))
    (aside,) = bounded(bytes(octets))
    assert isinstance(aside, SetAside)
    assert aside.reason == "MALFORMED"
