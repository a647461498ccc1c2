"""Whatever octets a producer writes cost itself only; the partition goes on."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidTimestampError
from tests.kafka.harness import CHANGELOG, INVENTORY, PARTITION, RESPONSES, Bench
from tests.kafka.raw_batches import CODECS, Raw, bomb, record, send
from tests.worker.fake_engine import AUDIT, COMMANDS, DEAD, REQUESTS, SWOLLEN

from slotkeeper.cli.dead_letters.letter import Letter
from slotkeeper.cli.lines import line_of
from slotkeeper.streams import Record, StoppedForOperatorError, WrongUseError
from slotkeeper.streams.kafka import inflating

MIB = 1 << 20


@pytest.fixture
def small(bench: Bench) -> Bench:
    """A worker that inflates a batch to 1 MiB."""
    return dataclasses.replace(bench, settings=dataclasses.replace(bench.settings, batch_bytes=MIB))


def zeros(codec: str, octets: int = 2 * MIB) -> Raw:
    return Raw.of([record(0, bytes(octets))], codec=CODECS[codec])


async def decided(bench: Bench, stream: str = RESPONSES) -> list[tuple[int, str, str | None]]:
    return [
        (each["offset"], each["disposition"], each.get("reason"))
        for each in await bench.decisions()
        if each["stream"] == stream
    ]


@pytest.mark.parametrize("codec", CODECS)
async def test_a_batch_that_inflates_too_far_costs_itself(small: Bench, codec: str) -> None:
    three = Raw.of([record(at, bytes(MIB)) for at in range(3)], codec=CODECS[codec])
    await send(small, RESPONSES, Raw.of([record(0, b"1")]), three, Raw.of([record(0, b"5")]))
    await small.publish(REQUESTS, b"")
    summary = await small.run()
    assert await decided(small) == [
        (0, "RECORDED", None),
        (3, "DEAD_LETTER", "TOO_LARGE"),
        (4, "RECORDED", None),
    ]
    assert await small.numbers() == [6]
    assert summary.dispositions == {"RECORDED": 2, "DEAD_LETTER": 1, "ISSUED": 1}
    (letter,) = await small.read(DEAD)
    headers = {name: value.decode() for name, value in letter.headers}
    assert headers["fault"] == "TOO_LARGE"
    assert (headers["stream"], headers["offset"]) == (RESPONSES, "3")
    assert headers["detail"].startswith("offsets 1 to 3, a batch of ")
    assert "SHA-256" in headers["detail"]
    assert "limits.batch_bytes" in headers["detail"]
    assert letter.value is not None
    # What was written, as it was written.
    assert letter.value[16] == 2
    assert three.octets.startswith(letter.value[61:])
    # Sent again it would be no record of anybody's.
    assert headers["set-aside"] == "1 to 3"
    assert Letter(letter).is_cut
    # A restart decides nothing again.
    await small.publish(RESPONSES, b"7")
    await small.run()
    assert (await decided(small))[3:] == [(5, "RECORDED", None)]


async def test_many_such_batches_cost_themselves(small: Bench) -> None:
    batches = [zeros("gzip"), Raw.of([record(0, b"2")], codec=1)] * 5
    await send(small, RESPONSES, *batches)
    await small.run()
    assert await decided(small) == [
        (at, "RECORDED", None) if at % 2 else (at, "DEAD_LETTER", "TOO_LARGE") for at in range(10)
    ]


async def test_an_output_that_no_broker_takes_costs_its_record(small: Bench) -> None:
    """Beside a batch that is set aside, since both are decided out of the ordinary."""
    first, second, third = (
        Raw.of([record(at, value) for at, value in enumerate(values)])
        for values in ((b"1", SWOLLEN, b"3"), (SWOLLEN,), (b"6",))
    )
    await send(small, RESPONSES, first, zeros("gzip"), second, third)
    await small.publish(REQUESTS, b"")
    summary = await small.run()
    assert await decided(small) == [
        (0, "RECORDED", None),
        (1, "DEAD_LETTER", "TOO_LARGE"),
        (2, "RECORDED", None),
        (3, "DEAD_LETTER", "TOO_LARGE"),
        (4, "DEAD_LETTER", "TOO_LARGE"),
        (5, "RECORDED", None),
    ]
    assert await small.numbers() == [7]
    letters = {
        headers["offset"]: headers["detail"].decode()
        for headers in (dict(each.headers) for each in await small.read(DEAD))
    }
    topic = f"{small.topic(COMMANDS)} {PARTITION}"
    assert letters[b"1"].startswith(f"the batch was not written: {topic} takes no batch of 3145")
    assert letters[b"3"].startswith("offsets 3 to 3, ")
    assert letters[b"4"].startswith(f"the batch was not written: {topic} takes no batch of 3145")
    assert summary.quarantined == 0


async def test_a_batch_of_the_inventory_leaves_the_last_good_record(small: Bench) -> None:
    await small.publish(INVENTORY, b"good")
    await send(small, INVENTORY, zeros("gzip"), Raw.of([record(0, b"later", key=b"e")]))
    await small.run()
    assert await small.decisions() == []
    (letter,) = await small.read(DEAD)
    assert dict(letter.headers)["stream"] == INVENTORY.encode()
    await small.publish(RESPONSES, b"1")
    await small.run()
    assert len(await small.read(DEAD)) == 1
    first, again = [each for each in small.engines if each.partition == PARTITION]
    assert first.known == again.known == {b"d", b"e"}


async def test_a_changelog_that_cannot_be_read_stops_for_a_person(small: Bench) -> None:
    await small.publish(RESPONSES, b"1")
    await small.run()
    await send(small, CHANGELOG, zeros("zstd"))
    with pytest.raises(StoppedForOperatorError, match=r"cannot be read, offsets \d+ to \d+"):
        await small.run()


async def test_the_octets_of_a_bomb_are_never_held(bench: Bench, tmp_path: Path) -> None:
    """300 MiB of zeros, which are 300 kB; what a worker takes besides is measured on its own."""
    await bench.publish(RESPONSES, b"1")
    without = peak_of_a_worker(bench, tmp_path)
    await send(bench, RESPONSES, bomb(300 * MIB), Raw.of([record(0, b"3")]))
    with_it = peak_of_a_worker(bench, tmp_path)
    assert await decided(bench) == [
        (0, "RECORDED", None),
        (1, "DEAD_LETTER", "TOO_LARGE"),
        (2, "RECORDED", None),
    ]
    assert with_it - without < 100, f"{with_it} MiB, and {without} without"


def peak_of_a_worker(bench: Bench, folder: Path) -> int:
    """Give the resident set of a worker at its largest, in MiB."""
    place = folder / "bench.json"
    place.write_text(json.dumps([bench.url, bench.settings.application]))
    program = (
        "import asyncio, json, resource, sys\n"
        "from tests.kafka.harness import Bench\n"
        "from slotkeeper.streams import StreamsSettings\n"
        "url, name = json.load(open(sys.argv[1]))\n"
        "bench = Bench(url, StreamsSettings(application=name, topic_prefix=f'{name}.'))\n"
        "asyncio.run(bench.run())\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(place)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize("delta", [2, 2**31 - 1])
async def test_a_record_that_claims_the_offset_of_another_is_set_aside(
    bench: Bench, delta: int
) -> None:
    claiming = [record(0, b"1"), record(delta, b"2")]
    await send(bench, RESPONSES, Raw.of(claiming), Raw.of([record(0, b"3")]))
    await bench.run()
    assert await decided(bench) == [
        (0, "RECORDED", None),
        (1, "DEAD_LETTER", "MALFORMED"),
        (2, "RECORDED", None),
    ]
    assert [each.offset for each in await bench.read(RESPONSES)] == [0, 1, 2]


NO_UTF8 = [(b"\xff\xfe", b"x"), (b"good", None)]


@pytest.mark.parametrize("codec", [0, *CODECS.values()])
async def test_a_header_name_that_is_no_utf8_is_no_hindrance(bench: Bench, codec: int) -> None:
    await send(
        bench,
        RESPONSES,
        Raw.of([record(0, b"1")]),
        Raw.of([record(0, b"2"), record(1, b"3", headers=NO_UTF8), record(2, b"4")], codec=codec),
    )
    await bench.publish(REQUESTS, b"")
    await bench.run()
    assert await decided(bench) == [(at, "RECORDED", None) for at in range(4)]
    assert await bench.numbers() == [5]
    await bench.run()
    assert len(await decided(bench)) == 4
    found = await bench.read(RESPONSES)
    assert [each.value for each in found] == [b"1", b"2", b"3", b"4"]
    assert found[2].headers == [(r"\xff\xfe", b"x"), ("good", b"")]
    lines(found)


async def test_changelog_and_inventory_with_such_names_are_restored(bench: Bench) -> None:
    await bench.publish(RESPONSES, b"6")
    await bench.run()
    spoilt = Raw.of([record(0, b"good", key=b"i", headers=NO_UTF8)])
    await send(bench, INVENTORY, spoilt)
    await bench.run()
    await bench.ask()
    before = len(bench.engines)
    await bench.run()
    (restored,) = [each for each in bench.engines[before:] if each.partition == PARTITION]
    assert b"i" in restored.known
    assert await bench.numbers() == [7]


@pytest.mark.parametrize("codec", [0, 4])
async def test_of_a_million_headers_few_are_kept(bench: Bench, codec: int) -> None:
    count = 1_000_000 if codec else 100_000
    many = [(b"", None)] * count
    odd = [(b"\xff", b"v")] * count
    batches = [Raw.of([record(0, b"1", headers=each)], codec=codec) for each in (many, odd)]
    await send(bench, RESPONSES, *batches)
    await bench.run()
    assert [at for at, *_ in await decided(bench)] == [0, 1]
    for each in await bench.read(RESPONSES):
        assert len(each.headers) == 65
        assert each.headers[-1] == ("headers-left-out", b"%d" % (count - 64))


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "253402300800000"),
        (2**63 - 1, str(2**63 - 1)),
        (-2, "1969-12-31T23:59:59.998Z"),
        (-(2**63), str(-(2**63))),
    ],
)
async def test_a_record_of_any_time_is_decided_and_read(
    bench: Bench, milliseconds: int, told: str
) -> None:
    await send_of_any_time(bench, Raw.of([record(0, b"1")], first_ms=milliseconds))
    await bench.run()
    assert await decided(bench) == [(0, "RECORDED", None)]
    (line,) = lines(await bench.read(RESPONSES))
    assert line["timestamp"] == told


async def send_of_any_time(bench: Bench, batch: Raw) -> None:
    """Write it once the broker has heard that the topic takes times far from its own."""
    limit = str(2**63 - 1)
    await configure(
        bench,
        [RESPONSES],
        {"message.timestamp.after.max.ms": limit, "message.timestamp.before.max.ms": limit},
    )
    taken = False
    while not taken:
        try:
            await send(bench, RESPONSES, batch)
            taken = True
        except InvalidTimestampError:
            continue


async def configure(bench: Bench, streams: Iterable[str], settings: dict[str, str]) -> None:
    """Give topics these settings in place of those they have."""
    async with bench.admin() as admin:
        for stream in streams:
            compact = {"cleanup.policy": "compact"} if stream in {CHANGELOG, INVENTORY} else {}
            topic = ConfigResource(
                ConfigResourceType.TOPIC, bench.topic(stream), {**settings, **compact}
            )
            (answer,) = await admin.alter_configs([topic])
            assert answer.resources[0][0] == 0, answer


def lines(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [json.loads(line_of(each)) for each in records]


@pytest.mark.parametrize("codec", CODECS)
async def test_topics_of_every_codec_are_read(bench: Bench, codec: str) -> None:
    every = [RESPONSES, REQUESTS, INVENTORY, CHANGELOG, AUDIT, COMMANDS, DEAD]
    await configure(bench, every, {"compression.type": codec})
    for round_ in range(2):
        await bench.publish(INVENTORY, b"good")
        await bench.publish(RESPONSES, b"%d" % (10 * round_ + 5))
        await bench.ask()
        before = len(bench.engines)
        await bench.run()
        (engine,) = [each for each in bench.engines[before:] if each.partition == PARTITION]
        assert (b"d" in engine.known, engine.replayed > 0) == (True, round_ > 0)
    assert await bench.numbers() == [6, 16]


@pytest.mark.parametrize("stream", [RESPONSES, INVENTORY, CHANGELOG])
async def test_a_missing_library_is_named(
    bench: Bench, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.publish(RESPONSES, b"1")
    await bench.run()
    if stream == CHANGELOG:
        await configure(bench, [CHANGELOG], {"compression.type": "lz4"})
        await bench.publish(RESPONSES, b"2")
        await bench.run()
    if stream != CHANGELOG:
        await send(bench, stream, zeros("zstd", 10))
    monkeypatch.setattr(inflating, "cramjam", None)
    with pytest.raises(WrongUseError, match="pip install cramjam"):
        await bench.run()
