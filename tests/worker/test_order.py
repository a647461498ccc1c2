"""Outcomes and inventory before requests, and nothing twice."""

import threading

from slotkeeper.streams import Message

from .conftest import Bench
from .fake_engine import COMMANDS, REQUESTS, TABLE

RESPONSES = "srv-6.15.1-responses"


def order(bench: Bench) -> list[tuple[str, int]]:
    engine = next(engine for engine in bench.engines if engine.partition == 1)
    return [record[:2] for call in engine.calls for record in call]


async def test_a_request_waits_for_every_outcome_that_stood_before_it(bench: Bench) -> None:
    outcomes = [b"%d" % number for number in range(2_500)]
    await bench.publish(RESPONSES, *outcomes)
    await bench.publish(REQUESTS, b"")
    await bench.run()
    assert [record.value for record in await bench.read(COMMANDS)] == [b"2500"]


async def test_the_audit_names_how_far_everything_else_was_read(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"1", b"2", b"3")
    await bench.publish(TABLE, b"known")
    await bench.publish(REQUESTS, b"")
    await bench.run()
    engine = next(engine for engine in bench.engines if engine.partition == 1)
    barriers = [barrier for barrier in engine.barriers if barrier is not None]
    assert barriers == [
        {
            RESPONSES: 3,
            TABLE: 1,
            "srv-6.21-responses": 0,
            "srv-6.15.1-requests": 0,
            "srv-6.24.1-responses": 0,
            "dcc-alerts": 0,
            "slot-baselines": 0,
            "counter-adjustments": 0,
        }
    ]


async def test_the_inventory_goes_before_outcomes(bench: Bench) -> None:
    await bench.publish(RESPONSES, *[b"1"] * 1_500)
    await bench.publish(TABLE, *[b"known"] * 2_500)
    await bench.run()
    streams = [stream for stream, _ in order(bench)]
    assert streams.index(RESPONSES) == 2_500 + (streams.count(TABLE) - 2_500)
    assert streams.count(TABLE) == 2_500


async def test_an_outcome_that_arrives_between_fetch_and_fence_counts(bench: Bench) -> None:
    await bench.publish(REQUESTS, b"")
    log = bench.streams.log(REQUESTS, 1)
    fetch = log.fetch

    def fetch_and_be_overtaken(position: int, **options: int) -> object:
        found = fetch(position, **options)
        if found.records:
            bench.streams.log(RESPONSES, 1).append(b"d", b"41", [], 0)
        return found

    log.fetch = fetch_and_be_overtaken  # type: ignore[method-assign,assignment]
    await bench.run()
    assert [record.value for record in await bench.read(COMMANDS)] == [b"42"]


async def test_each_record_is_decided_once_over_several_runs(bench: Bench) -> None:
    for number in range(3):
        await bench.publish(RESPONSES, b"%d" % (10 * number))
        await bench.publish(REQUESTS, b"")
        await bench.run()
    decided = [(entry["stream"], entry["offset"]) for entry in await bench.decisions()]
    assert sorted(decided) == sorted(
        (stream, offset) for stream in (RESPONSES, REQUESTS) for offset in range(3)
    )
    numbers = [int(record.value or b"") for record in await bench.read(COMMANDS)]
    assert numbers == [1, 11, 21]


async def test_a_rerouted_record_is_decided_before_the_worker_is_idle(bench: Bench) -> None:
    for partition in range(4):
        message = Message(RESPONSES, b"d", b"elsewhere", partition=partition)
        await bench.streams.publish([message])
    summary = await bench.run()
    assert summary.dispositions == {"REROUTED": 4, "RECORDED": 4}


async def test_the_engine_is_never_called_on_the_event_loop(bench: Bench) -> None:
    await bench.publish(REQUESTS, b"")
    await bench.run()
    threads = set().union(*(engine.threads for engine in bench.engines))
    assert threads
    assert threading.get_ident() not in threads


async def test_a_malformed_table_record_leaves_the_last_good_one(bench: Bench) -> None:
    await bench.publish(TABLE, b"good", b"malformed")
    await bench.run()
    assert [record.value for record in await bench.read(TABLE)] == [b"good"]
    await bench.run()
    restored = [engine for engine in bench.engines if engine.partition == 1][-1]
    assert restored.known == {b"d"}


async def test_the_summary_counts_what_was_decided(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"1", b"2")
    await bench.publish(REQUESTS, b"")
    await bench.publish(TABLE, b"known")
    summary = await bench.run()
    assert summary.records == 4
    assert summary.as_dict()["dispositions"] == {"ISSUED": 1, "RECORDED": 2}
    assert summary.as_dict()["reasons"] == {"ISSUED AS_ASKED": 1, "RECORDED AS_ASKED": 2}
    assert (await bench.run()).records == 0
