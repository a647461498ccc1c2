"""The second reader of batches: the client's own is the judge of what both can read."""

import contextlib
from typing import Any

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st
from tests.kafka.raw_batches import Raw, record

from slotkeeper.streams.kafka.inflating import DamagedError
from slotkeeper.streams.kafka.loose_records import (
    BATCH_OVERHEAD,
    HEADER_OCTETS,
    beginning_of,
    bounded,
    loose_records,
)

OCTETS = st.none() | st.binary(max_size=40)
NAMES = st.text(max_size=9).map(str.encode)
RECORDS = st.lists(
    st.tuples(OCTETS, OCTETS, st.lists(st.tuples(NAMES, OCTETS), max_size=3), st.integers(-9, 9)),
    min_size=1,
    max_size=6,
)


def batch(records: list[Any], attributes: int = 0) -> bytes:
    encoded = [
        record(at, value, key=key, headers=headers, milliseconds=milliseconds)
        for at, (key, value, headers, milliseconds) in enumerate(records)
    ]
    return Raw(len(encoded), b"".join(encoded), attributes, 1_700_000_000_000).encode(1, 2, 3, 0)


def loosely(octets: bytes, since: int = 0) -> list[Any]:
    return list(loose_records(octets, since))


def parts(each: Any) -> tuple[Any, ...]:  # noqa: ANN401
    headers = [(name, value or b"") for name, value in each.headers]
    return each.offset, each.timestamp, each.timestamp_type, each.key, each.value, headers


@given(records=RECORDS, by_broker=st.booleans())
def test_both_read_the_same(records: list[Any], *, by_broker: bool) -> None:
    octets = batch(records, 8 if by_broker else 0)
    own = [parts(each) for each in DefaultRecordBatch(octets)]
    assert [parts(each) for each in loosely(octets)] == own
    for since in range(1, len(records) + 2):
        assert [parts(each) for each in loosely(octets, since)] == own[since:]
        begins = beginning_of(octets, since)
        assert begins.passed == min(since, len(records))
        assert [parts(each) for each in loose_records(octets, since, begins)] == own[since:]


@given(
    records=RECORDS,
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 20),
)
def test_of_damaged_batches_both_read_the_same_beginning(
    records: list[Any], changes: list[tuple[int, int]], cut: int
) -> None:
    octets = bytearray(batch(records))
    for at, octet in changes:
        octets[BATCH_OVERHEAD + at % (len(octets) - BATCH_OVERHEAD)] = octet
    del octets[max(BATCH_OVERHEAD + 1, len(octets) - cut) :]
    given_: list[Any] = []
    with contextlib.suppress(DamagedError):
        given_.extend(loose_records(bytes(octets), 0))
    for each in given_:
        assert 0 <= each.offset < len(records)
    for since in range(1, len(records) + 1):
        # What cannot be read stays where it is: nobody passes over it.
        begins = beginning_of(bytes(octets), since)
        later: list[Any] = []
        with contextlib.suppress(DamagedError):
            later.extend(loose_records(bytes(octets), since, begins))
        wanted = [parts(each) for each in given_ if each.offset >= since]
        assert [parts(each) for each in later][: len(wanted)] == wanted
    own: list[Any] = []
    try:
        own.extend(DefaultRecordBatch(bytes(octets)))
    except (CorruptRecordException, UnicodeDecodeError):
        return
    assert [each.offset for each in own] == [each.offset for each in given_] or any(
        not 0 <= each.offset < len(records) for each in own
    )


def test_a_name_that_is_no_utf8_is_escaped() -> None:
    (each,) = loosely(batch([(b"k", b"v", [(b"a\xffb\\", b"x"), (b"\xc3\xa4", None)], 0)]))
    assert list(each.headers) == [("a\\xffb\\", b"x"), ("ä", b"")]


def test_large_headers_are_left_out() -> None:
    many = [(b"n", bytes(HEADER_OCTETS // 2 - 1))] * 5
    (each,) = loosely(
        batch(
            [
                (b"k", b"v", many, 0),
            ]
        )
    )
    assert [name for name, _ in each.headers] == ["n", "n", "headers-left-out"]
    assert list(bounded([(name.decode(), value) for name, value in many])) == list(each.headers)


@pytest.mark.parametrize("octets", [b"", b"\x80" * 20, b"\xff" * 9 + b"\x01", b"\x01", b"\x7f"])
def test_what_is_no_record_is_damaged(octets: bytes) -> None:
    header = Raw(1, octets).encode(0, 0, 0, 0)
    with pytest.raises(DamagedError):
        loosely(header)


def test_more_than_its_records_is_damaged() -> None:
    octets = batch([(b"k", b"v", [], 0)])
    with pytest.raises(DamagedError):
        loosely(octets + b"\0")
