"""JSON lines: what `read` writes, `publish` makes again."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.cli.lines import LineError, line_of, message_of
from slotkeeper.streams import Record

STREAM = "srv-6.15.1-responses"

OCTETS = st.none() | st.binary(max_size=40) | st.text(max_size=20).map(str.encode)
HEADERS = st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=1)


@given(key=OCTETS, value=OCTETS, headers=HEADERS, partition=st.integers(0, 1000))
def test_octets_survive(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], partition: int
) -> None:
    line = line_of(Record(STREAM, partition, 7, key, value, headers, 1_700_000_000_123))
    message = message_of(line, STREAM)
    assert b"\n" not in line
    assert (message.key, message.value, message.partition) == (key, value, partition)
    assert list(message.headers) == headers


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'{"key": null, "value": "<sr:Request/>"}', b"<sr:Request/>"),
        (b'{"key": null, "value": null}', None),
        (b'{"key": null, "value": {"a": [1, true]}}', b'{"a":[1,true]}'),
        (b'{"key": null, "value_base64": "/w=="}', b"\xff"),
        # A byte order mark; files that were put together have it in their middle, too.
        (b'\xef\xbb\xbf{"key": null, "value": "a"}', b"a"),
        (b'\xef\xbb\xbf{"key": null, "value": 1844674407370955161600}', b"1844674407370955161600"),
        # Of members that stand twice the last one counts.
        (b'{"key": null, "value": "a", "value": "b"}', b"b"),
        # A JSON reader that falls back to floats would make 1.8446744073709552e+19 of this.
        (
            b'{"key": null, "value": {"n": 18446744073709551616}}',
            b'{"n":18446744073709551616}',
        ),
    ],
)
def test_a_value_is_written_as_it_is(line: bytes, value: bytes | None) -> None:
    assert message_of(line, STREAM).value == value


def test_a_json_object_is_shown_as_one_with_its_numbers_untouched() -> None:
    value = b'{\n "n": 18446744073709551616.50 }'
    line = line_of(Record(STREAM, 0, 0, b"k", value, (), 0))
    assert b'"value":{  "n": 18446744073709551616.50 }' in line


@pytest.mark.parametrize("depth", [1, 253, 254, 255, 990, 1_022, 1_023, 1_024, 1_025])
def test_a_value_of_any_depth_is_published_again(depth: int) -> None:
    """Whoever wrote it, it holds up none of the lines behind it."""
    value = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    line = line_of(Record(STREAM, 0, 0, b"k", value, (), 0))
    assert message_of(line, STREAM).value == value


def test_a_header_may_occur_twice() -> None:
    headers = [("fault", b"a"), ("fault", b"\xff")]
    line = line_of(Record(STREAM, 0, 0, None, b"", headers, 0))
    assert list(message_of(line, STREAM).headers) == headers


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"key": "a"}', "value is missing"),
        (b'{"value": "a"}', "key is missing"),
        (b'{"key": 1, "value": "a"}', "key must be"),
        (b'{"key": "a", "value": "a", "partition": true}', "partition"),
        (b'{"key": "a", "value": "a", "partition": "1"}', "partition"),
        (b'{"key": "a", "value_base64": "a"}', "no base64"),
        (b'{"key": "a", "value_base64": 1}', "must be a string"),
        (b'{"key": "a", "vlaue": "a"}', "unknown member 'vlaue'"),
        (b'{"key": "a", "value": "a", "headers": []}', "headers"),
        (b'{"key": "a", "value": "a", "headers": {"h": 1}}', "header 'h'"),
        (b'{"key": "a", "value": "\\ud800"}', ""),
        ('{"key": "a", "value": "b"}'.encode("utf-16"), "it is UTF-16: save it as UTF-8"),
        (b'{"key": "a", "value": "\xe9"}', "octet 23 is not UTF-8"),
        (b'{"key": "a", "value": "\xed\xa0\x80"}', "octet 23 is not UTF-8"),
        (b'{"key": "a", "value": NaN}', "no JSON"),
        (b'{"key": "a", "value": -Infinity}', "no JSON"),
        (b'{"key": "a", "value": "b",}', "no JSON"),
        (b'{"key": "a", "value": "b"}{}', "no JSON"),
        (b'{"key": "a", "value": "b", "partition": 1e999}', "no JSON: number is infinity"),
        (b'{"key": "a", "value": {"n": ' + b"9" * 5_000 + b"}}", "no JSON: number is infinity"),
        (b'{"key": "a", "value": "b", "partition": 0.0}', "partition"),
        (b'{"key": "a", "value": "b", "headers": {"h": {"base64": 1}}}', "must be a string"),
        (b'{"key": "a", "value": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", ""),
        (b'{"key": "a", "value": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", ""),
    ],
)
def test_a_line_that_cannot_be_published_says_why(line: bytes, told: str) -> None:
    with pytest.raises(LineError) as refused:
        message_of(line, STREAM)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "253402300800000"),
        (-62_135_596_800_001, "-62135596800001"),
        (2**63 - 1, "9223372036854775807"),
        (-(2**63), "-9223372036854775808"),
        (2**64, "18446744073709551616"),
    ],
)
def test_any_time_is_told(milliseconds: int, told: str) -> None:
    line = line_of(Record(STREAM, 0, 0, b"k", b"v", [], milliseconds))
    assert orjson.loads(line)["timestamp"] == told
    message_of(line, STREAM)
