"""Nothing takes the event loop for long: heartbeats, time-outs and probes wait behind it."""

import asyncio
import dataclasses
import gc
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.console.test_event_loop import Threads
from tests.kafka.harness import INVENTORY, RESPONSES, Bench
from tests.kafka.raw_batches import CODECS, Raw, record, send

from slotkeeper.engine.port import Step, engines
from slotkeeper.lab.events import Event
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_settings
from slotkeeper.settings import MOST_BATCH_BYTES, Settings
from slotkeeper.streams import Message
from slotkeeper.worker import run

pytestmark = pytest.mark.timeout(1_800)

DEVICES = 25_000
REQUESTS = 2_500
"""Ten full batches a partition."""

MIB = 1 << 20

AT_MOST_S = 0.05
"""Of the processor's time, for one callback. Unlike a delay by the clock it does not grow when
others have the machine."""


class Callbacks:
    """What the event loop's callbacks cost its thread."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = (0.0, "")
        self._is_watched = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        real = asyncio.events.Handle._run

        def measured(handle: Any) -> None:  # noqa: ANN401
            begun = time.thread_time()
            real(handle)
            took = time.thread_time() - begun
            self.count += 1
            # What a test does after a run begins in the callback that ends the run.
            if self._is_watched and took > self.longest[0]:
                self.longest = (took, repr(handle))

        # As `slotkeeper run` does, and here the fleet as well: no part of a worker's memory.
        gc.collect()
        gc.freeze()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(asyncio.events.Handle, "_run", measured)
            self._is_watched = True
            yield
            self._is_watched = False
        gc.unfreeze()


async def test_no_callback_takes_50_ms_with_a_backlog_and_a_restore(
    tmp_path: Path, bench: Bench
) -> None:
    fleet = Fleet(DEVICES, seed=11)
    file = write_settings(tmp_path, [fleet.pki.acb], streams=bench.url)
    settings = Settings.load(file, environment={})
    make = engines(settings.authority(), settings.engine_json())
    threads, callbacks = Threads(), Callbacks()
    asked = [
        *itertools.islice(fleet.hand_backs(), REQUESTS),
        *itertools.islice(fleet.handover_requests(), REQUESTS),
    ]
    async with bench.opened() as streams:
        await streams.publish([message(event) for event in (*fleet.inventory(), *asked)])
        with callbacks.watched():
            first = await run(streams, make, until_idle=True, hook=threads)
        await streams.publish([message(event) for event in asked[REQUESTS:]])
        with callbacks.watched():
            second = await run(streams, make, until_idle=True, hook=threads)
    assert first.dispositions["ISSUED"] == REQUESTS
    assert (first.restored, second.restored >= REQUESTS) == (0, True)
    assert callbacks.count > REQUESTS
    assert callbacks.longest[0] < AT_MOST_S, callbacks.longest
    # Nor does it wait for anything, which would cost it no time of the processor.
    assert threads.seen.keys() >= {Step.OPEN, Step.STAGE, Step.SEAL, Step.FOLD}
    assert not [call for call, seen in threads.seen.items() if threading.get_ident() in seen]


async def test_no_callback_takes_50_ms_over_hostile_batches(bench: Bench) -> None:
    """Of the largest size that the settings allow, and with a header for each two octets."""
    settings = dataclasses.replace(bench.settings, batch_bytes=MOST_BATCH_BYTES)
    large = dataclasses.replace(bench, settings=settings)
    long_value = Random(1).randbytes(MIB // 2) * 62  # noqa: S311  # no secret
    headers = [(b"", None)] * (15 * MIB)
    await send(large, INVENTORY, Raw.of([record(0, long_value)], codec=CODECS["zstd"]))
    await send(
        large,
        RESPONSES,
        Raw.of([record(0, b"1", headers=headers)], codec=CODECS["zstd"]),
        Raw.of([record(0, bytes(33 * MIB))], codec=CODECS["gzip"]),
        Raw.of([record(0, b"3")]),
    )
    callbacks = Callbacks()
    with callbacks.watched():
        summary = await large.run()
    assert summary.dispositions == {"RECORDED": 2, "DEAD_LETTER": 1}
    assert callbacks.longest[0] < AT_MOST_S, callbacks.longest


def message(event: Event) -> Message:
    return Message(event.stream, str(event.key).encode(), event.octets)
