"""Requests that an operator has read again: what the audit trail says of each."""

import json

import pytest
from tests.worker.fake_engine import DEVICE, REQUESTER, REQUESTS

from slotkeeper.worker.audit import repeats

KEPT = {
    "requests": [
        {"originator_id": REQUESTER, "request_counter": "7", "originator_counter": "61"},
    ]
}


def told(key: bytes | None, value: bytes | None) -> tuple[bytes | None, dict[str, object]]:
    kept = json.dumps(KEPT).encode()
    (output,) = repeats(
        [(REQUESTS, 3, key, value)],
        1,
        device=lambda device: kept if device == DEVICE else None,
        now_ms=0,
    )
    return output[2], json.loads(output[3] or b"")


def test_a_repeat_names_its_device_and_the_first_command() -> None:
    request_id = f"{REQUESTER}:{DEVICE}:7"
    key, entry = told(DEVICE.lower().encode(), json.dumps({"request_id": request_id}).encode())
    assert key == DEVICE.encode()
    assert (entry["device_id"], entry["request_id"]) == (DEVICE, request_id)
    assert (entry["disposition"], entry["reason"]) == ("DUPLICATE", "SAME_REQUEST")
    assert entry["originator_counter"] == "61"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        b'{"request_id": 5}',
        b'{"request_id": "a:b"}',
        b"<sr:Request/>",
        b'{"request_id": "%s:%s:x"}' % (REQUESTER.encode(), DEVICE.encode()),
        b'{"request_id": "%s:%s:7"}' % (REQUESTER.encode(), REQUESTER.encode()),
        b'{"request_id": "%s:%s:8"}' % (b"x" * 90, DEVICE.encode()),
        b"{" + b" " * 70_000 + b"}",
    ],
)
def test_what_is_no_request_of_the_device_is_not_repeated(value: bytes | None) -> None:
    key, entry = told(DEVICE.encode(), value)
    assert key == DEVICE.encode()
    assert (entry["request_id"], entry["originator_counter"]) == (None, None)


def test_a_key_that_is_no_device_is_not_repeated() -> None:
    key, entry = told(b"\xff", b'{"request_id": "x"}')
    assert (key, entry["device_id"]) == (None, None)
