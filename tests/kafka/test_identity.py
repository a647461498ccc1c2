"""The identity of a store in headers that others may have written."""

import pytest

from slotkeeper.streams import StoppedForOperatorError
from slotkeeper.streams.kafka.identity import StoreIdentity

SOUND = {
    "incarnation": b"abc",
    "partitions": b"4",
    "application": b"here",
    "forgiven": b'[["abd", 5]]',
}


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("value", [None, b"\xff", b'[["a", 1e999]]', b"[" * 100_000, b"[[1, {}]]"])
def test_headers_that_say_something_else_are_for_an_operator(
    name: str, value: bytes | None
) -> None:
    assert StoreIdentity.of(list(SOUND.items())) is not None
    headers = list({**SOUND, name: value}.items())
    try:
        read = StoreIdentity.of(headers)  # type: ignore[arg-type]  # a header may have no value
    except StoppedForOperatorError:
        return
    # What is a name may be any name.
    assert name in {"incarnation", "application"}
    assert read is not None
