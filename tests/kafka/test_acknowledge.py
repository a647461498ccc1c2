"""An acknowledgement moves what changed, to where the operator says, and says what it skips."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.kafka.harness import INVENTORY, PARTITION, RESPONSES, Bench
from tests.kafka.test_logs import made_anew
from tests.worker.fake_engine import REQUESTS

from slotkeeper.streams import StoppedForOperatorError, WrongUseError
from slotkeeper.worker import acknowledge


@pytest.fixture
async def served(bench: Bench) -> Bench:
    """Give a store with an outcome and two commands."""
    await bench.publish(RESPONSES, b"5")
    await bench.ask()
    await bench.ask()
    await bench.run()
    assert await bench.numbers() == [6, 7]
    return bench


async def accept(bench: Bench, **how: Any) -> None:  # noqa: ANN401
    async with bench.opened() as streams:
        await acknowledge(streams, PARTITION, reason="r", by="b", **how)


async def acknowledged(bench: Bench) -> dict[str, Any]:
    (found,) = [entry for entry in await bench.decisions() if entry.get("by") == "b"]
    return found


async def republished(bench: Bench, stream: str, *values: bytes) -> None:
    await made_anew(bench, stream)
    await bench.publish(stream, *values)
    with pytest.raises(StoppedForOperatorError):
        await bench.run()


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"from_start": [INVENTORY]},
        {"from_start": [RESPONSES, INVENTORY]},
        {"from_start": [RESPONSES], "from_end": [RESPONSES]},
        {"from_start": [RESPONSES], "reissue": True},
    ],
)
async def test_what_changed_is_named_and_nothing_else(
    served: Bench, how: dict[str, Sequence[str]]
) -> None:
    await republished(served, RESPONSES, b"5", b"50")
    with pytest.raises(WrongUseError, match=r"from-start|is the same|either|reissue"):
        await accept(served, **how)
    with pytest.raises(StoppedForOperatorError):
        await served.run()


async def test_what_was_published_again_is_read_from_its_start(served: Bench) -> None:
    await republished(served, RESPONSES, b"5", b"50")
    await accept(served, from_start=[RESPONSES])
    await served.ask()
    await served.run()
    assert await served.numbers() == [6, 7, 51]
    moved = (await acknowledged(served))["moved"]
    assert moved == {RESPONSES: {"from": 1, "to": 0, "skipped": 0}}


async def test_what_is_skipped_from_the_end_is_audited(served: Bench) -> None:
    await republished(served, RESPONSES, b"5", b"50")
    await accept(served, from_end=[RESPONSES])
    await served.publish(RESPONSES, b"60")
    await served.ask()
    await served.run()
    assert await served.numbers() == [6, 7, 61]
    moved = (await acknowledged(served))["moved"]
    assert moved == {RESPONSES: {"from": 1, "to": 2, "skipped": 2}}


async def test_requests_that_are_read_again_are_answered_as_repeats(served: Bench) -> None:
    await republished(served, REQUESTS, b"", b"")
    await accept(served, from_start=[REQUESTS])
    await served.ask()
    for _ in range(2):
        await served.run()
    assert await served.numbers() == [6, 7, 8]
    decided = [each for each in await served.decisions() if each.get("stream") == REQUESTS]
    # Two commands, two repeats, and what was asked afterwards.
    assert sorted((each["offset"], each["disposition"]) for each in decided) == [
        (0, "DUPLICATE"),
        (0, "ISSUED"),
        (1, "DUPLICATE"),
        (1, "ISSUED"),
        (2, "ISSUED"),
    ]


async def test_requests_are_issued_again_only_where_that_is_asked_for(served: Bench) -> None:
    await republished(served, REQUESTS, b"", b"")
    await accept(served, from_start=[REQUESTS], reissue=True)
    await served.run()
    assert await served.numbers() == [6, 7, 8, 9]
