"""How an answer of a broker is taken apart: the client's own loop is the judge where it can be."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st
from tests.kafka.raw_batches import CODECS, Raw, record

from slotkeeper.streams import SetAside
from slotkeeper.streams.kafka.client_internals.fetched_batches import Answer, BoundedRecords

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


def bounded(octets: bytes, *, since: int = 0, aborted: Sequence[tuple[int, int]] = ()) -> list[Any]:
    arguments = (aborted, since, None, None, True, READ_COMMITTED)
    return list(BoundedRecords(MOST, PLACE, Answer(octets), *arguments))


def by_the_client(
    octets: bytes, *, since: int = 0, aborted: Sequence[tuple[int, int]] = ()
) -> list[Any]:
    arguments = (aborted, since, None, None, True, READ_COMMITTED)
    return list(PartitionRecords(PLACE, MemoryRecords(octets), *arguments))


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
